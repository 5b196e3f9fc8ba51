//! ICMP errors that a TCP hears (RFC 792, RFC 1122 3.2.2): destination unreachable and time exceeded.

use smoltcp::wire::{Icmpv4DstUnreachable, Icmpv4Message, Icmpv4Packet};

use super::WireError;

/// An ICMP message: its type, code, and for an error what it quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Icmp {
    /// Type: 3 destination unreachable, 11 time exceeded, 12 parameter problem.
    pub kind: u8,
    /// Code within the type: 1 is host unreachable for type 3.
    pub code: u8,
    /// The rest of the header, bytes 4 to 7: the next-hop MTU for 3/4.
    pub rest: [u8; 4],
    /// What follows the header: for an error the start of the datagram that caused it.
    pub body: Vec<u8>,
}

impl Icmp {
    /// Host unreachable (type 3 code 1), quoting at most 548 bytes of `datagram`.
    pub fn host_unreachable(datagram: &[u8]) -> Icmp {
        Icmp {
            kind: Icmpv4Message::DstUnreachable.into(),
            code: Icmpv4DstUnreachable::HostUnreachable.into(),
            rest: [0; 4],
            body: datagram[..datagram.len().min(548)].to_vec(),
        }
    }

    /// Reads a message and checks its checksum.
    pub fn parse(bytes: &[u8]) -> Result<Icmp, WireError> {
        let header: &[u8; 8] = bytes
            .first_chunk()
            .ok_or(WireError::Truncated("ICMP header"))?;
        let packet = Icmpv4Packet::new_unchecked(bytes);
        if !packet.verify_checksum() {
            return Err(WireError::Checksum("ICMP"));
        }
        Ok(Icmp {
            kind: header[0],
            code: header[1],
            rest: [header[4], header[5], header[6], header[7]],
            body: bytes[8..].to_vec(),
        })
    }

    /// The message's bytes, checksum filled in.
    pub fn emit(&self) -> Vec<u8> {
        let mut bytes = vec![self.kind, self.code, 0, 0];
        bytes.extend(self.rest);
        bytes.extend(&self.body);
        Icmpv4Packet::new_unchecked(&mut bytes[..]).fill_checksum();
        bytes
    }
}
