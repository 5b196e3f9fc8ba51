//! Instants in nanoseconds, and Linux's clock ticks: jiffies and the timer wheel's rounding.
//!
//! Linux counterpart: `kernel/time/timer.c` (the wheel), `include/linux/jiffies.h`. Nanoseconds and not
//! smoltcp's microseconds because a tick's phase is known in nanoseconds and a trace is stamped in them.

use std::time::Duration;

/// A point in time: nanoseconds since the first instant of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant {
    ns: u64,
}

impl Instant {
    /// The first instant of the run.
    pub const ZERO: Instant = Instant { ns: 0 };

    /// The instant `ns` nanoseconds after the start of the run.
    pub const fn from_ns(ns: u64) -> Self {
        Instant { ns }
    }

    /// The instant `us` microseconds after the start of the run.
    pub const fn from_us(us: u64) -> Self {
        Instant { ns: us * 1_000 }
    }

    /// The instant `ms` milliseconds after the start of the run.
    pub const fn from_ms(ms: u64) -> Self {
        Instant { ns: ms * 1_000_000 }
    }

    /// Nanoseconds since the start of the run.
    pub const fn ns(self) -> u64 {
        self.ns
    }

    /// Microseconds since the start of the run, rounded down.
    pub const fn us(self) -> u64 {
        self.ns / 1_000
    }

    /// Seconds since the start of the run, for people.
    pub fn secs_f64(self) -> f64 {
        self.ns as f64 / 1e9
    }

    /// Time passed since `earlier`; zero if `earlier` is later.
    pub const fn since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.ns.saturating_sub(earlier.ns))
    }

    /// `d` before this instant, not before the start of the run.
    pub fn saturating_sub(self, d: Duration) -> Instant {
        Instant {
            ns: self.ns.saturating_sub(d.as_nanos() as u64),
        }
    }
}

impl std::ops::Add<Duration> for Instant {
    type Output = Instant;
    fn add(self, d: Duration) -> Instant {
        Instant {
            ns: self
                .ns
                .saturating_add(u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)),
        }
    }
}

/// A count of ticks since the machine booted (Linux starts it at an arbitrary value).
pub type Jiffies = u64;

/// The clock tick that timers are rounded to: its rate, and where time 0 of the run lies in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticks {
    /// Length of a tick in ns: 4 000 000 at HZ 250.
    pub tick_ns: u64,
    /// The kernel's `jiffies` at time 0 of the run.
    pub jiffies_at_t0: Jiffies,
    /// How much of that tick had passed at time 0, in ns, less than `tick_ns`.
    pub ns_into_tick: u64,
    /// Whether timers go through the timer wheel (always 1 to 8^n ticks late) or fire at their tick.
    pub wheel: bool,
}

/// HZ 250, phase 0: jiffies count from 0 at the start of the run.
impl Default for Ticks {
    fn default() -> Self {
        Ticks {
            tick_ns: 4_000_000,
            jiffies_at_t0: 0,
            ns_into_tick: 0,
            wheel: true,
        }
    }
}

impl Ticks {
    /// Ticks at `hz` per second with the wheel, phase 0.
    pub fn at_hz(hz: u32) -> Self {
        Ticks {
            tick_ns: 1_000_000_000 / u64::from(hz.max(1)),
            ..Ticks::default()
        }
    }

    /// The textbook's clock: ticks of a microsecond and no wheel, so that no timer is rounded visibly.
    pub fn none() -> Self {
        Ticks {
            tick_ns: 1_000,
            jiffies_at_t0: 0,
            ns_into_tick: 0,
            wheel: false,
        }
    }

    /// Ticks per second.
    pub fn hz(&self) -> u64 {
        1_000_000_000 / self.tick_ns
    }

    /// The tick that `now` lies in.
    pub fn jiffies(&self, now: Instant) -> Jiffies {
        self.jiffies_at_t0 + (now.ns + self.ns_into_tick) / self.tick_ns
    }

    /// The first instant of tick `j`; the start of the run for a tick that began before it.
    pub fn start_of(&self, j: Jiffies) -> Instant {
        let ticks = j.saturating_sub(self.jiffies_at_t0);
        Instant {
            ns: ticks
                .saturating_mul(self.tick_ns)
                .saturating_sub(self.ns_into_tick),
        }
    }

    /// `us` microseconds in ticks, rounded up.
    pub fn from_us(&self, us: u64) -> Jiffies {
        us.saturating_mul(1_000).div_ceil(self.tick_ns)
    }

    /// `ms` milliseconds in ticks, rounded up.
    pub fn from_ms(&self, ms: u64) -> Jiffies {
        self.from_us(ms.saturating_mul(1_000))
    }

    /// `j` ticks in microseconds.
    pub fn to_us(&self, j: Jiffies) -> u64 {
        j.saturating_mul(self.tick_ns) / 1_000
    }

    /// The tick in which a timer armed in tick `now` for tick `expires` really fires, and the level of
    /// the wheel that it sits on.
    pub fn fires_at(&self, now: Jiffies, expires: Jiffies) -> (Jiffies, u32) {
        if !self.wheel {
            // a timer for the present tick has to wait for the next one
            return (expires.max(now + 1), 0);
        }
        let delta = expires.saturating_sub(now);
        // a level is left one slot before it is full, because every expiry is pushed up by one slot
        let level = (0..8).find(|n| delta < 63 << (3 * n)).unwrap_or(8);
        let shift = 3 * level;
        (((expires.max(now) >> shift) + 1) << shift, level)
    }
}

#[cfg(test)]
mod tests;
