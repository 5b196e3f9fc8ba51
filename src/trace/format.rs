//! Detects the format of a capture, pcap or pcapng, from its first four bytes.

use super::capture::{Capture, CaptureError};
use super::{pcap, pcapng};

impl Capture {
    /// Reads a pcap or pcapng file. Any input returns a capture or an error; none causes a panic.
    pub fn read(bytes: &[u8]) -> Result<Capture, CaptureError> {
        let magic: &[u8; 4] = bytes.first_chunk().ok_or(CaptureError::Truncated {
            at: 0,
            what: "the magic number",
        })?;
        if *magic == pcapng::SECTION_HEADER {
            pcapng::read(bytes)
        } else if let Some(format) = pcap::Format::of(*magic) {
            pcap::read(bytes, format)
        } else {
            Err(CaptureError::Unknown(format!(
                "{:02x} {:02x} {:02x} {:02x}",
                magic[0], magic[1], magic[2], magic[3]
            )))
        }
    }
}
