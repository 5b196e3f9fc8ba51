//! The IPv4 header (RFC 791), over smoltcp's `Ipv4Packet`.

use std::net::Ipv4Addr;

use smoltcp::wire::{IpProtocol, Ipv4Packet};

use super::header::Header;
use super::{Datagram, WireError};

/// Length without options, bytes.
pub(super) const HEADER_LEN: usize = 20;

/// Reads a header whose datagram is whole; its checksum is checked, a fragment refused.
pub(super) fn read(bytes: &[u8]) -> Result<Header, WireError> {
    let packet = Ipv4Packet::new_checked(bytes).map_err(|_| WireError::Truncated("IP header"))?;
    if !packet.verify_checksum() {
        return Err(WireError::Checksum("IP"));
    }
    if packet.more_frags() || packet.frag_offset() != 0 {
        return Err(WireError::Unsupported("IP fragment"));
    }
    Ok(Header {
        src: packet.src_addr().into(),
        dst: packet.dst_addr().into(),
        ident: packet.ident(),
        dont_frag: packet.dont_frag(),
        ttl: packet.hop_limit(),
        tos: packet.dscp() << 2 | packet.ecn(),
        flow_label: 0,
        protocol: packet.next_header(),
        payload: usize::from(packet.header_len())..usize::from(packet.total_len()),
    })
}

/// Reads a header as an ICMP error quotes it: what follows may be cut off, the checksum does not count.
pub(super) fn read_quoted(bytes: &[u8]) -> Result<Header, WireError> {
    let b: &[u8; HEADER_LEN] = bytes
        .first_chunk()
        .ok_or(WireError::Truncated("quoted IP header"))?;
    let header_len = usize::from(b[0] & 0x0f) * 4;
    if header_len < HEADER_LEN {
        return Err(WireError::Malformed("quoted IP header"));
    }
    Ok(Header {
        src: Ipv4Addr::new(b[12], b[13], b[14], b[15]).into(),
        dst: Ipv4Addr::new(b[16], b[17], b[18], b[19]).into(),
        ident: u16::from_be_bytes([b[4], b[5]]),
        dont_frag: b[6] & 0x40 != 0,
        ttl: b[8],
        tos: b[1],
        flow_label: 0,
        protocol: b[9].into(),
        payload: header_len..bytes.len().max(header_len),
    })
}

/// Appends the header of a datagram with `len` bytes behind it; a length above 65,515 cannot be expressed and is reduced.
pub(super) fn emit(
    datagram: &Datagram,
    (src, dst): (Ipv4Addr, Ipv4Addr),
    protocol: IpProtocol,
    len: usize,
    out: &mut Vec<u8>,
) {
    let mut header = [0; HEADER_LEN];
    let mut packet = Ipv4Packet::new_unchecked(&mut header[..]);
    packet.set_version(4);
    packet.set_header_len(HEADER_LEN as u8);
    packet.set_dscp(datagram.tos >> 2);
    packet.set_ecn(datagram.tos & 3);
    packet.set_total_len((HEADER_LEN + len).min(usize::from(u16::MAX)) as u16);
    packet.set_ident(datagram.ident);
    packet.clear_flags();
    packet.set_dont_frag(datagram.dont_frag);
    packet.set_hop_limit(datagram.ttl);
    packet.set_next_header(protocol);
    packet.set_src_addr(src);
    packet.set_dst_addr(dst);
    packet.fill_checksum();
    out.extend_from_slice(&header);
}
