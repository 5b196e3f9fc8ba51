//! ICMP messages that concern TCP: destination unreachable, packet too big, time exceeded, parameter problem.
//!
//! RFC 792, RFC 1122 3.2.2, RFC 1191, RFC 4443.

use smoltcp::wire::checksum;
use smoltcp::wire::{Icmpv4DstUnreachable, Icmpv4Message, Icmpv6DstUnreachable, Icmpv6Message};

use super::WireError;
use super::ends::Ends;

/// Most bytes that an ICMPv4 error quotes: with its headers it fills 576 (RFC 1812 4.3.2.3).
const QUOTED_V4: usize = 548;
/// Most bytes that an ICMPv6 error quotes: with its headers it fills 1280 (RFC 4443 2.4).
const QUOTED_V6: usize = 1_232;

/// An ICMP message: its type, code, and for an error what it quotes. Which ICMP it is, its datagram's addresses tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Icmp {
    /// Type. ICMPv4: 3 destination unreachable, 11 time exceeded, 12 parameter problem; ICMPv6: 1 destination
    /// unreachable, 2 packet too big, 3 time exceeded, 4 parameter problem.
    pub kind: u8,
    /// Code within the type: ICMPv4 3/1 is host unreachable, ICMPv6 1/3 address unreachable.
    pub code: u8,
    /// The rest of the header, bytes 4 to 7: the next-hop MTU for ICMPv4 3/4 and ICMPv6 2.
    pub rest: [u8; 4],
    /// What follows the header: for an error the start of the datagram that caused it.
    pub body: Vec<u8>,
}

fn is_v6(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|b| b >> 4 == 6)
}

impl Icmp {
    /// Host unreachable (ICMPv4 3/1) or address unreachable (ICMPv6 1/3), by the version of `datagram`, whose
    /// start it quotes.
    pub fn host_unreachable(datagram: &[u8]) -> Icmp {
        let (kind, code) = match is_v6(datagram) {
            false => (
                Icmpv4Message::DstUnreachable.into(),
                Icmpv4DstUnreachable::HostUnreachable.into(),
            ),
            true => (
                Icmpv6Message::DstUnreachable.into(),
                Icmpv6DstUnreachable::AddrUnreachable.into(),
            ),
        };
        Icmp::error(kind, code, 0, datagram)
    }

    /// Fragmentation needed (ICMPv4 3/4) or packet too big (ICMPv6 2), by the version of `datagram`, whose start
    /// it quotes; `mtu` is that of the next hop, bytes.
    pub fn too_big(datagram: &[u8], mtu: u32) -> Icmp {
        match is_v6(datagram) {
            false => Icmp::error(
                Icmpv4Message::DstUnreachable.into(),
                Icmpv4DstUnreachable::FragRequired.into(),
                mtu.min(u32::from(u16::MAX)),
                datagram,
            ),
            true => Icmp::error(Icmpv6Message::PktTooBig.into(), 0, mtu, datagram),
        }
    }

    /// An error of this type and code, `rest` in bytes 4 to 7, quoting as much of `datagram` as its version allows.
    pub fn error(kind: u8, code: u8, rest: u32, datagram: &[u8]) -> Icmp {
        let most = if is_v6(datagram) {
            QUOTED_V6
        } else {
            QUOTED_V4
        };
        Icmp {
            kind,
            code,
            rest: rest.to_be_bytes(),
            body: datagram[..datagram.len().min(most)].to_vec(),
        }
    }

    /// Returns the length of the message, bytes.
    pub(super) fn wire_len(&self) -> usize {
        8 + self.body.len()
    }

    /// Reads a message and checks its checksum.
    pub(super) fn parse(bytes: &[u8], ends: Ends) -> Result<Icmp, WireError> {
        let header: &[u8; 8] = bytes
            .first_chunk()
            .ok_or(WireError::Truncated("ICMP header"))?;
        let sums = [ends.icmp_pseudo_header(bytes.len()), checksum::data(bytes)];
        if checksum::combine(&sums) != !0 {
            return Err(WireError::Checksum("ICMP"));
        }
        Ok(Icmp {
            kind: header[0],
            code: header[1],
            rest: [header[4], header[5], header[6], header[7]],
            body: bytes[8..].to_vec(),
        })
    }

    /// Appends the message's bytes, checksum filled in.
    pub(super) fn emit(&self, ends: Ends, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[self.kind, self.code, 0, 0]);
        out.extend_from_slice(&self.rest);
        out.extend_from_slice(&self.body);
        let sums = [
            ends.icmp_pseudo_header(self.wire_len()),
            checksum::data(&out[start..]),
        ];
        let sum = !checksum::combine(&sums);
        out[start + 2..start + 4].copy_from_slice(&sum.to_be_bytes());
    }
}
