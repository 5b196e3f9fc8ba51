//! Every phase of the clock tick and of the timer wheel in which a run can begin.
//!
//! A timer on level n of the wheel fires at a multiple of 8^n ticks, so the time at which it fires depends on where in
//! such a multiple it was armed. Runs from all phases give the range of what can happen, both ends included.
//! Linux counterpart: `calc_index` in `kernel/time/timer.c`.

use std::time::Duration;

use rayon::prelude::*;

use crate::scenario::Scenario;
use crate::target::{Options, TargetError, TargetKind, run};
use crate::time::{Instant, TickSpan, Ticks};
use crate::trace::Trace;

/// The number of phases of the wheel, in ticks, up to which every one is run. If there are more, this many are run,
/// spread evenly.
const MOST_WHEEL_PHASES: u64 = 32_768;

/// The phases to run.
#[derive(Clone, Debug)]
pub struct Phases {
    ticks: Ticks,
    /// Ticks after which the wheel's rounding repeats.
    period: u64,
    /// Distance between two phases of the wheel that are run, ticks.
    stride: u64,
    /// Phases of one tick that are run, ns into the tick.
    into_tick_ns: Vec<u64>,
}

impl Phases {
    /// Returns the phases for runs in which no timer waits longer than `longest`.
    pub fn of(ticks: Ticks, longest: Duration) -> Phases {
        let period = match ticks.wheel {
            // two ticks more, because a wait is counted from the tick in which the timer was armed
            true => {
                let us = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX);
                let level = ticks.level_of(ticks.from_us(us).saturating_add(TickSpan(2)));
                1 << (3 * level.min(8))
            }
            false => 1,
        };
        let mut into_tick_ns = vec![0, ticks.tick_ns / 2, ticks.tick_ns - 1];
        into_tick_ns.dedup();
        Phases {
            ticks,
            period,
            stride: (period / MOST_WHEEL_PHASES).max(1),
            into_tick_ns,
        }
    }

    /// Returns at most `most` of these phases, and at least one, spread evenly.
    pub fn at_most(mut self, most: u64) -> Phases {
        if self.len() > most {
            let each = self.into_tick_ns.len() as u64;
            let wheel = (most / each).max(1);
            self.stride = self.period.div_ceil(wheel).max(self.stride);
            self.into_tick_ns.truncate(most.max(1) as usize);
        }
        self
    }

    /// Returns the number of runs.
    pub fn len(&self) -> u64 {
        self.period.div_ceil(self.stride) * self.into_tick_ns.len() as u64
    }

    /// Returns false, because there is always at least one phase.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Returns whether every phase of the wheel is run. If not, the phases are spread evenly.
    pub fn are_all(&self) -> bool {
        self.stride == 1
    }

    /// Returns the ticks of run `n`, which must be less than [`len`](Phases::len).
    pub fn nth(&self, n: u64) -> Ticks {
        let each = self.into_tick_ns.len() as u64;
        Ticks {
            jiffies_at_t0: self.ticks.jiffies_at_t0 + TickSpan(n / each * self.stride),
            ns_into_tick: self.into_tick_ns[(n % each) as usize],
            ..self.ticks
        }
    }

    /// Runs the scenario on the engine once in each phase, on all cores, and returns what `look` takes from each trace,
    /// in the order of the phases.
    ///
    /// # Errors
    /// Returns the error of the first run that fails.
    pub fn each<T: Send>(
        &self,
        scenario: &Scenario,
        look: impl Fn(&Trace) -> T + Sync,
    ) -> Result<Vec<T>, TargetError> {
        self.each_own(|_| std::borrow::Cow::Borrowed(scenario), look)
    }

    /// Runs the engine like [`each`](Phases::each), in each phase with the scenario that `of` makes for its number.
    ///
    /// # Errors
    /// Returns the error of the first run that fails.
    pub fn each_own<'a, T: Send>(
        &self,
        of: impl Fn(u64) -> std::borrow::Cow<'a, Scenario> + Sync,
        look: impl Fn(&Trace) -> T + Sync,
    ) -> Result<Vec<T>, TargetError> {
        let runs = (0..self.len()).into_par_iter().map(|n| {
            let options = Options {
                seed: 1,
                ticks: Some(self.nth(n)),
                ..Options::default()
            };
            run(&of(n), TargetKind::Engine, options).map(|trace| look(&trace))
        });
        runs.collect()
    }
}

/// Returns the longest time between two consecutive instants.
pub fn longest_gap(instants: impl IntoIterator<Item = Instant>) -> Duration {
    let mut longest = Duration::ZERO;
    let mut before: Option<Instant> = None;
    for at in instants {
        longest = longest.max(before.map_or(Duration::ZERO, |b| at.since(b)));
        before = Some(at);
    }
    longest
}

#[cfg(test)]
mod tests;
