//! One scenario with many settings: every combination runs on the engine, in virtual time, on all cores.
//!
//! The order of the combinations is the same on every machine: the last axis changes fastest. They are run in batches and
//! passed on as they finish, so that memory does not grow with their number.

mod axis;

use std::time::Duration;

use rayon::prelude::*;

pub use axis::{Axis, OTHERS, Value};

use crate::call::Errno;
use crate::scenario::Scenario;
use crate::target::{Options, TargetError, TargetKind, run};
use crate::time::Instant;
use crate::trace::{Dir, Incident, Stopped, Trace, Who};
use crate::wire::{Datagram, Flags, Payload};

/// Number of combinations that are run before their results are passed on.
const BATCH: u64 = 4_096;
/// Largest number of combinations in one sweep.
pub const MOST_COMBINATIONS: u64 = 100_000_000;

/// How one combination ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The first error that the application got, or `None` if it got none.
    pub errno: Option<Errno>,
    /// When it got the error or the end of the stream: counted from the peer's death, or from the start if nothing dies.
    pub told_after: Option<Duration>,
    /// When it got the error or the end of the stream, counted from the first write that the dead peer did not receive.
    pub told_after_write: Option<Duration>,
    /// Whether the survivor sent a RST after the death.
    pub reset: bool,
    /// Number of packets that the survivor sent after the death.
    pub packets: u32,
    /// Number of bytes in these packets, IP headers included.
    pub bytes: u64,
    /// Whether the run reached its limit, so that what is missing here may come later.
    pub cut_off: bool,
}

/// A combination and its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// The index of the value on each axis.
    pub values: Vec<usize>,
    /// How the combination ended.
    pub outcome: Outcome,
}

/// A scenario and the settings that are varied in it.
#[derive(Clone, Debug)]
pub struct Sweep {
    scenario: Scenario,
    axes: Vec<Axis>,
}

impl Sweep {
    /// Creates a sweep of the scenario over the axes.
    ///
    /// # Errors
    /// Returns a sentence if an axis occurs twice or there are more than [`MOST_COMBINATIONS`] combinations.
    pub fn new(scenario: Scenario, axes: Vec<Axis>) -> Result<Sweep, String> {
        for (n, axis) in axes.iter().enumerate() {
            if axes[..n].iter().any(|before| before.name == axis.name) {
                return Err(format!(
                    "{} is varied twice; name all its values once",
                    axis.name
                ));
            }
        }
        let count = axes
            .iter()
            .try_fold(1_u64, |n, axis| n.checked_mul(axis.values.len() as u64));
        match count {
            Some(n) if n <= MOST_COMBINATIONS => Ok(Sweep { scenario, axes }),
            _ => Err(format!("more than {MOST_COMBINATIONS} combinations")),
        }
    }

    /// Returns the axes in the order given.
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// Returns the scenario's name.
    pub fn name(&self) -> &str {
        &self.scenario.name
    }

    /// Returns the number of combinations.
    pub fn len(&self) -> u64 {
        self.axes.iter().map(|a| a.values.len() as u64).product()
    }

    /// Returns whether there is no combination, because an axis has no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Runs all combinations and passes each to `take`, in order. `take` can end the sweep with an error.
    ///
    /// # Errors
    /// Returns the error of `take`, or that of a run that failed.
    pub fn each<E: From<TargetError>>(
        &self,
        mut take: impl FnMut(Point) -> Result<(), E>,
    ) -> Result<(), E> {
        let total = self.len();
        let mut from = 0;
        while from < total {
            let to = (from + BATCH).min(total);
            let batch: Result<Vec<Point>, TargetError> =
                (from..to).into_par_iter().map(|n| self.point(n)).collect();
            for point in batch? {
                take(point)?;
            }
            from = to;
        }
        Ok(())
    }

    /// Runs combination `n`.
    fn point(&self, n: u64) -> Result<Point, TargetError> {
        let mut values = vec![0; self.axes.len()];
        let mut rest = n;
        for (at, axis) in self.axes.iter().enumerate().rev() {
            let count = axis.values.len() as u64;
            values[at] = (rest % count) as usize;
            rest /= count;
        }
        let mut scenario = self.scenario.clone();
        let mut ticks = scenario.preset.ticks();
        let both = [true, false];
        for first in both {
            for (axis, value) in self.axes.iter().zip(&values) {
                if axis.comes_first() == first {
                    axis.apply(*value, &mut scenario, &mut ticks);
                }
            }
        }
        let options = Options {
            seed: 1,
            ticks: Some(ticks),
            ..Options::default()
        };
        let trace = run(&scenario, TargetKind::Engine, options)?;
        Ok(Point {
            values,
            outcome: Outcome::read(&trace),
        })
    }
}

impl Outcome {
    /// Returns how a run ended, from its trace.
    pub fn read(trace: &Trace) -> Outcome {
        let death = death(trace);
        let from = death.unwrap_or(Instant::ZERO);
        let survivor = || trace.events.iter().filter(|e| e.who == Who::Survivor);
        let write = survivor()
            .find(|e| e.at >= from && matches!(e.what, Incident::Send { .. }))
            .map(|e| e.at);
        let told = survivor().find(|e| {
            e.at >= from && matches!(e.what, Incident::Error { .. } | Incident::Eof { .. })
        });
        let mut outcome = Outcome {
            errno: None,
            told_after: told.map(|e| e.at.since(from)),
            told_after_write: None,
            reset: false,
            packets: 0,
            bytes: 0,
            cut_off: trace.stopped == Stopped::Limit,
        };
        if let (Some(told), Some(write)) = (told, write) {
            outcome.told_after_write = (told.at >= write).then(|| told.at.since(write));
        }
        if let Some(Incident::Error { errno, .. }) = told.map(|e| &e.what) {
            outcome.errno = Some(*errno);
        }
        for packet in trace
            .packets
            .iter()
            .filter(|p| p.dir == Dir::Out && p.at >= from)
        {
            outcome.packets += 1;
            outcome.bytes += packet.bytes.len() as u64;
            outcome.reset |= is_reset(&packet.bytes);
        }
        outcome
    }
}

/// Returns when the peer died, the link was cut, or the peer's host became unreachable, whichever came first.
fn death(trace: &Trace) -> Option<Instant> {
    let deadly = |what: &Incident| {
        matches!(
            what,
            Incident::Die | Incident::Cut | Incident::Unreachable | Incident::Reset
        )
    };
    let mut events = trace.events.iter();
    let found =
        events.find(|e| deadly(&e.what) || (e.who == Who::Peer && e.what == Incident::Kill));
    found.map(|e| e.at)
}

fn is_reset(bytes: &[u8]) -> bool {
    let Ok(datagram) = Datagram::parse(bytes) else {
        return false;
    };
    matches!(&datagram.payload, Payload::Tcp(segment) if segment.flags.has(Flags::RST))
}

#[cfg(test)]
mod tests;
