//! Connections and their futures for the eye: three lines each.
//!
//! ```text
//! ESTABLISHED 10.77.0.1:40000 -> 10.77.0.2:7777  redis-cli 4711
//!     in 15 min 36 s: ETIMEDOUT at the next call
//!     retransmission 3 in 1.2 s, 2 tries so far, 13 left, backoff 2, rto 832 ms, ...
//! ```

use std::time::Duration;

use super::{NO_BREAK, Style, Tone, len, wrap};
use crate::forecast::span;
use crate::nouns::count;
use crate::printable::escaped;
use crate::watch::{HeldBy, Look, Row, Stack};

/// What what is said of a connection is indented by.
const INDENT: usize = 4;
/// The least that lines are broken at, characters.
const NARROWEST: usize = 24;

/// The rows, and before them what they rest on. Each line fits the width, colours not counted.
pub fn render(look: &Look, kernel: &str, style: Style) -> Vec<String> {
    let mut lines = Vec::new();
    let all = count(look.of, "connection");
    let shown = match look.rows.len() {
        n if n == look.of => all,
        n => format!("{n} of {all}"),
    };
    let heading = format!("{shown}; {kernel}; {}", look.sysctls);
    lines.extend(block(&heading, 0, Tone::Faint, style));
    for note in &look.notes {
        lines.extend(block(&format!("note: {note}"), 0, Tone::Faint, style));
    }
    for row in &look.rows {
        lines.push(String::new());
        lines.extend(connection(row, style));
    }
    lines
}

/// One connection's lines.
pub fn connection(row: &Row, style: Style) -> Vec<String> {
    let ends = format!(
        "{:<11} {} -> {}  {}",
        row.state,
        row.local,
        row.remote,
        whose(row)
    );
    let width = style.width.map_or(usize::MAX, |w| w.max(NARROWEST));
    let ends = match len(&ends) > width {
        true => wrap(&ends, width),
        false => vec![escaped(&ends).replace(NO_BREAK, " ")],
    };
    let mut lines: Vec<String> = ends.iter().map(|l| style.paint(l, Tone::Heading)).collect();
    let tone = match (row.rank(), row.told.kind.as_str()) {
        (0, _) | (_, "waiting") => Tone::Different,
        (1, _) => Tone::Event,
        _ => Tone::Plain,
    };
    lines.extend(block(&told(row), INDENT, tone, style));
    lines.extend(block(&details(row), INDENT, Tone::Faint, style));
    lines
}

/// The processes, or who else has it.
fn whose(row: &Row) -> String {
    let name = |p: &crate::watch::Process| format!("{}{NO_BREAK}{}", p.name, p.pid);
    let mut all: Vec<String> = row.processes.iter().map(name).collect();
    if all.is_empty() {
        all.push(match row.held_by {
            HeldBy::AcceptQueue => "(waits for accept())".to_owned(),
            HeldBy::Nobody => "(nobody holds it)".to_owned(),
            HeldBy::Process => "(another user's process)".to_owned(),
        });
    }
    if row.stack == Stack::Halfopen {
        all.push("(halfopen's TCP)".to_owned());
    }
    all.join(" ")
}

/// What the application is told, with what that rests on.
fn told(row: &Row) -> String {
    let mut text = row.told.text.clone();
    if let Some(what_if) = &row.told_if_it_sends {
        text.push_str(&format!("; if it sends now, {}", what_if.text));
    }
    if row.recv_q_bytes > 0 && row.told.kind == "error" {
        text.push_str(&format!(
            "; recv() gives the {} unread bytes first",
            row.recv_q_bytes
        ));
    }
    if !row.assumed.is_empty() {
        text.push_str(&format!(" (if {})", row.assumed.join(", and if ")));
    }
    text
}

/// Timer, tries, RTO and queues.
fn details(row: &Row) -> String {
    let mut parts = Vec::new();
    match &row.timer {
        Some(t) if t.kind == "timewait" => parts.push(format!("gone in {}", ms(t.fires_in_ms))),
        Some(t) if t.sends == "nothing" => {
            parts.push(format!("{} timer fires in {}", t.kind, ms(t.fires_in_ms)));
        }
        Some(t) => parts.push(format!("{} in {}", t.sends, ms(t.fires_in_ms))),
        None => parts.push("no timer".to_owned()),
    }
    let so_far = row.retries_so_far as usize;
    if so_far + row.retries_left > 0 {
        let left = row.retries_left;
        parts.push(format!("{} so far, {left} left", count(so_far, "try")));
    }
    if row.backoff > 0 {
        parts.push(format!("backoff {}", row.backoff));
    }
    if row.rto_us > 0 {
        parts.push(format!("rto {}", us(row.rto_us)));
    }
    if row.srtt_us > 0 {
        parts.push(format!("srtt {}", us(row.srtt_us)));
    }
    if row.send_q_bytes + row.recv_q_bytes > 0 {
        parts.push(format!("Send-Q {} B", row.send_q_bytes));
        parts.push(format!("Recv-Q {} B", row.recv_q_bytes));
    }
    if row.unacked_segments > 0 {
        parts.push(count(row.unacked_segments, "segment") + " out");
    }
    if row.notsent_bytes > 0 {
        parts.push(format!("{} B not sent", row.notsent_bytes));
    }
    if row.probes > 0 {
        parts.push(format!("{} unanswered probes", row.probes));
    }
    if row.snd_wnd_bytes == 0 && row.send_q_bytes > 0 && row.state == "ESTABLISHED" {
        parts.push("the peer's window is closed".to_owned());
    }
    let whole = |p: &String| p.replace(' ', &NO_BREAK.to_string());
    parts.iter().map(whole).collect::<Vec<_>>().join(", ")
}

/// A paragraph.
fn block(text: &str, indent: usize, tone: Tone, style: Style) -> Vec<String> {
    let width = style.width.map_or(usize::MAX, |w| {
        w.saturating_sub(indent).max(NARROWEST - INDENT)
    });
    let line = |l: &String| format!("{}{}", " ".repeat(indent), style.paint(l, tone));
    wrap(text, width).iter().map(line).collect()
}

fn ms(ms: u64) -> String {
    span(Duration::from_millis(ms))
}

/// Microseconds as a reader likes them: `80 us`, `1.6 ms`, `204 ms`, `3.3 s`.
fn us(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} us"),
        1_000..10_000 => format!("{}.{} ms", us / 1_000, us % 1_000 / 100),
        _ => span(Duration::from_micros(us)),
    }
}

#[cfg(test)]
mod tests;
