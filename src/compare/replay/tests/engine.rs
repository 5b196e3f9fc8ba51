//! The engine against the kernel's recordings, and engines that are wrong on purpose.

use super::{Change, changed, later_packets, recording, scenario};
use crate::compare::replay::replay;
use crate::compare::{Class, Verdict};
use crate::scenario::Scenario;
use crate::time::TickSpan;
use crate::trace::{Incident, Trace};

/// The recordings that must be the same in every field and every time.
const IDENTICAL: [&str; 20] = [
    "power-off-idle",
    "power-off-idle-tlp",
    "power-off-retries2-15",
    "power-off-all-defaults",
    "long-rtt",
    "long-rtt-tlp",
    "rto-bounds",
    "rto-max-option",
    "keepalive-power-off",
    "keepalive-starved",
    "user-timeout-data",
    "user-timeout-keepalive",
    "connect-dead",
    "connect-dead-no-linear",
    "connect-refused",
    "reboot-then-send",
    "reboot-in-backoff",
    "cut-and-restore",
    "peer-killed",
    "server-power-off",
];

fn verdict(trace: &Trace, scenario: &Scenario) -> Verdict {
    replay(trace, scenario).expect("it can be replayed").verdict
}

#[test]
fn the_engine_does_what_the_kernel_did() {
    for name in IDENTICAL {
        let trace = recording(name);
        let verdict = verdict(&trace, &scenario(&trace));
        let shown: Vec<_> = verdict
            .differences
            .iter()
            .take(5)
            .map(ToString::to_string)
            .collect();
        assert!(verdict.identical, "{}: {shown:#?}", verdict.line());
    }
}

type Spoil = fn(&mut Scenario);

#[test]
fn an_engine_with_another_knob_is_different() {
    let cases: [(&str, &str, Spoil); 6] = [
        ("tcp_retries2", "power-off-idle", |s| {
            s.survivor.sysctl.tcp_retries2 = 6
        }),
        ("tcp_early_retrans", "power-off-idle", |s| {
            s.survivor.sysctl.tcp_early_retrans = 3
        }),
        ("tcp_rto_min_us", "power-off-idle", |s| {
            s.survivor.sysctl.tcp_rto_min_us = 210_000
        }),
        ("tcp_timestamps", "power-off-idle", |s| {
            s.survivor.sysctl.tcp_timestamps = 0
        }),
        ("tcp_syn_linear_timeouts", "connect-dead", |s| {
            s.survivor.sysctl.tcp_syn_linear_timeouts = 0;
        }),
        ("socket options", "keepalive-power-off", |s| {
            s.survivor.sockopt.clear()
        }),
    ];
    for (what, name, spoil) in cases {
        let trace = recording(name);
        let mut scenario = scenario(&trace);
        spoil(&mut scenario);
        let verdict = verdict(&trace, &scenario);
        assert!(!verdict.identical, "{what}: {}", verdict.line());
    }
}

#[test]
fn an_engine_at_another_tick_is_different() {
    let mut trace = recording("power-off-idle");
    let ticks = trace.meta.ticks.as_mut().expect("recordings have ticks");
    ticks.jiffies_at_t0 += TickSpan(3);
    let verdict = verdict(&trace, &scenario(&trace));
    assert!(verdict.counts.times_differing > 0, "{}", verdict.line());
}

#[test]
fn one_changed_field_of_a_long_recording_is_found_and_nothing_else() {
    let mut trace = recording("bulk-power-off");
    let scenario = scenario(&trace);
    let index = later_packets(&trace)[97];
    let packet = &mut trace.packets[index];
    packet.bytes = changed(&packet.bytes, Change::Window).expect("it is a segment");
    let verdict = verdict(&trace, &scenario);
    let found: Vec<_> = verdict
        .differences
        .iter()
        .filter(|d| d.class != Class::TcpInfo)
        .map(|d| (d.class, d.what.as_str()))
        .collect();
    assert_eq!(found, [(Class::Field, "window")], "{}", verdict.line());
}

#[test]
fn the_engines_trace_says_why_each_packet_left_and_how_it_ended() {
    let trace = recording("power-off-idle");
    let replay = replay(&trace, &scenario(&trace)).expect("it can be replayed");
    assert_eq!(replay.trace.packets.len(), trace.packets.len());
    let sent = replay.trace.packets.iter().filter(|p| p.cause.is_some());
    assert_eq!(sent.count(), replay.verdict.counts.left_packets);
    assert_eq!(
        replay.verdict.left.ending.errno,
        replay.verdict.right.ending.errno
    );
    let is_timer = |i: &Incident| matches!(i, Incident::Timer { .. });
    assert!(replay.trace.events.iter().any(|e| is_timer(&e.what)));
    let shown = serde_json::to_value(&replay.verdict).expect("it can be shown");
    assert_eq!(shown["identical"], true);
    assert_eq!(shown["counts"]["packets_compared"], 20);
}
