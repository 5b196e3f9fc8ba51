//! Reads `[[step]]` and `[end]`: the actions and their times, and the end of the run.

use std::collections::BTreeMap;
use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;

use super::action;
use super::error::{Faults, line_and_column};
use super::possible::Planned;
use super::section::{Section, inside, kind};
use super::{Action, EndWhen, Step};
use crate::sysctl::quoted;
use crate::time::Instant;

/// The largest number of steps, counting repetitions.
const MAX_STEPS: usize = 100_000;
/// The most bytes that one end may write in a scenario.
const MAX_BYTES: u64 = 1_000_000_000;
/// How long recording goes on after the end if the file does not say, ns.
const DEFAULT_TAIL_NS: u64 = 1_500_000_000;

/// All steps in order of time, repetitions unrolled; none if a step could not be read.
pub(super) fn read_steps(root: &Section<'_>, faults: &mut Faults) -> Option<Vec<Planned>> {
    let help = "add [[step]] with at = \"0s\" and do = \"survivor connect\" or \"survivor listen\"";
    let value = root.need("step", help, faults)?;
    let array = match value.get_ref().as_array() {
        Some(array) if !array.is_empty() => array,
        _ => {
            faults.add(
                &value.span(),
                "step must be a list with at least one step",
                help,
            );
            return None;
        }
    };
    let mut planned = Vec::new();
    let mut is_whole = true;
    for (index, value) in array.iter().enumerate() {
        is_whole &= read_step(root, index, value, &mut planned, faults).is_some();
        if planned.len() > MAX_STEPS {
            let what = format!("there are more than {MAX_STEPS} steps, counting repetitions");
            faults.add(&value.span(), what, "repeat less often");
            return None;
        }
    }
    planned.sort_by_key(|p| (p.at_ns, p.step));
    is_whole.then_some(planned)
}

fn read_step(
    root: &Section<'_>,
    index: usize,
    value: &Spanned<DeValue<'_>>,
    planned: &mut Vec<Planned>,
    faults: &mut Faults,
) -> Option<()> {
    let keys = ["at", "do", "repeat", "every"];
    let Some(table) = value.get_ref().as_table() else {
        let what = format!("a step must be a table, not {}", kind(value.get_ref()));
        faults.add(&value.span(), what, "write [[step]] with at and do");
        return None;
    };
    let section = Section::open("[[step]]", table, value.span(), root.text, &keys, faults);
    let has_at = section.need("at", "add a time, such as at = \"1500ms\"", faults);
    let at = section.duration_ns("at", faults);
    let has_do = section.need(
        "do",
        "add an action, such as do = \"survivor send 102\"",
        faults,
    );
    let text = section.string("do", faults);
    let repeat = section.integer("repeat", 1, MAX_STEPS as i64, faults);
    let every = section.duration_ns("every", faults);
    match (section.get("repeat"), section.get("every")) {
        (Some(lone), None) => {
            let help = "add the interval, such as every = \"50ms\"";
            faults.add(&lone.span(), "repeat requires every", help);
        }
        (None, Some(lone)) => {
            faults.add(
                &lone.span(),
                "every requires repeat",
                "add the number of repetitions, such as repeat = 10",
            );
        }
        _ => {}
    }
    has_at?;
    has_do?;
    let (text, place) = text?;
    let action = match action::parse(text) {
        Ok(action) => action,
        Err(fault) => {
            let place = inside(root.text, place, text, &fault.span);
            faults.add(&place, fault.what, fault.help);
            return None;
        }
    };
    let (at_ns, _) = at?;
    let every_ns = every.map_or(0, |(ns, _)| ns);
    let count = repeat.map_or(1, |(n, _)| n as u64);
    // what saturates lies beyond every limit, and is refused for that
    planned.extend((0..count).map(|k| Planned {
        at_ns: at_ns.saturating_add(every_ns.saturating_mul(k)),
        action: action.clone(),
        step: index,
        place: place.clone(),
    }));
    Some(())
}

/// The contents of `[end]`.
pub(super) struct End {
    pub(super) when: EndWhen,
    pub(super) limit_ns: u64,
    pub(super) tail_ns: u64,
}

/// Reads `[end]`, or returns None if it is not valid.
pub(super) fn read_end(root: &Section<'_>, faults: &mut Faults) -> Option<End> {
    let help = "add [end] with when = \"survivor closed\" or after = \"12s\", and limit = \"60s\"";
    root.need("end", help, faults)?;
    let section = root.table("end", "[end]", &["when", "after", "limit", "tail"], faults)?;
    let when = section.string("when", faults);
    let after = section.duration_ns("after", faults);
    let tail = section.duration_ns("tail", faults);
    let help = "add the time at which the run is stopped, such as limit = \"60s\"";
    let has_limit = section.need("limit", help, faults);
    let limit = section.duration_ns("limit", faults);
    if let (Some(_), Some(second)) = (section.get("when"), section.get("after")) {
        let help = "a run ends when the survivor is closed, or after a time; remove one of the two";
        faults.add(&second.span(), "[end] has both when and after", help);
    }
    let when = match (when, after, section.get("when"), section.get("after")) {
        (Some(("survivor closed", _)), ..) => Some(EndWhen::SurvivorClosed),
        (Some((other, place)), ..) => {
            let what = format!("unknown end {}", quoted(other));
            let help = "write when = \"survivor closed\", or after = \"12s\"";
            faults.add(&place, what, help);
            None
        }
        (None, Some((ns, _)), ..) => Some(EndWhen::After(Instant::from_ns(ns))),
        (None, None, None, None) => {
            let help = "add when = \"survivor closed\" or after = \"12s\"";
            faults.add(&section.place(), "[end] lacks when or after", help);
            None
        }
        _ => None,
    };
    has_limit?;
    let (limit_ns, place) = limit?;
    if limit_ns == 0 {
        faults.add(
            &place,
            "the limit is zero",
            "write the time at which the run is stopped",
        );
    }
    if let Some(EndWhen::After(end)) = when
        && end.ns() > limit_ns
    {
        faults.add(
            &place,
            "the limit is earlier than the end",
            "make limit later than after",
        );
    }
    Some(End {
        when: when?,
        limit_ns,
        tail_ns: tail.map_or(DEFAULT_TAIL_NS, |(ns, _)| ns),
    })
}

/// Reports steps after the end of the run, and too many bytes.
pub(super) fn check_times(planned: &[Planned], end: &End, faults: &mut Faults) {
    let (last_ns, which) = match end.when {
        EndWhen::After(after) if after.ns() < end.limit_ns => (after.ns(), "after"),
        _ => (end.limit_ns, "limit"),
    };
    let mut reported = None;
    for step in planned.iter().filter(|p| p.at_ns > last_ns) {
        if reported.replace(step.step) == Some(step.step) {
            continue;
        }
        let what = format!("the run ends before this step, because [end] {which} is earlier");
        let at = Duration::from_nanos(step.at_ns);
        let help = format!(
            "the step is at {at:?}; move it to an earlier time, or make [end] {which} later"
        );
        faults.add(&step.place, what, help);
    }
    let (mut survivor, mut peer) = (0_u64, 0_u64);
    for step in planned {
        let (sum, bytes) = match step.action {
            Action::SurvivorSend(n) => (&mut survivor, n),
            Action::PeerSend(n) => (&mut peer, n),
            _ => continue,
        };
        let before = *sum;
        *sum += bytes as u64;
        if *sum > MAX_BYTES && before <= MAX_BYTES {
            let what = format!("more than {MAX_BYTES} bytes are sent in one direction");
            faults.add(&step.place, what, "send less");
        }
    }
}

/// Converts the steps to the form that a run executes.
pub(super) fn steps(planned: &[Planned], text: &str) -> Vec<Step> {
    let mut lines = BTreeMap::new();
    let step = |p: &Planned| Step {
        at: Instant::from_ns(p.at_ns),
        action: p.action.clone(),
        line: *lines
            .entry(p.step)
            .or_insert_with(|| line_and_column(text, p.place.start).0),
    };
    planned.iter().map(step).collect()
}
