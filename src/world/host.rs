//! What runs a machine: a loop thread on the real clock, or a world in virtual time. The handles use this trait only.

use std::time::Duration;

use super::machine::Machine;
use crate::call::{Errno, SocketId};
use crate::time::Instant;

/// A socket, with the number of the boot in which it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) life: u32,
    pub(crate) id: SocketId,
}

/// How long a call waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timeout {
    /// The call does not wait.
    None,
    /// The call waits for at most this time.
    Until(Duration),
    /// The call waits until it is done.
    Forever,
}

/// An operation on a machine at the present instant. It returns EAGAIN if it cannot be done yet.
pub(crate) type Attempt<'a> = &'a mut dyn FnMut(&mut Machine, Instant) -> Result<(), Errno>;

/// The runner of a machine.
pub(crate) trait Host: Send + Sync {
    /// Runs an operation now. The packets that it causes are on the link when this returns.
    fn with(&self, f: &mut dyn FnMut(&mut Machine, Instant));

    /// Tries the operation now and again whenever the socket has changed, until it is done, has failed, or the timeout
    /// has expired (EAGAIN). While the process is frozen, it first waits for the thaw. It returns ENETDOWN if the host or
    /// the connection has lost power.
    fn attempt(&self, key: Key, timeout: Timeout, f: Attempt<'_>) -> Result<(), Errno>;

    /// Returns the time since the start.
    fn now(&self) -> Instant;

    /// Waits for this time.
    fn pause(&self, time: Duration);
}
