//! One situation with certain settings, simulated.

use std::time::Duration;

use super::case::Case;
use crate::answers::table::{End, Outcome, Runs, Span};

/// What a situation comes to over all phases of the timer wheel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The situation.
    pub case: Case,
    /// When the connection ends, or `None` if it never does. Behind a middlebox this is the longest silence instead.
    pub ends: Option<Span>,
    /// How it ends in the worst phase.
    pub end: End,
    /// Whether the survivor sends a RST at the end.
    pub reset: bool,
    /// The longest outage that the connection lives through; `None`: any, or an outage makes no sense here.
    pub survives: Option<Duration>,
    /// Whether an outage of the length asked for was simulated and lived through; `None` if none was asked for.
    pub lived: Option<bool>,
    /// Number of runs of the engine.
    pub runs: u64,
    /// Whether these are all phases of the wheel. If not, they are spread evenly.
    pub all_phases: bool,
    /// The scenario that was run, as a file.
    pub toml: String,
}

impl Row {
    /// Combines the runs of a situation.
    pub(super) fn of(case: Case, runs: &Runs) -> Row {
        let latest = runs.outcomes.iter().max_by_key(|o| o.end.after());
        let ends = |o: &Outcome| o.end.after();
        let all_end = runs.outcomes.iter().all(|o| ends(o).is_some());
        Row {
            case,
            ends: Span::of(runs.outcomes.iter().filter_map(ends)).filter(|_| all_end),
            end: latest.filter(|_| all_end).map_or(End::Never, |o| o.end),
            reset: latest.is_some_and(|o| o.reset),
            survives: None,
            lived: None,
            runs: runs.phases.len(),
            all_phases: runs.phases.are_all(),
            toml: runs.scenario.toml.clone(),
        }
    }
}
