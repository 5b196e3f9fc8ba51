//! The real clock: CLOCK_MONOTONIC from the first instant of a run.

use rustix::time::{ClockId, clock_gettime};

use crate::time::Instant;

/// Reads CLOCK_MONOTONIC, ns.
pub(super) fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// A clock that reads zero at the first instant of a run.
#[derive(Clone, Copy, Debug)]
pub struct RealClock {
    zero_ns: u64,
}

impl RealClock {
    /// Starts the clock now.
    pub fn start() -> RealClock {
        RealClock {
            zero_ns: monotonic_ns(),
        }
    }

    /// Returns the present instant.
    pub fn now(&self) -> Instant {
        Instant::from_ns(monotonic_ns().saturating_sub(self.zero_ns))
    }

    /// Returns the first instant of the run on CLOCK_MONOTONIC, ns.
    pub(super) fn zero_ns(&self) -> u64 {
        self.zero_ns
    }
}
