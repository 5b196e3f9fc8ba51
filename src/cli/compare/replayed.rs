//! Recordings replayed on the engine.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Exit, Failure, SHOWN};
use crate::cli::terminal;
use crate::compare::replay::{Replay, replay};
use crate::compare::{Known, Verdict, summary};
use crate::scenario::Scenario;
use crate::trace::folder::TraceError;
use crate::trace::{Trace, kept};

/// Replays every recording named and prints a verdict each; the last line is `N of M identical`.
pub(super) fn recordings(named: &[PathBuf], json: bool) -> Result<Exit, Failure> {
    let mut traces = Vec::new();
    for name in named {
        traces.extend(load(name)?);
    }
    let known = Known::shipped();
    let mut verdicts = Vec::new();
    for trace in &traces {
        let verdict = replay_known(trace, &known)?.verdict;
        if !json {
            terminal::print(&text(&verdict))?;
        }
        verdicts.push(verdict);
    }
    if json {
        let identical = verdicts.iter().filter(|v| v.identical).count();
        let all = json!({"identical": identical, "of": verdicts.len(), "verdicts": verdicts});
        terminal::print(&format!("{all:#}\n"))?;
    } else {
        terminal::print(&format!("{}\n", summary(&verdicts)))?;
    }
    Ok(exit(verdicts.iter().all(|v| v.identical)))
}

/// Replays one trace of a kernel and prints the verdict.
pub(super) fn one(recorded: &Trace, json: bool) -> Result<Exit, Failure> {
    let verdict = replay_known(recorded, &Known::shipped())?.verdict;
    if json {
        terminal::print(&format!("{:#}\n", json!(verdict)))?;
    } else {
        terminal::print(&text(&verdict))?;
        terminal::print(&format!("{}\n", summary(std::slice::from_ref(&verdict))))?;
    }
    Ok(exit(verdict.identical))
}

fn exit(same: bool) -> Exit {
    if same { Exit::Same } else { Exit::Different }
}

fn replay_known(recorded: &Trace, known: &Known) -> Result<Replay, Failure> {
    let name = &recorded.meta.scenario;
    let file = format!("{name}/scenario.toml");
    let scenario = Scenario::parse(name, &file, &recorded.meta.scenario_toml)
        .map_err(|errors| Failure(errors.report(terminal::error_color())))?;
    let mut replayed = replay(recorded, &scenario)?;
    known.apply(&mut replayed.verdict);
    Ok(replayed)
}

/// The recordings that a path stands for: its own, those of its subfolders, or the one carried under that name.
fn load(path: &Path) -> Result<Vec<Trace>, Failure> {
    let carried = path
        .to_str()
        .filter(|_| !path.exists())
        .and_then(kept::recording);
    if let Some(recording) = carried {
        return Ok(vec![recording?]);
    }
    let nothing = match Trace::load(path) {
        Ok(trace) => return Ok(vec![trace]),
        Err(error @ TraceError::NoCapture(_)) => error,
        Err(error) => return Err(error.into()),
    };
    let mut inside: Vec<PathBuf> = std::fs::read_dir(path)
        .map_err(|error| Failure(format!("{}: {error}", path.display())))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    inside.sort();
    let mut traces = Vec::new();
    for folder in inside {
        match Trace::load(&folder) {
            Ok(trace) => traces.push(trace),
            Err(TraceError::NoCapture(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if traces.is_empty() {
        return Err(nothing.into());
    }
    Ok(traces)
}

fn text(verdict: &Verdict) -> String {
    let mut text = format!("{}\n", verdict.line());
    for difference in verdict.differences.iter().take(SHOWN) {
        text += &format!("  {difference}\n");
    }
    if verdict.differences.len() > SHOWN {
        let more = verdict.differences.len() - SHOWN;
        text += &format!("  and {more} more (--json has all)\n");
    }
    text
}
