//! Plays a scenario on a target, with progress and Ctrl-C where that takes real time.

use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::Failure;
use super::interrupt::Interrupt;
use super::progress::Progress;
use crate::scenario::Scenario;
use crate::target::TargetError;
use crate::target::{Options, TargetKind, run};
use crate::time::{Instant, Ticks};
use crate::trace::{Trace, kept};

/// Takes a target's name from the command line.
pub(super) fn target() -> impl TypedValueParser<Value = TargetKind> {
    PossibleValuesParser::new(TargetKind::ALL.map(TargetKind::name))
        .try_map(|name| TargetKind::from_name(&name).ok_or("no such target"))
}

/// What all runs of one command share.
#[derive(Debug)]
pub(super) struct Players {
    seed: u64,
    interrupt: Interrupt,
}

impl Players {
    /// Catches Ctrl-C from now on.
    pub(super) fn new(seed: u64) -> Result<Self, Failure> {
        let interrupt = Interrupt::catch()?;
        Ok(Players { seed, interrupt })
    }

    /// The trace of `scenario` on this target.
    pub(super) fn play(&self, scenario: &Scenario, on: TargetKind) -> Result<Trace, TargetError> {
        self.play_at(scenario, on, None)
    }

    /// The same, the engine with these ticks of a clock instead of its kernel's at phase 0.
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

    /// The kernel's trace: of a run now, or, where no kernel can be had, the recording that the program carries.
    pub(super) fn kernel(&self, scenario: &Scenario) -> Result<Trace, Failure> {
        let why = match self.play(scenario, TargetKind::Linux) {
            Err(TargetError::Unavailable(why)) => why,
            other => return Ok(other?),
        };
        match kept::recording(&scenario.name).filter(|_| was_recorded(scenario)) {
            Some(recording) => {
                let recording = recording?;
                eprintln!("{}", substitute(&why, &recording));
                Ok(recording)
            }
            None => Err(Failure(format!(
                "linux: {why}\nand there is no recording of this scenario to take the kernel's place; \
                 --on engine,smoltcp does without"
            ))),
        }
    }
}

/// Whether the recording of this name is one of this scenario: somebody may have edited the file.
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
    format!("linux: {first}; the recording of Linux {version} takes its place")
}

/// What is said of a run that the user ended; what there is of it was shown and written before.
pub(super) fn interrupted(trace: &Trace) -> Failure {
    Failure(format!("interrupted at {:.3} s", trace.ended_at.secs_f64()))
}

#[cfg(test)]
mod tests;
