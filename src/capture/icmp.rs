//! ICMP and ICMPv6 errors that quote a TCP segment (RFC 792, RFC 4443).

use std::net::{IpAddr, SocketAddr};

use super::ip::{Header, Lengths, header};
use super::seen::{FrameContent, IcmpSeen};
use crate::wire::Seq;

const HEADER_LEN: usize = 8;
const TCP: u8 = 6;

/// Reads the ICMP message in a datagram. It is another protocol if it is no error or quotes no TCP segment, and None if the
/// quotation was cut off before the ports and the sequence number, which are the first 8 bytes of a segment.
pub(super) fn read(ip: &Header<'_>) -> Option<FrameContent> {
    let message = ip.payload;
    let (v6, kind, code) = (ip.src.is_ipv6(), message.u8(0)?, message.u8(1)?);
    let error = match v6 {
        // destination unreachable, source quench, time exceeded, parameter problem
        false => matches!(kind, 3 | 4 | 11 | 12),
        // destination unreachable, packet too big, time exceeded, parameter problem
        true => matches!(kind, 1..=4),
    };
    if !error {
        return Some(FrameContent::Other);
    }
    let quoted = header(message.after(HEADER_LEN)?, Lengths::Ignored)?;
    if quoted.protocol != TCP || quoted.later_fragment {
        return Some(FrameContent::Other);
    }
    let segment = quoted.payload;
    let mtu = match (v6, kind, code) {
        // a router older than RFC 1191 leaves the field at 0
        (false, 3, 4) => Some(u32::from(message.u16(6)?)).filter(|mtu| *mtu > 0),
        (true, 2, _) => Some(message.u32(4)?),
        _ => None,
    };
    let end = |address: IpAddr, at| Some(SocketAddr::new(address, segment.u16(at)?));
    Some(FrameContent::Icmp(IcmpSeen {
        reporter: ip.src,
        kind: (kind, code),
        v6,
        mtu,
        src: end(quoted.src, 0)?,
        dst: end(quoted.dst, 2)?,
        seq: Seq(segment.u32(4)?),
    }))
}

#[cfg(test)]
mod tests;
