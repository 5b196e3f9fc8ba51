//! One reading of the clock, in the three units that Linux's TCP counts in.

use crate::time::{Instant, Jiffies, Ticks};

/// What `us` and `ms` show at time 0 of the run, ms.
pub(crate) const EPOCH_MS: u64 = 3_600_000;

/// The present instant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    /// On the run's clock.
    pub(crate) at: Instant,
    /// Microseconds (Linux: tcp_mstamp).
    pub(crate) us: u64,
    /// Milliseconds of the same clock (what TSval shows).
    pub(crate) ms: u64,
    /// Ticks (Linux: tcp_jiffies32, without its wrap).
    pub(crate) j: Jiffies,
}

impl Now {
    pub(crate) fn read(at: Instant, ticks: &Ticks, ns_into_ms: u64) -> Now {
        // an hour on top, so that nothing that is measured backwards from here meets zero
        let ns = at.ns() + ns_into_ms + EPOCH_MS * 1_000_000;
        Now {
            at,
            us: ns / 1_000,
            ms: ns / 1_000_000,
            j: ticks.jiffies(at),
        }
    }
}
