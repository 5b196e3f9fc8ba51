//! The engine against this machine's kernel, live, in closed mode: every built-in scenario that lasts under 30 s, many
//! namespaces at a time.

use std::io::Write;
use std::sync::Mutex;
use std::time::Duration;

use halfopen::compare::closed::compare;
use halfopen::compare::{Difference, Known};
use halfopen::scenario::{IpVersion, Scenario, builtin};
use halfopen::sysctl::{CongestionControl, Preset};
use halfopen::target::{Options, TargetKind, run};
use halfopen::time::Instant;
use halfopen::trace::Trace;

use crate::bounded;
use crate::live::live_on_time;

const LASTS_UNDER: Duration = Duration::from_secs(30);
/// So many wait at the same time; more of them, and two cores stamp their packets late.
const AT_A_TIME: usize = 24;

/// What became of one scenario.
enum Judged {
    Same,
    /// Not at the first look but at a later one; what differed is told, so that nothing is hidden.
    SameLater(String),
    Different(String),
    /// The kernel could not be had, or the machine was too busy for its times to mean anything.
    Not,
}

fn engine(scenario: &Scenario, kernel: Option<&Trace>) -> Trace {
    let options = Options {
        ticks: kernel.and_then(|k| k.meta.ticks),
        ..Options::default()
    };
    run(scenario, TargetKind::Engine, options).expect("the engine runs anywhere")
}

/// The scenarios of this kernel that are over soon, the longest first.
fn short_ones() -> Vec<Scenario> {
    let scenarios = builtin::all().iter().map(|b| b.scenario().expect("ours"));
    let this_kernels = scenarios.filter(|s| s.preset == Preset::linux());
    let mut lasting: Vec<_> = this_kernels
        .map(|s| (engine(&s, None).ended_at, s))
        .filter(|(ends, _)| ends.since(Instant::ZERO) < LASTS_UNDER)
        .collect();
    lasting.sort_by_key(|(ends, _)| std::cmp::Reverse(*ends));
    let lasting = lasting.into_iter().map(|(_, s)| s);
    // a third of them over IPv6 too
    let also_over_ipv6 = |(n, scenario): (usize, Scenario)| {
        let again = (n % 3 == 0).then(|| Scenario {
            name: format!("{} over IPv6", scenario.name),
            ip: IpVersion::V6,
            ..scenario.clone()
        });
        std::iter::once(scenario).chain(again)
    };
    lasting.enumerate().flat_map(also_over_ipv6).collect()
}

/// Both live through the scenario. A difference of the TCPs comes again; a packet that a busy machine stamped late
/// does not: what differs once is looked at twice more.
fn judge(scenario: &Scenario, known: &Known) -> Judged {
    let mut last = Judged::Not;
    for _ in 0..3 {
        match judge_once(scenario, known) {
            Judged::Different(how) => last = Judged::Different(how),
            Judged::Same => {
                return match last {
                    Judged::Different(how) => Judged::SameLater(how),
                    _ => Judged::Same,
                };
            }
            other => return other,
        }
    }
    last
}

/// One run of each, the engine with the kernel's ticks and what it took for congestion control.
fn judge_once(scenario: &Scenario, known: &Known) -> Judged {
    let Some((kernel, true)) = live_on_time(scenario) else {
        return Judged::Not;
    };
    let mut scenario = scenario.clone();
    if let Some(taken) = CongestionControl::from_name(&kernel.meta.congestion_control) {
        scenario.survivor.sysctl.tcp_congestion_control = taken;
    }
    let mut verdict = compare(&engine(&scenario, Some(&kernel)), &kernel);
    known.apply(&mut verdict);
    if verdict.identical {
        return Judged::Same;
    }
    let open = verdict.differences.iter().filter(|d| d.known.is_none());
    let shown: Vec<_> = open.take(8).map(Difference::to_string).collect();
    Judged::Different(format!("{}\n  {}", verdict.line(), shown.join("\n  ")))
}

/// One test with threads of its own: they sleep most of the time, and the test runner has only as many as cores.
#[test]
fn the_engine_does_what_this_kernel_does() {
    bounded::begin();
    let (scenarios, known) = (short_ones(), Known::shipped());
    let left = Mutex::new(scenarios.iter());
    let next = || left.lock().expect("nobody panics with it").next();
    let work = || {
        let mut done = Vec::new();
        while let Some(scenario) = next() {
            done.push(judge(scenario, &known));
        }
        done
    };
    let judged: Vec<Judged> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(work)).collect();
        let done = workers.into_iter().map(|w| w.join().expect("no panic"));
        done.flatten().collect()
    });
    let same = judged.iter().filter(|j| matches!(j, Judged::Same)).count();
    let different: Vec<_> = judged
        .iter()
        .filter_map(|j| match j {
            Judged::Different(how) => Some(how.as_str()),
            _ => None,
        })
        .collect();
    let later: Vec<_> = judged
        .iter()
        .filter_map(|j| match j {
            Judged::SameLater(how) => Some(how.as_str()),
            _ => None,
        })
        .collect();
    let missed = judged.len() - same - later.len() - different.len();
    // past the test runner, which keeps to itself what a test prints that passes
    let mut out = std::io::stderr();
    let _ = writeln!(
        out,
        "live: {same} of {} scenarios the same at the first look, {} at a later one, {missed} not judged",
        judged.len(),
        later.len()
    );
    for how in later {
        let _ = writeln!(out, "  differed at the first look: {how}");
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}
