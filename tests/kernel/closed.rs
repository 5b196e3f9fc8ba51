//! The engine against this machine's kernel, live, in closed mode, all scenarios at the same time.

use halfopen::compare::closed::compare;
use halfopen::run::{Options, TargetKind, run};
use halfopen::trace::kept;

use crate::live::{live_on_time, scenario};

const SCENARIOS: [&str; 9] = [
    "power-off-idle",
    "power-off-idle-tlp",
    "keepalive-power-off",
    "connect-refused",
    "reboot-then-send",
    "cut-and-restore",
    "peer-killed",
    "user-timeout-data",
    "server-power-off",
];

/// Both live through the scenario, the engine with the kernel's ticks; gives what is different. None where the kernel
/// could not be had, or the machine was too busy for its times to mean anything: both have been printed.
fn difference(name: &str) -> Option<String> {
    let scenario = scenario(kept::scenario(name).expect("a scenario of ours"));
    let (kernel, on_time) = live_on_time(&scenario)?;
    if !on_time {
        return None;
    }
    let options = Options {
        ticks: kernel.meta.ticks,
        ..Options::default()
    };
    let engine = run(&scenario, TargetKind::Engine, options).expect("the engine runs anywhere");
    let verdict = compare(&engine, &kernel);
    (!verdict.identical).then(|| format!("{name}: {}\n{:#?}", verdict.line(), verdict.differences))
}

/// One test with a thread for each: they sleep most of the time, and the test runner has only as many threads as cores.
#[test]
fn the_engine_does_what_this_kernel_does() {
    let different: Vec<String> = std::thread::scope(|scope| {
        let runs: Vec<_> = SCENARIOS
            .map(|name| scope.spawn(move || difference(name)))
            .into();
        runs.into_iter()
            .filter_map(|run| run.join().expect("no run panics"))
            .collect()
    });
    assert!(different.is_empty(), "{}", different.join("\n"));
}
