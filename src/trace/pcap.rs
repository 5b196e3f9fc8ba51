//! The pcap format (draft-ietf-opsawg-pcap), with microseconds or nanoseconds, in either byte order.

use super::Packet;
use super::capture::{Bytes, Capture, CaptureError, Link};
use crate::time::Instant;

const MAGIC_US: u32 = 0xa1b2_c3d4;
const MAGIC_NS: u32 = 0xa1b2_3c4d;
const LINKTYPE_RAW: u32 = 101;
const FILE_HEADER_LEN: usize = 24;
const RECORD_HEADER_LEN: usize = 16;
/// The snap length that tcpdump writes. It is longer than any datagram.
const SNAPLEN: u32 = 262_144;
const NS_PER_S: u64 = 1_000_000_000;

/// Byte order and unit of the timestamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Format {
    big_endian: bool,
    ns_per_unit: u64,
}

impl Format {
    /// Returns the format that this magic number stands for.
    pub(super) fn of(magic: [u8; 4]) -> Option<Format> {
        let format = |big_endian, ns_per_unit| {
            Some(Format {
                big_endian,
                ns_per_unit,
            })
        };
        match (u32::from_be_bytes(magic), u32::from_le_bytes(magic)) {
            (MAGIC_US, _) => format(true, 1_000),
            (MAGIC_NS, _) => format(true, 1),
            (_, MAGIC_US) => format(false, 1_000),
            (_, MAGIC_NS) => format(false, 1),
            _ => None,
        }
    }
}

/// Reads a file whose magic number has been checked.
pub(super) fn read(all: &[u8], format: Format) -> Result<Capture, CaptureError> {
    let bytes = Bytes {
        all,
        big_endian: format.big_endian,
    };
    bytes.slice(0, FILE_HEADER_LEN, "the file header")?;
    // the upper bits say how long the frame check sequence is, which does no harm because IP has its own lengths
    let link = Link::from_number(bytes.u32(20, "the file header")? & 0xffff)?;
    let mut capture = Capture::default();
    let mut at = FILE_HEADER_LEN;
    while at < all.len() {
        bytes.slice(at, RECORD_HEADER_LEN, "a record header")?;
        let secs = u64::from(bytes.u32(at, "a record header")?);
        let fraction = u64::from(bytes.u32(at + 4, "a record header")?);
        let len = bytes.u32(at + 8, "a record header")? as usize;
        let frame = bytes.slice(at + RECORD_HEADER_LEN, len, "a packet")?;
        if fraction * format.ns_per_unit >= NS_PER_S {
            let what = "a time stamp's fraction is a second or more";
            return Err(CaptureError::Malformed { at: at + 4, what });
        }
        let stamp = Instant::from_ns(secs * NS_PER_S + fraction * format.ns_per_unit);
        capture.push(link, stamp, frame);
        at += RECORD_HEADER_LEN + len;
    }
    Ok(capture)
}

/// Returns the packets as a pcap file: LINKTYPE_RAW, nanoseconds, little endian. Time 0 of the run has the timestamp 0.
pub fn write(packets: &[Packet]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(MAGIC_NS.to_le_bytes());
    out.extend(2_u16.to_le_bytes());
    out.extend(4_u16.to_le_bytes());
    out.extend([0; 8]);
    out.extend(SNAPLEN.to_le_bytes());
    out.extend(LINKTYPE_RAW.to_le_bytes());
    for p in packets {
        // the format ends in 2106: 136 years after time 0
        let secs = u32::try_from(p.at.ns() / NS_PER_S).unwrap_or(u32::MAX);
        let ns = (p.at.ns() % NS_PER_S) as u32;
        let len = p.bytes.len() as u32;
        for word in [secs, ns, len, len] {
            out.extend(word.to_le_bytes());
        }
        out.extend(&p.bytes);
    }
    out
}
