//! When a packet may be recorded, given its cause; and the phase of a recording's millisecond clock.
//!
//! A time is never "close enough". A packet that was caused by a packet or a call is recorded at that instant or at most
//! [`ALLOWANCE`] later. A packet that was sent by a timer is recorded between the tick in which the wheel fires (`D`) and
//! `D` + one tick + [`ALLOWANCE`]; in a later tick than `D`, it counts as late. It must never be early.

use std::time::Duration;

use crate::time::{Instant, Ticks};

/// The machine's lateness: the longest time from an instant to its stamp in a recording. According to the recordings,
/// their recorder was at most 1.5 ms late.
pub const ALLOWANCE: Duration = Duration::from_micros(1_500);

/// How long a process may take to die after `kill`: its exit, which is not a system call, closes its sockets.
pub const EXIT_ALLOWANCE: Duration = Duration::from_millis(5);

const MS: u64 = 1_000_000;

/// The clock behind TSval: milliseconds with an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MsClock {
    /// The part of a millisecond that had passed at time 0, ns.
    pub ns_into_ms: u64,
    /// TSval in the first millisecond of the run.
    pub offset: u32,
}

impl MsClock {
    /// Returns its value at an instant.
    pub fn value(&self, at: Instant) -> u32 {
        (((at.ns() + self.ns_into_ms) / MS) as u32).wrapping_add(self.offset)
    }

    /// Returns the first instant of the run at which it shows `value`; `near` decides between the wraps of the value.
    pub fn start_of(&self, value: u32, near: Instant) -> Instant {
        let ahead = i64::from(value.wrapping_sub(self.value(near)) as i32);
        let now = ((near.ns() + self.ns_into_ms) / MS) as i64;
        let start = u64::try_from((now + ahead).max(0)).unwrap_or(0) * MS;
        Instant::from_ns(start.saturating_sub(self.ns_into_ms))
    }

    /// Returns the clock that explains the TSvals `stamps` (recorded instant, value) of one side.
    ///
    /// A packet is stamped after it was made, at most [`ALLOWANCE`] later. So each one shows that its millisecond began
    /// before the stamp and did not end before the stamp minus the allowance. The result lies in the interval on which
    /// most of them agree: at `guess` (ns into a millisecond at time 0) if that is inside, otherwise at its end.
    pub fn estimate(stamps: &[(Instant, u32)], guess: Option<u64>) -> Option<MsClock> {
        let &(_, base) = stamps.first()?;
        // each packet: the earliest and the latest start of millisecond `base` on the recording's clock
        let allowed = stamps.iter().map(|&(at, value)| {
            let after = i64::from(value.wrapping_sub(base) as i32) * MS as i64;
            let latest = at.ns() as i64 - after;
            (
                latest - (MS as i64 - 1) - ALLOWANCE.as_nanos() as i64,
                latest,
            )
        });
        let (earliest, latest) = most_allowed(allowed.collect());
        let chosen = match guess {
            None => latest,
            Some(ns) => {
                let behind = (latest + ns as i64).rem_euclid(MS as i64);
                if latest - behind >= earliest {
                    latest - behind
                } else {
                    latest
                }
            }
        };
        let into = (-chosen).rem_euclid(MS as i64);
        let whole = (chosen + into).div_euclid(MS as i64);
        Some(MsClock {
            ns_into_ms: into as u64,
            offset: base.wrapping_sub(whole as u32),
        })
    }
}

/// Returns the first interval that the largest number of these have in common.
fn most_allowed(intervals: Vec<(i64, i64)>) -> (i64, i64) {
    let mut ends: Vec<(i64, bool)> = Vec::with_capacity(2 * intervals.len());
    for (low, high) in intervals {
        ends.extend([(low, false), (high, true)]);
    }
    // at equal places one begins before the other ends
    ends.sort_unstable();
    let (mut depth, mut deepest, mut best) = (0, 0, (0, 0));
    let mut ends = ends.into_iter().peekable();
    while let Some((place, is_end)) = ends.next() {
        if is_end {
            depth -= 1;
            continue;
        }
        depth += 1;
        if let Some((next, true)) = ends.peek()
            && depth > deepest
        {
            deepest = depth;
            best = (place, *next);
        }
    }
    best
}

/// What made a packet leave, or an application notice something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A call or a packet, executed between these instants.
    Stimulus {
        /// The earliest instant.
        from: Instant,
        /// The latest instant.
        to: Instant,
    },
    /// A timer that fires at this instant, the start of a tick.
    Timer(Instant),
}

/// The result of checking the instant of a recorded packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timely {
    /// It lies within the limits.
    Yes,
    /// It lies within the limits, one tick after the one in which the wheel fires.
    Late,
    /// It lies before its cause.
    Early,
    /// It lies after the latest instant allowed.
    TooLate,
}

impl Cause {
    /// Returns the earliest instant at which the consequence may be recorded.
    pub fn earliest(self) -> Instant {
        match self {
            Cause::Stimulus { from, .. } => from,
            Cause::Timer(due) => due,
        }
    }

    /// Returns the latest instant at which the consequence may be recorded.
    pub fn latest(self, ticks: &Ticks) -> Instant {
        match self {
            Cause::Stimulus { to, .. } => to + ALLOWANCE,
            Cause::Timer(due) => due + Duration::from_nanos(ticks.tick_ns) + ALLOWANCE,
        }
    }

    /// Checks whether a consequence recorded at `recorded` is on time.
    pub fn judge(self, recorded: Instant, ticks: &Ticks) -> Timely {
        if recorded < self.earliest() {
            return Timely::Early;
        }
        if recorded > self.latest(ticks) {
            return Timely::TooLate;
        }
        match self {
            Cause::Timer(due) if ticks.jiffies(recorded) > ticks.jiffies(due) => Timely::Late,
            _ => Timely::Yes,
        }
    }
}

/// Returns how far apart two firings of the same timer may be in two runs of unknown phase: each is late by up to a
/// granule of the wheel's level for `delay`, up to one tick, and the machine's lateness.
pub fn spread(delay: Duration, ticks: &Ticks) -> Duration {
    let tick = Duration::from_nanos(ticks.tick_ns);
    let asked = ticks.from_us(delay.as_micros() as u64);
    let level = ticks.level_of(asked);
    let granule = tick * (1 << (3 * level));
    granule + tick + ALLOWANCE
}

/// The times from a shared event until each side did something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gaps {
    pub(crate) left: Duration,
    pub(crate) right: Duration,
    /// The part of the right side's time that follows from its longer RTO, us.
    shift_us: i64,
}

impl Gaps {
    pub(crate) fn from(shared: (Instant, Instant), left: Instant, right: Instant) -> Gaps {
        Gaps {
            left: left.since(shared.0),
            right: right.since(shared.1),
            shift_us: 0,
        }
    }

    /// Creates the times of a timer whose delay is longer on the right side by this, us.
    pub(crate) fn shifted(self, shift_us: i64) -> Gaps {
        Gaps { shift_us, ..self }
    }

    /// Returns by how much the sides differ in excess of their RTOs.
    pub(crate) fn apart(&self) -> Duration {
        let by = Duration::from_micros(self.shift_us.unsigned_abs());
        match self.shift_us < 0 {
            true => self.left.abs_diff(self.right + by),
            false => (self.left + by).abs_diff(self.right),
        }
    }

    pub(crate) fn longest(&self) -> Duration {
        self.left.max(self.right)
    }

    pub(crate) fn words(&self) -> (String, String) {
        let after = |gap: Duration| format!("+{:.6} s", gap.as_secs_f64());
        (after(self.left), after(self.right))
    }
}

#[cfg(test)]
mod tests;
