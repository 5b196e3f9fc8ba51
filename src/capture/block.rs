//! The blocks of a pcapng file (draft-ietf-opsawg-pcapng 3): their lengths, their byte order, and their options.

use std::io::Read;

use super::error::CaptureReadError;
use super::input::Input;
use super::record::{MAX_LEN, damaged};

pub(super) const SECTION: u32 = 0x0a0d_0d0a;
pub(super) const INTERFACE: u32 = 1;
pub(super) const OBSOLETE_PACKET: u32 = 2;
pub(super) const SIMPLE_PACKET: u32 = 3;
pub(super) const STATISTICS: u32 = 5;
pub(super) const ENHANCED_PACKET: u32 = 6;
/// An entry of systemd's journal.
const JOURNAL_ENTRY: u32 = 9;
/// A block with a format of its writer's.
const CUSTOM: u32 = 0xbad;
/// One that must not be copied to another file.
const CUSTOM_UNCOPIED: u32 = 0x4000_0bad;

const BYTE_ORDER_MARK: u32 = 0x1a2b_3c4d;
/// Length of a block without content: its type, and its length at both ends.
const FRAMING_LEN: usize = 12;
const END_OF_OPTIONS: u16 = 0;

/// A block, of which the bytes are at the front of what the [`Input`] holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) kind: u32,
    pub(super) big_endian: bool,
    /// Length with type and lengths, bytes.
    pub(super) len: usize,
}

/// How a file goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextBlock {
    /// With this block.
    Block(Block),
    /// It ends here.
    End,
    /// It ends inside a block of this type, as far as the type can be read.
    EndInside(Option<u32>),
}

/// The blocks of a file, one after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Blocks {
    big_endian: bool,
    /// Length of the block that the last call returned, bytes.
    taken: usize,
}

impl Blocks {
    /// Whether a file that starts with these bytes has this format. They are the same in both byte orders.
    pub(super) fn starts(magic: [u8; 4]) -> bool {
        u32::from_be_bytes(magic) == SECTION
    }

    /// Takes the block that the last call returned, and returns the next one.
    pub(super) fn next<R: Read>(
        &mut self,
        input: &mut Input<R>,
    ) -> Result<NextBlock, CaptureReadError> {
        input.take(std::mem::take(&mut self.taken));
        if !input.hold(FRAMING_LEN)? {
            return Ok(match input.held().is_empty() {
                true => NextBlock::End,
                false => NextBlock::EndInside(self.fields(input.held()).u32(0)),
            });
        }
        let malformed = |what: &str| Err(damaged(input.at(), what));
        let front = input.held();
        if self.fields(front).u32(0) == Some(SECTION) {
            self.big_endian = match front[8..].first_chunk().map(|b| u32::from_be_bytes(*b)) {
                Some(BYTE_ORDER_MARK) => true,
                Some(mark) if mark.swap_bytes() == BYTE_ORDER_MARK => false,
                _ => return malformed("a section header has no byte-order mark"),
            };
        }
        let fields = self.fields(front);
        let (kind, len) = (fields.u32(0).unwrap_or(0), fields.u32(4).unwrap_or(0));
        let len = len as usize;
        if len < FRAMING_LEN || !len.is_multiple_of(4) {
            let what = format!(
                "a block claims to be {len} bytes long, which is less than 12 or no multiple of 4"
            );
            return malformed(&what);
        }
        if len > MAX_LEN {
            let what = format!(
                "a block claims to be {len} bytes long, and the longest allowed is {MAX_LEN} bytes"
            );
            return malformed(&what);
        }
        if !input.hold(len)? {
            return Ok(NextBlock::EndInside(Some(kind)));
        }
        if self.fields(input.held()).u32(len - 4) != Some(len as u32) {
            return Err(damaged(
                input.at(),
                "a block does not end with the length that it begins with",
            ));
        }
        self.taken = len;
        let big_endian = self.big_endian;
        Ok(NextBlock::Block(Block {
            kind,
            big_endian,
            len,
        }))
    }

    fn fields<'a>(&self, bytes: &'a [u8]) -> Fields<'a> {
        Fields {
            bytes,
            big_endian: self.big_endian,
        }
    }
}

impl Block {
    /// Whether the block has a frame number.
    pub(super) fn is_frame(&self) -> bool {
        is_frame(self.kind)
    }

    /// Returns the fields of the block without the length at its end; `held` begins with the block.
    pub(super) fn fields<'a>(&self, held: &'a [u8]) -> Fields<'a> {
        Fields {
            bytes: &held[..self.len - 4],
            big_endian: self.big_endian,
        }
    }
}

/// Whether a block of this type has a frame number. Wireshark gives one to custom blocks and to journal entries too.
pub(super) fn is_frame(kind: u32) -> bool {
    let packet = matches!(kind, OBSOLETE_PACKET | SIMPLE_PACKET | ENHANCED_PACKET);
    packet || matches!(kind, CUSTOM | CUSTOM_UNCOPIED | JOURNAL_ENTRY)
}

/// The bytes of a block, in its byte order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) big_endian: bool,
}

impl<'a> Fields<'a> {
    pub(super) fn u16(&self, at: usize) -> Option<u16> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(match self.big_endian {
            true => u16::from_be_bytes(bytes),
            false => u16::from_le_bytes(bytes),
        })
    }

    pub(super) fn u32(&self, at: usize) -> Option<u32> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(match self.big_endian {
            true => u32::from_be_bytes(bytes),
            false => u32::from_le_bytes(bytes),
        })
    }

    pub(super) fn u64(&self, at: usize) -> Option<u64> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(match self.big_endian {
            true => u64::from_be_bytes(bytes),
            false => u64::from_le_bytes(bytes),
        })
    }

    /// Returns the code and the value of each option from `at` to the end of the options or of the block. An option that does
    /// not fit is the end too.
    pub(super) fn options(self, mut at: usize) -> impl Iterator<Item = (u16, Fields<'a>)> {
        std::iter::from_fn(move || {
            let (code, len) = (self.u16(at)?, usize::from(self.u16(at + 2)?));
            if code == END_OF_OPTIONS {
                return None;
            }
            let bytes = self.bytes.get(at + 4..at + 4 + len)?;
            at += 4 + len.next_multiple_of(4);
            Some((code, Fields { bytes, ..self }))
        })
    }
}
