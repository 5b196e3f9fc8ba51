//! Generates docs/smoltcp-vs-linux.md from runs: how stock smoltcp differs from Linux.
//!
//! Linux is a recording or, where a scenario was not recorded, the engine. Everything else is simulated, so the program
//! always generates the same text.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::compare::closed::compare;
use crate::compare::{Class, Difference, Ending, Known};
use crate::scenario::builtin::Builtin;
use crate::scenario::{Scenario, builtin};
use crate::target::TargetError;
use crate::target::{Options, TargetKind, run};
use crate::time::Instant;
use crate::trace::relative::{Kind, Tcp, relative};
use crate::trace::{Dir, Event, Incident, Trace, Who, kept};
use crate::wire::Flags;

/// Why the text cannot be generated.
#[derive(Debug, thiserror::Error)]
pub enum SmoltcpError {
    /// A built-in scenario does not parse.
    #[error("{0}")]
    Scenario(String),
    /// A target failed.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A recording cannot be loaded.
    #[error(transparent)]
    Recording(#[from] crate::trace::folder::TraceError),
}

/// The results of one scenario on smoltcp and on Linux.
#[derive(Debug)]
pub struct Row {
    /// The scenario's name.
    pub name: &'static str,
    /// Whether the engine stands for Linux, because there is no recording.
    pub is_engine: bool,
    linux: String,
    smoltcp: String,
    /// Class and name of each difference.
    pub kinds: BTreeSet<(&'static str, String)>,
}

/// Runs every built-in scenario on smoltcp and compares it with Linux.
pub fn rows() -> Result<Vec<Row>, SmoltcpError> {
    builtin::all().iter().map(row).collect()
}

fn row(builtin: &Builtin) -> Result<Row, SmoltcpError> {
    let scenario = builtin
        .scenario()
        .map_err(|errors| SmoltcpError::Scenario(errors.report(false)))?;
    let play = |kind| run(&scenario, kind, Options::default());
    let recording = kept::recording(builtin.name).transpose()?;
    let is_engine = recording.is_none();
    let linux = match recording {
        Some(recording) => recording,
        None => play(TargetKind::Engine)?,
    };
    let smoltcp = play(TargetKind::Smoltcp)?;
    let kind = |d: &Difference| (d.class.name(), d.what.clone());
    let differences = compare(&smoltcp, &linux).differences;
    let counted = differences.iter().filter(|d| d.class != Class::TcpInfo);
    Ok(Row {
        name: builtin.name,
        is_engine,
        linux: cell(&linux, &scenario),
        smoltcp: cell(&smoltcp, &scenario),
        kinds: counted.map(kind).collect(),
    })
}

/// Describes what the survivor sent after the failure, and how the connection ended.
fn cell(trace: &Trace, scenario: &Scenario) -> String {
    let from = failure(trace);
    let packets = relative(&trace.packets);
    let (mut resent, mut probes) = (Vec::new(), Vec::new());
    let mut sent_to = 0;
    for p in packets.iter().filter(|p| p.dir == Dir::Out) {
        let is_again = p.tcp().is_some_and(|t| takes_space(t) && t.seq < sent_to);
        if let Some(t) = p.tcp().filter(|t| takes_space(t)) {
            sent_to = sent_to.max(t.seq + t.payload.len().max(1) as u32);
        }
        match p.kind {
            _ if p.at < from => {}
            Kind::KeepaliveProbe(_) | Kind::WindowProbe(_) => probes.push(p.at),
            // a probe of smoltcp carries a byte that was sent before
            _ if is_again && p.tcp().is_some_and(|t| t.payload.len() == 1) => probes.push(p.at),
            _ if is_again => resent.push(p.at),
            _ => {}
        }
    }
    let mut parts = Vec::new();
    parts.extend(series("resent", &resent, from));
    parts.extend(series("probes", &probes, from));
    let ending = Ending::of(trace);
    let after = |us: u64| seconds(Instant::from_us(us), from);
    match (&ending.errno, ending.at_us, ending.gone_by_us) {
        (Some(errno), Some(us), _) => parts.push(format!("{errno} {}", after(us))),
        (_, _, Some(us)) => parts.push(format!("gone {}", after(us))),
        _ if trace.ended_at >= scenario.limit => parts.push("lives at the limit".to_owned()),
        _ => parts.push("lives".to_owned()),
    }
    parts.extend(ending.rst_sent.then(|| "RST sent".to_owned()));
    parts.extend(ending.rst_received.then(|| "RST received".to_owned()));
    parts.join("; ")
}

/// Returns the time of the failure: the first event that affected the link or the peer, or the close by the application.
fn failure(trace: &Trace) -> Instant {
    let befell = |e: &&Event| match e.what {
        Incident::Cut | Incident::Drop { .. } | Incident::Unreachable => true,
        Incident::Freeze | Incident::Die | Incident::Reset => true,
        Incident::Close | Incident::Kill | Incident::Shutdown => true,
        Incident::Window { bytes } => e.who == Who::Peer && bytes == 0,
        _ => false,
    };
    trace
        .events
        .iter()
        .find(befell)
        .map_or(Instant::ZERO, |e| e.at)
}

fn takes_space(t: &Tcp) -> bool {
    !t.payload.is_empty() || t.flags.has(Flags::SYN) || t.flags.has(Flags::FIN)
}

/// `5 resent +0.22 s to +6.48 s`.
fn series(what: &str, at: &[Instant], from: Instant) -> Option<String> {
    let (first, last) = (*at.first()?, *at.last()?);
    let range = match at.len() {
        1 => seconds(first, from),
        _ => format!("{} to {}", seconds(first, from), seconds(last, from)),
    };
    Some(format!("{} {what} {range}", at.len()))
}

fn seconds(at: Instant, from: Instant) -> String {
    format!("+{:.2} s", at.since(from).as_secs_f64())
}

const HEAD: &str = "\
# How smoltcp differs from Linux

This file is the output of `cargo run --release --example smoltcp_vs_linux > docs/smoltcp-vs-linux.md`, and a test checks that it is up to date.
Each line is one built-in scenario, run by stock smoltcp 0.14.0 (`smoltcp::socket::tcp`, unchanged) and by Linux 6.18, both with the same simple
peer. The column Linux shows the recording of a kernel (measured) or, where a scenario was not recorded, the engine (marked \u{2020}, simulated). smoltcp
is simulated, with those settings that it supports: `halfopen run SCENARIO --on smoltcp` lists the others.

These differences are not defects: nobody expects an embedded stack to do most of what Linux does beyond RFC 9293. The list shows what changes when
one replaces the other.
";

/// Returns the whole text.
pub fn smoltcp_vs_linux() -> Result<String, SmoltcpError> {
    Ok(text(&rows()?, &Known::shipped()))
}

fn text(rows: &[Row], known: &Known) -> String {
    let mut text = format!("{HEAD}\n## What differs, and why\n\n");
    text += "| # | what | in scenarios | why | where in smoltcp 0.14.0 |\n| --- | --- | --- | --- | --- |\n";
    for (n, kind) in known.smoltcp.iter().enumerate() {
        let key = (&kind.class[..], &kind.what);
        let shown = rows
            .iter()
            .filter(|r| r.kinds.iter().any(|(c, w)| (*c, w) == key));
        let what = match kind.class.as_str() {
            "missing" => "packet that only Linux sends",
            "extra" => "packet that only smoltcp sends",
            "time" => "time of a packet",
            _ => &kind.what,
        };
        let _ = writeln!(
            text,
            "| {} | {what} | {} of {} | {} | {} |",
            n + 1,
            shown.count(),
            rows.len(),
            kind.reason,
            kind.reference
        );
    }
    text += "\n## Scenario by scenario\n\n\
        Times count from the first cut, loss, power-off, reset, zero window, close or kill of the scenario, or from its start if there is none.\n\
        *resent* packets have sequence numbers that were sent before; *probes* are those of keepalive and of a closed window. The errno is the first\n\
        error that the application gets; it is ENOTCONN where smoltcp reports only that the connection is over. *gone* is the time at which the socket\n\
        disappeared, and *lives* means that it did not.\n\n\
        | scenario | Linux 6.18 | smoltcp | differs in |\n| --- | --- | --- | --- |\n";
    for row in rows {
        let of = |n: usize| {
            let kind = &known.smoltcp[n];
            let is = |(c, w): &(&str, String)| *c == kind.class && *w == kind.what;
            row.kinds.iter().any(is).then(|| (n + 1).to_string())
        };
        let numbers: Vec<_> = (0..known.smoltcp.len()).filter_map(of).collect();
        let mark = if row.is_engine { "\u{2020}" } else { "" };
        let _ = writeln!(
            text,
            "| {}{mark} | {} | {} | {} |",
            row.name,
            row.linux,
            row.smoltcp,
            numbers.join(" ")
        );
    }
    text
}
