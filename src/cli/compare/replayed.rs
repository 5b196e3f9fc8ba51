//! Recordings replayed on the engine.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Exit, Failure, SHOWN};
use crate::cli::terminal;
use crate::compare::replay::{Replay, replay};
use crate::compare::{Known, Verdict, summary};
use crate::printable::escaped;
use crate::scenario::Scenario;
use crate::trace::folder::TraceError;
use crate::trace::{Trace, kept};

/// A recording's path or name, and what it holds or why it cannot be read.
type Found = (PathBuf, Result<Trace, Failure>);

/// Replays every recording named and prints a verdict each; the last line is `N of M identical`. One that cannot be
/// compared is reported, and the rest goes on.
pub(super) fn recordings(named: &[PathBuf], json: bool) -> Result<Exit, Failure> {
    let found: Vec<Found> = named.iter().flat_map(|name| load(name)).collect();
    let of = found.len();
    let known = Known::shipped();
    let mut verdicts = Vec::new();
    let mut failed = Vec::new();
    for (path, trace) in found {
        match trace.and_then(|trace| replay_known(&trace, &known)) {
            Ok(Replay { verdict, .. }) => {
                if !json {
                    terminal::print(&text(&verdict))?;
                }
                verdicts.push(verdict);
            }
            Err(Failure(why)) => {
                let path = path.display().to_string();
                let named = why.contains(&path);
                terminal::complain(&if named {
                    why.clone()
                } else {
                    format!("{path}: {why}")
                });
                failed.push(json!({"recording": path, "why": why}));
            }
        }
    }
    let identical = verdicts.iter().filter(|v| v.identical).count();
    if json {
        let all = json!({
            "identical": identical,
            "of": of,
            "not_compared": failed,
            "verdicts": verdicts,
        });
        terminal::print_json(&format!("{all:#}\n"))?;
    } else {
        let mut last = format!("{identical} of {of} identical");
        if !failed.is_empty() {
            last += &format!(", {} could not be compared", failed.len());
        }
        terminal::print(&format!("{last}\n"))?;
    }
    match failed.is_empty() {
        true => Ok(exit(identical == of)),
        false => Ok(Exit::Incomplete),
    }
}

/// Replays one trace of a kernel and prints the verdict.
pub(super) fn one(recorded: &Trace, json: bool) -> Result<Exit, Failure> {
    let verdict = replay_known(recorded, &Known::shipped())?.verdict;
    if json {
        terminal::print_json(&format!("{:#}\n", json!(verdict)))?;
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
fn load(path: &Path) -> Vec<Found> {
    let one =
        |trace: Result<Trace, TraceError>| vec![(path.to_owned(), trace.map_err(Failure::from))];
    let carried = path
        .to_str()
        .filter(|_| !path.exists())
        .and_then(kept::recording);
    if let Some(recording) = carried {
        return one(recording);
    }
    let nothing = match Trace::load(path) {
        Err(error @ TraceError::NoCapture(_)) => error,
        other => return one(other),
    };
    let inside = match std::fs::read_dir(path) {
        Ok(inside) => inside,
        Err(error) => {
            let why = format!("{}: {error}", path.display());
            return vec![(path.to_owned(), Err(Failure(why)))];
        }
    };
    let mut inside: Vec<PathBuf> = inside
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    inside.sort();
    let mut found: Vec<Found> = Vec::new();
    for folder in inside {
        match Trace::load(&folder) {
            Err(TraceError::NoCapture(_)) => {}
            trace => found.push((folder, trace.map_err(Failure::from))),
        }
    }
    if found.is_empty() {
        return one(Err(nothing));
    }
    found
}

fn text(verdict: &Verdict) -> String {
    let mut text = format!("{}\n", escaped(&verdict.line()));
    for difference in verdict.differences.iter().take(SHOWN) {
        text += &format!("  {}\n", escaped(&difference.to_string()));
    }
    if verdict.differences.len() > SHOWN {
        let more = verdict.differences.len() - SHOWN;
        text += &format!("  and {more} more (--json has all)\n");
    }
    text
}
