//! `halfopen run`: one scenario on one target.

use std::path::PathBuf;

use clap::Args;

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
    #[arg(long, value_parser = play::target())]
    on: TargetKind,
    /// Writes the trace to this folder: trace.pcapng, events.jsonl, summary.json, scenario.toml
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
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
        let trace = Players::new(self.seed)?.play(&scenario, self.on)?;
        if let Some(dir) = &self.out {
            trace.save(dir)?;
            log::info!("the trace is in {}", dir.display());
        }
        if self.json {
            terminal::print_json(&summary::write(&trace))?;
        } else {
            terminal::print(&single::render(&trace, terminal::style()))?;
        }
        ended(&trace)
    }
}

/// Tells whether the run ended as its scenario says.
fn ended(trace: &Trace) -> Result<Exit, Failure> {
    match trace.stopped {
        Stopped::SurvivorClosed | Stopped::After => Ok(Exit::Same),
        Stopped::Limit => Ok(Exit::Different),
        Stopped::Interrupted => Err(play::interrupted(trace)),
    }
}
