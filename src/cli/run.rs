//! `halfopen run`: one scenario on one target.

use clap::Args;

use super::out::Out;
use super::play::{self, Players};
use super::{Exit, Failure, scenarios, terminal};
use crate::report::single;
use crate::target::TargetKind;
use crate::trace::{Stopped, Trace, summary};

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(super) struct Run {
    /// The name of a built-in scenario (see `halfopen list`), or a TOML file
    scenario: String,
    /// The TCP that plays the survivor
    #[arg(long, value_parser = play::target(), default_value = TargetKind::Engine.name())]
    on: TargetKind,
    #[command(flatten)]
    out: Out,
    /// Seed for the random numbers of the target, such as initial sequence numbers
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Prints summary.json instead of the packets
    #[arg(long)]
    json: bool,
}

impl Run {
    /// Runs the scenario, prints the trace, and writes it to the folder of `--out` if there is one.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let scenario = scenarios::find(&self.scenario)?;
        self.out.check([None])?;
        let players = Players::new(self.seed)?;
        let trace = players.play(&scenario, self.on)?;
        self.out.save(&trace, None)?;
        if self.json {
            terminal::print_json(&summary::write(&trace))?;
        } else {
            terminal::print(&single::render(&trace, terminal::style()))?;
        }
        Ok(ended(&trace, &players))
    }
}

/// Tells whether the run ended as its scenario says.
fn ended(trace: &Trace, players: &Players) -> Exit {
    match trace.stopped {
        Stopped::SurvivorClosed | Stopped::After => Exit::Same,
        Stopped::Limit => Exit::Different,
        Stopped::Interrupted => players.interrupted(trace),
    }
}
