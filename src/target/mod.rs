//! A target: a TCP that can play the survivor. Everything above this line treats all of them alike.

mod app;
mod drive;
mod engine;
#[cfg(feature = "os")]
mod linux;
mod run;
mod smoltcp;

pub use drive::{Drive, drive};
pub use engine::Host;
#[cfg(feature = "os")]
pub use linux::Linux;
pub use run::{Options, TargetKind, run};
pub use smoltcp::Smoltcp;

use crate::call::{Addr, Call, Outcome, Readiness, SocketId, TcpInfo};
use crate::time::{Instant, Ticks};

/// A packet that the target sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// When it left.
    pub at: Instant,
    /// The IP datagram.
    pub bytes: Vec<u8>,
    /// Why it was sent, where the target can tell.
    pub cause: Option<String>,
}

/// Something that keeps a target from going on.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The operating system said no.
    #[error("{what}: {source}")]
    Os {
        /// What was tried.
        what: String,
        /// What it said.
        source: std::io::Error,
    },
    /// This machine or this user cannot have it; the text says what to do about it.
    #[error("{0}")]
    Unavailable(String),
}

/// A TCP under test.
///
/// The loop is: [`wait`](Target::wait) until the next thing to do, take all packets and notes, look at the
/// readiness of the sockets in use, make calls and deliver packets, take all packets again, and wait anew. A
/// simulated target jumps to the instant waited for or to its own next deadline; the kernel's waits in real time.
pub trait Target {
    /// `engine`, `smoltcp` or `linux`.
    fn name(&self) -> &'static str;

    /// Its version: the crate's, or `uname -r`.
    fn version(&self) -> String;

    /// Whether its clock is a real one.
    fn is_real_time(&self) -> bool;

    /// The clock tick, where one is known.
    fn ticks(&self) -> Option<Ticks>;

    /// The congestion control in force.
    fn congestion_control(&self) -> String;

    /// What it could not be told of the scenario, and what it took instead, a line each.
    fn notes(&self) -> Vec<String>;

    /// Whether [`connection`](Target::connection) tells more than the state and the queues.
    fn has_tcp_info(&self) -> bool {
        true
    }

    /// The present instant; the loop's only clock.
    fn now(&mut self) -> Instant;

    /// Waits until `until`, or until the target has a packet, a note or a change of readiness, whichever comes
    /// first, and returns the instant reached. Returning early for no reason is allowed.
    fn wait(&mut self, until: Instant) -> Result<Instant, TargetError>;

    /// Makes a socket call.
    fn call(&mut self, call: Call) -> Outcome;

    /// What poll(2) says of a socket.
    fn readiness(&mut self, socket: SocketId) -> Readiness;

    /// Hands over an IP datagram from the wire.
    fn deliver(&mut self, datagram: &[u8]);

    /// The next packet sent and not yet taken.
    fn take_packet(&mut self) -> Option<Sent>;

    /// The next explanation of what a timer did, and when; the kernel has none.
    fn take_note(&mut self) -> Option<(Instant, String)> {
        None
    }

    /// State, counters and timers of the connection between these addresses, orphans, request socks and
    /// timewait socks included; none where there is none.
    fn connection(&mut self, local: Addr, remote: Addr) -> Option<TcpInfo>;

    /// What it has counted, by the kernel's names: group (`Tcp`, `TcpExt`), name, value. Empty where it does not count.
    fn counters(&mut self) -> Vec<(String, String, i64)> {
        Vec::new()
    }
}
