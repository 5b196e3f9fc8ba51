//! The explanation of a capture, for people and as JSON. Times are seconds since the first frame of the capture.

pub mod html;
mod ladder;

use std::ops::Range;

use serde_json::{Value, json};

use super::{Style, Tone, left, len, right, wrap};
use crate::explain::{
    CaptureSpan, Connection, Explained, Mechanism, Side, Story, Sureness, Trouble,
};
use crate::nouns::count;
use crate::wire::Flags;

/// Runs of packets without trouble that are longer than this are folded, unless all packets are wanted.
const FOLD: usize = 12;
/// Packets that are shown before and behind a fold.
const AROUND: usize = 3;

/// The list of connections, the worst first.
pub fn list(found: &[(Connection, Story)], span: &CaptureSpan, style: Style) -> String {
    let mut lines = Vec::new();
    let stream = |c: &Connection| c.stream.to_string();
    let wide = |cells: Vec<usize>| cells.into_iter().max().unwrap_or(0);
    let streams = wide(found.iter().map(|(c, _)| len(&stream(c))).collect()).max(6);
    let troubles = wide(found.iter().map(|(_, s)| len(s.trouble.name())).collect()).max(7);
    let heading = format!(
        "{}  {}  connection, and what happened",
        right("stream", streams),
        left("trouble", troubles)
    );
    lines.push(style.paint(&heading, Tone::Faint));
    for (connection, story) in found {
        let ends = format!("{} > {}", connection.addrs[0], connection.addrs[1]);
        let first = format!(
            "{}  {}  {ends}, {} from {}",
            right(&stream(connection), streams),
            left(story.trouble.name(), troubles),
            count(connection.packets, "packet"),
            span.at(connection.first_ns),
        );
        let tone = if story.trouble < Trouble::Outage {
            Tone::Different
        } else {
            Tone::Plain
        };
        lines.push(style.paint(&first, tone));
        let indent = " ".repeat(streams + troubles + 4);
        let width = style
            .width
            .map_or(usize::MAX, |w| w.saturating_sub(indent.len()));
        for line in wrap(&story.verdict, width) {
            lines.push(format!("{indent}{line}"));
        }
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// One connection, packet by packet.
pub fn one(connection: &Connection, story: &Story, span: &CaptureSpan, style: Style) -> String {
    let mut out = Vec::new();
    let [client, server] = connection.addrs;
    let heading = format!(
        "stream {}: client {client}, server {server}",
        connection.stream
    );
    out.push(style.paint(&heading, Tone::Heading));
    let kept = connection.kept.as_deref().unwrap_or_default();
    out.push(String::new());
    out.extend(packets(kept, span, style));
    if (kept.len() as u64) < connection.packets {
        let more = connection.packets - kept.len() as u64;
        out.push(format!(
            "and {} more: --stream {} shows all",
            count(more, "packet"),
            connection.stream
        ));
    }
    let width = style.width.unwrap_or(usize::MAX);
    let mut section = |title: &str, lines: Vec<String>| {
        if lines.is_empty() {
            return;
        }
        out.push(String::new());
        out.push(style.paint(title, Tone::Heading));
        for line in lines {
            for (n, part) in wrap(&line, width.saturating_sub(4)).into_iter().enumerate() {
                out.push(if n == 0 {
                    format!("  {part}")
                } else {
                    format!("    {part}")
                });
            }
        }
    };
    section(
        &format!("What happened: {}", story.trouble.name()),
        vec![format!("{}.", story.verdict)],
    );
    section("What the applications get", told(story));
    section("What would have told it sooner", story.sooner.clone());
    section("What the capture shows of the systems", inferred(story));
    section("What the capture does not show", story.caveats.clone());
    out.iter().map(|line| format!("{line}\n")).collect()
}

fn told(story: &Story) -> Vec<String> {
    let one = |t: &crate::explain::Told| format!("{}: {}", t.side.name(), t.text);
    story.told.iter().map(one).collect()
}

fn inferred(story: &Story) -> Vec<String> {
    let one = |i: &crate::explain::Inferred| {
        let who = i
            .side
            .map_or_else(String::new, |s| format!("{}, ", s.name()));
        format!(
            "{who}{}: {} ({}: {})",
            i.what,
            i.value,
            i.sureness.name(),
            i.rests_on
        )
    };
    story.inferred.iter().map(one).collect()
}

/// Packets that stand together, by their places among the kept ones.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// Each of them is shown.
    Shown(Range<usize>),
    /// A long run without trouble, of which only the number of packets is shown.
    Folded(Range<usize>),
}

/// The packets in their order, with or without folds.
fn pieces(kept: &[Explained], fold: bool) -> Vec<Piece> {
    let is_dull =
        |e: &Explained| !e.label.mechanism.is_trouble() && e.label.sureness == Sureness::Certain;
    let (mut pieces, mut shown, mut at) = (Vec::new(), 0, 0);
    while fold && at < kept.len() {
        let run = kept[at..].iter().take_while(|e| is_dull(e)).count();
        if run > FOLD {
            let (head, tail) = (at + AROUND, at + run - AROUND);
            pieces.push(Piece::Shown(shown..head));
            pieces.push(Piece::Folded(head..tail));
            shown = tail;
        }
        at += run.max(1);
    }
    if shown < kept.len() {
        pieces.push(Piece::Shown(shown..kept.len()));
    }
    pieces
}

/// What stands in the place of a fold.
fn without_trouble(folded: &Range<usize>) -> String {
    format!("{} without trouble", count(folded.len(), "packet"))
}

/// The table of packets. Runs without trouble are folded.
fn packets(kept: &[Explained], span: &CaptureSpan, style: Style) -> Vec<String> {
    let mut lines = vec![style.paint(
        &format!(
            "{:>7}  {:>11}  {:>9}  from    {:<34}  why",
            "packet", "time s", "gap s", "numbers"
        ),
        Tone::Faint,
    )];
    for piece in pieces(kept, style.fold.is_some()) {
        match piece {
            Piece::Shown(range) => lines.extend(range.map(|n| packet(kept, n, span, style))),
            Piece::Folded(range) => {
                let folded = format!("{:>7}  {}", "...", without_trouble(&range));
                lines.push(style.paint(&folded, Tone::Faint));
            }
        }
    }
    lines
}

fn packet(kept: &[Explained], n: usize, span: &CaptureSpan, style: Style) -> String {
    let one = &kept[n];
    let p = &one.packet;
    let gap = gap(kept, n).map_or_else(String::new, |s| format!("{s:.6}"));
    let line = format!(
        "{:>7}  {:>11.6}  {:>9}  {:<6}  {:<34}  {}",
        p.number,
        span.secs(p.at_ns),
        gap,
        p.from.name(),
        numbers(one),
        why(one),
    );
    let mechanism = one.label.mechanism;
    let tone = match mechanism {
        Mechanism::Reset(_) => Tone::Different,
        m if m.is_trouble() => Tone::Event,
        Mechanism::Copy(_) => Tone::Faint,
        _ => Tone::Plain,
    };
    style.paint(line.trim_end(), tone)
}

/// The time since the packet before it from the same end, seconds.
fn gap(kept: &[Explained], n: usize) -> Option<f64> {
    let p = &kept[n].packet;
    let before = kept[..n].iter().rev().find(|e| e.packet.from == p.from)?;
    Some(p.at_ns.saturating_sub(before.packet.at_ns) as f64 / 1e9)
}

/// `PA 1:31`.
fn sent(one: &Explained) -> String {
    let p = &one.packet;
    let mut text = format!("{} {}", p.flags, p.seq);
    if p.len > 0 {
        text += &format!(
            ":{}",
            p.seq + i64::from(p.len) + i64::from(p.has(Flags::SYN))
        );
    }
    text
}

/// `PA 1:31 ack 1 win 501`.
fn numbers(one: &Explained) -> String {
    let p = &one.packet;
    let mut text = sent(one);
    if let Some(ack) = p.ack {
        text += &format!(" ack {ack}");
    }
    text += &format!(" win {}", p.window);
    if let Some((left, right)) = p.sack.first() {
        text += &format!(" sack {left}:{right}");
    }
    text
}

/// The mechanism, how sure it is, and a remark.
pub fn why(one: &Explained) -> String {
    let label = &one.label;
    let mut text = label.mechanism.to_string();
    match label.sureness {
        Sureness::Certain => {}
        Sureness::Likely => text = format!("likely {text}"),
        Sureness::Unclear => text = format!("{text} (cannot be told)"),
    }
    if let Some(remark) = &label.remark {
        text += &format!("; {remark}");
    }
    text
}

/// The explanation as JSON. Numbers end with their unit: `at_s` counts from the first frame.
pub fn to_json(found: &[(Connection, Story)], span: &CaptureSpan, connections: u32) -> Value {
    let all: Vec<Value> = found.iter().map(|(c, s)| connection(c, s, span)).collect();
    json!({
        "connections": connections,
        "capture_s": span.secs(span.last_ns),
        "provenance": "recorded; times that carry \"computed\" are computed",
        "shown": all,
    })
}

fn connection(c: &Connection, story: &Story, span: &CaptureSpan) -> Value {
    let side = |s: Side| s.name();
    let packets: Option<Vec<Value>> = c
        .kept
        .as_ref()
        .map(|kept| kept.iter().map(|e| packet_json(e, span)).collect());
    json!({
        "stream": c.stream,
        "client": c.addrs[0].to_string(),
        "server": c.addrs[1].to_string(),
        "first_s": span.secs(c.first_ns),
        "last_s": span.secs(c.last_ns),
        "packets": c.packets,
        "copies": c.copies,
        "trouble": story.trouble.name(),
        "verdict": story.verdict,
        "silent": story.silent.map(|(s, at)| json!({"end": side(s), "since_s": span.secs(at)})),
        "told": story.told.iter().map(|t| json!({
            "end": side(t.side),
            "text": t.text,
            "errno": t.errno,
            "at_s": t.at_ns.map(|at| span.secs(at)),
            "computed": t.is_computed,
        })).collect::<Vec<_>>(),
        "sooner": story.sooner,
        "inferred": story.inferred.iter().map(|i| json!({
            "end": i.side.map(side),
            "what": i.what,
            "value": i.value,
            "rests_on": i.rests_on,
            "sureness": i.sureness.name(),
        })).collect::<Vec<_>>(),
        "caveats": story.caveats,
        "explained": packets,
    })
}

fn packet_json(e: &Explained, span: &CaptureSpan) -> Value {
    let p = &e.packet;
    json!({
        "packet": p.number,
        "at_s": span.secs(p.at_ns),
        "from": p.from.name(),
        "flags": p.flags.to_string(),
        "seq": p.seq,
        "len_bytes": p.len,
        "ack": p.ack,
        "window_bytes": p.window,
        "mechanism": e.label.mechanism.to_string(),
        "sureness": e.label.sureness.name(),
        "remark": e.label.remark,
    })
}
