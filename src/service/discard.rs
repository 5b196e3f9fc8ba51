//! Discard (RFC 863): a service that discards what it receives.

use super::{CHUNK, is_again};
use crate::call::{Readiness, SocketId};
use crate::world::{Net, Service};

/// Reads until the end of the stream and sends nothing.
#[derive(Debug)]
pub struct Discard {
    buffer: Vec<u8>,
}

impl Default for Discard {
    fn default() -> Self {
        Discard {
            buffer: vec![0; CHUNK],
        }
    }
}

impl Service for Discard {
    fn accepted(&mut self, _: &mut Net<'_>, _: SocketId) {}

    fn ready(&mut self, net: &mut Net<'_>, socket: SocketId, _: Readiness) {
        loop {
            match net.read(socket, &mut self.buffer) {
                Ok(0) => return net.close(socket),
                Ok(_) => {}
                Err(e) if is_again(&e) => return,
                Err(_) => return net.close(socket),
            }
        }
    }
}
