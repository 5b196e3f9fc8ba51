//! Try by try: when each retransmission, probe or SYN leaves while the peer is silent, and how it ends.
//!
//! Three columns answer "when": a formula of powers of two that knows no clock tick (the table that people know, in
//! which tcp_retries2 = 15 is 924.6 s); the engine, over all phases of the timer wheel; and a kernel, if one was
//! measured. RFC 6298, RFC 9293 3.8.3. Linux counterpart: tcp_timer.c, and ip-sysctl.rst for what the sysctls promise.

mod formula;
mod outcome;
mod situation;

use std::time::Duration;

pub use formula::Formula;
pub use outcome::{End, Outcome, Try};
pub use situation::{Settings, What};

use super::phases::{Phases, longest_gap};
use crate::scenario::{Scenario, ScenarioErrors};
use crate::target::{Options, TargetError, TargetKind, run};
use crate::time::{Instant, Ticks};
use crate::trace::Trace;

/// The earliest and the latest of a length of time over all phases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// In the phase in which it is shortest.
    pub shortest: Duration,
    /// In the phase in which it is longest.
    pub longest: Duration,
}

impl Span {
    fn of(lengths: impl IntoIterator<Item = Duration>) -> Option<Span> {
        let mut lengths = lengths.into_iter();
        let first = lengths.next()?;
        let whole = Span {
            shortest: first,
            longest: first,
        };
        Some(lengths.fold(whole, |span, d| Span {
            shortest: span.shortest.min(d),
            longest: span.longest.max(d),
        }))
    }
}

/// One packet of the connection under study: the same try in every column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What leaves: `retransmission 3`, `tail loss probe`.
    pub what: String,
    /// When it leaves by the formula, which knows neither tick nor probes of the tail; counted from [`Table::from`].
    pub formula: Option<Duration>,
    /// When it leaves on the engine.
    pub engine: Span,
    /// How long the next try, or the end, is waited for on the engine.
    pub wait: Option<Span>,
    /// Runs in which this try is made, of [`Table::runs`].
    pub runs: u64,
    /// When it left on the kernel that was measured.
    pub measured: Option<Duration>,
}

/// How it ends, in every column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// When, by the formula.
    pub formula: Option<Duration>,
    /// When, on the engine; none: it never ends.
    pub engine: Option<Span>,
    /// What the application gets on the engine. If phases disagree, that of the longest.
    pub end: End,
    /// Whether the engine sends a RST at the end.
    pub reset: bool,
    /// When, on the kernel that was measured.
    pub measured: Option<Duration>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// What was asked.
    pub what: What,
    /// The event that times are counted from.
    pub from: &'static str,
    /// The tries, in order.
    pub rows: Vec<Row>,
    /// The end.
    pub ending: Ending,
    /// The formula in words.
    pub formula: String,
    /// Runs of the engine that the ranges stand for.
    pub runs: u64,
    /// Whether they are all phases of the wheel, and not an even choice of them.
    pub all_phases: bool,
    /// The scenario that was run, as a file.
    pub toml: String,
    /// The kernel that was measured: `linux 6.18.44`.
    pub kernel: Option<String>,
}

/// Why there is no table.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// A setting is not one that a scenario can have.
    #[error("{0}")]
    Settings(String),
    /// A run failed.
    #[error(transparent)]
    Target(#[from] TargetError),
}

impl From<ScenarioErrors> for TableError {
    fn from(errors: ScenarioErrors) -> Self {
        TableError::Settings(errors.report(false))
    }
}

/// The scenario that a question stands for: the tries and the end are read off its runs.
///
/// # Errors
/// [`TableError::Settings`] where a sysctl, an option or the preset does not exist or cannot have this value.
pub fn scenario(what: What, settings: &Settings) -> Result<Scenario, TableError> {
    Ok(situation::draft(what, settings)?.build()?)
}

/// Runs the engine in every phase and puts the answers together. `measured` is the run of a kernel of the same
/// [`scenario`], where there is one.
///
/// # Errors
/// As [`scenario`] has, and those of a run.
pub fn table(
    what: What,
    settings: &Settings,
    measured: Option<&Trace>,
) -> Result<Table, TableError> {
    let draft = situation::draft(what, settings)?;
    let scenario = draft.build()?;
    let ticks = settings.ticks(&scenario);
    let read = |trace: &Trace| Outcome::read(what, trace);
    let options = Options {
        seed: 1,
        ticks: Some(ticks),
        ..Options::default()
    };
    let sample = read(&run(&scenario, TargetKind::Engine, options)?);
    let phases = Phases::of(ticks, longest_wait(&sample));
    let outcomes = phases.each(&scenario, read)?;
    let formula = Formula::of(what, &scenario);
    let kernel = measured.map(read);
    Ok(Table {
        what,
        from: what.from(),
        rows: rows(&outcomes, &formula, kernel.as_ref()),
        ending: ending(&outcomes, &formula, kernel.as_ref()),
        formula: formula.text.clone(),
        runs: phases.len(),
        all_phases: phases.are_all(),
        toml: draft.to_toml(),
        kernel: measured.map(|t| format!("{} {}", t.meta.target, t.meta.version)),
    })
}

/// The longest time that a timer waited in this run: what decides how coarse the wheel is.
fn longest_wait(outcome: &Outcome) -> Duration {
    let tries = outcome.tries.iter().map(|t| t.after);
    let end = outcome.end.after();
    longest_gap(
        std::iter::once(Duration::ZERO)
            .chain(tries)
            .chain(end)
            .map(|d| Instant::ZERO + d),
    )
}

fn rows(outcomes: &[Outcome], formula: &Formula, kernel: Option<&Outcome>) -> Vec<Row> {
    let most = outcomes.iter().max_by_key(|o| o.tries.len());
    let tries = most.map_or(&[][..], |o| &o.tries);
    let mut rows = Vec::new();
    let mut counted = 0;
    for (n, one) in tries.iter().enumerate() {
        let with = || outcomes.iter().filter(move |o| o.tries.len() > n);
        let wait = |o: &Outcome| {
            let next = o.tries.get(n + 1).map(|t| t.after).or(o.end.after())?;
            Some(next.saturating_sub(o.tries[n].after))
        };
        let Some(engine) = Span::of(with().map(|o| o.tries[n].after)) else {
            continue;
        };
        let by_formula = one.is_counted.then(|| {
            counted += 1;
            formula.tries.get(counted - 1).copied()
        });
        rows.push(Row {
            what: one.what.clone(),
            formula: by_formula.flatten(),
            engine,
            wait: Span::of(with().filter_map(wait)),
            runs: with().count() as u64,
            measured: kernel.and_then(|k| Some(k.tries.get(n)?.after)),
        });
    }
    rows
}

fn ending(outcomes: &[Outcome], formula: &Formula, kernel: Option<&Outcome>) -> Ending {
    let latest = outcomes.iter().max_by_key(|o| o.end.after());
    let all_end = outcomes.iter().all(|o| o.end.after().is_some());
    let ends = outcomes.iter().filter_map(|o| o.end.after());
    Ending {
        formula: formula.end,
        engine: Span::of(ends).filter(|_| all_end),
        end: latest.map_or(End::Never, |o| o.end),
        reset: latest.is_some_and(|o| o.reset),
        measured: kernel.and_then(|k| k.end.after()),
    }
}

/// The end for each value of tcp_retries2 and each RTT: what `table retries2` shows when nothing more is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    /// The round-trip times, a column each.
    pub rtts: Vec<Duration>,
    /// For each value from 1 on: by the formula, and on the engine for each RTT.
    pub rows: Vec<(u32, Duration, Vec<Span>)>,
    /// Runs of the engine in all.
    pub runs: u64,
}

/// [`Overview`] for tcp_retries2 from 1 to `most`.
///
/// # Errors
/// As [`table`] has.
pub fn overview(settings: &Settings, rtts: &[Duration], most: u32) -> Result<Overview, TableError> {
    let mut rows = Vec::new();
    let mut runs = 0;
    for retries2 in 1..=most {
        let mut spans = Vec::new();
        let mut by_formula = Duration::ZERO;
        for rtt in rtts {
            let mut with = settings.clone();
            with.rtt = *rtt;
            with.sysctls
                .push(("tcp_retries2".to_owned(), retries2.to_string()));
            let table = table(What::Retries2, &with, None)?;
            runs += table.runs;
            by_formula = table.ending.formula.unwrap_or_default();
            spans.extend(table.ending.engine);
        }
        rows.push((retries2, by_formula, spans));
    }
    Ok(Overview {
        rtts: rtts.to_vec(),
        rows,
        runs,
    })
}

/// The ticks of the preset at its own rate, or at another one.
fn ticks(scenario: &Scenario, hz: Option<u32>) -> Ticks {
    let own = scenario.preset.ticks();
    match hz {
        Some(hz) => Ticks {
            wheel: own.wheel,
            ..Ticks::at_hz(hz)
        },
        None => own,
    }
}

#[cfg(test)]
mod tests;
