//! An IP datagram as a value, version 4 or 6 (RFC 791, RFC 8200).

use std::net::IpAddr;
use std::ops::Range;

use bytes::Bytes;
use smoltcp::wire::IpProtocol;

use super::ends::Ends;
use super::header::Header;
use super::segment::CHECKSUM_OFFSET;
use super::{Icmp, Segment, WireError, ipv4, ipv6};

/// What a datagram carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// A TCP segment.
    Tcp(Segment),
    /// An ICMP message, of the datagram's IP version.
    Icmp(Icmp),
}

/// A datagram: the header fields that a comparison looks at, and what it carries. A clone shares the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Source address.
    pub src: IpAddr,
    /// Destination address, of the same version.
    pub dst: IpAddr,
    /// Identification; 0 in IPv6, which has none.
    pub ident: u16,
    /// Don't-fragment bit; set in IPv6, where no router fragments.
    pub dont_frag: bool,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// The TOS byte, or traffic class: DSCP and ECN.
    pub tos: u8,
    /// Flow label, 20 bits; 0 in IPv4, which has none.
    pub flow_label: u32,
    /// Bytes of data of each segment that a device is to make of this one, or has made this one of (Linux: gso_size);
    /// 0: it is one segment. This is not a field of the packet.
    pub gso_size: u16,
    /// What it carries.
    pub payload: Payload,
}

/// A checksum that the device below is to complete, as in `struct virtio_net_hdr`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartialChecksum {
    /// From where on the bytes are summed: where TCP's header begins (csum_start).
    pub start: u16,
    /// Where the sum belongs, counted from `start` (csum_offset).
    pub offset: u16,
}

impl Datagram {
    /// A datagram with Linux's header for TCP: DF, TTL or hop limit 64, TOS 0, flow label 0. `ident` counts in
    /// IPv4 only.
    pub fn new(src: IpAddr, dst: IpAddr, ident: u16, payload: Payload) -> Self {
        let v6 = src.is_ipv6() || dst.is_ipv6();
        Datagram {
            src,
            dst,
            ident: if v6 { 0 } else { ident },
            dont_frag: true,
            ttl: 64,
            tos: 0,
            flow_label: 0,
            gso_size: 0,
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

    /// Reads a datagram, its data copied; checksums are checked, fragments and other protocols refused.
    pub fn parse(bytes: &[u8]) -> Result<Datagram, WireError> {
        Datagram::parse_with(bytes, true, |range| Bytes::copy_from_slice(&bytes[range]))
    }

    /// Reads a datagram like [`parse`](Datagram::parse), but without a copy: its data keeps all of `bytes` in memory.
    pub fn parse_bytes(bytes: &Bytes) -> Result<Datagram, WireError> {
        Datagram::parse_with(bytes, true, |range| bytes.slice(range))
    }

    /// Reads a datagram like [`parse_bytes`](Datagram::parse_bytes), but does not check TCP's checksum: the device below
    /// vouches for the data (`VIRTIO_NET_HDR_F_NEEDS_CSUM` or `_DATA_VALID`).
    pub fn parse_trusted(bytes: &Bytes) -> Result<Datagram, WireError> {
        Datagram::parse_with(bytes, false, |range| bytes.slice(range))
    }

    /// Reads a datagram like [`parse`](Datagram::parse), but without the data of a TCP segment. The result has its place in
    /// `bytes`.
    pub fn parse_headers(bytes: &[u8]) -> Result<(Datagram, Range<usize>), WireError> {
        let mut data = 0..0;
        let datagram = Datagram::parse_with(bytes, true, |range| {
            data = range;
            Bytes::new()
        })?;
        Ok((datagram, data))
    }

    fn parse_with(
        bytes: &[u8],
        verify: bool,
        data: impl FnOnce(Range<usize>) -> Bytes,
    ) -> Result<Datagram, WireError> {
        let header = read_header(bytes)?;
        let ends = Ends::new(header.src, header.dst);
        let at = header.payload.clone();
        let body = &bytes[at.clone()];
        let payload = match (header.protocol, ends) {
            (IpProtocol::Tcp, _) => Payload::Tcp(Segment::parse(
                body,
                verify.then_some(ends),
                |header_len| data(at.start + header_len..at.end),
            )?),
            (IpProtocol::Icmp, Ends::V4(..)) | (IpProtocol::Icmpv6, Ends::V6(..)) => {
                Payload::Icmp(Icmp::parse(body, ends)?)
            }
            _ => return Err(WireError::Unsupported("IP protocol")),
        };
        Ok(with(header, payload))
    }

    /// Reads a datagram's start as an ICMP error quotes it: addresses, ports and sequence number.
    pub fn parse_quoted(bytes: &[u8]) -> Result<Datagram, WireError> {
        let header = match bytes.first().map(|b| b >> 4) {
            Some(4) => ipv4::read_quoted(bytes)?,
            Some(6) => ipv6::read_quoted(bytes)?,
            Some(_) => return Err(WireError::Malformed("quoted IP header")),
            None => return Err(WireError::Truncated("quoted IP header")),
        };
        if header.protocol != IpProtocol::Tcp {
            return Err(WireError::Unsupported("quoted IP protocol"));
        }
        let tcp = bytes
            .get(header.payload.start..)
            .ok_or(WireError::Truncated("quoted TCP header"))?;
        let segment = Segment::parse_quoted(tcp)?;
        Ok(with(header, Payload::Tcp(segment)))
    }

    /// The datagram's bytes, checksums filled in.
    pub fn emit(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.wire_len());
        self.emit_into(&mut bytes);
        bytes
    }

    /// Returns the length of the datagram, bytes.
    pub fn wire_len(&self) -> usize {
        let header = match self.ends() {
            Ends::V4(..) => ipv4::HEADER_LEN,
            Ends::V6(..) => ipv6::HEADER_LEN,
        };
        header + self.payload_len()
    }

    /// Appends the datagram's bytes, checksums filled in.
    pub fn emit_into(&self, out: &mut Vec<u8>) {
        let ends = self.ends();
        self.emit_header(ends, out);
        match &self.payload {
            Payload::Tcp(segment) => segment.emit(ends, out),
            Payload::Icmp(icmp) => icmp.emit(ends, out),
        }
    }

    /// Appends the datagram's bytes and leaves TCP's checksum to the device below. The result says how to complete it
    /// (`VIRTIO_NET_HDR_F_NEEDS_CSUM`), or is None if there is nothing to complete.
    pub fn emit_partial_into(&self, out: &mut Vec<u8>) -> Option<PartialChecksum> {
        let Payload::Tcp(segment) = &self.payload else {
            self.emit_into(out);
            return None;
        };
        let (ends, start) = (self.ends(), out.len());
        self.emit_header(ends, out);
        let header_len = out.len() - start;
        segment.emit_partial(ends, out);
        Some(PartialChecksum {
            start: header_len as u16,
            offset: CHECKSUM_OFFSET as u16,
        })
    }

    /// Appends the datagram's bytes like [`emit_partial_into`](Datagram::emit_partial_into), but without the data of a TCP
    /// segment, which the caller appends.
    pub fn emit_partial_headers_into(&self, out: &mut Vec<u8>) -> (Option<PartialChecksum>, &[u8]) {
        let Payload::Tcp(segment) = &self.payload else {
            self.emit_into(out);
            return (None, &[]);
        };
        let (ends, start) = (self.ends(), out.len());
        self.emit_header(ends, out);
        let header_len = out.len() - start;
        segment.emit_header_partial(ends, out);
        let partial = PartialChecksum {
            start: header_len as u16,
            offset: CHECKSUM_OFFSET as u16,
        };
        (Some(partial), &segment.payload)
    }

    fn ends(&self) -> Ends {
        Ends::new(self.src, self.dst)
    }

    fn payload_len(&self) -> usize {
        match &self.payload {
            Payload::Tcp(segment) => segment.wire_len(),
            Payload::Icmp(icmp) => icmp.wire_len(),
        }
    }

    fn emit_header(&self, ends: Ends, out: &mut Vec<u8>) {
        let protocol = match (&self.payload, ends) {
            (Payload::Tcp(_), _) => IpProtocol::Tcp,
            (Payload::Icmp(_), Ends::V4(..)) => IpProtocol::Icmp,
            (Payload::Icmp(_), Ends::V6(..)) => IpProtocol::Icmpv6,
        };
        let len = self.payload_len();
        match ends {
            Ends::V4(src, dst) => ipv4::emit(self, (src, dst), protocol, len, out),
            Ends::V6(src, dst) => ipv6::emit(self, (src, dst), protocol, len, out),
        }
    }
}

fn read_header(bytes: &[u8]) -> Result<Header, WireError> {
    match bytes
        .first_chunk::<{ ipv4::HEADER_LEN }>()
        .map(|b| b[0] >> 4)
    {
        None => Err(WireError::Truncated("IP header")),
        Some(4) => ipv4::read(bytes),
        Some(6) => ipv6::read(bytes),
        Some(_) => Err(WireError::Malformed("IP version")),
    }
}

fn with(header: Header, payload: Payload) -> Datagram {
    Datagram {
        src: header.src,
        dst: header.dst,
        ident: header.ident,
        dont_frag: header.dont_frag,
        ttl: header.ttl,
        tos: header.tos,
        flow_label: header.flow_label,
        gso_size: 0,
        payload,
    }
}
