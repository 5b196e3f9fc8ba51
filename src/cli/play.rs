//! Runs a scenario on a target, with a progress line and Ctrl-C where the run takes real time.

use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::interrupt::Interrupt;
use super::progress::Progress;
use super::{Exit, Failure, terminal};
use crate::scenario::Scenario;
use crate::target::TargetError;
use crate::target::{Options, TargetKind, run};
use crate::time::{Instant, Ticks};
use crate::trace::{Trace, kept};

/// Parses the name of a target.
pub(super) fn target() -> impl TypedValueParser<Value = TargetKind> {
    PossibleValuesParser::new(TargetKind::ALL.map(TargetKind::name))
        .try_map(|name| TargetKind::from_name(&name).ok_or("there is no such target"))
}

/// The state that all runs of one command share.
#[derive(Debug)]
pub(super) struct Players {
    seed: u64,
    interrupt: Interrupt,
}

impl Players {
    /// Starts to catch Ctrl-C.
    pub(super) fn new(seed: u64) -> Result<Self, Failure> {
        let interrupt = Interrupt::catch()?;
        Ok(Players { seed, interrupt })
    }

    /// Runs `scenario` on this target and returns the trace.
    pub(super) fn play(&self, scenario: &Scenario, on: TargetKind) -> Result<Trace, TargetError> {
        self.play_at(scenario, on, None)
    }

    /// Runs `scenario` on this target and returns the trace. The engine uses these clock ticks instead of those of its
    /// kernel at phase 0.
    pub(super) fn play_at(
        &self,
        scenario: &Scenario,
        on: TargetKind,
        ticks: Option<Ticks>,
    ) -> Result<Trace, TargetError> {
        let options = Options {
            seed: self.seed,
            ticks,
            ..Options::default()
        };
        if on != TargetKind::Linux {
            return run(scenario, on, options);
        }
        // how long it will take is what the engine takes in simulated time
        let simulated = self.play(scenario, TargetKind::Engine);
        let expected = simulated.ok().map(|trace| trace.ended_at);
        let mut progress = Progress::new("linux", expected, scenario.limit);
        let mut show = |now: Instant, latest: Instant| progress.at(now, latest);
        let options = Options {
            interrupt: Some(self.interrupt.flag()),
            progress: Some(&mut show),
            ..options
        };
        run(scenario, on, options)
    }

    /// Returns the kernel's trace: that of a run now or, where no network namespace can be created, the built-in
    /// recording.
    pub(super) fn kernel(&self, scenario: &Scenario) -> Result<Trace, Failure> {
        let why = match self.play(scenario, TargetKind::Linux) {
            Err(TargetError::Unavailable(why)) => why,
            other => return Ok(other?),
        };
        match kept::recording(&scenario.name).filter(|_| was_recorded(scenario)) {
            Some(recording) => {
                let recording = recording?;
                terminal::tell(&format!("{}\n", substitute(&why, &recording)));
                Ok(recording)
            }
            None => Err(Failure(format!(
                "the linux target is not available: {why}\nThere is no recording of this scenario to use instead; \
                 --on engine,smoltcp compares without the kernel"
            ))),
        }
    }

    /// How a command ends whose run the user ended, in the way of a shell: 128 and the signal's number. What there is of
    /// the run was shown and written before.
    pub(super) fn interrupted(&self, trace: &Trace) -> Exit {
        let at = trace.ended_at.secs_f64();
        terminal::complain(&format!("interrupted at {at:.3} s"));
        Exit::Code(128 + self.interrupt.signal())
    }
}

/// Returns whether the recording of this name is one of this scenario, which somebody may have edited.
fn was_recorded(scenario: &Scenario) -> bool {
    let name = &scenario.name;
    let recorded = kept::scenario(name).map(|text| Scenario::parse(name, name, text));
    let Some(Ok(recorded)) = recorded else {
        return false;
    };
    let same_steps = scenario.steps.len() == recorded.steps.len()
        && scenario
            .steps
            .iter()
            .zip(&recorded.steps)
            .all(|(s, r)| (s.at, &s.action) == (r.at, &r.action));
    let rest = |s: &Scenario| (s.survivor.clone(), s.peer, s.delay, s.end, s.limit, s.tail);
    same_steps && rest(scenario) == rest(&recorded)
}

fn substitute(why: &str, recording: &Trace) -> String {
    let first = why.lines().next().unwrap_or_default();
    let version = &recording.meta.version;
    format!(
        "the linux target is not available: {first}; a recording of Linux {version} is used instead"
    )
}

#[cfg(test)]
mod tests;
