//! What given settings detect, and what they miss.

use std::time::Duration;

use serde_json::{Value, json};

use super::{columns, kernel, row_json, secs, span, wrap};
use crate::answers::advise::{Audited, Case, Fault, Request, Row};
use crate::report::tries::Under;
use crate::report::{Style, Tone};

/// The audit as text. `detect` is the time that was asked for, if one was.
pub fn render(
    request: &Request,
    audited: &[Audited],
    detect: Option<Duration>,
    under: &Under,
    style: Style,
) -> String {
    let width = style.width.unwrap_or(usize::MAX);
    let rows: Vec<Row> = audited.iter().map(|a| a.row.clone()).collect();
    let title = format!("What {} detect", given(request));
    let mut out = vec![
        style.paint(&title, Tone::Heading),
        kernel(request, under),
        String::new(),
    ];
    out.extend(columns(request, &rows, style));
    out.push(String::new());
    for line in missed(audited, detect) {
        out.extend(wrap(&line, width));
    }
    let runs: u64 = rows.iter().map(|r| r.runs).sum();
    let phases = match rows.iter().all(|r| r.all_phases) {
        true => "in all phases of the timer wheel",
        false => "in phases of the timer wheel that are evenly spread",
    };
    let note =
        format!("simulated: the earliest and the latest of {runs} runs of the engine, {phases}.");
    out.extend(wrap(&note, width));
    out.iter()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

fn given(request: &Request) -> String {
    let settings = &request.settings;
    let options = settings.options.iter();
    let options = options.map(|o| format!("{} = {}", o.name.name(), o.value));
    let sysctls = settings.sysctls.iter().map(|(n, v)| format!("{n} = {v}"));
    let all: Vec<String> = options.chain(sysctls).collect();
    match all.is_empty() {
        true => "the kernel's own settings".to_owned(),
        false => all.join(", "),
    }
}

/// Returns a sentence for each situation in which something is missed.
fn missed(audited: &[Audited], detect: Option<Duration>) -> Vec<String> {
    let faults = audited.iter().filter_map(|a| a.fault.as_ref());
    let mut lines: Vec<String> = faults.map(|fault| sentence(fault, detect)).collect();
    if lines.is_empty() {
        lines.push("Nothing is missed.".to_owned());
    }
    lines
}

fn sentence(fault: &Fault, detect: Option<Duration>) -> String {
    match fault {
        Fault::TooLate {
            case,
            worst: Some(worst),
        } => format!(
            "Missed: {}: detected after up to {} s, not within {}.",
            case.name(),
            secs(*worst),
            detect.map_or_else(String::new, span)
        ),
        Fault::TooLate {
            case: case @ (Case::Idle | Case::RebootedIdle),
            worst: None,
        } => format!(
            "Missed: {}: never detected, because SO_KEEPALIVE is off.",
            case.name()
        ),
        Fault::TooLate { case, worst: None } => {
            format!("Missed: {}: never detected.", case.name())
        }
        Fault::Killed { case, survives } => format!(
            "Missed: {}: an outage of more than {} s ends the connection.",
            case.name(),
            secs(*survives)
        ),
        Fault::Forgotten {
            silence: Some(silence),
        } => format!(
            "Missed: the middlebox forgets the connection, which is silent for up to {} s.",
            secs(*silence)
        ),
        Fault::Forgotten { silence: None } => {
            "Missed: the middlebox forgets the connection, because SO_KEEPALIVE is off.".to_owned()
        }
    }
}

/// The audit as JSON.
pub fn to_json(
    request: &Request,
    audited: &[Audited],
    detect: Option<Duration>,
    under: &Under,
) -> Value {
    let rows = audited.iter().map(|a| {
        let mut row = row_json(request, &a.row);
        row["missed"] = json!(a.fault.as_ref().map(|f| sentence(f, detect)));
        if detect.is_none() {
            row["margin_s"] = Value::Null;
        }
        row
    });
    json!({
        "kernel": under.kernel,
        "hz": under.hz,
        "rtt_us": under.rtt.as_micros() as u64,
        "detect_s": detect.map(|d| d.as_secs_f64()),
        "settings": given(request),
        "situations": rows.collect::<Vec<_>>(),
        "missed": audited.iter().filter(|a| a.fault.is_some()).count(),
    })
}
