//! Reads the packets of a capture file, pcap or pcapng, with any known link layer, as IPv4 datagrams with their times.
//!
//! This is our own code and not a crate's: pcap-file 2 ignores if_tsresol when it reads, pcap-parser drops a frame's
//! options when it writes, and using both would take more checking than the two formats do.

use std::net::IpAddr;

use super::{Dir, Packet};
use crate::time::Instant;

/// The reason why a file is not a capture that can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaptureError {
    /// The file starts like neither format.
    #[error("neither pcap nor pcapng: it starts with {0}")]
    Unknown(String),
    /// The file ends inside a structure.
    #[error("cut off at byte {at}, inside {what}")]
    Truncated {
        /// Offset of the incomplete structure, bytes.
        at: usize,
        /// The incomplete structure.
        what: &'static str,
    },
    /// A field has a value that the format does not allow.
    #[error("malformed at byte {at}: {what}")]
    Malformed {
        /// Offset of the field, bytes.
        at: usize,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A packet is later than any trace lasts.
    #[error(
        "packet {packet} is stamped {at_s} s; the times of a trace count from its start, and none lasts longer than 366 days"
    )]
    TooLate {
        /// Number of the packet, from 1.
        packet: usize,
        /// Its timestamp, s.
        at_s: u64,
    },
    /// The frames have a link layer that is not supported.
    #[error(
        "link type {0} is not supported; capture raw IP (101), IPv4 (228), Ethernet (1), Linux cooked (113, 276) or loopback (0, 108)"
    )]
    LinkType(u32),
}

/// An IPv4 datagram from a capture file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its timestamp as in the file.
    pub at: Instant,
    /// Its direction, if the file has it (epb_flags of pcapng).
    pub dir: Option<Dir>,
    /// Its comment (pcapng).
    pub comment: Option<String>,
    /// The datagram, without a link layer header.
    pub bytes: Vec<u8>,
}

/// The content of a capture file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capture {
    /// The datagrams in the order of the file.
    pub frames: Vec<Frame>,
    /// Number of frames that were left out: protocols other than IPv4, and frames without a timestamp.
    pub skipped: usize,
}

/// The bytes of a file, read in the byte order that its magic number tells.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'a> {
    pub(super) all: &'a [u8],
    pub(super) big_endian: bool,
}

impl<'a> Bytes<'a> {
    pub(super) fn slice(
        &self,
        at: usize,
        len: usize,
        what: &'static str,
    ) -> Result<&'a [u8], CaptureError> {
        at.checked_add(len)
            .and_then(|end| self.all.get(at..end))
            .ok_or(CaptureError::Truncated { at, what })
    }

    pub(super) fn u32(&self, at: usize, what: &'static str) -> Result<u32, CaptureError> {
        let b = self.slice(at, 4, what)?;
        let b = [b[0], b[1], b[2], b[3]];
        Ok(if self.big_endian {
            u32::from_be_bytes(b)
        } else {
            u32::from_le_bytes(b)
        })
    }

    pub(super) fn u16(&self, at: usize, what: &'static str) -> Result<u16, CaptureError> {
        let b = self.slice(at, 2, what)?;
        Ok(if self.big_endian {
            u16::from_be_bytes([b[0], b[1]])
        } else {
            u16::from_le_bytes([b[0], b[1]])
        })
    }
}

impl Capture {
    /// Returns the packets of a trace. A packet's direction is the one in the file or, if there is none, follows from the
    /// survivor's addresses as source.
    pub fn into_packets(self, survivor: &[IpAddr]) -> Vec<Packet> {
        let packet = |f: Frame| Packet {
            at: f.at,
            dir: f.dir.unwrap_or_else(|| direction(&f.bytes, survivor)),
            bytes: f.bytes,
            cause: f.comment,
        };
        self.frames.into_iter().map(packet).collect()
    }

    /// Adds a frame after removing its link layer header.
    pub(super) fn push(&mut self, link: Link, at: Instant, frame: &[u8]) -> Option<&mut Frame> {
        let Some(bytes) = link.datagram(frame) else {
            self.skipped += 1;
            return None;
        };
        self.frames.push(Frame {
            at,
            dir: None,
            comment: None,
            bytes: bytes.to_vec(),
        });
        self.frames.last_mut()
    }
}

fn direction(datagram: &[u8], survivor: &[IpAddr]) -> Dir {
    let is_source = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => datagram.get(12..16) == Some(&ip.octets()),
        IpAddr::V6(ip) => datagram.get(8..24) == Some(&ip.octets()),
    };
    match survivor.iter().any(is_source) {
        true => Dir::Out,
        false => Dir::In,
    }
}

/// A link layer: the header that precedes the datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// No header.
    Raw,
    /// Ethernet, VLAN tags included.
    Ethernet,
    /// Linux cooked v1: 16 bytes, the protocol last.
    Cooked,
    /// Linux cooked v2: 20 bytes, the protocol first.
    Cooked2,
    /// BSD loopback: an address family of 4 bytes in any order.
    Loopback,
}

const ETHERTYPE_IPV4: [u8; 2] = [0x08, 0x00];

impl Link {
    /// Returns the link layer with this LINKTYPE number. On some systems 12 and 14 are raw IP.
    pub(super) fn from_number(number: u32) -> Result<Link, CaptureError> {
        match number {
            12 | 14 | 101 | 228 => Ok(Link::Raw),
            1 => Ok(Link::Ethernet),
            113 => Ok(Link::Cooked),
            276 => Ok(Link::Cooked2),
            0 | 108 => Ok(Link::Loopback),
            n => Err(CaptureError::LinkType(n)),
        }
    }

    fn datagram(self, frame: &[u8]) -> Option<&[u8]> {
        match self {
            Link::Raw => Some(frame),
            Link::Ethernet => {
                let mut rest = frame.get(12..)?;
                while matches!(rest.get(..2)?, [0x81, 0x00] | [0x88, 0xa8]) {
                    rest = rest.get(4..)?;
                }
                ipv4(rest.get(..2)? == ETHERTYPE_IPV4, rest.get(2..)?)
            }
            Link::Cooked => ipv4(frame.get(14..16)? == ETHERTYPE_IPV4, frame.get(16..)?),
            Link::Cooked2 => ipv4(frame.get(..2)? == ETHERTYPE_IPV4, frame.get(20..)?),
            Link::Loopback => {
                let inet = matches!(frame.get(..4)?, [2, 0, 0, 0] | [0, 0, 0, 2]);
                ipv4(inet, frame.get(4..)?)
            }
        }
    }
}

/// Returns the datagram without the padding of the link layer.
fn ipv4(is_ipv4: bool, bytes: &[u8]) -> Option<&[u8]> {
    let total_len = usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]));
    let padded = (20..bytes.len()).contains(&total_len);
    is_ipv4.then(|| if padded { &bytes[..total_len] } else { bytes })
}

#[cfg(test)]
mod tests;
