//! The pcapng format (draft-ietf-opsawg-pcapng): sections, interfaces with a link type and a clock each, and their packets.
//!
//! A packet that contradicts its block, or that belongs to an interface which the file does not describe, is one unreadable
//! frame; only blocks whose lengths are wrong end the reading.

use std::io::Read;

use super::block::{self, Block, Blocks, Fields, NextBlock};
use super::clock::Clock;
use super::error::CaptureReadError;
use super::input::Input;
use super::record::{Next, Record, Source};
use crate::trace::Dir;

const IF_TSRESOL: u16 = 9;
const IF_TSOFFSET: u16 = 14;
/// The same code and value in the obsolete packet block.
const EPB_FLAGS: u16 = 2;
const EPB_DROPCOUNT: u16 = 4;
const ISB_IFDROP: u16 = 5;
const ISB_OSDROP: u16 = 7;
/// The number of drops in an obsolete packet block whose writer did not know it.
const DROPS_UNKNOWN: u16 = 0xffff;

/// What an interface description says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Interface {
    link_type: u32,
    /// The most bytes of a packet that were captured; 0 for all.
    snap_len: u32,
    clock: Clock,
    /// Packets that were dropped before they reached the capturing program, by the last statistics.
    dropped: u64,
}

/// The state of reading a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pcapng {
    blocks: Blocks,
    /// The interfaces of all sections.
    interfaces: Vec<Interface>,
    /// How many of them belong to earlier sections.
    earlier: usize,
    /// Drops that packets tell of.
    dropped_by_packets: u64,
}

impl Pcapng {
    /// Takes what the last call returned, and returns the next frame.
    pub(super) fn next<R: Read>(&mut self, input: &mut Input<R>) -> Result<Next, CaptureReadError> {
        loop {
            let block = match self.blocks.next(input)? {
                NextBlock::Block(block) => block,
                NextBlock::End => return Ok(Next::End),
                NextBlock::EndInside(kind) => {
                    return Ok(match kind.is_some_and(block::is_frame) {
                        true => Next::EndInsideFrame,
                        false => Next::EndInsideBlock,
                    });
                }
            };
            let fields = block.fields(input.held());
            match block.kind {
                block::SECTION => self.earlier = self.interfaces.len(),
                block::INTERFACE => self.interfaces.push(interface(fields)),
                block::STATISTICS => self.statistics(fields),
                _ if block.is_frame() => return Ok(Next::Record(self.packet(block, fields))),
                _ => {}
            }
        }
    }

    /// Returns the LINKTYPE numbers of all interfaces so far.
    pub(super) fn link_types(&self) -> impl Iterator<Item = u32> {
        self.interfaces.iter().map(|i| i.link_type)
    }

    /// Returns how many packets were dropped while capturing, as far as the file tells. Statistics and packets may tell of the
    /// same drops, so they are not added up.
    pub(super) fn dropped(&self) -> u64 {
        let by_statistics = self.interfaces.iter().map(|i| i.dropped);
        let by_statistics = by_statistics.fold(0, u64::saturating_add);
        by_statistics.max(self.dropped_by_packets)
    }

    /// Statistics count from the beginning of the capture, so the last ones of an interface are valid.
    fn statistics(&mut self, fields: Fields<'_>) {
        let number = self.earlier + fields.u32(8).map_or(usize::MAX / 2, |n| n as usize);
        let Some(interface) = self.interfaces.get_mut(number) else {
            return;
        };
        let drops = fields.options(20).filter_map(|(code, value)| match code {
            ISB_IFDROP | ISB_OSDROP => value.u64(0),
            _ => None,
        });
        interface.dropped = drops.fold(0, u64::saturating_add);
    }

    fn packet(&mut self, block: Block, fields: Fields<'_>) -> Record {
        let record = match block.kind {
            block::SIMPLE_PACKET => self.simple(fields),
            block::OBSOLETE_PACKET => {
                let drops = fields.u16(10).filter(|n| *n != DROPS_UNKNOWN);
                self.count_drops(u64::from(drops.unwrap_or(0)));
                self.enhanced(fields.u16(8).map(u32::from), fields)
            }
            block::ENHANCED_PACKET => self.enhanced(fields.u32(8), fields),
            _ => return Record::empty(Source::NoPacket),
        };
        record.unwrap_or(Record::empty(Source::Undescribed))
    }

    /// Reads a simple packet block, which is of the first interface and has neither a time nor a length of its own.
    fn simple(&self, fields: Fields<'_>) -> Option<Record> {
        let original_len = fields.u32(8)? as usize;
        let interface = self.interfaces.get(self.earlier);
        let snap_len = interface.map_or(0, |i| i.snap_len as usize);
        let mut len = original_len.min(fields.bytes.len() - 12);
        if snap_len > 0 {
            len = len.min(snap_len);
        }
        Some(Record {
            interface: self.earlier as u32,
            source: interface.map_or(Source::Undescribed, |i| Source::Link(i.link_type)),
            at_ns: None,
            original_len,
            dir: None,
            bytes: 12..12 + len,
        })
    }

    /// Reads an enhanced packet block or an obsolete one, which differ in the first fields only.
    fn enhanced(&mut self, interface: Option<u32>, fields: Fields<'_>) -> Option<Record> {
        let number = self.earlier + interface? as usize;
        let units = u64::from(fields.u32(12)?) << 32 | u64::from(fields.u32(16)?);
        let (len, original_len) = (fields.u32(20)? as usize, fields.u32(24)? as usize);
        let described = self.interfaces.get(number).copied();
        let fits = len <= fields.bytes.len() - 28;
        let mut record = Record {
            interface: u32::try_from(number).ok()?,
            source: match described {
                Some(i) if fits => Source::Link(i.link_type),
                _ => Source::Undescribed,
            },
            at_ns: described.and_then(|i| i.clock.ns(units)),
            original_len,
            dir: None,
            bytes: 28..28 + if fits { len } else { 0 },
        };
        if !fits {
            return Some(record);
        }
        for (code, value) in fields.options(28 + len.next_multiple_of(4)) {
            match code {
                EPB_FLAGS => record.dir = value.u32(0).and_then(direction),
                EPB_DROPCOUNT => self.count_drops(value.u64(0).unwrap_or(0)),
                _ => {}
            }
        }
        Some(record)
    }

    fn count_drops(&mut self, n: u64) {
        self.dropped_by_packets = self.dropped_by_packets.saturating_add(n);
    }
}

fn interface(fields: Fields<'_>) -> Interface {
    let mut clock = Clock::MICROSECONDS;
    for (code, value) in fields.options(16) {
        match (code, value.bytes) {
            (IF_TSRESOL, [resolution]) => clock.set_resolution(*resolution),
            (IF_TSOFFSET, _) => {
                if let Some(offset_s) = value.u64(0) {
                    clock.set_offset_s(offset_s as i64);
                }
            }
            _ => {}
        }
    }
    Interface {
        // a block too short for a link type describes none that exists
        link_type: fields.u16(8).map_or(u32::MAX, u32::from),
        snap_len: fields.u32(12).unwrap_or(0),
        clock,
        dropped: 0,
    }
}

fn direction(flags: u32) -> Option<Dir> {
    match flags & 3 {
        1 => Some(Dir::In),
        2 => Some(Dir::Out),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
