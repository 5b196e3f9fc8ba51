//! Character generator (RFC 864): lines of 72 characters without end, each starting one character later.

use std::collections::BTreeMap;

use super::{CHUNK, is_again};
use crate::call::{Readiness, SocketId};
use crate::world::{Net, Service};

/// The printing characters, blank to `~`.
const FIRST: u8 = b' ';
const PRINTING: usize = 95;
const LINE: usize = 72;
/// The pattern repeats after as many lines as there are characters. Each line ends in two more bytes.
const PERIOD: usize = PRINTING * (LINE + 2);

/// Sends the pattern as fast as the peer takes it, and discards what it receives.
#[derive(Debug)]
pub struct Chargen {
    /// The pattern twice, so that a slice of up to one period can start anywhere in it.
    pattern: Vec<u8>,
    /// The position in the pattern of each connection.
    connections: BTreeMap<SocketId, usize>,
    buffer: Vec<u8>,
}

impl Default for Chargen {
    fn default() -> Self {
        Chargen {
            pattern: [pattern(), pattern()].concat(),
            connections: BTreeMap::new(),
            buffer: vec![0; CHUNK],
        }
    }
}

fn pattern() -> Vec<u8> {
    let line = |start: usize| {
        let characters = (0..LINE).map(move |i| FIRST + ((start + i) % PRINTING) as u8);
        characters.chain(*b"\r\n")
    };
    (0..PRINTING).flat_map(line).collect()
}

impl Chargen {
    /// Serves one connection, and returns whether it is over.
    fn turn(&mut self, net: &mut Net<'_>, socket: SocketId) -> bool {
        let Some(at) = self.connections.get_mut(&socket) else {
            return false;
        };
        loop {
            match net.write(socket, &self.pattern[*at..*at + PERIOD]) {
                Ok(n) => *at = (*at + n) % PERIOD,
                Err(e) if is_again(&e) => break,
                Err(_) => return true,
            }
        }
        loop {
            match net.read(socket, &mut self.buffer) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(e) => return !is_again(&e),
            }
        }
    }
}

impl Service for Chargen {
    fn accepted(&mut self, _: &mut Net<'_>, socket: SocketId) {
        self.connections.insert(socket, 0);
    }

    fn ready(&mut self, net: &mut Net<'_>, socket: SocketId, _: Readiness) {
        if self.turn(net, socket) {
            self.connections.remove(&socket);
            net.close(socket);
        }
    }

    fn power_lost(&mut self) {
        self.connections.clear();
    }

    fn connection_lost(&mut self, socket: SocketId) {
        self.connections.remove(&socket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_is_that_of_the_rfc() {
        let pattern = pattern();
        assert_eq!(pattern.len(), PERIOD);
        let lines: Vec<_> = pattern.chunks(LINE + 2).collect();
        assert!(lines[0].starts_with(b" !\"#$%&'()*+,-./0123456789:;<=>?@ABC"));
        assert!(lines[1].starts_with(b"!\"#$%&'()*+,-./0123456789:;<=>?@ABCD"));
        assert!(lines[94].starts_with(b"~ !\"#"));
        assert!(lines.iter().all(|l| l.ends_with(b"\r\n")));
    }
}
