//! Reads the frames of a capture one after the other, and counts what it met.

use std::io::Read;

use super::counts::{Counts, Ending};
use super::error::CaptureReadError;
use super::input::Input;
use super::link::Link;
use super::opening::{Format, open};
use super::packet;
use super::part::Part;
use super::record::{Next, Record, Source, with_frames};
use super::seen::{Frame, FrameContent};

/// Reads the frames of a capture.
#[derive(Debug)]
pub struct Reader<R> {
    input: Input<R>,
    format: Format,
    counts: Counts,
    last_ns: u64,
    done: bool,
}

impl<R: Read> Reader<R> {
    /// Reads the beginning of a file and finds out its format.
    pub fn new(input: R) -> Result<Reader<R>, CaptureReadError> {
        let mut input = Input::new(input);
        let format = open(&mut input)?;
        if let Format::Pcap(pcap) = &format {
            let number = pcap.link_type();
            if Link::from_number(number).is_none() {
                return Err(CaptureReadError::LinkTypes(vec![number]));
            }
        }
        Ok(Reader {
            input,
            format,
            counts: Counts::default(),
            last_ns: 0,
            done: false,
        })
    }

    /// Returns the next frame, or None behind the last one.
    ///
    /// A file that ends inside a frame, as one does that is still being written, is not an error: [`Counts::ending`] says so.
    /// After an error there are no more frames.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, CaptureReadError> {
        if self.done {
            return Ok(None);
        }
        self.done = true;
        let frames = self.counts.frames;
        let next = match &mut self.format {
            Format::Pcap(pcap) => pcap.next(&mut self.input),
            Format::Pcapng(pcapng) => pcapng.next(&mut self.input),
        };
        let record = match with_frames(next, frames) {
            Ok(Next::Record(record)) => record,
            Ok(end) => {
                self.counts.ending = match end {
                    Next::EndInsideFrame => Ending::InsideFrame(frames + 1),
                    Next::EndInsideBlock => Ending::BehindFrame(frames),
                    _ => Ending::Whole,
                };
                self.finish()?;
                return Ok(None);
            }
            Err(e) => return Err(e),
        };
        self.done = false;
        Ok(Some(self.frame(record)))
    }

    /// Returns what was read so far. It is complete when [`next_frame`](Reader::next_frame) has returned None.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// At the end: a file that has interfaces, but not one that can be read, is an error.
    fn finish(&mut self) -> Result<(), CaptureReadError> {
        let Format::Pcapng(pcapng) = &self.format else {
            return Ok(());
        };
        self.counts.dropped = pcapng.dropped();
        let mut numbers: Vec<_> = pcapng.link_types().collect();
        numbers.sort_unstable();
        numbers.dedup();
        match numbers.iter().any(|n| Link::from_number(*n).is_some()) || numbers.is_empty() {
            true => Ok(()),
            false => Err(CaptureReadError::LinkTypes(numbers)),
        }
    }

    fn frame(&mut self, record: Record) -> Frame {
        self.counts.frames += 1;
        match record.at_ns {
            Some(at_ns) => self.last_ns = at_ns,
            None if record.source == Source::NoPacket => {}
            None => self.counts.untimed += 1,
        }
        let bytes = &self.input.held()[record.bytes];
        let frame = Part::new(bytes, record.original_len);
        let described = matches!(record.source, Source::Link(_));
        let was_cut = described && bytes.len() < frame.len();
        if was_cut {
            self.counts.snap_len = self.counts.snap_len.max(bytes.len());
        }
        let mut link = None;
        let content = match record.source {
            Source::Undescribed => FrameContent::Unreadable,
            Source::NoPacket => FrameContent::Other,
            Source::Link(number) => {
                link = Link::from_number(number);
                match link {
                    Some(link) => packet::read(link.open(frame), &mut self.counts.options_cut),
                    None => {
                        self.counts.count_unread(number);
                        FrameContent::Other
                    }
                }
            }
        };
        match content {
            FrameContent::Tcp(_) => self.counts.tcp += 1,
            FrameContent::Icmp(_) => self.counts.icmp += 1,
            FrameContent::Other => self.counts.other += 1,
            FrameContent::Unreadable if was_cut => self.counts.cut += 1,
            FrameContent::Unreadable => self.counts.malformed += 1,
        }
        Frame {
            number: self.counts.frames,
            at_ns: self.last_ns,
            interface: record.interface,
            dir: record.dir.or_else(|| link?.dir(frame)),
            content,
        }
    }
}

#[cfg(test)]
mod tests;
