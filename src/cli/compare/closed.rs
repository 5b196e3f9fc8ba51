//! One scenario lived through by each target, side by side.

use serde_json::{Value, json};

use super::{Compare, Exit, Failure};
use crate::cli::play::Players;
use crate::cli::terminal;
use crate::compare::closed::{self, RowCounts};
use crate::compare::{Difference, Known, Verdict};
use crate::nouns::count;
use crate::printable::escaped;
use crate::report::Style;
use crate::report::side::side_by_side;
use crate::scenario::Scenario;
use crate::sysctl::{CongestionControl, Preset};
use crate::target::TargetKind;
use crate::trace::{Stopped, Trace, summary};

/// Longest run of rows without a difference that is printed whole.
const FOLD: usize = 6;

/// Plays the scenario on every target and holds the first against each of the others.
pub(super) fn compare(
    args: &Compare,
    on: &[TargetKind],
    scenario: &Scenario,
    players: &Players,
) -> Result<Exit, Failure> {
    let traces = play_all(on, scenario, players)?;
    for (trace, target) in traces.iter().zip(on) {
        args.out.save(trace, Some(*target))?;
    }
    let (first, others) = traces.split_first().expect("clap wants one target");
    let known = Known::shipped();
    let verdict = |other| {
        let mut verdict = closed::compare(first, other);
        known.apply(&mut verdict);
        verdict
    };
    let verdicts: Vec<_> = others.iter().map(verdict).collect();
    if args.json {
        terminal::print_json(&format!("{:#}\n", as_json(&traces, &verdicts)))?;
    } else {
        terminal::print(&as_text(&traces, &verdicts))?;
    }
    if let Some(cut) = traces.iter().find(|t| t.stopped == Stopped::Interrupted) {
        return Ok(players.interrupted(cut));
    }
    Ok(match verdicts.last() {
        Some(v) if !v.identical && v.not_judged.is_some() => Exit::Incomplete,
        Some(v) if !v.identical => Exit::Different,
        _ => Exit::Same,
    })
}

/// A trace of each target, in the order asked for. The kernel plays first, because a machine may refuse it the
/// scenario's congestion control; the others then take what it took, and the engine its ticks, so that the same is
/// compared.
fn play_all(
    on: &[TargetKind],
    scenario: &Scenario,
    players: &Players,
) -> Result<Vec<Trace>, Failure> {
    let mut scenario = scenario.clone();
    let mut notes = Vec::new();
    let kernel = match on.contains(&TargetKind::Linux) {
        true => Some(players.kernel(&scenario)?),
        false => None,
    };
    let taken = kernel.as_ref().map(|k| k.meta.congestion_control.as_str());
    if let Some(taken) = taken.and_then(CongestionControl::from_name) {
        let wanted = &mut scenario.survivor.sysctl.tcp_congestion_control;
        if *wanted != taken {
            let (had, has) = (wanted.name(), taken.name());
            notes.push(format!("{has} instead of {had}, as the kernel had it"));
            *wanted = taken;
        }
    }
    // a scenario that names an older kernel has that one's ticks
    let is_this_linux = scenario.preset == Preset::linux();
    let ticks = kernel.as_ref().and_then(|k| k.meta.ticks);
    let ticks = ticks.filter(|_| is_this_linux);
    let mut traces = Vec::new();
    for target in on {
        let trace = match (target, &kernel) {
            (TargetKind::Linux, Some(kernel)) => kernel.clone(),
            _ => {
                let mut trace = players.play_at(&scenario, *target, ticks)?;
                trace.meta.notes.extend(notes.iter().cloned());
                trace
            }
        };
        traces.push(trace);
    }
    Ok(traces)
}

fn as_json(traces: &[Trace], verdicts: &[Verdict]) -> Value {
    let run = |trace: &Trace| -> Value {
        serde_json::from_str(&summary::write(trace)).expect("a summary is JSON")
    };
    json!({
        "runs": traces.iter().map(run).collect::<Vec<_>>(),
        "verdicts": verdicts,
    })
}

fn as_text(traces: &[Trace], verdicts: &[Verdict]) -> String {
    let meta = &traces[0].meta;
    let mut text = escaped(&format!("{}: {}", meta.scenario, meta.title)).into_owned() + "\n\n";
    let all: Vec<_> = traces.iter().collect();
    let style = Style {
        fold: Some(FOLD),
        ..terminal::style()
    };
    text += &side_by_side(&all, verdicts).render(style);
    text += "\n";
    let RowCounts { rows, same } = closed::count_rows(&closed::table(&all));
    if traces.len() > 1 {
        text += &format!(
            "{same} of {} the same on all targets, times apart\n",
            count(rows, "packet")
        );
    }
    for trace in traces {
        for note in &trace.meta.notes {
            text += &format!("note: {}: {}\n", escaped(&trace.meta.target), escaped(note));
        }
    }
    for verdict in verdicts {
        let (left, right) = (&verdict.left, &verdict.right);
        text += &format!(
            "\n{} against {} {}: {}\n",
            escaped(&left.target),
            escaped(&right.target),
            escaped(&right.version),
            escaped(&verdict.line())
        );
        for line in kinds(&verdict.differences) {
            text += &format!("  {}\n", escaped(&line));
        }
    }
    text
}

/// A line for each kind of difference: how often it occurs, and the first of them.
fn kinds(differences: &[Difference]) -> Vec<String> {
    let mut kinds: Vec<(&Difference, usize)> = Vec::new();
    for difference in differences {
        let kind = |d: &Difference| (d.class, d.what.clone(), d.known.clone());
        match kinds
            .iter_mut()
            .find(|(first, _)| kind(first) == kind(difference))
        {
            Some((_, count)) => *count += 1,
            None => kinds.push((difference, 1)),
        }
    }
    let line = |(first, count): (&Difference, usize)| match count {
        1 => first.to_string(),
        n => format!("{n} times {}, first: {first}", first.what),
    };
    kinds.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Class;
    use crate::time::Instant;

    #[test]
    fn differences_of_one_kind_are_one_line() {
        let window = |ms| {
            let place = format!("packet at {ms} ms");
            Difference::new(Class::Field, "window", place, Instant::from_ms(ms)).values(1, 2)
        };
        let late = Difference::new(Class::Time, "time", "packet 2".into(), Instant::from_ms(5));
        assert_eq!(
            kinds(&[window(1), late, window(9)]),
            [
                "2 times window, first: 0.001000 s, packet at 1 ms: window: 1 / 2",
                "0.005000 s, packet 2: time"
            ]
        );
    }
}
