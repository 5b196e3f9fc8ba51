//! A TCP segment as a value (RFC 9293 3.1), over smoltcp's `TcpPacket`.

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{IpAddress, TcpPacket};

use super::{Flags, Seq, TcpOption, Timestamps, WireError};

/// A segment, its options in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Sequence number of the first byte (or of SYN or FIN).
    pub seq: Seq,
    /// Acknowledgment number; meaningful with ACK.
    pub ack: Seq,
    /// Control bits.
    pub flags: Flags,
    /// Window field, unscaled.
    pub window: u16,
    /// Urgent pointer.
    pub urgent: u16,
    /// Options as they stand.
    pub options: Vec<TcpOption>,
    /// Data.
    pub payload: Vec<u8>,
}

const HEADER_LEN: usize = 20;

impl Segment {
    /// Sequence space taken: data, SYN and FIN.
    pub fn seq_len(&self) -> u32 {
        let control = u32::from(self.flags.has(Flags::SYN)) + u32::from(self.flags.has(Flags::FIN));
        self.payload.len() as u32 + control
    }

    /// The sequence number after the segment.
    pub fn end_seq(&self) -> Seq {
        self.seq + self.seq_len()
    }

    /// The timestamp option, if there.
    pub fn timestamps(&self) -> Option<Timestamps> {
        self.options.iter().find_map(|o| match o {
            TcpOption::Timestamps(ts) => Some(*ts),
            _ => None,
        })
    }

    /// The MSS option, if there.
    pub fn mss(&self) -> Option<u16> {
        self.options.iter().find_map(|o| match o {
            TcpOption::Mss(mss) => Some(*mss),
            _ => None,
        })
    }

    /// The window scale option, if there.
    pub fn window_scale(&self) -> Option<u8> {
        self.options.iter().find_map(|o| match o {
            TcpOption::WindowScale(shift) => Some(*shift),
            _ => None,
        })
    }

    /// Whether SACK is permitted by an option.
    pub fn sack_permitted(&self) -> bool {
        self.options.contains(&TcpOption::SackPermitted)
    }

    /// The SACK blocks; none without the option.
    pub fn sack_blocks(&self) -> &[(Seq, Seq)] {
        self.options
            .iter()
            .find_map(|o| match o {
                TcpOption::Sack(blocks) => Some(blocks.as_slice()),
                _ => None,
            })
            .unwrap_or(&[])
    }

    /// Reads a segment and checks its checksum.
    pub fn parse(bytes: &[u8], src: IpAddress, dst: IpAddress) -> Result<Segment, WireError> {
        let packet =
            TcpPacket::new_checked(bytes).map_err(|_| WireError::Truncated("TCP header"))?;
        if !packet.verify_checksum(&src, &dst) {
            return Err(WireError::Checksum("TCP"));
        }
        Ok(Segment {
            options: TcpOption::parse_all(&bytes[HEADER_LEN..usize::from(packet.header_len())])?,
            ..Segment::parse_unchecked(&packet)
        })
    }

    /// Reads the header's start, as an ICMP error quotes it: ports, sequence number, and no more.
    pub fn parse_quoted(bytes: &[u8]) -> Result<Segment, WireError> {
        let b: &[u8; 8] = bytes
            .first_chunk()
            .ok_or(WireError::Truncated("quoted TCP header"))?;
        Ok(Segment {
            src_port: u16::from_be_bytes([b[0], b[1]]),
            dst_port: u16::from_be_bytes([b[2], b[3]]),
            seq: Seq(u32::from_be_bytes([b[4], b[5], b[6], b[7]])),
            ..Segment::default()
        })
    }

    fn parse_unchecked(packet: &TcpPacket<&[u8]>) -> Segment {
        Segment {
            src_port: packet.src_port(),
            dst_port: packet.dst_port(),
            seq: Seq(packet.seq_number().0 as u32),
            ack: Seq(packet.ack_number().0 as u32),
            flags: Flags(packet.as_ref_flags()),
            window: packet.window_len(),
            urgent: packet.urgent_at(),
            options: Vec::new(),
            payload: packet.payload().to_vec(),
        }
    }

    /// The segment's bytes, checksum filled in.
    ///
    /// Options are padded with end-of-list to a multiple of four; more than 40 bytes of them are cut.
    pub fn emit(&self, src: IpAddress, dst: IpAddress) -> Vec<u8> {
        let mut options = Vec::with_capacity(40);
        self.options.iter().for_each(|o| o.emit(&mut options));
        options.truncate(40);
        options.resize(options.len().next_multiple_of(4), 0);
        let header_len = HEADER_LEN + options.len();
        let mut bytes = vec![0; header_len + self.payload.len()];
        bytes[0..2].copy_from_slice(&self.src_port.to_be_bytes());
        bytes[2..4].copy_from_slice(&self.dst_port.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.seq.0.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.ack.0.to_be_bytes());
        bytes[12] = ((header_len / 4) as u8) << 4;
        bytes[13] = self.flags.0;
        bytes[14..16].copy_from_slice(&self.window.to_be_bytes());
        bytes[18..20].copy_from_slice(&self.urgent.to_be_bytes());
        bytes[HEADER_LEN..header_len].copy_from_slice(&options);
        bytes[header_len..].copy_from_slice(&self.payload);
        let mut packet = TcpPacket::new_unchecked(&mut bytes[..]);
        if ChecksumCapabilities::default().tcp.tx() {
            packet.fill_checksum(&src, &dst);
        }
        bytes
    }
}

/// smoltcp has the bits one by one; all eight are wanted.
trait AsRefFlags {
    fn as_ref_flags(&self) -> u8;
}

impl AsRefFlags for TcpPacket<&[u8]> {
    fn as_ref_flags(&self) -> u8 {
        let bits = [
            (self.fin(), Flags::FIN),
            (self.syn(), Flags::SYN),
            (self.rst(), Flags::RST),
            (self.psh(), Flags::PSH),
            (self.ack(), Flags::ACK),
            (self.urg(), Flags::URG),
            (self.ece(), Flags::ECE),
            (self.cwr(), Flags::CWR),
        ];
        bits.iter()
            .filter(|(set, _)| *set)
            .fold(0, |all, (_, bit)| all | bit.0)
    }
}
