//! A TCP segment as a value (RFC 9293 3.1), over smoltcp's `TcpPacket`.

use bytes::Bytes;
use smoltcp::wire::{TcpPacket, checksum};

use super::ends::Ends;
use super::{Flags, Options, SackBlocks, Seq, Timestamps, WireError};

/// A segment, its options in their order. A clone shares the data.
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
    pub options: Options,
    /// Data.
    pub payload: Bytes,
}

const HEADER_LEN: usize = 20;
/// Where the checksum stands in the header, bytes from its start.
pub(super) const CHECKSUM_OFFSET: usize = 16;

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

    /// The RST with which an end answers this segment if it has no connection for it (RFC 9293 3.10.7.1).
    pub fn refusal(&self) -> Segment {
        let mut answer = Segment {
            src_port: self.dst_port,
            dst_port: self.src_port,
            flags: Flags::RST,
            ..Segment::default()
        };
        if self.flags.has(Flags::ACK) {
            answer.seq = self.ack;
        } else {
            answer.flags |= Flags::ACK;
            answer.ack = self.end_seq();
        }
        answer
    }

    /// The timestamp option, if there.
    pub fn timestamps(&self) -> Option<Timestamps> {
        self.options.timestamps()
    }

    /// The MSS option, if there.
    pub fn mss(&self) -> Option<u16> {
        self.options.mss()
    }

    /// The window scale option, if there.
    pub fn window_scale(&self) -> Option<u8> {
        self.options.window_scale()
    }

    /// Whether SACK is permitted by an option.
    pub fn sack_permitted(&self) -> bool {
        self.options.sack_permitted()
    }

    /// The SACK blocks; none without the option.
    pub fn sack_blocks(&self) -> SackBlocks {
        self.options.sack_blocks()
    }

    /// Returns the length of the segment with header and data, bytes.
    pub(super) fn wire_len(&self) -> usize {
        HEADER_LEN + self.options.padded().len() + self.payload.len()
    }

    /// Reads a segment; `payload` makes its data of `bytes[from..]`. With `ends` its checksum is checked.
    pub(super) fn parse(
        bytes: &[u8],
        ends: Option<Ends>,
        payload: impl FnOnce(usize) -> Bytes,
    ) -> Result<Segment, WireError> {
        let packet =
            TcpPacket::new_checked(bytes).map_err(|_| WireError::Truncated("TCP header"))?;
        if let Some(ends) = ends {
            let sums = [ends.pseudo_header(bytes.len()), checksum::data(bytes)];
            if checksum::combine(&sums) != !0 {
                return Err(WireError::Checksum("TCP"));
            }
        }
        let header_len = usize::from(packet.header_len());
        Ok(Segment {
            src_port: packet.src_port(),
            dst_port: packet.dst_port(),
            seq: Seq(packet.seq_number().0 as u32),
            ack: Seq(packet.ack_number().0 as u32),
            flags: Flags(bytes[13]),
            window: packet.window_len(),
            urgent: packet.urgent_at(),
            options: Options::parse(&bytes[HEADER_LEN..header_len])?,
            payload: payload(header_len),
        })
    }

    /// Reads the header's start, as an ICMP error quotes it: ports, sequence number, and no more.
    pub(super) fn parse_quoted(bytes: &[u8]) -> Result<Segment, WireError> {
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

    /// Appends the segment's bytes, options padded with end-of-list to a multiple of four. The checksum field
    /// holds the pseudo header's sum and waits for that of the rest.
    pub(super) fn emit_partial(&self, ends: Ends, out: &mut Vec<u8>) {
        self.emit_header_partial(ends, out);
        out.extend_from_slice(&self.payload);
    }

    /// Appends the bytes of the segment's header, with its options but without the data.
    pub(super) fn emit_header_partial(&self, ends: Ends, out: &mut Vec<u8>) {
        let options = self.options.padded();
        let mut header = [0; HEADER_LEN];
        header[0..2].copy_from_slice(&self.src_port.to_be_bytes());
        header[2..4].copy_from_slice(&self.dst_port.to_be_bytes());
        header[4..8].copy_from_slice(&self.seq.0.to_be_bytes());
        header[8..12].copy_from_slice(&self.ack.0.to_be_bytes());
        header[12] = (((HEADER_LEN + options.len()) / 4) as u8) << 4;
        header[13] = self.flags.0;
        header[14..16].copy_from_slice(&self.window.to_be_bytes());
        let sum = ends.pseudo_header(self.wire_len());
        header[16..18].copy_from_slice(&sum.to_be_bytes());
        header[18..20].copy_from_slice(&self.urgent.to_be_bytes());
        out.extend_from_slice(&header);
        out.extend_from_slice(options);
    }

    /// Appends the segment's bytes, checksum filled in.
    pub(super) fn emit(&self, ends: Ends, out: &mut Vec<u8>) {
        let start = out.len();
        self.emit_partial(ends, out);
        let sum = !checksum::data(&out[start..]);
        let field = start + CHECKSUM_OFFSET;
        out[field..field + 2].copy_from_slice(&sum.to_be_bytes());
    }
}
