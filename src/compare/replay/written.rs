//! What the application wrote, read back from the segments that carried it.
//!
//! The stream is an input of a replay, like the instants of the calls: recorders fill it each in their own way.

use super::super::fields::Origin;
use crate::trace::{Dir, Packet};
use crate::wire::Datagram;

/// The bytes of the survivor's stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written(Vec<u8>);

impl Written {
    /// All that the recorded segments show; the gaps between them as the scenario language has it.
    pub(crate) fn of(packets: &[Packet], origin: &Origin) -> Written {
        let mut written = Written::default();
        for packet in packets.iter().filter(|p| p.dir == Dir::Out) {
            let Ok(datagram) = Datagram::parse(&packet.bytes) else {
                continue;
            };
            let Some(segment) = datagram.segment() else {
                continue;
            };
            let from = segment.seq - (origin.isn + 1);
            // a RST or a probe may stand anywhere; a stream longer than this is not recorded
            if !segment.payload.is_empty() && from < 1 << 30 {
                written.put(from as usize, &segment.payload);
            }
        }
        written
    }

    fn put(&mut self, from: usize, bytes: &[u8]) {
        let end = from + bytes.len();
        let known = self.0.len();
        if known < end {
            self.0.extend((known..end).map(unseen));
            // what was seen first stands: a segment sent again must carry the same bytes
            let fresh = known.max(from);
            self.0[fresh..end].copy_from_slice(&bytes[fresh - from..]);
        }
    }

    /// `len` bytes from this place of the stream.
    pub(crate) fn bytes(&self, from: usize, len: usize) -> Vec<u8> {
        (from..from + len)
            .map(|k| self.0.get(k).copied().unwrap_or_else(|| unseen(k)))
            .collect()
    }
}

/// Byte `k` of the language's stream.
fn unseen(k: usize) -> u8 {
    (k % 251) as u8
}
