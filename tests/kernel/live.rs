//! Whole scenarios on the real kernel, in parallel, each in its own namespace: what must come out on any machine.

use std::time::Duration;

use halfopen::call::{Errno, TcpState, TimerKind};
use halfopen::scenario::Scenario;
use halfopen::target::TargetError;
use halfopen::target::{Options, TargetKind, run};
use halfopen::time::{Instant, TickSpan};
use halfopen::trace::{Dir, Incident, Stopped, Trace, Who};
use halfopen::wire::{Datagram, Flags, Segment};

use crate::bounded;
use crate::skip;

/// Runs a scenario of these steps, or prints why it cannot.
fn live(text: &str) -> Option<Trace> {
    live_scenario(&scenario(text))
}

pub(crate) fn scenario(text: &str) -> Scenario {
    match Scenario::parse("live", "live.toml", text) {
        Ok(scenario) => scenario,
        Err(errors) => panic!("{}", errors.report(false)),
    }
}

fn live_scenario(scenario: &Scenario) -> Option<Trace> {
    bounded::begin();
    match run(scenario, TargetKind::Linux, Options::default()) {
        Ok(trace) => Some(trace),
        Err(TargetError::Unavailable(why)) => {
            skip::no_kernel(why);
            None
        }
        Err(e) => panic!("{e}"),
    }
}

/// The same, tried anew while the machine is so busy that its stamps say nothing about the kernel; the second value is
/// whether its times can be relied on.
pub(crate) fn live_on_time(scenario: &Scenario) -> Option<(Trace, bool)> {
    let is_busy = |trace: &Trace| trace.meta.notes.iter().any(|n| n.contains("busy"));
    let mut trace = live_scenario(scenario)?;
    for _ in 0..2 {
        if !is_busy(&trace) {
            break;
        }
        trace = live_scenario(scenario)?;
    }
    let on_time = !is_busy(&trace);
    if !on_time {
        println!("times not checked: this machine was too busy three times");
    }
    Some((trace, on_time))
}

/// The survivor's segments and their instants.
fn sent(trace: &Trace) -> Vec<(Instant, Segment)> {
    trace
        .packets
        .iter()
        .filter(|p| p.dir == Dir::Out)
        .filter_map(|p| {
            let datagram = Datagram::parse(&p.bytes).expect("a datagram of the kernel");
            Some((p.at, datagram.segment()?.clone()))
        })
        .collect()
}

fn errors(trace: &Trace) -> Vec<(Instant, Errno)> {
    let errors = trace.events.iter().filter_map(|e| match &e.what {
        Incident::Error { errno, .. } => Some((e.at, *errno)),
        _ => None,
    });
    errors.collect()
}

fn states(trace: &Trace) -> Vec<TcpState> {
    let states = trace.events.iter().filter_map(|e| match e.what {
        Incident::State { state } if e.who == Who::Survivor => Some(state),
        _ => None,
    });
    states.collect()
}

/// Whether `at` lies in the tick in which a timer of `after` fires that was armed at `armed`, or in the next one, which
/// the kernel's softirq allows itself.
fn in_its_tick(trace: &Trace, armed: Instant, after: Duration, at: Instant) -> bool {
    let Some(ticks) = trace.meta.ticks else {
        println!("not checked: this kernel does not tell its jiffies");
        return true;
    };
    let start = ticks.jiffies(armed);
    let (due, _) = ticks.fires_at(start, start + ticks.from_us(after.as_micros() as u64));
    (due..=due + TickSpan::ONE).contains(&ticks.jiffies(at))
}

#[test]
fn a_refused_connection_ends_in_one_round_trip() {
    let Some((trace, on_time)) = live_on_time(&scenario(
        r#"
        title = "Nobody listens"
        [survivor]
        role = "client"
        [wire]
        delay = "20ms"
        [[step]]
        at = "0s"
        do = "peer power-off"
        [[step]]
        at = "5ms"
        do = "peer power-on"
        [[step]]
        at = "10ms"
        do = "survivor connect"
        [end]
        when = "survivor closed"
        limit = "5s"
        tail = "50ms"
        "#,
    )) else {
        return;
    };
    assert_eq!(trace.stopped, Stopped::SurvivorClosed);
    assert_eq!(states(&trace), [TcpState::SynSent, TcpState::Closed]);
    let errors = errors(&trace);
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0].1, Errno::ECONNREFUSED);
    let (syn_at, syn) = &sent(&trace)[0];
    assert_eq!(syn.flags, Flags::SYN);
    let took = errors[0].0.since(*syn_at);
    assert!(took >= Duration::from_millis(40), "took {took:?}");
    assert!(
        !on_time || took < Duration::from_millis(60),
        "took {took:?}"
    );
}

const POWER_OFF: &str = r#"
    title = "The peer loses power; little patience"
    [survivor]
    role = "client"
    sysctl = { tcp_retries2 = 1, tcp_early_retrans = 0 }
    [wire]
    delay = "5ms"
    [[step]]
    at = "0s"
    do = "survivor connect"
    [[step]]
    at = "50ms"
    do = "survivor send 102"
    [[step]]
    at = "100ms"
    do = "peer power-off"
    [[step]]
    at = "150ms"
    do = "survivor send 102"
    [end]
    when = "survivor closed"
    limit = "10s"
    tail = "100ms"
"#;

#[test]
fn a_power_off_ends_in_silence_and_etimedout() {
    let Some((trace, on_time)) = live_on_time(&scenario(POWER_OFF)) else {
        return;
    };
    let data: Vec<_> = sent(&trace)
        .into_iter()
        .filter(|(_, s)| !s.payload.is_empty())
        .skip(1)
        .collect();
    // the message, and one retransmission of all of it for each RTO of 200 ms variance and 10 ms round trip
    assert!(data.len() >= 3, "{data:?}");
    assert!(
        data.iter()
            .all(|(_, s)| s.seq == data[0].1.seq && s.payload == data[0].1.payload)
    );
    let rto = trace.events.iter().find_map(|e| match &e.what {
        Incident::TcpInfo(info) if info.state == TcpState::Established && info.unacked > 0 => {
            Some(info.rto_us)
        }
        _ => None,
    });
    let rto = Duration::from_micros(rto.expect("TCP_INFO of a connection with data out"));
    assert!((210..=216).contains(&rto.as_millis()), "RTO {rto:?}");
    for (pair, factor) in data.windows(2).zip([1, 2]) {
        let (armed, fired) = (pair[0].0, pair[1].0);
        assert!(
            !on_time || in_its_tick(&trace, armed, factor * rto, fired),
            "armed at {armed:?} for {factor} RTO of {rto:?}, fired at {fired:?}"
        );
    }
    assert_eq!(
        errors(&trace).iter().map(|e| e.1).collect::<Vec<_>>(),
        [Errno::ETIMEDOUT]
    );
    assert!(
        sent(&trace).iter().all(|(_, s)| !s.flags.has(Flags::RST)),
        "no RST"
    );
    assert_eq!(states(&trace).last(), Some(&TcpState::Closed));
}

#[test]
fn keepalive_ends_with_a_rst() {
    let Some(trace) = live(
        r#"
        title = "An idle connection whose peer loses power"
        [survivor]
        role = "client"
        sockopt = { SO_KEEPALIVE = 1, TCP_KEEPIDLE = 1, TCP_KEEPINTVL = 1, TCP_KEEPCNT = 1 }
        [[step]]
        at = "0s"
        do = "survivor connect"
        [[step]]
        at = "100ms"
        do = "peer power-off"
        [end]
        when = "survivor closed"
        limit = "10s"
        tail = "100ms"
        "#,
    ) else {
        return;
    };
    let packets = sent(&trace);
    let flags: Vec<_> = packets.iter().map(|(_, s)| s.flags.to_string()).collect();
    assert_eq!(flags, ["S", "A", "A", "RA"]);
    let probe = &packets[2].1;
    assert_eq!(
        probe.seq + 1,
        packets[1].1.seq,
        "a probe asks for the last byte again"
    );
    assert_eq!(
        errors(&trace).iter().map(|e| e.1).collect::<Vec<_>>(),
        [Errno::ETIMEDOUT]
    );
    let waits = trace
        .events
        .iter()
        .any(|e| matches!(&e.what, Incident::TcpInfo(info) if info.timer == TimerKind::Keepalive));
    assert!(waits, "sock_diag shows the keepalive timer");
}

#[test]
fn a_server_is_reset_by_a_rebooted_peer() {
    let Some(trace) = live(
        r#"
        title = "The client reboots; the server sends"
        [survivor]
        role = "server"
        [wire]
        delay = "2ms"
        [[step]]
        at = "0s"
        do = "survivor listen"
        [[step]]
        at = "20ms"
        do = "peer connect"
        [[step]]
        at = "100ms"
        do = "peer power-off"
        [[step]]
        at = "150ms"
        do = "peer power-on"
        [[step]]
        at = "200ms"
        do = "survivor send 10"
        [end]
        when = "survivor closed"
        limit = "5s"
        tail = "50ms"
        "#,
    ) else {
        return;
    };
    assert_eq!(
        states(&trace),
        [TcpState::SynRecv, TcpState::Established, TcpState::Closed]
    );
    assert_eq!(
        errors(&trace).iter().map(|e| e.1).collect::<Vec<_>>(),
        [Errno::ECONNRESET]
    );
}

#[test]
fn what_a_killed_process_leaves_is_an_orphan() {
    let Some(trace) = live(
        r#"
        title = "The application is killed while the wire is cut"
        [survivor]
        role = "client"
        sysctl = { tcp_orphan_retries = 1, tcp_early_retrans = 0 }
        [[step]]
        at = "0s"
        do = "survivor connect"
        [[step]]
        at = "50ms"
        do = "wire cut"
        [[step]]
        at = "100ms"
        do = "survivor kill"
        [end]
        when = "survivor closed"
        limit = "10s"
        tail = "50ms"
        "#,
    ) else {
        return;
    };
    assert_eq!(
        states(&trace),
        [
            TcpState::SynSent,
            TcpState::Established,
            TcpState::FinWait1,
            TcpState::Closed
        ]
    );
    let fins: Vec<_> = sent(&trace)
        .into_iter()
        .filter(|(_, s)| s.flags.has(Flags::FIN))
        .collect();
    assert!(fins.len() >= 2, "the FIN and its retransmission: {fins:?}");
    assert_eq!(errors(&trace), [], "nobody is left to be told");
}
