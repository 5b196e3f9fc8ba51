//! What runs a machine: a loop thread on the real clock, or a world in virtual time. Handles know no more of it.

use std::time::Duration;

use super::machine::Machine;
use crate::call::{Errno, SocketId};
use crate::time::Instant;

/// A socket of one of a host's lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) life: u32,
    pub(crate) id: SocketId,
}

/// How long a call waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timeout {
    /// Not at all.
    None,
    /// So long at the most.
    Until(Duration),
    /// Until it is done.
    Forever,
}

/// Something to be done on a machine at the present instant; EAGAIN: not yet.
pub(crate) type Attempt<'a> = &'a mut dyn FnMut(&mut Machine, Instant) -> Result<(), Errno>;

/// The runner of a machine.
pub(crate) trait Host: Send + Sync {
    /// Does something now. What it sends is on the wire when this returns.
    fn with(&self, f: &mut dyn FnMut(&mut Machine, Instant));

    /// Tries now and again whenever the socket changed, until it is done, has failed, or the timeout is over (EAGAIN).
    /// A frozen process waits for its thaw first; ENETDOWN where the host's power or the connection's was lost.
    fn attempt(&self, key: Key, timeout: Timeout, f: Attempt<'_>) -> Result<(), Errno>;

    /// The present instant, since the start.
    fn now(&self) -> Instant;

    /// Waits.
    fn pause(&self, time: Duration);
}
