//! An IPv4 datagram as a value, over smoltcp's `Ipv4Packet`.

use std::net::Ipv4Addr;

use smoltcp::wire::{IpAddress, IpProtocol, Ipv4Packet};

use super::{Icmp, Segment, WireError};

/// What a datagram carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// A TCP segment.
    Tcp(Segment),
    /// An ICMP message.
    Icmp(Icmp),
}

/// A datagram: the header fields that a comparison looks at, and what it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Source address.
    pub src: Ipv4Addr,
    /// Destination address.
    pub dst: Ipv4Addr,
    /// Identification.
    pub ident: u16,
    /// Don't-fragment bit.
    pub dont_frag: bool,
    /// Time to live.
    pub ttl: u8,
    /// The TOS byte: DSCP and ECN.
    pub tos: u8,
    /// What it carries.
    pub payload: Payload,
}

const HEADER_LEN: usize = 20;

impl Datagram {
    /// A datagram with Linux's header for TCP: DF, TTL 64, TOS 0.
    pub fn new(src: Ipv4Addr, dst: Ipv4Addr, ident: u16, payload: Payload) -> Self {
        Datagram {
            src,
            dst,
            ident,
            dont_frag: true,
            ttl: 64,
            tos: 0,
            payload,
        }
    }

    /// The segment, if it carries one.
    pub fn segment(&self) -> Option<&Segment> {
        match &self.payload {
            Payload::Tcp(segment) => Some(segment),
            Payload::Icmp(_) => None,
        }
    }

    /// Reads a datagram; checksums are checked, fragments and other protocols refused.
    pub fn parse(bytes: &[u8]) -> Result<Datagram, WireError> {
        let packet = Datagram::header(bytes)?;
        if !packet.verify_checksum() {
            return Err(WireError::Checksum("IP"));
        }
        if packet.more_frags() || packet.frag_offset() != 0 {
            return Err(WireError::Unsupported("IP fragment"));
        }
        let (src, dst) = (packet.src_addr(), packet.dst_addr());
        let payload = match packet.next_header() {
            IpProtocol::Tcp => Payload::Tcp(Segment::parse(
                packet.payload(),
                IpAddress::Ipv4(src),
                IpAddress::Ipv4(dst),
            )?),
            IpProtocol::Icmp => Payload::Icmp(Icmp::parse(packet.payload())?),
            _ => return Err(WireError::Unsupported("IP protocol")),
        };
        Ok(Datagram {
            src,
            dst,
            ident: packet.ident(),
            dont_frag: packet.dont_frag(),
            ttl: packet.hop_limit(),
            tos: packet.dscp() << 2 | packet.ecn(),
            payload,
        })
    }

    /// Reads a datagram's start as an ICMP error quotes it: addresses, ports and sequence number.
    pub fn parse_quoted(bytes: &[u8]) -> Result<Datagram, WireError> {
        let b: &[u8; HEADER_LEN] = bytes
            .first_chunk()
            .ok_or(WireError::Truncated("quoted IP header"))?;
        let header_len = usize::from(b[0] & 0x0f) * 4;
        if b[0] >> 4 != 4 || header_len < HEADER_LEN {
            return Err(WireError::Malformed("quoted IP header"));
        }
        if b[9] != u8::from(IpProtocol::Tcp) {
            return Err(WireError::Unsupported("quoted IP protocol"));
        }
        let tcp = bytes
            .get(header_len..)
            .ok_or(WireError::Truncated("quoted TCP header"))?;
        Ok(Datagram {
            src: Ipv4Addr::new(b[12], b[13], b[14], b[15]),
            dst: Ipv4Addr::new(b[16], b[17], b[18], b[19]),
            ident: u16::from_be_bytes([b[4], b[5]]),
            dont_frag: b[6] & 0x40 != 0,
            ttl: b[8],
            tos: b[1],
            payload: Payload::Tcp(Segment::parse_quoted(tcp)?),
        })
    }

    fn header(bytes: &[u8]) -> Result<Ipv4Packet<&[u8]>, WireError> {
        let packet =
            Ipv4Packet::new_checked(bytes).map_err(|_| WireError::Truncated("IP header"))?;
        if packet.version() != 4 || usize::from(packet.header_len()) < HEADER_LEN {
            return Err(WireError::Malformed("IP header"));
        }
        Ok(packet)
    }

    /// The datagram's bytes, checksums filled in.
    pub fn emit(&self) -> Vec<u8> {
        let (protocol, payload) = match &self.payload {
            Payload::Tcp(segment) => (
                IpProtocol::Tcp,
                segment.emit(IpAddress::Ipv4(self.src), IpAddress::Ipv4(self.dst)),
            ),
            Payload::Icmp(icmp) => (IpProtocol::Icmp, icmp.emit()),
        };
        let mut bytes = vec![0; HEADER_LEN + payload.len()];
        bytes[HEADER_LEN..].copy_from_slice(&payload);
        let total_len = bytes.len().min(usize::from(u16::MAX)) as u16;
        let mut packet = Ipv4Packet::new_unchecked(&mut bytes[..]);
        packet.set_version(4);
        packet.set_header_len(HEADER_LEN as u8);
        packet.set_dscp(self.tos >> 2);
        packet.set_ecn(self.tos & 3);
        packet.set_total_len(total_len);
        packet.set_ident(self.ident);
        packet.clear_flags();
        packet.set_dont_frag(self.dont_frag);
        packet.set_hop_limit(self.ttl);
        packet.set_next_header(protocol);
        packet.set_src_addr(self.src);
        packet.set_dst_addr(self.dst);
        packet.fill_checksum();
        bytes
    }
}
