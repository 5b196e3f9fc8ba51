//! Explains a capture: which connections are in trouble, which mechanism sent each packet, and what follows.

mod acks;
mod connection;
mod connections;
mod data;
mod end;
mod flights;
mod give_up;
mod infer;
mod mechanism;
mod opening;
mod packet;
mod pending;
mod rerun;
mod reset;
mod resets;
mod series;
mod silence;
mod sooner;
mod span;
mod story;
mod system;
mod take;
mod told;
mod trouble;

pub use connection::{Connection, Explained};
pub use infer::Inferred;
pub use mechanism::{Label, Mechanism, Sureness};
pub use packet::{Packet, Side};
pub use rerun::Rerun;
pub use reset::ResetReason;
pub use span::{CaptureSpan, length};
pub use story::Story;
pub use system::{SynFacts, System};
pub use told::Told;
pub use trouble::Trouble;

use std::net::SocketAddr;

use self::connections::Connections;
use crate::capture::Frame;

/// A closed connection is looked at no more after this time without a packet, ns.
const LINGER_NS: u64 = 120_000_000_000;
/// Number of frames after which closed connections are looked for.
const SWEEP_EVERY: u64 = 65_536;

/// Decides how many packets of a connection are kept: stream number, client, server.
pub type Keep = Box<dyn Fn(u32, SocketAddr, SocketAddr) -> usize>;

/// Takes the frames of a capture in their order.
///
/// Its memory depends on the connections that are open at the same time, and on the packets of those that `keep` names.
pub struct Explainer<F: FnMut(Connection)> {
    connections: Connections,
    keep: Keep,
    done: F,
    frames: u64,
}

impl<F: FnMut(Connection)> Explainer<F> {
    /// Begins a capture. `done` gets each connection when nothing more is expected of it.
    pub fn new(keep: Keep, done: F) -> Explainer<F> {
        Explainer {
            connections: Connections::default(),
            keep,
            done,
            frames: 0,
        }
    }

    /// Takes a frame.
    pub fn take(&mut self, frame: &Frame) {
        self.frames += 1;
        if let Some(replaced) = self.connections.take(frame, &*self.keep) {
            self.finished(replaced);
        }
        if self.frames.is_multiple_of(SWEEP_EVERY) {
            let since = frame.at_ns.saturating_sub(LINGER_NS);
            for connection in self.connections.take_closed(since) {
                self.finished(connection);
            }
        }
    }

    fn finished(&mut self, mut connection: Connection) {
        connection.finish();
        (self.done)(connection);
    }

    /// Ends the capture. Returns the number of connections in it.
    pub fn finish(mut self) -> u32 {
        let mut rest = self.connections.take_all();
        rest.sort_by_key(|c| c.stream);
        for connection in rest {
            self.finished(connection);
        }
        self.connections.streams()
    }
}

#[cfg(test)]
mod tests;
