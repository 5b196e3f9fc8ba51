//! One reading of the clock, in the three units that Linux's TCP counts in.

use crate::time::{Instant, Jiffies, Ticks};

/// What `us` and `ms` show at time 0 of the run, ms.
pub(crate) const EPOCH_MS: u64 = 3_600_000;

/// The present instant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    /// On the run's clock.
    pub(crate) at: Instant,
    /// Linux: tcp_mstamp.
    pub(crate) us: Micros,
    /// The same clock in milliseconds (what TSval shows).
    pub(crate) ms: Millis,
    /// Linux: tcp_jiffies32, without its wrap.
    pub(crate) j: Jiffies,
}

impl Now {
    pub(crate) fn read(at: Instant, ticks: &Ticks, ns_into_ms: u64) -> Now {
        // an hour on top, so that nothing that is measured backwards from here meets zero
        let ns = at.ns() + ns_into_ms + EPOCH_MS * 1_000_000;
        Now {
            at,
            us: Micros(ns / 1_000),
            ms: Millis(ns / 1_000_000),
            j: ticks.jiffies(at),
        }
    }
}

/// A point in time on the host's clock, in microseconds. What lies between two of them is a plain number of us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Micros(pub(crate) u64);

/// A point in time on the host's clock, in milliseconds. What lies between two of them is a plain number of ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Millis(pub(crate) u64);

impl Micros {
    /// The millisecond that it lies in.
    pub(crate) fn ms(self) -> Millis {
        Millis(self.0 / 1_000)
    }

    /// The microseconds since `earlier`; 0 if that is later.
    pub(crate) fn since(self, earlier: Micros) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The microseconds until `later`; negative if that has passed.
    pub(crate) fn until(self, later: Micros) -> i64 {
        later.0 as i64 - self.0 as i64
    }

    /// `us` microseconds earlier, not before the clock began.
    pub(crate) fn before(self, us: u64) -> Micros {
        Micros(self.0.saturating_sub(us))
    }
}

impl Millis {
    /// The TSval that a connection with this offset sends then.
    pub(crate) fn tsval(self, ts_offset: u32) -> u32 {
        (self.0 as u32).wrapping_add(ts_offset)
    }

    /// The milliseconds since `earlier`; 0 if that is later.
    pub(crate) fn since(self, earlier: Millis) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// `ms` milliseconds earlier, not before the clock began.
    pub(crate) fn before(self, ms: u64) -> Millis {
        Millis(self.0.saturating_sub(ms))
    }
}

/// The microseconds between two points, of which the second is the earlier.
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
