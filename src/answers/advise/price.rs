//! What settings cost: probes, connections that are given up although the peer lives, and what they do not cover.

use std::borrow::Cow;
use std::time::Duration;

use super::case::{Case, cases};
use super::outage::ended;
use super::search::Found;
use super::{Kernel, Request};
use crate::answers::phases::Phases;
use crate::answers::table::{self, Settings, TableError, What, late_write, slow_reader};
use crate::scenario::{Action, Scenario};
use crate::time::Instant;

/// The price of a set of settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// Keepalive probes a day of a connection that is idle all day, at most: computed from the idle time.
    pub probes_a_day: Option<u64>,
    /// After how long a peer that lives, and keeps its window closed, loses the connection: simulated, the earliest phase.
    pub slow_reader: Option<Duration>,
    /// Latest end, counted from the last packet of the peer, if the application writes just before keepalive would have
    /// given up: simulated.
    pub late_write: Option<Duration>,
}

/// A write this long before the end of keepalive comes too early for it.
const JUST_BEFORE: Duration = Duration::from_millis(1);
const DAY_S: u64 = 86_400;

/// Returns what the settings cost.
pub(super) fn of(request: &Request, kernel: &Kernel, found: &Found) -> Result<Price, TableError> {
    let choice = &found.choice;
    let settings = choice.on(&request.settings);
    let applying = cases(request);
    let has = |case| applying.contains(&case);
    let probes_a_day = choice.keepalive.then(|| {
        let times = choice.keepalive_times(&kernel.preset.sysctl);
        DAY_S / times.idle_s.max(1)
    });
    let slow_reader = match choice.user_timeout_ms {
        Some(_) => reader_is_lost(request, kernel, &settings)?,
        None => None,
    };
    let late_write = match has(Case::Idle) && has(Case::InFlight) && choice.keepalive {
        true => late(&settings)?,
        false => None,
    };
    Ok(Price {
        probes_a_day,
        slow_reader,
        late_write,
    })
}

/// Returns when a reader that closes its window loses the connection, counted from the write.
fn reader_is_lost(
    request: &Request,
    kernel: &Kernel,
    settings: &Settings,
) -> Result<Option<Duration>, TableError> {
    let scenario = slow_reader(settings, request.detect * 2)?;
    let write = at_of(&scenario, |a| matches!(a, Action::SurvivorSend(1_000)));
    let phases = Phases::of(kernel.ticks, request.detect);
    let ends = phases.each(&scenario, |trace| ended(trace).map(|at| at.since(write)))?;
    Ok(ends.into_iter().flatten().min())
}

/// Returns the latest end after a write just before keepalive gives up, in each phase.
fn late(settings: &Settings) -> Result<Option<Duration>, TableError> {
    let runs = table::runs(What::Keepalive, settings, u64::MAX)?;
    let scenario = late_write(settings, Duration::from_secs(1))?;
    let data = at_of(&scenario, |a| matches!(a, Action::PeerSend(_)));
    let heard = data + settings.rtt / 2;
    let of = |n: u64| {
        let mut own = scenario.clone();
        let end = runs.outcomes[n as usize].end.after().unwrap_or_default();
        let sends = own.steps.iter_mut();
        for step in sends.filter(|s| matches!(s.action, Action::SurvivorSend(_))) {
            step.at = heard + end.saturating_sub(JUST_BEFORE);
        }
        Cow::Owned(own)
    };
    let ends = runs
        .phases
        .each_own(of, |trace| ended(trace).map(|at| at.since(heard)))?;
    Ok(ends.into_iter().flatten().max())
}

fn at_of(scenario: &Scenario, wanted: impl Fn(&Action) -> bool) -> Instant {
    let mut steps = scenario.steps.iter();
    let found = steps.find(|s| wanted(&s.action));
    found.map_or(Instant::ZERO, |s| s.at)
}
