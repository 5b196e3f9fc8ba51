//! A target is a TCP that can play the survivor. The loop, the comparison and the reports treat all targets alike.

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
use crate::trace::Incident;

/// A packet that the target sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// When it left.
    pub at: Instant,
    /// The IP datagram.
    pub bytes: Vec<u8>,
    /// Why it was sent, if the target knows.
    pub cause: Option<String>,
}

/// Why a target cannot run or continue.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// A system call failed.
    #[error("{what}: {source}")]
    Os {
        /// The action that failed.
        what: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// This machine or this user does not allow it. The text says what to do about it.
    #[error("{0}")]
    Unavailable(String),
}

/// A TCP under test.
///
/// The loop calls [`wait`](Target::wait) until the next event, takes all packets and notes, checks the readiness of the
/// sockets in use, makes calls and delivers packets, takes all packets again, and starts over. A simulated target jumps to
/// the instant that it waits for or to its own next deadline; the kernel target waits in real time.
pub trait Target {
    /// `engine`, `smoltcp` or `linux`.
    fn name(&self) -> &'static str;

    /// Its version: the crate's, or `uname -r`.
    fn version(&self) -> String;

    /// Whether its clock is a real one.
    fn is_real_time(&self) -> bool;

    /// The clock tick, where one is known.
    fn ticks(&self) -> Option<Ticks>;

    /// Returns the congestion control in use.
    fn congestion_control(&self) -> String;

    /// Returns the settings of the scenario that the target does not support, and what it uses instead, one line each.
    fn notes(&self) -> Vec<String>;

    /// Returns whether [`connection`](Target::connection) has more than the state and the queues.
    fn has_tcp_info(&self) -> bool {
        true
    }

    /// Returns the present instant. The loop has no other clock.
    fn now(&mut self) -> Instant;

    /// Waits until `until`, or until the target has a packet, a note or a change of readiness, whichever comes
    /// first, and returns the instant reached. Returning early for no reason is allowed.
    fn wait(&mut self, until: Instant) -> Result<Instant, TargetError>;

    /// Makes a socket call.
    fn call(&mut self, call: Call) -> Outcome;

    /// Returns the readiness of a socket, as poll(2) does.
    fn readiness(&mut self, socket: SocketId) -> Readiness;

    /// Delivers an IP datagram from the link.
    fn deliver(&mut self, datagram: &[u8]);

    /// Returns the next packet that was sent and not yet taken.
    fn take_packet(&mut self) -> Option<Sent>;

    /// Returns the next explanation of what a timer did, and when. The kernel has none.
    fn take_note(&mut self) -> Option<(Instant, Incident)> {
        None
    }

    /// Returns the state, counters and timers of the connection between these addresses, which may be an orphan, a request
    /// sock or a timewait sock. Returns None if there is none.
    fn connection(&mut self, local: Addr, remote: Addr) -> Option<TcpInfo>;

    /// Returns its counters by the kernel's names: group (`Tcp`, `TcpExt`), name, value. Empty if the target has none.
    fn counters(&mut self) -> Vec<(String, String, i64)> {
        Vec::new()
    }
}
