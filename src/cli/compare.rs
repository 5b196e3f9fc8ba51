//! `halfopen compare`: one scenario on several targets, or recordings against the engine.

mod closed;
mod replayed;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::play::{self, Players};
use super::{Exit, Failure, scenarios};
use crate::target::TargetKind;

/// Most differences of one verdict that are printed; `--json` has all.
const SHOWN: usize = 20;

/// Arguments of `compare`.
#[derive(Debug, Args)]
#[command(
    override_usage = "halfopen compare <SCENARIO> [OPTIONS]\n       halfopen compare --recording <DIR>... [--json]"
)]
pub(super) struct Compare {
    /// A built-in scenario's name (`halfopen list`) or a TOML file
    #[arg(required_unless_present = "recording")]
    scenario: Option<String>,
    /// Targets: the first is held against each of the others; the exit code is that of the last comparison
    #[arg(long, value_delimiter = ',', value_parser = play::target(), default_value = "engine,smoltcp,linux")]
    on: Vec<TargetKind>,
    /// How the traces come about
    #[arg(long, value_enum, default_value_t = Mode::Closed)]
    mode: Mode,
    /// Replays recordings: folders that `run --out` wrote, folders of such folders, or names of those that the
    /// program carries
    #[arg(long, num_args = 1.., value_name = "DIR", conflicts_with_all = ["scenario", "on", "mode"])]
    recording: Vec<PathBuf>,
    /// Seed of what the targets draw (initial numbers and the like)
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Writes each trace to a folder of its own below this one
    #[arg(long, value_name = "DIR", conflicts_with = "recording")]
    out: Option<PathBuf>,
    /// Prints one JSON object
    #[arg(long)]
    json: bool,
}

/// How the traces come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Every target lives through the scenario by itself
    Closed,
    /// The kernel's run is replayed on the engine: its packets and calls at their instants
    Replay,
}

impl Compare {
    /// Compares, and prints what it found.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let Some(name) = &self.scenario else {
            return replayed::recordings(&self.recording, self.json);
        };
        let scenario = scenarios::find(name)?;
        let players = Players::new(self.seed)?;
        match self.mode {
            Mode::Closed => closed::compare(self, &scenario, &players),
            Mode::Replay => {
                let recorded = players.kernel(&scenario)?;
                if let Some(dir) = &self.out {
                    recorded.save(&dir.join(&recorded.meta.target))?;
                }
                replayed::one(&recorded, self.json)
            }
        }
    }
}
