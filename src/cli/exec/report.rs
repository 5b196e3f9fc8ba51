//! The report of a run of `exec`: the program's end, what was done to the peer, and a story for each connection.

use std::fmt::Write;
use std::path::Path;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::nouns::count;
use crate::os::Ended;
use crate::postmortem::{self, End, Happening, Story};
use crate::printable;
use crate::service::Relayed;
use crate::sysctl::Sysctl;
use crate::time::{Instant, Ticks};

/// Stories that are told at length; programs open thousands of connections.
const MOST_STORIES: usize = 50;

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) at: Instant,
    pub(super) how: Ended,
    pub(super) by_timeout: bool,
}

/// What is known of a run besides its connections.
pub(super) struct Report<'a> {
    pub(super) command: String,
    pub(super) ended: Ending,
    pub(super) sysctl: &'a Sysctl,
    /// The sysctls that were asked for.
    pub(super) set: &'a [(String, String)],
    pub(super) ticks: Ticks,
    pub(super) relayed: Option<&'a Relayed>,
    pub(super) trace: Option<&'a Path>,
}

/// Characters of the command line that the report shows; `--json` has all of it.
const MOST_COMMAND: usize = 100;

/// Returns the beginning of a command line, such as that of `python3 -c` with a whole program, on one line.
fn one_line(command: &str) -> String {
    let escaped = printable::escaped(command);
    let Some((end, _)) = escaped.char_indices().nth(MOST_COMMAND) else {
        return escaped.into_owned();
    };
    format!("{}...", &escaped[..end])
}

impl Report<'_> {
    pub(super) fn text(&self, stories: &[Story], happenings: &[Happening]) -> String {
        let mut text = String::new();
        let by = if self.ended.by_timeout {
            ", by --timeout"
        } else {
            ""
        };
        let at = self.ended.at.secs_f64();
        let _ = writeln!(
            text,
            "\n{}: {} after {at:.3} s{by} (measured)",
            one_line(&self.command),
            self.ended.how
        );
        for happening in happenings {
            let at = happening.at.secs_f64();
            let note = match happening.what.contains("frozen") {
                true => "; its kernel still acknowledges, so yours sees a live peer",
                false => "",
            };
            let _ = writeln!(text, "the peer: {} at {at:.3} s{note}", happening.what);
        }
        if happenings.is_empty() {
            let _ = writeln!(text, "the peer lived on");
        }
        if !self.set.is_empty() {
            let set: Vec<_> = self.set.iter().map(|(k, v)| format!("{k}={v}")).collect();
            let _ = writeln!(text, "the program's kernel: {}", set.join(" "));
        }
        if let Some(relayed) = self.relayed {
            let _ = writeln!(text, "{}", relay(relayed));
        }
        if stories.is_empty() {
            let _ = writeln!(text, "no TCP connection was made or tried");
        }
        if stories.len() > 1 {
            let _ = writeln!(text, "{}", tally(stories));
        }
        // those whose peer died under them first: they are what this was run for
        let mut order: Vec<_> = stories.iter().collect();
        order.sort_by_key(|s| s.peer_died.is_none());
        for story in order.iter().take(MOST_STORIES) {
            let _ = write!(text, "\n{}", postmortem::render(story));
        }
        if let Some(more) = order.len().checked_sub(MOST_STORIES).filter(|n| *n > 0) {
            let _ = writeln!(text, "\nand {more} connections more; --json tells all");
        }
        if let Some(trace) = self.trace {
            let _ = writeln!(text, "\nthe packets are in {}", trace.display());
        }
        text
    }

    pub(super) fn json(&self, stories: &[Story], happenings: &[Happening]) -> String {
        let happenings: Vec<_> = happenings
            .iter()
            .map(|h| json!({"at_s": h.at.secs_f64(), "peer": h.what, "is_dead": h.is_dead}))
            .collect();
        let relayed = self.relayed.map(|r| {
            json!({
                "connections": r.connections.load(Ordering::Relaxed),
                "refused": r.refused.load(Ordering::Relaxed),
                "to_server_bytes": r.to_server.load(Ordering::Relaxed),
                "from_server_bytes": r.from_server.load(Ordering::Relaxed),
            })
        });
        let set: serde_json::Map<String, Value> = self
            .set
            .iter()
            .map(|(k, v)| (k.clone(), json!(v)))
            .collect();
        let object = json!({
            "program": self.command,
            "ended": self.ended.how.to_string(),
            "exit_code": self.ended.how.code(),
            "by_timeout": self.ended.by_timeout,
            "ended_at_s": self.ended.at.secs_f64(),
            "peer": happenings,
            "sysctl": set,
            "relayed": relayed,
            "connections": stories.iter().map(postmortem::as_json).collect::<Vec<_>>(),
        });
        format!("{object:#}\n")
    }
}

/// `3 connections: 1 closed by both ends, 2 given up by the kernel`.
fn tally(stories: &[Story]) -> String {
    let kind = |story: &Story| match story.end {
        End::Closed { .. } => "closed by both ends",
        End::Reset { .. } => "reset by the peer",
        End::GaveUp { .. } => "given up by the kernel",
        End::LetGo { .. } => "closed by the program alone",
        End::Open => "still open",
    };
    let mut counts = std::collections::BTreeMap::new();
    for story in stories {
        *counts.entry(kind(story)).or_insert(0) += 1;
    }
    let parts: Vec<_> = counts
        .iter()
        .map(|(kind, n)| format!("{n} {kind}"))
        .collect();
    format!("{} connections: {}", stories.len(), parts.join(", "))
}

/// `relayed: 1 connection, 20 B to the real server, 30 B from it`.
pub(in crate::cli) fn relay(relayed: &Relayed) -> String {
    let get = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let refused = match get(&relayed.refused) {
        0 => String::new(),
        n => format!(", {n} of them not taken by it"),
    };
    format!(
        "relayed: {} to the real server{refused}, {} B to it, {} B from it",
        count(get(&relayed.connections), "connection"),
        get(&relayed.to_server),
        get(&relayed.from_server)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_on_the_command_line_is_one_short_line() {
        let table = [
            (
                "curl http://10.77.0.2/",
                "curl http://10.77.0.2/".to_owned(),
            ),
            ("sh -c a\n\tb\u{1b}[2J", r"sh -c a\n\tb\u{1b}[2J".to_owned()),
            (&"é".repeat(101), "é".repeat(100) + "..."),
        ];
        for (command, shown) in table {
            assert_eq!(one_line(command), shown);
        }
    }
}
