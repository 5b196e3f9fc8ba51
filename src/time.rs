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

/// A tick of the machine's clock, counted since it booted (Linux starts the count at an arbitrary value): a point in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Jiffies(pub u64);

/// A number of ticks: the time between two [`Jiffies`], or a timeout such as the RTO.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TickSpan(pub u64);

impl Jiffies {
    /// The ticks since `earlier`; none if that is later.
    pub const fn since(self, earlier: Jiffies) -> TickSpan {
        TickSpan(self.0.saturating_sub(earlier.0))
    }

    /// `span` before this tick, not before tick 0.
    pub const fn saturating_sub(self, span: TickSpan) -> Jiffies {
        Jiffies(self.0.saturating_sub(span.0))
    }
}

impl std::fmt::Display for Jiffies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::ops::Sub for Jiffies {
    type Output = TickSpan;
    fn sub(self, earlier: Jiffies) -> TickSpan {
        TickSpan(self.0 - earlier.0)
    }
}

impl std::ops::Add<TickSpan> for Jiffies {
    type Output = Jiffies;
    fn add(self, span: TickSpan) -> Jiffies {
        Jiffies(self.0 + span.0)
    }
}

impl std::ops::AddAssign<TickSpan> for Jiffies {
    fn add_assign(&mut self, span: TickSpan) {
        self.0 += span.0;
    }
}

impl std::ops::Sub<TickSpan> for Jiffies {
    type Output = Jiffies;
    fn sub(self, span: TickSpan) -> Jiffies {
        Jiffies(self.0 - span.0)
    }
}

impl TickSpan {
    /// No time at all.
    pub const ZERO: TickSpan = TickSpan(0);

    /// One tick, the shortest time for which a timer can be armed.
    pub const ONE: TickSpan = TickSpan(1);

    /// Both, or the longest time that there is.
    pub const fn saturating_add(self, other: TickSpan) -> TickSpan {
        TickSpan(self.0.saturating_add(other.0))
    }

    /// What the longer of them has more than the shorter.
    pub const fn abs_diff(self, other: TickSpan) -> TickSpan {
        TickSpan(self.0.abs_diff(other.0))
    }

    /// What is left of it after `other`; nothing if that is longer.
    pub const fn saturating_sub(self, other: TickSpan) -> TickSpan {
        TickSpan(self.0.saturating_sub(other.0))
    }
}

impl std::ops::Add for TickSpan {
    type Output = TickSpan;
    fn add(self, other: TickSpan) -> TickSpan {
        TickSpan(self.0 + other.0)
    }
}

impl std::ops::Sub for TickSpan {
    type Output = TickSpan;
    fn sub(self, other: TickSpan) -> TickSpan {
        TickSpan(self.0 - other.0)
    }
}

impl std::ops::SubAssign for TickSpan {
    fn sub_assign(&mut self, other: TickSpan) {
        self.0 -= other.0;
    }
}

impl std::ops::Mul<u64> for TickSpan {
    type Output = TickSpan;
    fn mul(self, times: u64) -> TickSpan {
        TickSpan(self.0 * times)
    }
}

impl std::ops::Div<u64> for TickSpan {
    type Output = TickSpan;
    fn div(self, by: u64) -> TickSpan {
        TickSpan(self.0 / by)
    }
}

/// Doubled so many times, as an exponential backoff does.
impl std::ops::Shl<u32> for TickSpan {
    type Output = TickSpan;
    fn shl(self, bits: u32) -> TickSpan {
        TickSpan(self.0 << bits)
    }
}

/// Halved so many times, rounded down.
impl std::ops::Shr<u32> for TickSpan {
    type Output = TickSpan;
    fn shr(self, bits: u32) -> TickSpan {
        TickSpan(self.0 >> bits)
    }
}

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
            jiffies_at_t0: Jiffies(0),
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
            jiffies_at_t0: Jiffies(0),
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
        self.jiffies_at_t0 + TickSpan((now.ns + self.ns_into_tick) / self.tick_ns)
    }

    /// The first instant of tick `j`; the start of the run for a tick that began before it.
    pub fn start_of(&self, j: Jiffies) -> Instant {
        let ticks = j.since(self.jiffies_at_t0);
        Instant {
            ns: ticks
                .0
                .saturating_mul(self.tick_ns)
                .saturating_sub(self.ns_into_tick),
        }
    }

    /// `us` microseconds in ticks, rounded up.
    pub fn from_us(&self, us: u64) -> TickSpan {
        TickSpan(us.saturating_mul(1_000).div_ceil(self.tick_ns))
    }

    /// `ms` milliseconds in ticks, rounded up.
    pub fn from_ms(&self, ms: u64) -> TickSpan {
        self.from_us(ms.saturating_mul(1_000))
    }

    /// `span` in microseconds.
    pub fn to_us(&self, span: TickSpan) -> u64 {
        span.0.saturating_mul(self.tick_ns) / 1_000
    }

    /// The level of the wheel on which a timer waits that is armed for so many ticks: it fires at a multiple of 8^level
    /// ticks. 0 without a wheel.
    pub fn level_of(&self, wait: TickSpan) -> u32 {
        if !self.wheel {
            return 0;
        }
        // a level is left one slot before it is full, because every expiry is pushed up by one slot
        (0..8).find(|n| wait.0 < 63 << (3 * n)).unwrap_or(8)
    }

    /// The tick in which a timer armed in tick `now` for tick `expires` really fires, and the level of
    /// the wheel that it sits on.
    pub fn fires_at(&self, now: Jiffies, expires: Jiffies) -> (Jiffies, u32) {
        if !self.wheel {
            // a timer for the present tick has to wait for the next one
            return (expires.max(now + TickSpan::ONE), 0);
        }
        let level = self.level_of(expires.since(now));
        let shift = 3 * level;
        (Jiffies(((expires.max(now).0 >> shift) + 1) << shift), level)
    }
}

#[cfg(test)]
mod tests;
