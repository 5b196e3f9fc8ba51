//! The answers of `sweep`: a table for people, CSV, JSON Lines.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{left, len, right};
use crate::answers::sweep::{Outcome, Point, Sweep};

/// Columns after those of the axes, each with its unit. All numbers are simulated.
const COLUMNS: [&str; 6] = [
    "result",
    "told_after_death_s",
    "told_after_write_s",
    "rst_sent",
    "packets",
    "bytes",
];

/// Says of a run what its application got: `ETIMEDOUT`, `end of stream`, `nothing`.
fn result(outcome: &Outcome) -> String {
    match (outcome.errno, outcome.told_after) {
        (Some(errno), _) => errno.to_string(),
        (None, Some(_)) => "end of stream".to_owned(),
        (None, None) if outcome.cut_off => "nothing before the limit".to_owned(),
        (None, None) => "nothing".to_owned(),
    }
}

fn secs(d: Option<Duration>) -> String {
    d.map_or(String::new(), |d| format!("{:.6}", d.as_secs_f64()))
}

fn cells(sweep: &Sweep, point: &Point) -> Vec<String> {
    let outcome = &point.outcome;
    let values = sweep.axes().iter().zip(&point.values);
    let mut cells: Vec<String> = values
        .map(|(axis, n)| axis.values[*n].text.clone())
        .collect();
    cells.extend([
        result(outcome),
        secs(outcome.told_after),
        secs(outcome.told_after_write),
        if outcome.reset { "yes" } else { "no" }.to_owned(),
        outcome.packets.to_string(),
        outcome.bytes.to_string(),
    ]);
    cells
}

fn names(sweep: &Sweep) -> Vec<String> {
    let axes = sweep.axes().iter().map(|a| a.name.clone());
    axes.chain(COLUMNS.map(str::to_owned)).collect()
}

/// A table for people, written line by line: its columns are as wide as the axes' values make them.
#[derive(Debug)]
pub struct Lines {
    widths: Vec<usize>,
    axes: usize,
}

impl Lines {
    /// For this sweep.
    pub fn new(sweep: &Sweep) -> Lines {
        let names = names(sweep);
        let axes = sweep.axes();
        let width = |(n, name): (usize, &String)| {
            let values = axes.get(n).map_or(&[][..], |a| &a.values);
            let widest = values.iter().map(|v| len(&v.text)).max().unwrap_or(0);
            // the longest result is "nothing before the limit"
            let result = if n == axes.len() { 24 } else { 0 };
            len(name).max(widest).max(result)
        };
        Lines {
            widths: names.iter().enumerate().map(width).collect(),
            axes: axes.len(),
        }
    }

    /// The headings.
    pub fn heading(&self, sweep: &Sweep) -> String {
        format!(
            "{}: {} combinations, simulated; times in seconds after the death, and after the first write that was lost\n{}",
            sweep.name(),
            sweep.len(),
            self.line(&names(sweep))
        )
    }

    /// One combination.
    pub fn point(&self, sweep: &Sweep, point: &Point) -> String {
        self.line(&cells(sweep, point))
    }

    fn line(&self, cells: &[String]) -> String {
        let cell = |(n, cell): (usize, &String)| match n == self.axes {
            true => left(cell, self.widths[n]),
            false => right(cell, self.widths[n]),
        };
        let line: Vec<String> = cells.iter().enumerate().map(cell).collect();
        format!("{}\n", line.join("  ").trim_end())
    }
}

/// The first line of the CSV.
pub fn csv_heading(sweep: &Sweep) -> String {
    csv(&names(sweep))
}

/// One combination as a line of CSV (RFC 4180, lines ended by a line feed).
pub fn csv_point(sweep: &Sweep, point: &Point) -> String {
    csv(&cells(sweep, point))
}

fn csv(cells: &[String]) -> String {
    let quoted = cells
        .iter()
        .map(|cell| match cell.contains([',', '"', '\n', ' ']) {
            true => format!("\"{}\"", cell.replace('"', "\"\"")),
            false => cell.clone(),
        });
    quoted.collect::<Vec<_>>().join(",") + "\n"
}

/// One combination as a line of JSON.
pub fn json_point(sweep: &Sweep, point: &Point) -> String {
    let mut values = Map::new();
    for (axis, n) in sweep.axes().iter().zip(&point.values) {
        let value = &axis.values[*n];
        let number = value.text.parse::<i64>().map(Value::from);
        values.insert(
            axis.name.clone(),
            number.unwrap_or_else(|_| json!(value.text)),
        );
    }
    let outcome = &point.outcome;
    let line = json!({
        "scenario": sweep.name(),
        "values": values,
        "times": "simulated",
        "result": result(outcome),
        "errno": outcome.errno.map(|e| e.to_string()),
        "told_after_death_s": outcome.told_after.map(|d| d.as_secs_f64()),
        "told_after_write_s": outcome.told_after_write.map(|d| d.as_secs_f64()),
        "rst_sent": outcome.reset,
        "packets": outcome.packets,
        "bytes": outcome.bytes,
        "cut_off": outcome.cut_off,
    });
    format!("{line}\n")
}
