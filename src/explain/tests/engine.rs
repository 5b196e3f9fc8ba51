//! What runs of the engine tell of the sender: its clock tick, its tail loss probes, its sysctls.

use super::*;
use crate::target::{Options, TargetKind, run};
use crate::time::{Jiffies, Ticks};

/// The runs of the engine against a trace's survivor.
fn rerun(trace: &Trace) -> Option<Rerun> {
    let (found, span) = connections(trace, Duration::ZERO);
    let survivor = match trace.meta.role.as_str() {
        "server" => Side::Server,
        _ => Side::Client,
    };
    let reruns = found.into_iter().flat_map(|mut c| c.story(&span).reruns);
    reruns.into_iter().find(|r| r.side == survivor)
}

#[test]
fn what_reproduces_a_recording_agrees_with_its_kernel() {
    let (mut whole, mut told) = (0, 0);
    for dir in folders() {
        let (trace, scenario) = load(&dir);
        let Some(rerun) = rerun(&trace).filter(Rerun::is_whole) else {
            continue;
        };
        let name = dir.display();
        whole += 1;
        let ticks = trace.meta.ticks.expect("recordings have ticks");
        let hz = ticks.hz() as u32;
        assert!(
            rerun.hz.is_empty() || rerun.hz.contains(&hz),
            "{name}: {rerun:?}"
        );
        told += usize::from(rerun.hz == [hz]);
        assert_ne!(rerun.wheel, Some(false), "{name}");
        let sysctl = &scenario.survivor.sysctl;
        let has_probes = sysctl.tcp_early_retrans >= 3;
        assert!(
            rerun.tail_loss_probe.is_none_or(|on| on == has_probes),
            "{name}: {rerun:?}"
        );
        for part in rerun.sysctls.split(", ").filter(|p| !p.is_empty()) {
            let (sysctl_name, value) = part.split_once(' ').expect("a name and a value");
            let sockopt = scenario
                .survivor
                .sockopt
                .iter()
                .any(|o| o.name.name().contains("RTO"));
            let is_set = sysctl.get(sysctl_name).as_deref() == Some(value) || sockopt;
            assert!(is_set, "{name}: {part}, but {:?}", sysctl.get(sysctl_name));
        }
    }
    assert!(
        whole >= 60 && told >= 20,
        "only {whole} recordings are reproduced, and {told} tell HZ"
    );
}

#[test]
fn the_clock_tick_of_a_long_backoff_is_found() {
    let scenario = crate::scenario::load("power-off-all-defaults").expect("it is built in");
    for hz in [100, 250, 300, 1_000] {
        for phase in [0, 77, 3_001] {
            let ticks = Ticks {
                jiffies_at_t0: Jiffies(1_000_000 + phase),
                ns_into_tick: 1_000_000,
                ..Ticks::at_hz(hz)
            };
            let options = Options {
                seed: phase,
                ticks: Some(ticks),
                ..Options::default()
            };
            let trace = run(&scenario, TargetKind::Engine, options).expect("it runs");
            let rerun = rerun(&trace).expect("it retransmits");
            assert!(rerun.is_whole(), "HZ {hz}, phase {phase}: {rerun:?}");
            assert_eq!(rerun.hz, [hz], "phase {phase}: {rerun:?}");
            let (earliest, latest, errno) = rerun.gives_up.expect("it gives up");
            assert_eq!(errno, "ETIMEDOUT");
            assert!(earliest <= latest);
            let told = trace.events.iter().find_map(|e| match &e.what {
                crate::trace::Incident::Error { .. } => Some(e.at.ns()),
                _ => None,
            });
            let told = told.expect("the application gets an error");
            let slack = 2 * ticks.tick_ns;
            assert!(
                earliest <= told + slack && told <= latest + slack,
                "{told} / {earliest} to {latest}"
            );
        }
    }
}
