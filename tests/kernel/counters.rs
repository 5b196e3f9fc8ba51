//! What the engine counts against what this machine's kernel counts, over the built-in scenarios that are over soon and in which the
//! kernel does the same each time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use halfopen::compare::Mode;
use halfopen::compare::content_hash;
use halfopen::compare::known::{Entry, Known};
use halfopen::engine::Counter;
use halfopen::rng::Stream;
use halfopen::scenario::{Scenario, builtin};
use halfopen::sim::PeerClock;
use halfopen::sysctl::{CongestionControl, Preset};
use halfopen::target::{Drive, Host, Linux, Target, drive};
use halfopen::time::{Instant, Ticks};

use crate::bounded;
use crate::skip;

const LASTS_UNDER: Duration = Duration::from_secs(30);
const AT_A_TIME: usize = 24;

type Counted = BTreeMap<String, i64>;

fn live(scenario: &Scenario, target: &mut dyn Target, seed: Option<u64>) -> (Counted, Instant) {
    let how = Drive {
        seed,
        clock: PeerClock {
            base: Stream::new(0, "peer_ts").next_u32(),
            ns_into_ms: 0,
        },
        interrupt: None,
        progress: None,
    };
    let ended = drive(scenario, target, how).expect("a run").ended_at;
    let all = target.counters().into_iter();
    (all.map(|(_, name, n)| (name, n)).collect(), ended)
}

fn by_engine(scenario: &Scenario, ticks: Ticks) -> (Counted, Instant) {
    live(scenario, &mut Host::new(scenario, 0, ticks), Some(0))
}

/// What a comparison has shown.
#[derive(Default)]
struct Seen {
    /// A line for each counter in which the two differ.
    differ: Vec<String>,
    /// Counters that the kernel had moved.
    moved: BTreeSet<&'static str>,
}

/// None where the kernel cannot be had.
fn compare(scenario: &Scenario) -> Option<Seen> {
    let mut kernel = Linux::new(scenario).ok()?;
    let mut scenario = scenario.clone();
    if let Some(taken) = CongestionControl::from_name(&kernel.congestion_control()) {
        scenario.survivor.sysctl.tcp_congestion_control = taken;
    }
    let ticks = kernel.ticks().unwrap_or_else(|| scenario.preset.ticks());
    let theirs = live(&scenario, &mut kernel, None).0;
    let ours = by_engine(&scenario, ticks).0;
    let names = Counter::ALL.iter().map(|c| c.name());
    let mut seen = Seen::default();
    for name in names {
        let (kernel, engine) = (theirs.get(name), ours.get(name));
        if kernel.is_some_and(|n| *n != 0) {
            seen.moved.insert(name);
        }
        if kernel != engine {
            let line = format!("{name}: kernel {kernel:?}, engine {engine:?}");
            seen.differ.push(line);
        }
    }
    Some(seen)
}

fn short_ones() -> Vec<Scenario> {
    let scenarios = builtin::all().iter().map(|b| b.scenario().expect("ours"));
    // where the kernel's own packets vary from run to run, as declared, its counters do too
    let known = Known::shipped().known;
    let varies = |s: &Scenario| {
        let hash = content_hash::of_scenario(&s.toml);
        let of_it = |e: &&Entry| e.mode == Mode::Closed && e.content_hash == hash;
        known.iter().any(|e| of_it(&e))
    };
    let this_kernels = scenarios.filter(|s| s.preset == Preset::linux() && !varies(s));
    let mut lasting: Vec<_> = this_kernels
        .map(|s| (by_engine(&s, s.preset.ticks()).1, s))
        .filter(|(ends, _)| ends.since(Instant::ZERO) < LASTS_UNDER)
        .collect();
    lasting.sort_by_key(|(ends, _)| std::cmp::Reverse(*ends));
    lasting.into_iter().map(|(_, s)| s).collect()
}

/// A machine that was busy stamps a packet late now and then, and its TCP counts what follows from that: three looks.
fn judge(scenario: &Scenario) -> Option<Seen> {
    let mut last = None;
    for _ in 0..3 {
        last = compare(scenario);
        if last.as_ref().is_none_or(|seen| seen.differ.is_empty()) {
            break;
        }
    }
    last
}

#[test]
fn the_engine_counts_what_this_kernel_counts() {
    bounded::begin();
    let scenarios = short_ones();
    let left = Mutex::new(scenarios.iter());
    let next = || left.lock().expect("nobody panics with it").next();
    let work = || {
        let mut done = Vec::new();
        while let Some(scenario) = next() {
            done.push((scenario.title.clone(), judge(scenario)));
        }
        done
    };
    let judged: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(work)).collect();
        let done = workers.into_iter().map(|w| w.join().expect("no panic"));
        done.flatten().collect()
    });
    let had: Vec<_> = judged
        .iter()
        .filter_map(|(title, seen)| Some((title, seen.as_ref()?)))
        .collect();
    if had.is_empty() {
        return skip::no_kernel("no kernel can be had here");
    }
    let moved: BTreeSet<_> = had.iter().flat_map(|(_, seen)| &seen.moved).collect();
    eprintln!(
        "{} scenarios, {} counters moved: {moved:?}",
        had.len(),
        moved.len()
    );
    assert!(moved.len() > 20, "the kernel counted little: {moved:?}");
    let different: Vec<String> = had
        .iter()
        .filter(|(_, seen)| !seen.differ.is_empty())
        .map(|(title, seen)| format!("{title}\n  {}", seen.differ.join("\n  ")))
        .collect();
    assert!(different.is_empty(), "{}", different.join("\n"));
}
