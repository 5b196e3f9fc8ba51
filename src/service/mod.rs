//! Servers for an endpoint, small and well known: echo, discard, chargen, a static http, and a relay to a real server.
//!
//! Each is a [`Service`](crate::world::Service): no thread, no blocking, backpressure both ways.

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

/// Bytes read or written in one call.
const CHUNK: usize = 64 * 1024;

/// Bytes taken from one side and not yet given to the other.
#[derive(Debug, Default)]
struct Held {
    bytes: Vec<u8>,
    /// How many of them were given.
    given: usize,
}

impl Held {
    fn is_empty(&self) -> bool {
        self.given == self.bytes.len()
    }

    /// Reads once with `read` where nothing is held; gives what `read` gave. WouldBlock where something is held.
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

    /// Appends bytes to what is held.
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.given);
        self.given = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// Writes what is held with `write`, as far as it goes; whether nothing is held any more.
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

/// Returns whether a call would have blocked. It is repeated when the socket changes.
fn is_again(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted | io::ErrorKind::NotConnected
    )
}

#[cfg(test)]
mod tests;
