//! The answer of `table`, for people and as JSON.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Style, Tone, left, len, right, wrap};
use crate::answers::table::{End, Overview, Row, Span, Table};
use crate::forecast::span as in_words;

/// What the heading says of the kernel that the numbers hold for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Under {
    /// Name of the preset: `linux-6.18`.
    pub kernel: String,
    /// Clock ticks per second.
    pub hz: u64,
    /// Round-trip time while the peer lived.
    pub rtt: Duration,
}

impl Under {
    /// `linux-6.18 at HZ 250, RTT 80 ms`.
    pub fn text(&self) -> String {
        format!("{} at HZ {}, RTT {}", self.kernel, self.hz, rtt(self.rtt))
    }
}

/// The table as text. Times are seconds.
pub fn render(table: &Table, under: &Under, style: Style) -> String {
    let mut out = vec![
        style.paint(table.what.about(), Tone::Heading),
        format!(
            "{}. Times are in seconds from {}.",
            under.text(),
            table.from
        ),
        String::new(),
    ];
    out.extend(columns(table).iter().enumerate().map(|(n, line)| {
        let tone = match n {
            0 | 1 => Tone::Faint,
            _ if n + 1 == table.rows.len() + 3 => Tone::Heading,
            _ => Tone::Plain,
        };
        style.paint(line.trim_end(), tone)
    }));
    out.push(String::new());
    let width = style.width.unwrap_or(usize::MAX);
    for note in notes(table) {
        out.extend(wrap(&note, width));
    }
    out.iter().map(|line| format!("{line}\n")).collect()
}

/// The rows, headings first, the end last, each column as wide as it needs.
fn columns(table: &Table) -> Vec<String> {
    let mut lines = vec![
        cells(["", "computed", "simulated", "next wait", "measured"]),
        cells([
            "",
            "formula",
            "engine",
            "engine",
            table.kernel.as_deref().unwrap_or("kernel"),
        ]),
    ];
    for row in &table.rows {
        lines.push([
            row.what.clone(),
            secs_or_dash(row.formula),
            span(row.engine) + &share(row, table.runs),
            row.wait.map_or("-".to_owned(), span),
            secs_or_dash(row.measured),
        ]);
    }
    let ending = &table.ending;
    lines.push([
        end_name(ending.end),
        secs_or_dash(ending.formula),
        ending.engine.map_or("never".to_owned(), span),
        String::new(),
        secs_or_dash(ending.measured),
    ]);
    let shown = if table.kernel.is_some() { 5 } else { 4 };
    let widths: Vec<usize> = (0..shown)
        .map(|n| lines.iter().map(|line| len(&line[n])).max().unwrap_or(0))
        .collect();
    let line = |cells: &[String; 5]| {
        let first = left(&cells[0], widths[0]);
        let rest = (1..shown).map(|n| format!("  {}", right(&cells[n], widths[n])));
        first + &rest.collect::<String>()
    };
    lines.iter().map(line).collect()
}

fn cells(texts: [&str; 5]) -> [String; 5] {
    texts.map(str::to_owned)
}

/// What the columns do not say: the formula in words, the RST, how many phases were run.
fn notes(table: &Table) -> Vec<String> {
    let reset = match table.ending.reset {
        true => "A RST is sent at the end.",
        false => "No RST is sent.",
    };
    let who = match table.ending.end {
        End::Error { errno, .. } => format!(
            "The application gets {errno} ({}) from its blocked call, or from the next one.",
            errno.text()
        ),
        End::Dropped { .. } => {
            "No application holds the connection any more, so none gets an error.".to_owned()
        }
        End::Never => "The connection stays.".to_owned(),
    };
    let phases = match table.all_phases {
        true => format!(
            "simulated: the earliest and the latest of {} runs of the engine, which begin at the start, in the middle and at \
             the end of each tick until the timer wheel's rounding repeats itself.",
            table.runs
        ),
        false => format!(
            "simulated: the earliest and the latest of {} runs of the engine, in phases of the timer wheel that are evenly \
             spread; others may differ by a tick or two.",
            table.runs
        ),
    };
    vec![
        format!("{who} {reset}"),
        format!("computed: {}.", table.formula),
        phases,
    ]
}

fn end_name(end: End) -> String {
    match end {
        End::Error { errno, .. } => errno.to_string(),
        End::Dropped { .. } => "dropped".to_owned(),
        End::Never => "no end".to_owned(),
    }
}

/// `939.034`, or `938.9 to 943.2` where phases differ.
fn span(span: Span) -> String {
    let (first, last) = (secs(span.shortest), secs(span.longest));
    match first == last {
        true => first,
        false => format!("{first} to {last}"),
    }
}

fn secs(d: Duration) -> String {
    format!("{:.3}", d.as_secs_f64())
}

fn secs_or_dash(d: Option<Duration>) -> String {
    d.map_or("-".to_owned(), secs)
}

/// Says of a try that not every run makes in how many of them it is made.
fn share(row: &Row, runs: u64) -> String {
    match row.runs == runs {
        true => String::new(),
        false => format!(" in {} of {runs} runs", row.runs),
    }
}

/// `200 us`, `80 ms`.
fn rtt(rtt: Duration) -> String {
    match rtt.as_micros() {
        us if us % 1_000 == 0 => format!("{} ms", us / 1_000),
        us => format!("{us} us"),
    }
}

/// The overview as text: a line for each value of tcp_retries2.
pub fn render_overview(overview: &Overview, under: &Under, style: Style) -> String {
    let mut lines = vec![Vec::from([
        "tcp_retries2".to_owned(),
        "computed".to_owned(),
    ])];
    lines[0].extend(
        overview
            .rtts
            .iter()
            .map(|r| format!("simulated, RTT {}", rtt(*r))),
    );
    for (retries2, formula, spans) in &overview.rows {
        let mut line = vec![retries2.to_string(), secs(*formula)];
        line.extend(spans.iter().map(|s| span(*s)));
        line.push(spans.last().map_or(String::new(), |s| in_words(s.longest)));
        lines.push(line);
    }
    lines[0].push("at the latest".to_owned());
    let widths: Vec<usize> = (0..lines[0].len())
        .map(|n| {
            lines
                .iter()
                .filter_map(|l| Some(len(l.get(n)?)))
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut out = vec![
        style.paint(
            "How long written data is sent again before the application gets ETIMEDOUT",
            Tone::Heading,
        ),
        format!(
            "{} at HZ {}. Times are in seconds from the write.",
            under.kernel, under.hz
        ),
        String::new(),
    ];
    for (n, line) in lines.iter().enumerate() {
        let cells = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| right(cell, *width));
        let text = cells.collect::<Vec<_>>().join("  ");
        out.push(style.paint(&text, if n == 0 { Tone::Faint } else { Tone::Plain }));
    }
    out.push(String::new());
    let width = style.width.unwrap_or(usize::MAX);
    for note in [
        "computed: tcp_retries2 + 1 waits, the first 200 ms (tcp_rto_min_us) and each twice the one before, at most 120 s \
         (tcp_rto_max_ms)."
            .to_owned(),
        format!(
            "simulated: the earliest and the latest of {} runs of the engine in all, which begin at the start, in the middle \
             and at the end of each tick until the timer wheel's rounding repeats itself. The RTO starts from the RTT, and each wait is rounded up by the wheel, so the end is later than \
             the formula says.",
            overview.runs
        ),
        "`halfopen table retries2 --rtt 80ms` shows each retransmission.".to_owned(),
    ] {
        out.extend(wrap(&note, width));
    }
    out.iter().map(|line| format!("{line}\n")).collect()
}

/// The table as JSON. Times are seconds; `from` says from what they are counted.
pub fn to_json(table: &Table, under: &Under) -> Value {
    let rows = table.rows.iter().map(|row| {
        json!({
            "what": row.what,
            "computed_s": row.formula.map(|d| d.as_secs_f64()),
            "simulated_s": span_json(Some(row.engine)),
            "next_wait_simulated_s": span_json(row.wait),
            "measured_s": row.measured.map(|d| d.as_secs_f64()),
            "runs": row.runs,
        })
    });
    let errno = match table.ending.end {
        End::Error { errno, .. } => Some(errno.to_string()),
        End::Dropped { .. } | End::Never => None,
    };
    json!({
        "table": table.what.name(),
        "kernel": under.kernel,
        "hz": under.hz,
        "rtt_us": under.rtt.as_micros() as u64,
        "from": table.from,
        "tries": rows.collect::<Vec<_>>(),
        "end": {
            "what": end_name(table.ending.end),
            "errno": errno,
            "rst": table.ending.reset,
            "computed_s": table.ending.formula.map(|d| d.as_secs_f64()),
            "simulated_s": span_json(table.ending.engine),
            "measured_s": table.ending.measured.map(|d| d.as_secs_f64()),
        },
        "formula": table.formula,
        "runs": table.runs,
        "all_phases": table.all_phases,
        "measured_on": table.kernel,
        "scenario": table.toml,
    })
}

/// The overview as JSON, an object for each value of tcp_retries2.
pub fn overview_to_json(overview: &Overview, under: &Under) -> Value {
    let rows = overview.rows.iter().map(|(retries2, formula, spans)| {
        let by_rtt = overview.rtts.iter().zip(spans).map(|(rtt, span)| {
            json!({"rtt_us": rtt.as_micros() as u64, "simulated_s": span_json(Some(*span))})
        });
        json!({
            "tcp_retries2": retries2,
            "computed_s": formula.as_secs_f64(),
            "by_rtt": by_rtt.collect::<Vec<_>>(),
        })
    });
    json!({
        "table": "retries2",
        "kernel": under.kernel,
        "hz": under.hz,
        "rows": rows.collect::<Vec<_>>(),
        "runs": overview.runs,
    })
}

fn span_json(span: Option<Span>) -> Value {
    span.map_or(
        Value::Null,
        |s| json!({"earliest": s.shortest.as_secs_f64(), "latest": s.longest.as_secs_f64()}),
    )
}
