//! A part of a packet: the bytes of it that were captured, and the length that it had when it was sent.

/// A part of a packet, of which the end may not have been captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part<'a> {
    bytes: &'a [u8],
    len: usize,
}

impl<'a> Part<'a> {
    /// A part of which these bytes were captured and which was `len` bytes long, or as long as they are.
    pub(super) fn new(bytes: &'a [u8], len: usize) -> Part<'a> {
        let len = len.max(bytes.len());
        Part { bytes, len }
    }

    /// Returns the bytes that were captured.
    pub(super) fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Returns the length that the part had when it was sent, bytes.
    pub(super) fn len(self) -> usize {
        self.len
    }

    /// Returns what follows the first `n` bytes, or None if there were fewer. Nothing of it need have been captured.
    pub(super) fn after(self, n: usize) -> Option<Part<'a>> {
        Some(Part {
            len: self.len.checked_sub(n)?,
            bytes: self.bytes.get(n..).unwrap_or_default(),
        })
    }

    /// Returns the first `len` bytes, where another header tells the length: what was captured behind them is no part of
    /// it, and what is missing was not captured.
    pub(super) fn of_len(self, len: usize) -> Part<'a> {
        Part {
            bytes: &self.bytes[..self.bytes.len().min(len)],
            len,
        }
    }

    /// Returns the `N` bytes at `at`, if they were captured.
    pub(super) fn array<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.bytes.get(at..)?.first_chunk().copied()
    }

    /// Returns the byte at `at`, if it was captured.
    pub(super) fn u8(self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    /// Returns the number in network byte order at `at`, if it was captured.
    pub(super) fn u16(self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_be_bytes)
    }

    /// Returns the number in network byte order at `at`, if it was captured.
    pub(super) fn u32(self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_be_bytes)
    }
}
