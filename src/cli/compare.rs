//! `halfopen compare`: one scenario on several targets, or recordings against the engine.

mod closed;
mod replayed;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::out::Out;
use super::play::{self, Players};
use super::{Exit, Failure, scenarios};
use crate::target::TargetKind;
use crate::trace::Stopped;

/// How many differences of one verdict are printed at most; `--json` has all of them.
const SHOWN: usize = 20;

/// What the exit code says of several recordings, and of a machine that was late.
const EXIT_CODES: &str = "Exit codes: 0 the same; 1 different; 2 a recording could not be compared (the others are), or \
                          this machine was so late that a difference says nothing.";

/// Arguments of `compare`.
#[derive(Debug, Args)]
#[command(
    after_help = EXIT_CODES,
    override_usage = "halfopen compare <SCENARIO> [OPTIONS]\n       halfopen compare --recording <DIR>... [--json]"
)]
pub(super) struct Compare {
    /// The name of a built-in scenario (see `halfopen list`), or a TOML file
    #[arg(required_unless_present = "recording")]
    scenario: Option<String>,
    /// The targets; the first is compared with each of the others, and the last comparison decides the exit code
    /// [default: engine,smoltcp,linux; with --mode replay linux,engine, the only targets that it can have]
    #[arg(long, value_delimiter = ',', value_parser = play::target())]
    on: Vec<TargetKind>,
    /// How the traces are produced
    #[arg(long, value_enum, default_value_t = Mode::Closed)]
    mode: Mode,
    /// Replays recordings on the engine: folders written by `run --out`, folders that contain such folders, or names
    /// of built-in recordings
    #[arg(long, num_args = 1.., value_name = "DIR", conflicts_with_all = ["scenario", "on", "mode", "out"])]
    recording: Vec<PathBuf>,
    /// Seed for the random numbers of the targets, such as initial sequence numbers
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    out: Out,
    /// Prints the result as one JSON object
    #[arg(long)]
    json: bool,
}

/// How the traces are produced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Every target runs the scenario on its own
    Closed,
    /// The kernel runs the scenario, and the engine replays its packets and calls at the same instants
    Replay,
}

impl Compare {
    /// Compares the traces and prints the result.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let Some(name) = &self.scenario else {
            return replayed::recordings(&self.recording, self.json);
        };
        let scenario = scenarios::find(name)?;
        let on = self.targets()?;
        let players = Players::new(self.seed)?;
        match self.mode {
            Mode::Closed => {
                self.out.check(on.iter().copied().map(Some))?;
                closed::compare(self, &on, &scenario, &players)
            }
            Mode::Replay => {
                self.out.check([Some(TargetKind::Linux)])?;
                let recorded = players.kernel(&scenario)?;
                self.out.save(&recorded, Some(TargetKind::Linux))?;
                if recorded.stopped == Stopped::Interrupted {
                    return Ok(players.interrupted(&recorded));
                }
                replayed::one(&recorded, self.json)
            }
        }
    }

    /// The targets that were asked for, or those of the mode.
    fn targets(&self) -> Result<Vec<TargetKind>, Failure> {
        use TargetKind::{Engine, Linux, Smoltcp};
        let is_given = !self.on.is_empty();
        let replays = |on: &[TargetKind]| matches!(on, [Linux, Engine] | [Engine, Linux]);
        match self.mode {
            Mode::Closed if is_given => Ok(self.on.clone()),
            Mode::Closed => Ok(vec![Engine, Smoltcp, Linux]),
            Mode::Replay if is_given && !replays(&self.on) => Err(Failure(
                "--mode replay takes the packets of linux and replays them on the engine: --on can only be linux,engine"
                    .to_owned(),
            )),
            Mode::Replay => Ok(vec![Linux, Engine]),
        }
    }
}
