//! `halfopen sweep`: one scenario with every combination of many settings.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use super::{Exit, Failure, scenarios, terminal};
use crate::answers::sweep::{Axis, Point, Sweep as Combinations};
use crate::report::plot::Plot;
use crate::report::sweep::{Lines, csv_heading, csv_point, json_point};

/// The forms of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table for people
    Table,
    /// Comma-separated values with a line of headings
    Csv,
    /// JSON Lines: one object a combination
    Jsonl,
}

/// Arguments of `sweep`.
#[derive(Debug, Args)]
#[command(
    before_help = "Example: halfopen sweep power-off-idle --vary tcp_retries2=1..15 --vary rtt=1ms,50ms,200ms --plot times.svg"
)]
pub(super) struct Sweep {
    /// A built-in scenario's name (`halfopen list`) or a TOML file
    scenario: String,
    /// What to vary: a sysctl, a socket option, or rtt, delay, mss, window, wscale, timestamps, sack, dsack, phase, hz or
    /// kernel, and its values: `1..15`, `0..512:8`, `1ms,80ms`; may be given several times
    #[arg(long = "vary", value_name = "NAME=VALUES", value_parser = Axis::parse, required = true)]
    axes: Vec<Axis>,
    /// The form of the output
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Prints JSON Lines, as `--format jsonl` does
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Draws time, packets and bytes against the first axis, with a line for each value of the second, into an SVG file
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

impl Sweep {
    /// Runs all combinations and prints each as it is done.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let scenario = scenarios::find(&self.scenario)?;
        let sweep = Combinations::new(scenario, self.axes.clone()).map_err(Failure)?;
        let mut plot = match &self.plot {
            Some(_) => Some(Plot::new(&sweep)?),
            None => None,
        };
        let format = if self.json {
            Format::Jsonl
        } else {
            self.format
        };
        let lines = Lines::new(&sweep);
        terminal::print(&match format {
            Format::Table => lines.heading(&sweep),
            Format::Csv => csv_heading(&sweep),
            Format::Jsonl => String::new(),
        })?;
        let progress = progress(sweep.len());
        let mut pending = String::new();
        let shown = |point: &Point| match format {
            Format::Table => lines.point(&sweep, point),
            Format::Csv => csv_point(&sweep, point),
            Format::Jsonl => json_point(&sweep, point),
        };
        sweep.each(|point| -> Result<(), Failure> {
            if let Some(plot) = &mut plot {
                plot.add(&sweep, &point);
            }
            pending += &shown(&point);
            // many short writes are slow, and much in memory is not what is wanted either
            if pending.len() > 1 << 16 {
                progress.suspend(|| terminal::print(&pending))?;
                pending.clear();
            }
            progress.inc(1);
            Ok(())
        })?;
        progress.finish_and_clear();
        terminal::print(&pending)?;
        if let (Some(plot), Some(file)) = (plot, &self.plot) {
            write(file, &plot.to_svg()?)?;
        }
        Ok(Exit::Same)
    }
}

/// A bar on stderr, where that is a terminal.
fn progress(total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} combinations, {eta} left");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}

fn write(file: &PathBuf, text: &str) -> Result<(), Failure> {
    let mut out = std::fs::File::create(file)
        .map_err(|e| Failure(format!("{} cannot be written: {e}", file.display())))?;
    out.write_all(text.as_bytes())
        .map_err(|e| Failure(format!("{} cannot be written: {e}", file.display())))
}
