//! Try by try: when each retransmission, probe or SYN is sent while the peer is silent, and how the connection ends.
//!
//! Three columns answer "when": a formula of powers of two without a clock tick (the well-known table, in which
//! tcp_retries2 = 15 takes 924.6 s); the engine, over all phases of the timer wheel; and a kernel, if one was measured.
//! RFC 6298, RFC 9293 3.8.3. Linux counterpart: tcp_timer.c, and ip-sysctl.rst for what the sysctls promise.

mod formula;
mod outcome;
mod situation;

use std::time::Duration;

pub use formula::Formula;
pub use outcome::{End, Outcome, Try};
pub use situation::{Settings, What};
pub use situation::{behind_middlebox, late_write, outage, slow_reader};

use super::phases::{Phases, longest_gap};
use crate::scenario::{Scenario, ScenarioErrors};
use crate::target::{Options, TargetError, TargetKind, run};
use crate::time::{Instant, Ticks};
use crate::trace::Trace;

/// The shortest and the longest duration over all phases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The duration in the phase in which it is shortest.
    pub shortest: Duration,
    /// The duration in the phase in which it is longest.
    pub longest: Duration,
}

impl Span {
    /// Returns the shortest and the longest of these, or `None` if there are none.
    pub fn of(lengths: impl IntoIterator<Item = Duration>) -> Option<Span> {
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

/// One packet of the survivor: the same try in every column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The packet's name: `retransmission 3`, `tail loss probe`.
    pub what: String,
    /// When it is sent by the formula, which has neither clock tick nor tail loss probes; counted from [`Table::from`].
    pub formula: Option<Duration>,
    /// When it is sent on the engine.
    pub engine: Span,
    /// How long the engine waits after it, for the next try or the end.
    pub wait: Option<Span>,
    /// Number of runs, of [`Table::runs`], in which this try is made.
    pub runs: u64,
    /// When it was sent on the kernel that was measured.
    pub measured: Option<Duration>,
}

/// How the connection ends, in every column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// When it ends by the formula.
    pub formula: Option<Duration>,
    /// When it ends on the engine, or `None` if it never does.
    pub engine: Option<Span>,
    /// What the application gets on the engine. If phases disagree, this is the result of the longest one.
    pub end: End,
    /// Whether the engine sends a RST at the end.
    pub reset: bool,
    /// When it ended on the kernel that was measured.
    pub measured: Option<Duration>,
}

/// The answer: the tries and the end of one question, in every column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The question.
    pub what: What,
    /// The event from which times are counted.
    pub from: &'static str,
    /// The tries, in order.
    pub rows: Vec<Row>,
    /// The end.
    pub ending: Ending,
    /// The formula in words.
    pub formula: String,
    /// Number of runs of the engine that the ranges cover.
    pub runs: u64,
    /// Whether the runs cover all phases of the wheel. If not, the phases are spread evenly.
    pub all_phases: bool,
    /// The scenario that was run, as a file.
    pub toml: String,
    /// The kernel that was measured, such as `linux 6.18.44`.
    pub kernel: Option<String>,
}

/// The reason why there is no table.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// A scenario cannot have one of the settings.
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

/// Returns the scenario that a question stands for. The tries and the end are read from its runs.
///
/// # Errors
/// Returns [`TableError::Settings`] if a sysctl, an option or the preset does not exist or cannot have this value.
pub fn scenario(what: What, settings: &Settings) -> Result<Scenario, TableError> {
    Ok(situation::draft(what, settings)?.build()?)
}

/// Runs the engine in every phase and combines the answers. `measured` is the run of a kernel with the same [`scenario`],
/// if there is one.
///
/// # Errors
/// Returns the errors of [`scenario`] and those of a run.
pub fn table(
    what: What,
    settings: &Settings,
    measured: Option<&Trace>,
) -> Result<Table, TableError> {
    let Runs {
        scenario,
        phases,
        outcomes,
    } = runs(what, settings, u64::MAX)?;
    let formula = Formula::of(what, &scenario);
    let kernel = measured.map(|trace| Outcome::read(what, trace));
    Ok(Table {
        what,
        from: what.from(),
        rows: rows(&outcomes, &formula, kernel.as_ref()),
        ending: ending(&outcomes, &formula, kernel.as_ref()),
        formula: formula.text.clone(),
        runs: phases.len(),
        all_phases: phases.are_all(),
        toml: scenario.toml,
        kernel: measured.map(|t| format!("{} {}", t.meta.target, t.meta.version)),
    })
}

/// The runs of a question, one in each phase.
#[derive(Clone, Debug)]
pub struct Runs {
    /// The scenario that was run.
    pub scenario: Scenario,
    /// The phases, in the order of the outcomes.
    pub phases: Phases,
    /// What each run showed.
    pub outcomes: Vec<Outcome>,
}

/// Runs the engine in every phase, or in `most` that are spread evenly if there are more.
pub fn runs(what: What, settings: &Settings, most: u64) -> Result<Runs, TableError> {
    let scenario = situation::draft(what, settings)?.build()?;
    let ticks = settings.ticks(&scenario);
    let read = |trace: &Trace| Outcome::read(what, trace);
    let options = Options {
        seed: 1,
        ticks: Some(ticks),
        ..Options::default()
    };
    let sample = read(&run(&scenario, TargetKind::Engine, options)?);
    let phases = Phases::of(ticks, longest_wait(&sample)).at_most(most);
    let outcomes = phases.each(&scenario, read)?;
    Ok(Runs {
        scenario,
        phases,
        outcomes,
    })
}

/// Returns the longest time that a timer waited in this run. It determines how coarse the wheel is.
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

/// When the connection ends for each value of tcp_retries2 and each RTT: what `table retries2` shows without further
/// arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    /// The round-trip times, one per column.
    pub rtts: Vec<Duration>,
    /// For each value from 1 on: when it ends by the formula, and on the engine for each RTT.
    pub rows: Vec<(u32, Duration, Vec<Span>)>,
    /// Number of runs of the engine in all.
    pub runs: u64,
}

/// Returns the [`Overview`] for tcp_retries2 from 1 to `most`.
///
/// # Errors
/// Returns the errors of [`table`].
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

/// Returns the ticks of the preset, at its own rate or at another one.
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
