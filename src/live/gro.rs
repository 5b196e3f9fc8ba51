//! Receive offload: consecutive segments of one connection that were read together become one before TCP sees them.
//!
//! Linux counterpart: tcp_gro_receive, skb_gro_receive. As there, what is merged differs in sequence number and length
//! only, all but the last are of one size, and PSH or FIN ends it.

use std::ops::Range;

use bytes::Bytes;

use crate::wire::{Datagram, Flags, Payload, Seq};

/// Largest datagram, bytes.
const IP_MAX: usize = 65_535;
/// Room for the headers in front of what was merged, bytes.
const MAX_HEADERS: usize = 60 + 60;

/// What is held back to be merged with what follows.
#[derive(Debug)]
struct Held {
    /// Without its data, which stands at the start of the room.
    datagram: Datagram,
    len: usize,
    seg_size: usize,
    segments: usize,
    next_seq: Seq,
}

/// Merges what is read.
#[derive(Debug)]
pub(crate) struct Gro {
    /// Data held, then the datagram that was just read.
    room: Vec<u8>,
    held: Option<Held>,
}

/// What was read is not a TCP segment that can be read: it stands at the start of the room, until something is put there.
#[derive(Debug)]
pub(crate) struct NotTcp;

impl Gro {
    /// Nothing held.
    pub(crate) fn new() -> Gro {
        Gro {
            room: vec![0; 2 * IP_MAX],
            held: None,
        }
    }

    fn held_len(&self) -> usize {
        self.held.as_ref().map_or(0, |h| h.len)
    }

    /// Where the next datagram is to be put.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        let from = self.held_len();
        &mut self.room[from..]
    }

    /// A datagram of `len` bytes was put there. What is complete by it goes to `out`, in order.
    pub(crate) fn push(&mut self, len: usize, out: &mut Vec<Datagram>) -> Result<(), NotTcp> {
        let from = self.held_len();
        let at = from..from + len;
        let Some((datagram, data)) = parsed(&self.room[at.clone()]) else {
            self.flush(out);
            self.room.copy_within(at, 0);
            return Err(NotTcp);
        };
        let data = from + data.start..from + data.end;
        if self.follows(&datagram, data.len()) {
            self.append(&datagram, data);
        } else {
            self.flush(out);
            self.hold(datagram, data);
        }
        if self.is_complete() {
            self.flush(out);
        }
        Ok(())
    }

    /// Nothing follows for now: what was held goes to `out`.
    pub(crate) fn flush(&mut self, out: &mut Vec<Datagram>) {
        let Some(mut held) = self.held.take() else {
            return;
        };
        if let Payload::Tcp(segment) = &mut held.datagram.payload {
            segment.payload = Bytes::copy_from_slice(&self.room[..held.len]);
        }
        if held.segments > 1 {
            held.datagram.gso_size = held.seg_size as u16;
        }
        out.push(held.datagram);
    }

    fn hold(&mut self, datagram: Datagram, data: Range<usize>) {
        let Some(segment) = datagram.segment() else {
            return;
        };
        let len = data.len();
        self.held = Some(Held {
            len,
            seg_size: len,
            segments: 1,
            next_seq: segment.seq + len as u32,
            datagram,
        });
        self.room.copy_within(data, 0);
    }

    fn follows(&self, next: &Datagram, len: usize) -> bool {
        let Some(held) = &self.held else {
            return false;
        };
        let (Some(a), Some(b)) = (held.datagram.segment(), next.segment()) else {
            return false;
        };
        let last_flags = Flags::PSH | Flags::FIN;
        len > 0
            && len <= held.seg_size
            && held.len + len + MAX_HEADERS <= IP_MAX
            && b.seq == held.next_seq
            && (b.ack, b.window, b.src_port, b.dst_port)
                == (a.ack, a.window, a.src_port, a.dst_port)
            && b.flags.without(last_flags) == a.flags
            && b.options == a.options
            && (next.src, next.dst) == (held.datagram.src, held.datagram.dst)
            && (next.ttl, next.tos, next.dont_frag)
                == (
                    held.datagram.ttl,
                    held.datagram.tos,
                    held.datagram.dont_frag,
                )
    }

    fn append(&mut self, next: &Datagram, data: Range<usize>) {
        let (Some(held), Some(next)) = (&mut self.held, next.segment()) else {
            return;
        };
        let len = data.len();
        self.room.copy_within(data, held.len);
        held.len += len;
        held.segments += 1;
        held.next_seq += len as u32;
        if let Payload::Tcp(segment) = &mut held.datagram.payload {
            segment.flags |= next.flags;
        }
    }

    /// Whether nothing can follow what is held.
    fn is_complete(&self) -> bool {
        let Some(held) = &self.held else {
            return false;
        };
        let plain = held
            .datagram
            .segment()
            .is_some_and(|s| s.flags == Flags::ACK);
        !plain || held.len == 0 || held.len % held.seg_size != 0
    }
}

/// A TCP segment's headers, and where in the bytes its data stands; none: it is something else, or broken.
fn parsed(bytes: &[u8]) -> Option<(Datagram, Range<usize>)> {
    let (datagram, data) = Datagram::parse_headers(bytes).ok()?;
    datagram.segment().is_some().then_some((datagram, data))
}

#[cfg(test)]
mod tests;
