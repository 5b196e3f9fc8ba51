//! A connection that is idle behind a middlebox: does keepalive keep the middlebox from forgetting it?

use std::time::Duration;

use super::Request;
use super::case::Case;
use super::choice::Choice;
use super::outage::{all_acknowledged, ended};
use super::row::Row;
use crate::answers::phases::{Phases, longest_gap};
use crate::answers::table::{End, Span, TableError, behind_middlebox};
use crate::scenario::Action;
use crate::time::Instant;
use crate::trace::{Dir, Trace};

/// The connection is idle for so many times the middlebox's own time, so that several probes are needed.
const TIMES: u32 = 3;

/// Runs the situation. [`Row::ends`] is the longest silence that the middlebox sees, and [`Row::lived`] whether data that
/// is written after the idle time arrives.
pub(super) fn row(request: &Request, choice: &Choice, most: u64) -> Result<Row, TableError> {
    let settings = choice.on(&request.settings);
    let forget_after = request.middlebox.unwrap_or(Duration::MAX);
    let scenario = behind_middlebox(&settings, forget_after, forget_after * TIMES)?;
    let times = choice.keepalive_times(&scenario.survivor.sysctl);
    let longest = Duration::from_secs(times.idle_s.max(times.interval_s));
    let phases = Phases::of(settings.ticks(&scenario), longest).at_most(most);
    let mut steps = scenario.steps.iter().rev();
    let write = steps.find(|s| matches!(s.action, Action::SurvivorSend(_)));
    let write = write.map_or(Instant::ZERO, |s| s.at);
    let delay = scenario.delay;
    let seen = phases.each(&scenario, |trace| {
        let lived = all_acknowledged(trace, write).is_some() && ended(trace).is_none();
        (silence(trace, delay), lived)
    })?;
    Ok(Row {
        case: Case::Middlebox,
        ends: Span::of(seen.iter().map(|(silence, _)| *silence)).filter(|_| settings.keeps_alive()),
        end: End::Never,
        reset: false,
        survives: None,
        lived: Some(seen.iter().all(|(_, lived)| *lived)),
        runs: phases.len(),
        all_phases: phases.are_all(),
        toml: scenario.toml.clone(),
    })
}

/// Returns the longest time without a packet, as the middlebox sees it: packets of the peer pass it before they arrive.
fn silence(trace: &Trace, delay: Duration) -> Duration {
    let mut passed: Vec<Instant> = Vec::with_capacity(trace.packets.len());
    passed.extend(trace.packets.iter().map(|p| match p.dir {
        Dir::Out => p.at,
        Dir::In => p.at.saturating_sub(delay),
    }));
    passed.sort();
    longest_gap(passed)
}
