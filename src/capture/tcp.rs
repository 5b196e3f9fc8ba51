//! TCP headers as they are captured (RFC 9293 3.1): the options may be cut off or malformed.

use std::net::SocketAddr;

use siphasher::sip::SipHasher13;

use super::ip::Header;
use super::part::Part;
use super::seen::TcpSeen;
use crate::wire::{Flags, Options, Seq};

const HEADER_LEN: usize = 20;

/// Reads the segment in a datagram; None if its header without the options was not captured whole, or contradicts the length
/// of the datagram. The checksum is not checked: the network card fills it in after the packet was captured.
pub(super) fn read(ip: &Header<'_>) -> Option<TcpSeen> {
    let segment = ip.payload;
    let fixed: [u8; HEADER_LEN] = segment.array(0)?;
    let header_len = usize::from(fixed[12] >> 4) * 4;
    if header_len < HEADER_LEN {
        return None;
    }
    let data = segment.after(header_len)?;
    let captured = segment.bytes();
    let options = &captured[HEADER_LEN..captured.len().min(header_len)];
    let u16_at = |at| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
    Some(TcpSeen {
        src: SocketAddr::new(ip.src, u16_at(0)),
        dst: SocketAddr::new(ip.dst, u16_at(2)),
        ip_id: ip.ident,
        ttl: ip.ttl,
        seq: Seq(segment.u32(4)?),
        ack: Seq(segment.u32(8)?),
        flags: Flags(fixed[13]),
        window: u16_at(14),
        options: Options::parse_prefix(options),
        len: u32::try_from(data.len()).ok()?,
        data_hash: SipHasher13::new().hash(data.bytes()),
    })
}

/// Whether the header of a segment was captured, but not all of its options.
pub(super) fn options_were_cut(segment: Part<'_>) -> bool {
    let header_len = segment.u8(12).map_or(0, |b| usize::from(b >> 4) * 4);
    segment.bytes().len() < header_len
}
