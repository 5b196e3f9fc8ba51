//! Runs a scenario on a target and returns the trace.

use std::sync::atomic::AtomicBool;

#[cfg(feature = "os")]
use super::Linux;
use super::{Drive, Smoltcp, Target, TargetError, drive};
use crate::rng::Stream;
use crate::scenario::Scenario;
use crate::sim::PeerClock;
use crate::time::{Instant, Ticks};
use crate::trace::Trace;

/// The TCP that plays the survivor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TargetKind {
    /// Our TCP.
    Engine,
    /// smoltcp's, as released.
    Smoltcp,
    /// The kernel of this machine.
    Linux,
}

impl TargetKind {
    /// All of them, in the order in which they are shown.
    pub const ALL: [TargetKind; 3] = [TargetKind::Engine, TargetKind::Smoltcp, TargetKind::Linux];

    /// Its name on the command line and in a trace.
    pub const fn name(self) -> &'static str {
        match self {
            TargetKind::Engine => "engine",
            TargetKind::Smoltcp => "smoltcp",
            TargetKind::Linux => "linux",
        }
    }

    /// The target of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        TargetKind::ALL.into_iter().find(|t| t.name() == name)
    }
}

/// Options of a run.
#[derive(Default)]
pub struct Options<'a> {
    /// Seed of all random numbers; the kernel has its own.
    pub seed: u64,
    /// The clock tick of the engine; none: that of the scenario's kernel, tick 0 beginning at time 0.
    pub ticks: Option<Ticks>,
    /// A flag that ends the run early and keeps what was recorded.
    pub interrupt: Option<&'a AtomicBool>,
    /// Called in real time, ten times a second: now, and the instant at which the run ends at the latest.
    pub progress: Option<&'a mut dyn FnMut(Instant, Instant)>,
}

/// Runs `scenario` with `kind` as the survivor.
///
/// A simulated run is a function of its arguments: the same seed produces the same bytes. Returns
/// [`TargetError::Unavailable`] if this machine or this user does not allow the target.
pub fn run(
    scenario: &Scenario,
    kind: TargetKind,
    options: Options<'_>,
) -> Result<Trace, TargetError> {
    let seed = options.seed;
    let ticks = options.ticks.unwrap_or_else(|| scenario.preset.ticks());
    let mut target: Box<dyn Target> = match kind {
        TargetKind::Engine => Box::new(super::Host::new(scenario, seed, ticks)),
        TargetKind::Smoltcp => Box::new(Smoltcp::new(scenario, seed)),
        #[cfg(feature = "os")]
        TargetKind::Linux => Box::new(Linux::new(scenario)?),
        #[cfg(not(feature = "os"))]
        TargetKind::Linux => {
            let text =
                "the target linux is not part of this build: enable the feature `os` of halfopen";
            return Err(TargetError::Unavailable(text.to_owned()));
        }
    };
    let how = Drive {
        seed: (!target.is_real_time()).then_some(seed),
        clock: PeerClock {
            base: Stream::new(seed, "peer_ts").next_u32(),
            ns_into_ms: 0,
        },
        interrupt: options.interrupt,
        progress: options.progress,
    };
    drive(scenario, target.as_mut(), how)
}

#[cfg(test)]
mod tests;
