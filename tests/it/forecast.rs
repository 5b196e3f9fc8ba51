//! Forecasts made in the middle of the recordings of a kernel, from the TCP_INFO line of that moment alone, held
//! against what happened.

use std::path::Path;
use std::time::Duration;

use halfopen::call::{Errno, TcpInfo, TcpState};
use halfopen::forecast::{self, Seen, Verdict};
use halfopen::scenario::Scenario;
use halfopen::time::Instant;
use halfopen::trace::{Dir, Incident, Trace, Who};

/// The last instant at which something reached the survivor or its application did something.
fn falls_silent(trace: &Trace) -> Instant {
    let packets = trace.packets.iter().filter(|p| p.dir == Dir::In);
    let acts = trace.events.iter().filter(|e| {
        let is_act = !matches!(
            e.what,
            Incident::TcpInfo(_)
                | Incident::State { .. }
                | Incident::Error { .. }
                | Incident::PostMortem { .. }
                | Incident::Timer { .. }
                | Incident::GivenUp { .. }
                | Incident::ClosedFd
        );
        e.who == Who::Survivor && is_act
    });
    let times = packets.map(|p| p.at).chain(acts.map(|e| e.at));
    times.max().unwrap_or(Instant::ZERO)
}

/// How it ended: with an error, or gone.
fn end(trace: &Trace) -> Option<(Instant, Option<Errno>)> {
    trace.events.iter().find_map(|e| match &e.what {
        Incident::Error { errno, .. } if e.who == Who::Survivor => Some((e.at, Some(*errno))),
        Incident::State {
            state: TcpState::Closed,
        } if e.who == Who::Survivor => Some((e.at, None)),
        _ => None,
    })
}

/// A timer may fire a tick after its own, and the recorder is late; a state that nobody is told of is looked at every
/// so often only.
const SEEN_WITHIN: Duration = Duration::from_micros(8_000 + 1_500);
const LOOKED_AT_EVERY: Duration = Duration::from_millis(40);

#[derive(Default)]
struct Count {
    lines: usize,
    exact: usize,
    farthest: Duration,
}

/// Every line of a recording between the silence and the end.
fn hold(dir: &Path, count: &mut Count) {
    let name = dir.display().to_string();
    let trace = Trace::load(dir).expect("a recording");
    let Some((end, errno)) = end(&trace) else {
        return;
    };
    let scenario = Scenario::parse("x", &name, &trace.meta.scenario_toml).expect("a scenario");
    let ticks = trace.meta.ticks.expect("ticks");
    let silent = falls_silent(&trace);
    for event in trace
        .events
        .iter()
        .filter(|e| e.at >= silent && e.at <= end)
    {
        let Incident::TcpInfo(info) = &event.what else {
            continue;
        };
        let seen = Seen {
            info: TcpInfo {
                at: event.at,
                ..(**info).clone()
            },
            orphan: errno.is_none(),
            sack_ok: Some(scenario.peer.sack && scenario.survivor.sysctl.tcp_sack != 0),
            options: Some(scenario.survivor.sockopt.clone()),
            ..Seen::default()
        };
        let forecast = forecast::of_seen(&seen, &scenario.survivor.sysctl, ticks);
        let said = format!(
            "{name} at {:.3} s: {}",
            event.at.secs_f64(),
            forecast.sentence()
        );
        let first = forecast.ends_at().unwrap_or_else(|| panic!("{said}"));
        let last = forecast.latest.unwrap_or(first);
        let within = SEEN_WITHIN
            + if errno.is_none() {
                LOOKED_AT_EVERY
            } else {
                Duration::ZERO
            };
        let really = end.secs_f64();
        assert!(first <= end, "{said}, but it ended at {really:.6} s");
        assert!(
            end <= last + within,
            "{said}, but it ended at {really:.6} s"
        );
        if let Verdict::Error { errno: told, .. } = forecast.told {
            assert_eq!(Some(told), errno, "{said}");
        }
        count.lines += 1;
        count.exact += usize::from(last == first);
        count.farthest = count.farthest.max(end.since(event.at));
    }
}

#[test]
fn what_one_line_of_tcp_info_foretells_is_what_the_kernel_did() {
    let mut count = Count::default();
    for set in [
        "examples/recordings/linux-6.18",
        "tests/recordings/linux-6.18-random",
        "tests/recordings/linux-6.18-repeats",
        "tests/recordings/linux-6.18-found",
    ] {
        let folder = Path::new(set);
        let mut all: Vec<_> = std::fs::read_dir(folder)
            .expect("the recordings")
            .map(|e| e.expect("an entry").path())
            .collect();
        all.sort();
        all.iter().for_each(|dir| hold(dir, &mut count));
    }
    let Count {
        lines,
        exact,
        farthest,
    } = count;
    println!("{lines} lines, {exact} name one instant, at most {farthest:?} ahead");
    assert!(lines > 400, "{lines} lines");
    assert!(
        exact * 10 > lines * 8,
        "{exact} of {lines} name one instant"
    );
    assert!(
        farthest > Duration::from_secs(900),
        "{farthest:?} ahead at most"
    );
}
