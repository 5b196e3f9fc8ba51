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
    /// A built-in scenario's name (`halfopen list`) or a TOML file
    scenario: String,
    /// Who plays the survivor
    #[arg(long, value_parser = play::target())]
    on: TargetKind,
    /// Writes the trace to this folder: trace.pcapng, events.jsonl, summary.json, scenario.toml
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Seed of what the target draws (initial numbers and the like)
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Prints summary.json
    #[arg(long)]
    json: bool,
}

impl Run {
    /// Runs, prints the trace, and writes it where that was asked for.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let scenario = scenarios::find(&self.scenario)?;
        let trace = Players::new(self.seed)?.play(&scenario, self.on)?;
        if let Some(dir) = &self.out {
            trace.save(dir)?;
            log::info!("the trace is in {}", dir.display());
        }
        if self.json {
            terminal::print(&summary::write(&trace))?;
        } else {
            terminal::print(&single::render(&trace, terminal::style()))?;
        }
        ended(&trace)
    }
}

/// A run that did not end as its scenario says is not as expected.
fn ended(trace: &Trace) -> Result<Exit, Failure> {
    match trace.stopped {
        Stopped::SurvivorClosed | Stopped::After => Ok(Exit::Same),
        Stopped::Limit => Ok(Exit::Different),
        Stopped::Interrupted => Err(play::interrupted(trace)),
    }
}
