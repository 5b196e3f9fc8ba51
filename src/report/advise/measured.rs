//! Measured times beside the simulated ones.

use std::time::Duration;

use serde_json::{Value, json};

use super::{secs, wrap};
use crate::answers::advise::{Advice, Measured};
use crate::report::{Style, Tone, left, len, right};

/// The measured times as text.
pub fn render(advice: &Advice, measured: &[Measured], style: Style) -> String {
    let width = style.width.unwrap_or(usize::MAX);
    let kernel = measured.first().map_or("kernel", |m| m.kernel.as_str());
    let mut lines = vec![[
        "situation".to_owned(),
        "simulated, s".to_owned(),
        format!("measured on {kernel}, s"),
    ]];
    for one in measured {
        let row = advice.rows.iter().find(|r| r.case == one.case);
        let simulated = row.and_then(|r| r.ends).map_or("never".to_owned(), |s| {
            format!("{} to {}", secs(s.shortest), secs(s.longest))
        });
        let name = one.case.name().to_owned();
        lines.push([name, simulated, one.ends.map_or("no end".to_owned(), secs)]);
    }
    let widths: [usize; 3] =
        std::array::from_fn(|n| lines.iter().map(|l| len(&l[n])).max().unwrap_or(0));
    let mut out = vec![String::new()];
    for (n, cells) in lines.iter().enumerate() {
        let text = format!(
            "{}  {}  {}",
            left(&cells[0], widths[0]),
            right(&cells[1], widths[1]),
            right(&cells[2], widths[2])
        );
        let tone = if n == 0 { Tone::Faint } else { Tone::Plain };
        out.push(style.paint(text.trim_end(), tone));
    }
    out.push(String::new());
    let note = "measured: one run of each situation, all at once, in network namespaces of their own; each is in one of the \
                phases that were simulated.";
    out.extend(wrap(note, width));
    let mut notes: Vec<&String> = measured.iter().flat_map(|m| &m.notes).collect();
    notes.sort();
    notes.dedup();
    for note in notes {
        out.extend(wrap(&format!("note: {note}"), width));
    }
    out.iter().map(|line| format!("{line}\n")).collect()
}

/// Returns whether every situation ended within `detect`.
pub fn all_within(measured: &[Measured], detect: Duration) -> bool {
    let within = |m: &Measured| m.ends.is_some_and(|at| at <= detect);
    measured.iter().all(within)
}

/// The measured times as JSON.
pub fn to_json(measured: &[Measured]) -> Value {
    let each = measured.iter().map(|m| {
        json!({
            "situation": m.case.name(),
            "measured_s": m.ends.map(|d| d.as_secs_f64()),
            "kernel": m.kernel,
            "notes": m.notes,
        })
    });
    json!(each.collect::<Vec<_>>())
}
