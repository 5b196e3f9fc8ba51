//! Copies a capture as pcapng (draft-ietf-opsawg-pcapng) and adds a comment to each packet that has one.
//!
//! A pcapng file keeps all its blocks, with their bytes as they are: a comment is inserted before the options that a packet
//! already has. Of a pcap file each record becomes an enhanced packet block with the same time stamp in the same unit.

use std::io::{self, BufWriter, Read, Write};

use super::block::{Block, Blocks, ENHANCED_PACKET, NextBlock, OBSOLETE_PACKET, SECTION};
use super::error::CaptureReadError;
use super::input::Input;
use super::opening::{Format, open};
use super::pcap::Pcap;
use super::record::{Next, with_frames};
use crate::trace::pcapng::{self, NANOSECONDS, OPT_COMMENT};

/// The if_tsresol of microseconds.
const MICROSECONDS: u8 = 6;
/// Where the length of a section is in its header, and the value for "unknown", which is true after anything was inserted.
const SECTION_LEN: std::ops::Range<usize> = 16..24;
const UNKNOWN_LEN: [u8; 8] = [0xff; 8];
/// Length of an enhanced or obsolete packet block before the frame, with the block's own type and length, bytes.
const PACKET_HEADER_LEN: usize = 28;

/// The reason why a capture could not be copied with comments.
#[derive(Debug, thiserror::Error)]
pub enum AnnotateError {
    /// The original cannot be read, or not any further. What precedes the place has been copied.
    #[error(transparent)]
    Read(#[from] CaptureReadError),
    /// The copy cannot be written.
    #[error("the copy cannot be written: {0}")]
    Write(io::Error),
}

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Annotated {
    /// Frames, numbered as [`Reader`](super::Reader) numbers them.
    pub frames: u64,
    /// Comments that were added.
    pub comments: u64,
    /// Comments for which there was no place, because the frame is in a block without options (a simple packet block) or in a
    /// damaged one.
    pub left_out: u64,
}

/// Copies a capture as pcapng. `comment` is asked once for each frame, in the order of their numbers from 1.
///
/// A file that ends inside a frame is copied without that frame.
pub fn annotate<R: Read, W: Write>(
    input: R,
    output: W,
    mut comment: impl FnMut(u64) -> Option<String>,
) -> Result<Annotated, AnnotateError> {
    let mut input = Input::new(input);
    let format = open(&mut input)?;
    let mut copy = Copy {
        out: BufWriter::new(output),
        done: Annotated::default(),
    };
    let result = match format {
        Format::Pcap(pcap) => copy.records(&mut input, pcap, &mut comment),
        Format::Pcapng(_) => copy.blocks(&mut input, &mut comment),
    };
    // what precedes an error is written too
    copy.out.flush().map_err(AnnotateError::Write)?;
    result.map(|()| copy.done)
}

/// A copy that is being written.
struct Copy<W: Write> {
    out: BufWriter<W>,
    done: Annotated,
}

impl<W: Write> Copy<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), AnnotateError> {
        self.out.write_all(bytes).map_err(AnnotateError::Write)
    }

    fn records<R: Read>(
        &mut self,
        input: &mut Input<R>,
        mut pcap: Pcap,
        comment: &mut impl FnMut(u64) -> Option<String>,
    ) -> Result<(), AnnotateError> {
        let resolution = match pcap.ns_per_unit() {
            1 => NANOSECONDS,
            _ => MICROSECONDS,
        };
        let mut start = pcapng::section(&[]);
        // the number was read from 16 bits
        pcapng::interface(&mut start, pcap.link_type() as u16, resolution, &[]);
        self.write(&start)?;
        let mut block = Vec::new();
        loop {
            let next = pcap.next(input);
            let Next::Record(record) = with_frames(next, self.done.frames)? else {
                return Ok(());
            };
            self.done.frames += 1;
            let text = comment(self.done.frames);
            self.done.comments += u64::from(text.is_some());
            let units = record.at_ns.unwrap_or(0) / pcap.ns_per_unit();
            let frame = &input.held()[record.bytes];
            let (len, dir) = (record.original_len, record.dir);
            let body = pcapng::enhanced_packet(units, frame, len, dir, text.as_deref());
            block.clear();
            pcapng::block(&mut block, ENHANCED_PACKET, body);
            self.write(&block)?;
        }
    }

    fn blocks<R: Read>(
        &mut self,
        input: &mut Input<R>,
        comment: &mut impl FnMut(u64) -> Option<String>,
    ) -> Result<(), AnnotateError> {
        let mut blocks = Blocks::default();
        loop {
            let next = blocks.next(input);
            let NextBlock::Block(block) = with_frames(next, self.done.frames)? else {
                return Ok(());
            };
            let bytes = &input.held()[..block.len];
            if block.kind == SECTION && block.len >= SECTION_LEN.end + 4 {
                self.write(&bytes[..SECTION_LEN.start])?;
                self.write(&UNKNOWN_LEN)?;
                self.write(&bytes[SECTION_LEN.end..])?;
                continue;
            }
            let mut text = None;
            if block.is_frame() {
                self.done.frames += 1;
                text = comment(self.done.frames);
            }
            match (text, place_of_options(&block, bytes)) {
                (Some(text), Some(at)) => self.insert(&block, bytes, at, &text)?,
                (Some(_), None) => {
                    self.done.left_out += 1;
                    self.write(bytes)?;
                }
                (None, _) => self.write(bytes)?,
            }
        }
    }

    /// Writes a packet block with a comment as the first of the options, which begin at `at`.
    fn insert(
        &mut self,
        block: &Block,
        bytes: &[u8],
        at: usize,
        text: &str,
    ) -> Result<(), AnnotateError> {
        let mut option = Vec::new();
        pcapng::option(&mut option, OPT_COMMENT, text.as_bytes());
        if block.big_endian {
            // code and length
            option[..4].chunks_exact_mut(2).for_each(<[u8]>::reverse);
        }
        let (before, options) = bytes[..block.len - 4].split_at(at);
        if options.is_empty() {
            // the mark behind the last option
            option.extend([0; 4]);
        }
        let len = (block.len + option.len()) as u32;
        let len = match block.big_endian {
            true => len.to_be_bytes(),
            false => len.to_le_bytes(),
        };
        for part in [&before[..4], &len, &before[8..], &option, options, &len] {
            self.write(part)?;
        }
        self.done.comments += 1;
        Ok(())
    }
}

/// Returns where the options of a packet block begin, if it can have any and its frame fits into it.
fn place_of_options(block: &Block, bytes: &[u8]) -> Option<usize> {
    if !matches!(block.kind, ENHANCED_PACKET | OBSOLETE_PACKET) {
        return None;
    }
    let frame_len = block.fields(bytes).u32(20)? as usize;
    let at = PACKET_HEADER_LEN + frame_len.next_multiple_of(4);
    (at <= block.len - 4).then_some(at)
}

#[cfg(test)]
mod tests;
