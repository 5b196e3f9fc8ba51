//! One reading of the clock, in the three units in which Linux's TCP counts.

use crate::time::{Instant, Jiffies, Ticks};

/// The values of `us` and `ms` at time 0 of the run, ms.
pub(crate) const EPOCH_MS: u64 = 3_600_000;

/// The present instant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    /// The instant on the run's clock.
    pub(crate) at: Instant,
    /// The instant in microseconds (Linux: tcp_mstamp).
    pub(crate) us: Micros,
    /// The instant in milliseconds on the same clock (the clock of TSval).
    pub(crate) ms: Millis,
    /// The instant in jiffies (Linux: tcp_jiffies32, which wraps).
    pub(crate) j: Jiffies,
}

impl Now {
    pub(crate) fn read(at: Instant, ticks: &Ticks, ns_into_ms: u64) -> Now {
        // an hour is added, so that no time measured backwards from here reaches zero
        let ns = at.ns() + ns_into_ms + EPOCH_MS * 1_000_000;
        Now {
            at,
            us: Micros(ns / 1_000),
            ms: Millis(ns / 1_000_000),
            j: ticks.jiffies(at),
        }
    }
}

/// A point in time on the host's clock, in microseconds. A distance between two points is a plain number of us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Micros(pub(crate) u64);

/// A point in time on the host's clock, in milliseconds. A distance between two points is a plain number of ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Millis(pub(crate) u64);

impl Micros {
    /// Returns the millisecond that contains this point.
    pub(crate) fn ms(self) -> Millis {
        Millis(self.0 / 1_000)
    }

    /// Returns the microseconds since `earlier`, or 0 if that is later.
    pub(crate) fn since(self, earlier: Micros) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Returns the microseconds until `later`, which are negative if that has passed.
    pub(crate) fn until(self, later: Micros) -> i64 {
        later.0 as i64 - self.0 as i64
    }

    /// Returns the point `us` microseconds earlier, but none before the start of the clock.
    pub(crate) fn before(self, us: u64) -> Micros {
        Micros(self.0.saturating_sub(us))
    }
}

impl Millis {
    /// Returns the TSval that a connection with this offset sends at this point.
    pub(crate) fn tsval(self, ts_offset: u32) -> u32 {
        (self.0 as u32).wrapping_add(ts_offset)
    }

    /// Returns the milliseconds since `earlier`, or 0 if that is later.
    pub(crate) fn since(self, earlier: Millis) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Returns the point `ms` milliseconds earlier, but none before the start of the clock.
    pub(crate) fn before(self, ms: u64) -> Millis {
        Millis(self.0.saturating_sub(ms))
    }
}

/// Returns the microseconds between two points, of which the second is the earlier.
impl std::ops::Sub for Micros {
    type Output = u64;
    fn sub(self, earlier: Micros) -> u64 {
        self.0 - earlier.0
    }
}

impl std::ops::Add<u64> for Micros {
    type Output = Micros;
    fn add(self, us: u64) -> Micros {
        Micros(self.0 + us)
    }
}

impl std::ops::Add<u64> for Millis {
    type Output = Millis;
    fn add(self, ms: u64) -> Millis {
        Millis(self.0 + ms)
    }
}
