//! One trace for people: packets and turning points in the order of time, and how it ended.

use super::story;
use super::table::what;
use super::{Style, Tone, left, len, right, wrap};
use crate::time::Instant;
use crate::trace::relative::{Body, Relative, relative};
use crate::trace::{Dir, Trace};

/// A line of the table: its columns, as text.
struct Line {
    at: Instant,
    gap: String,
    arrow: &'static str,
    flags: String,
    what: String,
    seq: String,
    bytes: String,
    why: String,
    is_event: bool,
}

const HEADINGS: [&str; 6] = ["s", "+ms", "flags", "packet", "seq", "bytes"];

/// The whole trace as text. Times in seconds since the start of the run, gaps since the previous packet in
/// milliseconds, the cause of a packet where the target told it.
pub fn render(trace: &Trace, style: Style) -> String {
    let packets = relative(&trace.packets);
    let meta = &trace.meta;
    let mut out = vec![
        style.paint(&format!("{}: {}", meta.scenario, meta.title), Tone::Heading),
        style.paint(
            &format!(
                "{} {} as {}, congestion control {}; times are {}",
                meta.target,
                meta.version,
                meta.role,
                meta.congestion_control,
                meta.provenance.name()
            ),
            Tone::Plain,
        ),
        String::new(),
    ];
    out.extend(table(&lines(trace, &packets), style));
    out.push(String::new());
    let endings = story::ending(trace, &packets);
    for (label, text) in endings.into_iter().filter(|(_, text)| !text.is_empty()) {
        let indent = 13;
        let width = style.width.map_or(usize::MAX, |w| w.saturating_sub(indent));
        for (n, text) in wrap(&text, width).into_iter().enumerate() {
            let label = left(if n == 0 { label } else { "" }, indent);
            out.push(style.paint(&label, Tone::Heading) + &text);
        }
    }
    for note in &meta.notes {
        out.push(style.paint(&format!("note: {note}"), Tone::Plain));
    }
    out.iter().map(|l| format!("{}\n", l.trim_end())).collect()
}

fn lines(trace: &Trace, packets: &[Relative]) -> Vec<Line> {
    let mut previous: Option<Instant> = None;
    let packets = packets.iter().map(|p| {
        let gap = previous.map(|before| p.at.since(before).as_secs_f64() * 1e3);
        previous = Some(p.at);
        let (flags, seq, bytes) = match &p.body {
            Body::Tcp(t) => (
                t.flags.to_string(),
                t.seq.to_string(),
                t.payload.len().to_string(),
            ),
            Body::Icmp { .. } => ("ICMP".to_owned(), String::new(), String::new()),
            Body::Unreadable(_) => ("?".to_owned(), String::new(), String::new()),
        };
        Line {
            at: p.at,
            gap: gap.map_or(String::new(), |ms| format!("+{ms:.3}")),
            arrow: match p.dir {
                Dir::Out => "\u{2192}",
                Dir::In => "\u{2190}",
            },
            flags,
            what: what(p),
            seq,
            bytes,
            why: p.cause.clone().unwrap_or_default(),
            is_event: false,
        }
    });
    let events = story::done(trace).into_iter().chain(story::told(trace));
    let events = events.map(|(at, text)| Line {
        at,
        gap: String::new(),
        arrow: "*",
        flags: String::new(),
        what: text,
        seq: String::new(),
        bytes: String::new(),
        why: String::new(),
        is_event: true,
    });
    let mut lines: Vec<Line> = packets.collect();
    lines.extend(events);
    // at equal times an event, which is a cause, stands before the packets
    lines.sort_by_key(|l| (l.at, !l.is_event));
    lines
}

fn table(lines: &[Line], style: Style) -> Vec<String> {
    let at = |l: &Line| format!("{:.6}", l.at.secs_f64());
    let cells = |l: &Line| {
        let what = if l.is_event {
            String::new()
        } else {
            l.what.clone()
        };
        [
            at(l),
            l.gap.clone(),
            l.flags.clone(),
            what,
            l.seq.clone(),
            l.bytes.clone(),
        ]
    };
    let mut widths = HEADINGS.map(len);
    for line in lines {
        for (width, cell) in widths.iter_mut().zip(cells(line)) {
            *width = (*width).max(len(&cell));
        }
    }
    let row = |arrow: &str, [at, gap, flags, what, seq, bytes]: [&str; 6]| {
        let [w_at, w_gap, w_flags, w_what, w_seq, w_bytes] = widths;
        format!(
            "{} {} {arrow} {} {} {} {}",
            right(at, w_at),
            right(gap, w_gap),
            left(flags, w_flags),
            left(what, w_what),
            right(seq, w_seq),
            right(bytes, w_bytes)
        )
    };
    let has_causes = lines.iter().any(|l| !l.why.is_empty());
    let heading = row(" ", HEADINGS);
    let indent = len(&heading) + 2;
    let why = if has_causes { "  why" } else { "" };
    let mut out = vec![style.paint(&(heading + why), Tone::Heading)];
    for line in lines {
        if line.is_event {
            let times = format!("{} {}", right(&at(line), widths[0]), right("", widths[1]));
            out.push(style.paint(&format!("{times} * {}", line.what), Tone::Event));
            continue;
        }
        let [at, gap, flags, what, seq, bytes] = &cells(line);
        let text = row(line.arrow, [at, gap, flags, what, seq, bytes]);
        let tone = if line.arrow == "\u{2190}" {
            Tone::Faint
        } else {
            Tone::Plain
        };
        let width = style
            .width
            .map_or(usize::MAX, |w| w.saturating_sub(indent).max(24));
        let mut why = wrap(&line.why, width).into_iter();
        let first = why.next().unwrap_or_default();
        out.push(style.paint(&text, tone) + "  " + &first);
        out.extend(why.map(|more| " ".repeat(indent) + &more));
    }
    out
}

#[cfg(test)]
mod tests;
