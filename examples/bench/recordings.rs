//! A scenario of about fifteen minutes in simulated time, and every recording that the program carries, replayed.

use std::time::{Duration, Instant};

use halfopen::compare::replay::replay;
use halfopen::scenario::{Scenario, load};
use halfopen::target::{Options, TargetKind, run as run_scenario};
use halfopen::trace::{Trace, kept};

use super::measure::{Outcome, Settings, median, ms};

const SCENARIO: &str = "power-off-all-defaults";
const RUNS: usize = 101;
const REPLAYS: usize = 5;

pub(crate) fn run(_: Settings) -> Outcome<()> {
    one_scenario()?;
    all_recordings()
}

fn one_scenario() -> Outcome<()> {
    let scenario = load(SCENARIO)?;
    let mut times = Vec::with_capacity(RUNS);
    let mut last = None;
    for _ in 0..RUNS {
        let start = Instant::now();
        let trace = run_scenario(&scenario, TargetKind::Engine, Options::default())?;
        times.push(start.elapsed());
        last = Some(trace);
    }
    let trace = last.expect("there were runs");
    println!(
        "{SCENARIO} on the engine, recorded: {} a run (measured, median of {RUNS}; wanted: under 1 ms), \
         {:.0} s simulated, {} packets, {} events",
        ms(median(times)),
        trace.ended_at.secs_f64(),
        trace.packets.len(),
        trace.events.len()
    );
    Ok(())
}

fn all_recordings() -> Outcome<()> {
    let mut recordings: Vec<(Trace, Scenario)> = Vec::new();
    for name in kept::names() {
        let trace = kept::recording(name).expect("a name of the list")?;
        let scenario = Scenario::parse(name, name, &trace.meta.scenario_toml)?;
        recordings.push((trace, scenario));
    }
    let mut times = Vec::with_capacity(REPLAYS);
    let mut slowest = (Duration::ZERO, "");
    let mut identical = 0;
    for _ in 0..REPLAYS {
        let start = Instant::now();
        identical = 0;
        for (trace, scenario) in &recordings {
            let one = Instant::now();
            identical += usize::from(replay(trace, scenario)?.verdict.identical);
            slowest = slowest.max((one.elapsed(), &trace.meta.scenario));
        }
        times.push(start.elapsed());
    }
    println!(
        "{} recordings replayed on the engine: {} (measured, median of {REPLAYS}, one thread; wanted: under 2 s), \
         {identical} identical; slowest: {}, {}",
        recordings.len(),
        ms(median(times)),
        slowest.1,
        ms(slowest.0)
    );
    Ok(())
}
