//! Small and well-known servers for an endpoint: echo, discard, chargen, a static HTTP answer, and a relay to a real
//! server.
//!
//! Each is a [`Service`](crate::world::Service): it has no thread, does not block, and applies backpressure in both
//! directions.

mod chargen;
mod discard;
mod echo;
#[cfg(feature = "os")]
mod forward;
mod http;

pub use chargen::Chargen;
pub use discard::Discard;
pub use echo::Echo;
#[cfg(feature = "os")]
pub use forward::{Forward, Relayed};
pub use http::Http;

use std::io;

/// Bytes that one call reads or writes.
const CHUNK: usize = 64 * 1024;

/// Bytes that were taken from one side and not yet given to the other.
#[derive(Debug, Default)]
struct Held {
    bytes: Vec<u8>,
    /// The number of them that were given already.
    given: usize,
}

impl Held {
    fn is_empty(&self) -> bool {
        self.given == self.bytes.len()
    }

    /// Calls `read` once if nothing is held, and returns what it returned. It returns WouldBlock if something is held.
    fn fill(&mut self, read: impl FnOnce(&mut [u8]) -> io::Result<usize>) -> io::Result<usize> {
        if !self.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.given = 0;
        self.bytes.resize(CHUNK, 0);
        let result = read(&mut self.bytes);
        self.bytes.truncate(*result.as_ref().unwrap_or(&0));
        if self.bytes.is_empty() {
            // an idle connection holds no buffer
            self.bytes = Vec::new();
        }
        result
    }

    /// Appends bytes to those that are held.
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.given);
        self.given = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// Writes the held bytes with `write` until it accepts no more. It returns whether all are written.
    fn drain(&mut self, mut write: impl FnMut(&[u8]) -> io::Result<usize>) -> io::Result<bool> {
        while !self.is_empty() {
            match write(&self.bytes[self.given..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => self.given += n,
                Err(e) if is_again(&e) => return Ok(false),
                Err(e) => return Err(e),
            }
        }
        self.bytes = Vec::new();
        self.given = 0;
        Ok(true)
    }
}

/// Returns whether a call would have blocked. It has to be repeated when the socket changes.
fn is_again(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted | io::ErrorKind::NotConnected
    )
}

#[cfg(test)]
mod tests;
