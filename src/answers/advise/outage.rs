//! Outages: how long a link may be cut without ending the connection, and runs in which it is cut for so long.

use std::borrow::Cow;
use std::time::Duration;

use crate::answers::table::{Outcome, Runs, Settings, TableError, What, outage};
use crate::call::TcpState;
use crate::scenario::{Action, EndWhen, Scenario};
use crate::time::Instant;
use crate::trace::relative::relative;
use crate::trace::{Dir, Incident, Trace, Who};
use crate::wire::Flags;

/// An outage that begins this long before a keepalive probe loses it.
const JUST_BEFORE: Duration = Duration::from_micros(1);

/// Returns the longest outage that the connection lives through, in the phase in which it is shortest, or `None` if any. The
/// outage begins at the worst instant: with the write, with connect(), or just before the first keepalive probe. It is lived
/// through if one more packet is sent after it whose answer comes before the end.
pub(super) fn longest_survived(what: What, runs: &Runs, rtt: Duration) -> Option<Duration> {
    let each = runs.outcomes.iter().map(|o| in_one_run(what, o, rtt));
    each.flatten().min()
}

fn in_one_run(what: What, outcome: &Outcome, rtt: Duration) -> Option<Duration> {
    let end = outcome.end.after()?;
    let start = first_probe(what, outcome);
    let mut tries = outcome.tries.iter().rev();
    let last = tries.find(|t| t.after + rtt < end);
    Some(last.map_or(Duration::ZERO, |t| t.after.saturating_sub(start)))
}

/// Returns when the outage begins, counted from the event that the question names.
fn first_probe(what: What, outcome: &Outcome) -> Duration {
    match what {
        What::Keepalive => outcome.tries.first().map_or(Duration::ZERO, |t| t.after),
        _ => Duration::ZERO,
    }
}

/// Runs the engine with an outage of this length in each phase of `runs`, which are those of the dead peer. Returns whether
/// the connection lives through all of them and everything written arrives.
pub(super) fn is_survived(
    what: What,
    settings: &Settings,
    runs: &Runs,
    length: Duration,
    detect: Duration,
) -> Result<bool, TableError> {
    let scenario = outage(what, settings, length, detect)?;
    let of = |n: u64| match what {
        What::Keepalive => {
            let outcome = &runs.outcomes[n as usize];
            let to = last_heard(settings, &scenario) + first_probe(what, outcome);
            Cow::Owned(with_outage_at(&scenario, to.saturating_sub(JUST_BEFORE)))
        }
        _ => Cow::Borrowed(&scenario),
    };
    let lived = runs.phases.each_own(of, lived)?;
    Ok(lived.into_iter().all(|l| l))
}

/// Returns when the last packet before the outage arrives: the peer's only data, half a round trip after it was written.
fn last_heard(settings: &Settings, scenario: &Scenario) -> Instant {
    let mut steps = scenario.steps.iter();
    let data = steps.find(|s| matches!(s.action, Action::PeerSend(_)));
    data.map_or(Instant::ZERO, |s| s.at + settings.rtt / 2)
}

/// Returns the scenario with its outage, and all that follows, moved to `to`.
fn with_outage_at(scenario: &Scenario, to: Instant) -> Scenario {
    let mut moved = scenario.clone();
    let cut = moved.steps.iter().find(|s| s.action == Action::WireCut);
    let Some(from) = cut.map(|s| s.at) else {
        return moved;
    };
    let later = |at: Instant| to + at.since(from);
    for step in moved.steps.iter_mut().filter(|s| s.at >= from) {
        step.at = later(step.at);
    }
    if let EndWhen::After(at) = moved.end {
        moved.end = EndWhen::After(later(at));
    }
    moved.limit = later(moved.limit);
    moved
}

/// Returns whether everything that the survivor sent was acknowledged after the outage, and no error came before.
pub(super) fn lived(trace: &Trace) -> bool {
    let restored = trace.events.iter().find(|e| e.what == Incident::Restore);
    let Some(restored) = restored.map(|e| e.at) else {
        return false;
    };
    all_acknowledged(trace, restored).is_some_and(|at| ended(trace).is_none_or(|end| at <= end))
}

/// Returns when the peer acknowledged everything that was ever sent, at or after `from`.
pub(super) fn all_acknowledged(trace: &Trace, from: Instant) -> Option<Instant> {
    let packets = relative(&trace.packets);
    let out = packets.iter().filter(|p| p.dir == Dir::Out);
    let sent_to = out.filter_map(|p| p.tcp()).map(|t| {
        let control = u32::from(t.flags.has(Flags::SYN)) + u32::from(t.flags.has(Flags::FIN));
        t.seq + t.payload.len() as u32 + control
    });
    let sent_to = sent_to.max()?;
    let mut heard = packets.iter().filter(|p| p.dir == Dir::In && p.at >= from);
    let acks = |t: &crate::trace::relative::Tcp| {
        !t.flags.has(Flags::RST) && t.ack.is_some_and(|ack| ack >= sent_to)
    };
    heard.find(|p| p.tcp().is_some_and(acks)).map(|p| p.at)
}

/// Returns when the connection was over: an error, or no connection any more.
pub(super) fn ended(trace: &Trace) -> Option<Instant> {
    let over = |what: &Incident| match what {
        Incident::Error { .. } => true,
        Incident::State { state } => *state == TcpState::Closed,
        _ => false,
    };
    let mut events = trace.events.iter();
    events
        .find(|e| e.who == Who::Survivor && over(&e.what))
        .map(|e| e.at)
}
