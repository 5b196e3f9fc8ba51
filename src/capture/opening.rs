//! The format of a capture, by the bytes that it starts with.

use std::io::Read;

use super::block::Blocks;
use super::error::CaptureReadError;
use super::format;
use super::input::Input;
use super::pcap::Pcap;
use super::pcapng::Pcapng;

/// How many bytes of a file of an unknown format are looked at.
const START_LEN: usize = 64;

/// A format with its state of reading.
#[derive(Debug)]
pub(super) enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

/// Finds out the format of a stream, and takes the file header of pcap.
pub(super) fn open<R: Read>(input: &mut Input<R>) -> Result<Format, CaptureReadError> {
    if !input.hold(4)? && input.held().is_empty() {
        return Err(CaptureReadError::Empty);
    }
    match input.held().first_chunk() {
        Some(magic) if Pcap::starts(*magic) => Ok(Format::Pcap(Pcap::open(input)?)),
        Some(magic) if Blocks::starts(*magic) => Ok(Format::Pcapng(Pcapng::default())),
        _ => {
            input.hold(START_LEN)?;
            let start = &input.held()[..input.held().len().min(START_LEN)];
            Err(CaptureReadError::Format(format::describe(start)))
        }
    }
}
