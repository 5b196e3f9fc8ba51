//! The pcap format (draft-ietf-opsawg-pcap): microseconds or nanoseconds, either byte order, and the variant with longer
//! record headers that Alexey Kuznetzov's patched libpcap wrote.

use std::io::Read;

use super::error::CaptureReadError;
use super::input::Input;
use super::link;
use super::record::{MAX_LEN, Next, Record, Source, damaged};

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
const KUZNETZOV: u32 = 0xa1b2_cd34;
const FILE_HEADER_LEN: usize = 24;
const RECORD_HEADER_LEN: usize = 16;
const KUZNETZOV_HEADER_LEN: usize = 24;
const NS_PER_S: u64 = 1_000_000_000;

/// What the file header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pcap {
    big_endian: bool,
    ns_per_unit: u64,
    record_header_len: usize,
    link_type: u32,
    /// Length of the record that the last call returned, bytes.
    taken: usize,
}

impl Pcap {
    /// Whether a file that starts with these bytes has this format.
    pub(super) fn starts(magic: [u8; 4]) -> bool {
        let is = |n| matches!(n, MICROSECONDS | NANOSECONDS | KUZNETZOV);
        is(u32::from_be_bytes(magic)) || is(u32::from_le_bytes(magic))
    }

    /// Takes the file header.
    pub(super) fn open<R: Read>(input: &mut Input<R>) -> Result<Pcap, CaptureReadError> {
        if !input.hold(FILE_HEADER_LEN)? {
            return Err(damaged(0, "the file ends inside its header of 24 bytes"));
        }
        let mut pcap = Pcap {
            big_endian: matches!(
                input.held().first_chunk().map(|b| u32::from_be_bytes(*b)),
                Some(MICROSECONDS | NANOSECONDS | KUZNETZOV)
            ),
            ns_per_unit: 1_000,
            record_header_len: RECORD_HEADER_LEN,
            link_type: 0,
            taken: 0,
        };
        match pcap.u32(input.held(), 0) {
            NANOSECONDS => pcap.ns_per_unit = 1,
            KUZNETZOV => pcap.record_header_len = KUZNETZOV_HEADER_LEN,
            _ => {}
        }
        // the upper bits tell the length of the frame check sequence, which does no harm: IP has a length of its own
        pcap.link_type = pcap.u32(input.held(), 20) & 0xffff;
        input.take(FILE_HEADER_LEN);
        Ok(pcap)
    }

    /// Returns the LINKTYPE number of all frames.
    pub(super) fn link_type(&self) -> u32 {
        self.link_type
    }

    /// Returns the unit of the time stamps, ns.
    pub(super) fn ns_per_unit(&self) -> u64 {
        self.ns_per_unit
    }

    /// Takes the record that the last call returned, and returns the next one.
    pub(super) fn next<R: Read>(&mut self, input: &mut Input<R>) -> Result<Next, CaptureReadError> {
        input.take(std::mem::take(&mut self.taken));
        let header_len = self.record_header_len;
        if !input.hold(header_len)? {
            return Ok(match input.held().is_empty() {
                true => Next::End,
                false => Next::EndInsideFrame,
            });
        }
        let header = input.held();
        let len = self.u32(header, 8) as usize;
        if len > MAX_LEN {
            let what = format!(
                "a frame claims to be {len} bytes long, and the longest allowed is {MAX_LEN} bytes"
            );
            return Err(damaged(input.at(), what));
        }
        let stamp_ns = u64::from(self.u32(header, 0)) * NS_PER_S
            + u64::from(self.u32(header, 4)) * self.ns_per_unit;
        let dir = match header_len {
            KUZNETZOV_HEADER_LEN => link::direction(u16::from(header[22])),
            _ => None,
        };
        let record = Record {
            interface: 0,
            source: Source::Link(self.link_type),
            at_ns: Some(stamp_ns),
            original_len: self.u32(header, 12) as usize,
            dir,
            bytes: header_len..header_len + len,
        };
        self.taken = header_len + len;
        Ok(match input.hold(self.taken)? {
            true => Next::Record(record),
            false => Next::EndInsideFrame,
        })
    }

    fn u32(&self, bytes: &[u8], at: usize) -> u32 {
        let bytes = *bytes[at..].first_chunk().expect("four bytes were read");
        match self.big_endian {
            true => u32::from_be_bytes(bytes),
            false => u32::from_le_bytes(bytes),
        }
    }
}
