//! IPv4 and IPv6 headers as they are captured: possibly cut off, with lengths that the network card has not filled in yet.
//!
//! RFC 791, RFC 8200. The parsers of smoltcp want a whole datagram, and a capture with a snap length has none; so the few
//! fields are read here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::part::Part;

const IPV4_HEADER_LEN: usize = 20;
const IPV6_HEADER_LEN: usize = 40;

/// The fields of an IP header that an explanation needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header<'a> {
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    /// The identification field of IPv4.
    pub(super) ident: Option<u16>,
    /// TTL or hop limit.
    pub(super) ttl: u8,
    /// The protocol of the payload, behind all extension headers.
    pub(super) protocol: u8,
    /// Whether this is a fragment, but not the first one, so that its payload has no header.
    pub(super) later_fragment: bool,
    /// What is behind all headers, without the padding of the link layer.
    pub(super) payload: Part<'a>,
}

/// How far the length in a header is to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lengths {
    /// It says where the datagram ends, and contradicts the header if it is shorter than that.
    Binding,
    /// It is ignored: of a datagram that an ICMP error quotes, some systems change it.
    Ignored,
}

/// Reads the header of a datagram and its extension headers; None if they were not captured whole or contradict themselves.
pub(super) fn header(datagram: Part<'_>, lengths: Lengths) -> Option<Header<'_>> {
    let header = match datagram.u8(0)? >> 4 {
        4 => ipv4(datagram, lengths)?,
        6 => ipv6(datagram, lengths)?,
        _ => return None,
    };
    without_extensions(header)
}

fn ipv4(datagram: Part<'_>, lengths: Lengths) -> Option<Header<'_>> {
    let fixed: [u8; IPV4_HEADER_LEN] = datagram.array(0)?;
    let header_len = usize::from(fixed[0] & 0x0f) * 4;
    let total_len = usize::from(u16::from_be_bytes([fixed[2], fixed[3]]));
    // 0: the network card makes several packets of this one and fills the field in, or the packet is longer than 65535
    // bytes (BIG TCP)
    let datagram = match (total_len, lengths) {
        (0, _) | (_, Lengths::Ignored) => datagram,
        (_, Lengths::Binding) => datagram.of_len(total_len),
    };
    if header_len < IPV4_HEADER_LEN {
        return None;
    }
    let fragment_offset = u16::from_be_bytes([fixed[6], fixed[7]]) & 0x1fff;
    Some(Header {
        src: Ipv4Addr::from(*fixed[12..].first_chunk::<4>()?).into(),
        dst: Ipv4Addr::from(*fixed[16..].first_chunk::<4>()?).into(),
        ident: Some(u16::from_be_bytes([fixed[4], fixed[5]])),
        ttl: fixed[8],
        protocol: fixed[9],
        later_fragment: fragment_offset > 0,
        payload: datagram.after(header_len)?,
    })
}

fn ipv6(datagram: Part<'_>, lengths: Lengths) -> Option<Header<'_>> {
    let fixed: [u8; IPV6_HEADER_LEN] = datagram.array(0)?;
    let payload_len = usize::from(u16::from_be_bytes([fixed[4], fixed[5]]));
    let payload = datagram.after(IPV6_HEADER_LEN)?;
    // 0: the network card fills it in, or an option tells it (RFC 2675) and the frame is as long as the option says
    let payload = match (payload_len, lengths) {
        (0, _) | (_, Lengths::Ignored) => payload,
        (_, Lengths::Binding) => payload.of_len(payload_len),
    };
    Some(Header {
        src: Ipv6Addr::from(*fixed[8..].first_chunk::<16>()?).into(),
        dst: Ipv6Addr::from(*fixed[24..].first_chunk::<16>()?).into(),
        ident: None,
        ttl: fixed[7],
        protocol: fixed[6],
        later_fragment: false,
        payload,
    })
}

/// Passes over the extension headers of IPv6, and over an authentication header (RFC 4302) in IPv4 too.
fn without_extensions(mut header: Header<'_>) -> Option<Header<'_>> {
    let v6 = header.src.is_ipv6();
    while !header.later_fragment {
        let part = header.payload;
        let len = match header.protocol {
            // hop-by-hop options, routing, destination options, mobility, HIP, Shim6
            0 | 43 | 60 | 135 | 139 | 140 if v6 => (usize::from(part.u8(1)?) + 1) * 8,
            44 if v6 => {
                header.later_fragment = part.u16(2)? >> 3 > 0;
                8
            }
            51 => (usize::from(part.u8(1)?) + 2) * 4,
            _ => break,
        };
        header.protocol = part.u8(0)?;
        header.payload = part.after(len)?;
    }
    Some(header)
}

#[cfg(test)]
mod tests;
