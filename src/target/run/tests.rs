use super::*;
use crate::call::{Errno, TcpState};
use crate::scenario::EndWhen;
use crate::trace::{Dir, Incident, Stopped, Who};
use crate::wire::{Datagram, Flags};

const POWER_OFF_IDLE: &str =
    include_str!("../../../examples/recordings/linux-6.18/power-off-idle/scenario.toml");

/// Ten exchanges, the peer loses power, the survivor sends once more.
fn power_off_idle() -> Scenario {
    Scenario::parse("power-off-idle", "scenario.toml", POWER_OFF_IDLE).expect("a recorded scenario")
}

fn on(kind: TargetKind, scenario: &Scenario, seed: u64) -> Trace {
    let options = Options {
        seed,
        ..Options::default()
    };
    run(scenario, kind, options).expect("a simulated target needs nothing")
}

fn sent(trace: &Trace) -> Vec<(u64, Datagram)> {
    let out = trace.packets.iter().filter(|p| p.dir == Dir::Out);
    out.map(|p| {
        (
            p.at.us(),
            Datagram::parse(&p.bytes).expect("a target sends packets"),
        )
    })
    .collect()
}

#[test]
fn smoltcp_gives_up_by_its_timeout_and_resets() {
    let trace = on(TargetKind::Smoltcp, &power_off_idle(), 1);
    let late: Vec<_> = sent(&trace)
        .into_iter()
        .filter(|(us, _)| *us >= 4_000_000)
        .map(|(us, d)| (us, d.segment().expect("TCP").flags))
        .collect();
    let push = Flags::PSH | Flags::ACK;
    // its RTO is at least 1 s and doubles; 12.6 s is what tcp_retries2 = 5 comes to
    let expected = [
        (4_000_000, push),
        (5_000_000, push),
        (7_000_000, push),
        (11_000_000, push),
        (16_600_000, Flags::RST | Flags::ACK),
    ];
    assert_eq!(late, expected);
    assert_eq!(trace.stopped, Stopped::SurvivorClosed);
    assert_eq!(trace.ended_at, Instant::from_ms(18_100));
    let errors: Vec<_> = trace
        .events
        .iter()
        .filter_map(|e| match &e.what {
            Incident::Error { errno, how } => Some((e.at.us(), *errno, how.as_str())),
            _ => None,
        })
        .collect();
    let how = "poll POLLIN|POLLERR|POLLHUP then recv()";
    assert_eq!(errors, [(16_600_000, Errno::ENOTCONN, how)]);
    let note = "tcp_early_retrans: smoltcp has no setting for it";
    assert!(
        trace.meta.notes.iter().any(|n| n == note),
        "{:?}",
        trace.meta.notes
    );
}

#[test]
fn a_simulated_run_is_a_function_of_its_inputs() {
    let scenario = power_off_idle();
    for kind in [TargetKind::Smoltcp, TargetKind::Engine] {
        assert_eq!(on(kind, &scenario, 7), on(kind, &scenario, 7), "{kind:?}");
    }
    let isn = |seed| {
        sent(&on(TargetKind::Smoltcp, &scenario, seed))[0]
            .1
            .segment()
            .map(|s| s.seq)
    };
    assert_ne!(
        isn(7),
        isn(8),
        "the seed must reach the initial sequence number"
    );
}

#[test]
fn a_run_ends_where_it_is_told_to() {
    let mut scenario = power_off_idle();
    scenario.limit = Instant::from_ms(6_000);
    let trace = on(TargetKind::Smoltcp, &scenario, 1);
    assert_eq!(
        (trace.stopped, trace.ended_at),
        (Stopped::Limit, scenario.limit)
    );
    scenario.end = EndWhen::After(Instant::from_ms(5_000));
    let trace = on(TargetKind::Smoltcp, &scenario, 1);
    assert_eq!(
        (trace.stopped, trace.ended_at.us()),
        (Stopped::After, 5_000_000)
    );
    let flag = AtomicBool::new(true);
    let options = Options {
        interrupt: Some(&flag),
        ..Options::default()
    };
    let trace = run(&scenario, TargetKind::Smoltcp, options).expect("an interrupted run is a run");
    assert_eq!(trace.stopped, Stopped::Interrupted);
    assert_eq!(trace.packets.len(), 1, "the SYN had left");
}

#[test]
fn every_kept_scenario_ends_on_smoltcp() {
    for name in crate::trace::kept::names() {
        let text = crate::trace::kept::scenario(name).expect("a kept scenario");
        let scenario = Scenario::parse(name, name, text).expect("a kept scenario");
        let trace = on(TargetKind::Smoltcp, &scenario, 1);
        assert!(
            trace.ended_at <= scenario.limit,
            "{name} ended at {:?}",
            trace.ended_at
        );
        assert!(trace.packets.is_sorted_by_key(|p| p.at), "{name}");
        assert!(trace.events.is_sorted_by_key(|e| e.at), "{name}");
        let infos = |e: &&crate::trace::Event| matches!(e.what, Incident::TcpInfo(_));
        assert_eq!(
            trace.events.iter().filter(infos).count(),
            0,
            "smoltcp has no TCP_INFO"
        );
    }
}

/// Without a delay the answer to the first packet is there at its instant.
#[test]
fn a_connection_that_is_gone_at_the_instant_at_which_it_arose_is_seen() {
    let client = "[survivor]\nrole = 'client'\n[wire]\ndelay = '0ms'\n";
    let server = "[survivor]\nrole = 'server'\n[wire]\ndelay = '0ms'\n[[step]]\nat = '0s'\ndo = 'survivor listen'\n";
    let end = "[end]\nwhen = 'survivor closed'\nlimit = '9s'\n";
    for (survivor, steps, first) in [
        (
            client,
            ["wire unreachable", "survivor connect"],
            TcpState::SynSent,
        ),
        (
            client,
            ["peer power-off", "survivor connect"],
            TcpState::SynSent,
        ),
        (server, ["peer connect", "peer reset"], TcpState::SynRecv),
    ] {
        let step = |what| format!("[[step]]\nat = '100ms'\ndo = '{what}'\n");
        let [one, other] = steps.map(step);
        let back = if one.contains("power-off") {
            step("peer power-on")
        } else {
            String::new()
        };
        let toml = format!("title = 'x'\n{survivor}{one}{back}{other}{end}");
        let scenario = Scenario::parse("x", "x.toml", &toml).expect("a scenario");
        let trace = run(&scenario, TargetKind::Engine, Options::default()).expect("it runs");
        let states: Vec<_> = trace
            .events
            .iter()
            .filter_map(|e| match e.what {
                Incident::State { state } if e.who == Who::Survivor => Some((e.at.us(), state)),
                _ => None,
            })
            .collect();
        let (begins, ends) = (states.first().copied(), states.last().copied());
        assert_eq!(begins, Some((100_000, first)), "{steps:?}: {states:?}");
        assert_eq!(ends, Some((100_000, TcpState::Closed)), "{steps:?}");
    }
}

/// The window of a stopped peer closes, both TCPs probe it, and both send the rest after the thaw.
#[test]
fn a_frozen_peer_is_probed_until_the_thaw_and_then_gets_everything() {
    let scenario = crate::scenario::load("freeze-and-thaw").expect("it is built in");
    let thaw = 9_000_000;
    for kind in [TargetKind::Engine, TargetKind::Smoltcp] {
        let trace = on(kind, &scenario, 1);
        let windows = |from, to| {
            let arrived = trace
                .packets
                .iter()
                .filter(move |p| p.dir == Dir::In && (from..to).contains(&p.at.us()));
            let parsed = arrived.map(|p| Datagram::parse(&p.bytes).expect("the peer's packets"));
            parsed
                .map(|d| d.segment().expect("TCP").window)
                .collect::<Vec<_>>()
        };
        let closed = windows(1_600_000, thaw);
        assert!(
            closed.len() >= 3 && closed.iter().all(|w| *w == 0),
            "{kind:?}: probes are answered, each with a closed window: {closed:?}"
        );
        let opened = windows(thaw, u64::MAX);
        assert_eq!(
            opened.first(),
            Some(&64),
            "{kind:?}: 8192 bytes, shifted by 7"
        );
        let kernel_took = trace.packets.iter().rfind(|p| p.dir == Dir::In);
        let last = Datagram::parse(&kernel_took.expect("an ACK").bytes).expect("TCP");
        let sent = sent(&trace);
        let first = sent[0].1.segment().expect("a SYN").seq;
        let acknowledged = last.segment().expect("TCP").ack - first;
        assert_eq!(acknowledged, 1 + 1_020 + 12_000 + 102, "{kind:?}");
        let errors = |e: &&crate::trace::Event| matches!(e.what, Incident::Error { .. });
        assert_eq!(trace.events.iter().find(errors), None, "{kind:?}");
    }
}
