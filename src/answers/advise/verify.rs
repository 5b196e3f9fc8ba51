//! The situations of an advice on the kernel of this machine, each in a network namespace of its own, all at once.

use std::time::Duration;

use super::case::Case;
use super::row::Row;
use crate::answers::table::Outcome;
use crate::scenario::{EndWhen, Scenario};
use crate::target::{Options, TargetKind, run};
use crate::time::Instant;

/// The longest that a measurement may be expected to take.
pub const LONGEST: Duration = Duration::from_secs(900);
/// Time that is waited beyond what was simulated, before a situation counts as one without an end.
const PATIENCE: Duration = Duration::from_secs(10);

/// What one run on the kernel showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// The situation.
    pub case: Case,
    /// When the connection ended, or `None` if it did not within the time that was simulated and ten seconds.
    pub ends: Option<Duration>,
    /// The kernel, such as `linux 6.18.44`.
    pub kernel: String,
    /// What has to be known of the run, such as that this machine was busy.
    pub notes: Vec<String>,
}

/// Returns how long [`measure`] takes at the most.
pub fn expected(rows: &[Row]) -> Duration {
    let each = rows.iter().filter_map(|row| limit(&scenario(row)?, row));
    let longest = each.max().unwrap_or(Instant::ZERO);
    longest.since(Instant::ZERO) + Duration::from_secs(2)
}

/// Runs every situation once, in real time and in parallel. The middlebox is not among them: keeping a connection takes
/// several times its idle time.
///
/// # Errors
/// Returns why a run could not take place, in words.
pub fn measure(rows: &[Row]) -> Result<Vec<Measured>, String> {
    std::thread::scope(|scope| {
        let runs = rows.iter().filter_map(|row| {
            let mut scenario = scenario(row)?;
            scenario.limit = limit(&scenario, row)?;
            Some(scope.spawn(move || one(row.case, &scenario)))
        });
        let runs: Vec<_> = runs.collect();
        let join = |run: std::thread::ScopedJoinHandle<'_, Result<Measured, String>>| {
            run.join()
                .unwrap_or_else(|_| Err("a measurement ended with a panic".to_owned()))
        };
        runs.into_iter().map(join).collect()
    })
}

fn scenario(row: &Row) -> Option<Scenario> {
    let name = row.case.name();
    row.case.what()?;
    Scenario::parse(name, name, &row.toml).ok()
}

/// Returns the instant at which the run is stopped: the last step, what was simulated from there, and some patience.
fn limit(scenario: &Scenario, row: &Row) -> Option<Instant> {
    let last = scenario.steps.last()?.at;
    let until_closed = scenario.end == EndWhen::SurvivorClosed;
    let longest = row.ends.filter(|_| until_closed)?.longest;
    Some(last + longest + PATIENCE)
}

fn one(case: Case, scenario: &Scenario) -> Result<Measured, String> {
    let what = case.what().ok_or("no such question")?;
    let trace = run(scenario, TargetKind::Linux, Options::default());
    let trace = trace.map_err(|e| format!("{}: {e}", case.name()))?;
    Ok(Measured {
        case,
        ends: Outcome::read(what, &trace).end.after(),
        kernel: format!("{} {}", trace.meta.target, trace.meta.version),
        notes: trace.meta.notes,
    })
}
