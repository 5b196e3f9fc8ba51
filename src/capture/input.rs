//! A stream of which as many bytes are held as the structure that is being read is long.

use std::io::{ErrorKind, Read, Result};
use std::ops::Range;

/// How many bytes are asked for at once, and the size of the buffer to begin with.
const READ_LEN: usize = 1 << 18;

/// A stream with the bytes of it that have been read but not yet taken.
#[derive(Debug)]
pub(super) struct Input<R> {
    reader: R,
    buffer: Vec<u8>,
    held: Range<usize>,
    at: u64,
}

impl<R: Read> Input<R> {
    pub(super) fn new(reader: R) -> Input<R> {
        Input {
            reader,
            buffer: vec![0; READ_LEN],
            held: 0..0,
            at: 0,
        }
    }

    /// Returns how many bytes have been taken: the offset in the stream of the first byte that is held.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Returns the bytes that are held.
    pub(super) fn held(&self) -> &[u8] {
        &self.buffer[self.held.clone()]
    }

    /// Reads until at least `len` bytes are held. The result is false if the stream ends before.
    ///
    /// The buffer grows with what the stream has, not with what `len` promises.
    pub(super) fn hold(&mut self, len: usize) -> Result<bool> {
        while self.held.len() < len {
            if self.held.end == self.buffer.len() {
                self.make_room(len);
            }
            match self.reader.read(&mut self.buffer[self.held.end..]) {
                Ok(0) => return Ok(false),
                Ok(n) => self.held.end += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(true)
    }

    /// Moves what is held to the front of the buffer; if it fills all of it, makes the buffer longer.
    fn make_room(&mut self, wanted: usize) {
        self.buffer.copy_within(self.held.clone(), 0);
        self.held = 0..self.held.len();
        if self.held.end == self.buffer.len() {
            let longer = (2 * self.buffer.len()).min(wanted.max(self.buffer.len() + READ_LEN));
            self.buffer.resize(longer, 0);
        }
    }

    /// Takes the first `len` of the bytes that are held.
    pub(super) fn take(&mut self, len: usize) {
        let len = len.min(self.held.len());
        self.held.start += len;
        self.at += len as u64;
    }
}
