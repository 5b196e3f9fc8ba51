//! `halfopen list`: the built-in scenarios.

use clap::Args;
use serde_json::json;

use super::{Exit, Failure, terminal};
use crate::run::{Options, TargetKind, run};
use crate::scenario::builtin;
use crate::time::Instant;

/// Arguments of `list`.
#[derive(Debug, Args)]
pub(super) struct List {
    /// Prints a JSON array
    #[arg(long)]
    json: bool,
}

struct Entry {
    name: &'static str,
    title: String,
    /// When the engine's run ends; about what a run in real time takes.
    lasts: Instant,
}

impl List {
    /// Prints name, duration and title of every built-in scenario.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let entries = builtin::all().iter().map(|builtin| {
            let scenario = builtin
                .scenario()
                .map_err(|errors| Failure(errors.report(terminal::error_color())))?;
            let trace = run(&scenario, TargetKind::Engine, Options::default())?;
            Ok(Entry {
                name: builtin.name,
                title: scenario.title,
                lasts: trace.ended_at,
            })
        });
        let entries = entries.collect::<Result<Vec<_>, Failure>>()?;
        if self.json {
            let all: Vec<_> = entries
                .iter()
                .map(|e| json!({"name": e.name, "title": e.title, "lasts_s": e.lasts.secs_f64()}))
                .collect();
            terminal::print(&format!("{:#}\n", json!(all)))?;
        } else {
            terminal::print(&table(&entries))?;
        }
        Ok(Exit::Same)
    }
}

fn table(entries: &[Entry]) -> String {
    let width = entries.iter().map(|e| e.name.len()).max().unwrap_or(0);
    let mut text = format!(
        "{:width$}  {:>8}  title (how long it lasts is simulated)\n",
        "name", "lasts"
    );
    for e in entries {
        let lasts = format!("{:.1} s", e.lasts.secs_f64());
        text += &format!("{:width$}  {lasts:>8}  {}\n", e.name, e.title);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_the_longest_name() {
        let entry = |name, ms| Entry {
            name,
            title: "What it is".into(),
            lasts: Instant::from_ms(ms),
        };
        assert_eq!(
            table(&[entry("short", 1_500), entry("much-longer", 1_083_040)]),
            "name            lasts  title (how long it lasts is simulated)\n\
             short           1.5 s  What it is\n\
             much-longer  1083.0 s  What it is\n"
        );
    }
}
