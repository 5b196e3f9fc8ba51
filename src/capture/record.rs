//! A frame as a file stores it, before its headers are read.

use std::ops::Range;

use super::error::CaptureReadError;
use crate::trace::Dir;

/// The longest structure that a file may have, bytes. It is 256 times as long as the longest frame that Linux captures, and
/// what claims to be longer is a sign of damage.
pub(super) const MAX_LEN: usize = 64 << 20;

/// A frame in the bytes that the [`Input`](super::input::Input) holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Number of its interface, from 0.
    pub(super) interface: u32,
    /// What its bytes are.
    pub(super) source: Source,
    /// Its time stamp, if there is one and it can be expressed, ns since the Unix epoch.
    pub(super) at_ns: Option<u64>,
    /// Its length before it was cut, bytes.
    pub(super) original_len: usize,
    /// Its direction, if the file tells it beside the frame.
    pub(super) dir: Option<Dir>,
    /// Where its bytes are in what is held.
    pub(super) bytes: Range<usize>,
}

impl Record {
    /// A frame of which nothing can be read.
    pub(super) fn empty(source: Source) -> Record {
        Record {
            interface: 0,
            source,
            at_ns: None,
            original_len: 0,
            dir: None,
            bytes: 0..0,
        }
    }
}

/// What the bytes of a frame are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A packet on an interface with this LINKTYPE number.
    Link(u32),
    /// A packet on an interface that the file does not describe, or one that contradicts its block.
    Undescribed,
    /// Something else that Wireshark counts as a frame.
    NoPacket,
}

/// How a file goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// With this frame.
    Record(Record),
    /// It ends here.
    End,
    /// It ends inside of a frame.
    EndInsideFrame,
    /// It ends inside of a structure that is no frame.
    EndInsideBlock,
}

/// An error about what begins at byte `at`. The caller knows how many frames precede it.
pub(super) fn damaged(at: u64, what: impl Into<String>) -> CaptureReadError {
    let (frames, what) = (0, what.into());
    CaptureReadError::Damaged { at, frames, what }
}

/// Adds to an error how many frames precede it.
pub(super) fn with_frames<T>(
    result: Result<T, CaptureReadError>,
    frames: u64,
) -> Result<T, CaptureReadError> {
    result.map_err(|error| match error {
        CaptureReadError::Damaged { at, what, .. } => {
            CaptureReadError::Damaged { at, frames, what }
        }
        other => other,
    })
}
