//! The IPv6 header and the extension headers behind it (RFC 8200), over smoltcp's `Ipv6Packet`.

use std::net::Ipv6Addr;

use smoltcp::wire::{IpProtocol, Ipv6Packet};

use super::header::Header;
use super::{Datagram, WireError};

/// Length without extension headers, bytes.
pub(super) const HEADER_LEN: usize = 40;

/// Reads a header whose datagram is whole.
pub(super) fn read(bytes: &[u8]) -> Result<Header, WireError> {
    let packet = Ipv6Packet::new_checked(bytes).map_err(|_| WireError::Truncated("IP header"))?;
    walk(&bytes[..packet.total_len()])
}

/// Reads a header as an ICMP error quotes it: what follows may be cut off.
pub(super) fn read_quoted(bytes: &[u8]) -> Result<Header, WireError> {
    if bytes.len() < HEADER_LEN {
        return Err(WireError::Truncated("quoted IP header"));
    }
    walk(bytes)
}

/// Reads the header and walks the extension headers up to what they carry. Fragments are rejected, and so
/// are routing headers with segments left: such a datagram has not reached its destination, and its checksum covers
/// another address.
fn walk(bytes: &[u8]) -> Result<Header, WireError> {
    let packet = Ipv6Packet::new_unchecked(bytes);
    let mut protocol = packet.next_header();
    let mut at = HEADER_LEN;
    loop {
        let rest = &bytes[at..];
        let len = match protocol {
            IpProtocol::HopByHop | IpProtocol::Ipv6Opts => extension_len(rest)?,
            IpProtocol::Ipv6Route => {
                if rest.get(3).is_some_and(|segments_left| *segments_left != 0) {
                    return Err(WireError::Unsupported("IPv6 routing header"));
                }
                extension_len(rest)?
            }
            IpProtocol::Ipv6Frag => match rest.first_chunk::<8>() {
                None => return Err(WireError::Truncated("IPv6 extension header")),
                // offset 0 and nothing behind it: all of it after all (RFC 6946)
                Some(h) if h[2] == 0 && h[3] & 0xf9 == 0 => 8,
                Some(_) => return Err(WireError::Unsupported("IP fragment")),
            },
            _ => break,
        };
        let Some(&next) = rest.first().filter(|_| len <= rest.len()) else {
            return Err(WireError::Truncated("IPv6 extension header"));
        };
        protocol = next.into();
        at += len;
    }
    Ok(Header {
        src: packet.src_addr().into(),
        dst: packet.dst_addr().into(),
        ident: 0,
        dont_frag: true,
        ttl: packet.hop_limit(),
        tos: packet.traffic_class(),
        flow_label: packet.flow_label(),
        protocol,
        payload: at..bytes.len(),
    })
}

fn extension_len(header: &[u8]) -> Result<usize, WireError> {
    match header.get(1) {
        Some(units) => Ok(8 + 8 * usize::from(*units)),
        None => Err(WireError::Truncated("IPv6 extension header")),
    }
}

/// Appends the header of a datagram with `len` bytes behind it; a length above 65,535 cannot be expressed and is reduced.
pub(super) fn emit(
    datagram: &Datagram,
    (src, dst): (Ipv6Addr, Ipv6Addr),
    protocol: IpProtocol,
    len: usize,
    out: &mut Vec<u8>,
) {
    let mut header = [0; HEADER_LEN];
    let mut packet = Ipv6Packet::new_unchecked(&mut header[..]);
    packet.set_version(6);
    packet.set_traffic_class(datagram.tos);
    packet.set_flow_label(datagram.flow_label & 0xf_ffff);
    packet.set_payload_len(len.min(usize::from(u16::MAX)) as u16);
    packet.set_next_header(protocol);
    packet.set_hop_limit(datagram.ttl);
    packet.set_src_addr(src);
    packet.set_dst_addr(dst);
    out.extend_from_slice(&header);
}
