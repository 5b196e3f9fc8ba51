//! `halfopen list`: the built-in scenarios.

use clap::Args;
use serde_json::json;

use super::{Exit, Failure, terminal};
use crate::os::sysctl_files;
use crate::scenario::builtin;
use crate::target::{Options, TargetKind, run};
use crate::time::Instant;

/// Arguments of `list`.
#[derive(Debug, Args)]
pub(super) struct List {
    /// Prints the list as a JSON array
    #[arg(long)]
    json: bool,
}

struct Entry {
    name: &'static str,
    title: String,
    /// The simulated duration on the engine, which is about what a run in real time takes.
    lasts: Instant,
    /// Whether the `linux` target needs root to run it.
    needs_root: bool,
}

/// Returns whether only root can use this congestion control, because the kernel would have to load it first. An ordinary
/// user may choose any other in a network namespace of their own.
fn needs_root(congestion: &str, available: Option<&str>) -> bool {
    available.is_some_and(|all| !all.split_whitespace().any(|name| name == congestion))
}

impl List {
    /// Prints the name, duration and title of every built-in scenario, and whether it needs root.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let available = sysctl_files::read("tcp_available_congestion_control").unwrap_or_default();
        let entries = builtin::all().iter().map(|builtin| {
            let scenario = builtin
                .scenario()
                .map_err(|errors| Failure(errors.report(terminal::error_color())))?;
            let trace = run(&scenario, TargetKind::Engine, Options::default())?;
            let congestion = scenario.survivor.sysctl.tcp_congestion_control.name();
            Ok(Entry {
                name: builtin.name,
                needs_root: needs_root(congestion, available.as_deref()),
                title: scenario.title,
                lasts: trace.ended_at,
            })
        });
        let entries = entries.collect::<Result<Vec<_>, Failure>>()?;
        if self.json {
            let all: Vec<_> = entries
                .iter()
                .map(|e| {
                    json!({
                        "name": e.name,
                        "title": e.title,
                        "lasts_s": e.lasts.secs_f64(),
                        "needs_root": e.needs_root,
                    })
                })
                .collect();
            terminal::print_json(&format!("{:#}\n", json!(all)))?;
        } else {
            terminal::print(&table(&entries))?;
        }
        Ok(Exit::Same)
    }
}

fn table(entries: &[Entry]) -> String {
    let width = entries.iter().map(|e| e.name.len()).max().unwrap_or(0);
    let mut text = format!(
        "{:width$}  {:>8}  needs  title (durations are simulated)\n",
        "name", "duration"
    );
    for e in entries {
        let lasts = format!("{:.1} s", e.lasts.secs_f64());
        let needs = if e.needs_root { "root" } else { "" };
        text += &format!("{:width$}  {lasts:>8}  {needs:5}  {}\n", e.name, e.title);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_the_longest_name() {
        let entry = |name, ms, needs_root| Entry {
            name,
            title: "What it is".into(),
            lasts: Instant::from_ms(ms),
            needs_root,
        };
        assert_eq!(
            table(&[
                entry("short", 1_500, true),
                entry("much-longer", 1_083_040, false)
            ]),
            "name         duration  needs  title (durations are simulated)\n\
             short           1.5 s  root   What it is\n\
             much-longer  1083.0 s         What it is\n"
        );
    }

    #[test]
    fn what_must_be_loaded_needs_root() {
        for (available, expected) in [
            (Some("reno bbr cubic"), false),
            (Some("reno bbr"), true),
            (Some("reno cubics"), true),
            (None, false),
        ] {
            assert_eq!(needs_root("cubic", available), expected, "{available:?}");
        }
    }
}
