//! Forecasts held against the engine run to its end: two hosts in memory, the far one falls silent.

mod cases;
mod world;

use std::time::Duration;

use self::cases::{Case, cases, sysctl};
use self::world::World;
use super::*;
use crate::time::Jiffies;

/// Instants after the cut at which a forecast is made, ms.
const LOOKS_MS: [u64; 12] = [
    0, 3, 150, 260, 700, 1_500, 4_000, 9_000, 25_000, 70_000, 200_000, 600_000,
];

fn at_every_look(case: &Case, mut check: impl FnMut(&World, u64, Instant, Option<Errno>)) {
    let open = match case.connects {
        true => World::connected,
        false => World::connecting,
    };
    let mut world = open(case.sysctl.clone(), case.delay_ms, &case.options);
    (case.act)(&mut world);
    let cut_at = world.now;
    let (end, errno) = world
        .clone()
        .fate(case.orphan)
        .unwrap_or_else(|| panic!("{}: it lives for ever", case.name));
    for ms in LOOKS_MS {
        let at = cut_at + Duration::from_millis(ms);
        if at >= end {
            break;
        }
        while world.step(at) {}
        check(&world, ms, end, errno);
    }
}

#[test]
fn a_forecast_from_the_engine_comes_true_to_the_nanosecond() {
    for case in cases() {
        let mut looks = 0;
        at_every_look(&case, |world, ms, end, errno| {
            let (local, remote) = world.addrs();
            let forecast = of_connection(&world.us, world.now, local, remote);
            let name = format!("{} at {ms} ms: {}", case.name, forecast.sentence());
            assert_eq!(forecast.ends_at(), Some(end), "{name}");
            assert_eq!(forecast.latest, None, "{name}");
            match forecast.told {
                Verdict::Error { errno: told, .. } => assert_eq!(Some(told), errno, "{name}"),
                Verdict::Nobody { .. } => assert!(case.orphan && errno.is_none(), "{name}"),
                other => panic!("{name}: {other:?}"),
            }
            looks += 1;
        });
        assert!(looks >= 3, "{}: {looks} looks", case.name);
    }
}

#[test]
fn a_forecast_names_the_rule_that_ends_the_connection() {
    let rules = [
        ("one segment", "tcp_retries2 15"),
        ("one segment, retries2 5", "tcp_retries2 5"),
        ("no TLP", "tcp_retries2 15"),
        ("rto_max 2 s", "tcp_retries2 15"),
        ("five segments", "tcp_retries2 15"),
        ("many segments", "tcp_retries2 8"),
        ("the peer closed first", "tcp_retries2 15"),
        ("zero window", "tcp_retries2 6"),
        ("zero window, defaults", "tcp_retries2 15"),
        ("keepalive", "TCP_KEEPCNT 3"),
        ("keepalive with its defaults", "tcp_keepalive_probes 9"),
        ("keepalive starved", "tcp_retries2 15"),
        ("keepalive and user timeout", "TCP_USER_TIMEOUT 10 s"),
        ("user timeout", "TCP_USER_TIMEOUT 5 s"),
        ("user timeout, zero window", "TCP_USER_TIMEOUT 20 s"),
        ("rto_max as an option", "tcp_retries2 15"),
        (
            "orphan with data",
            "tcp_orphan_retries: an orphan is allowed 8 retries",
        ),
        (
            "orphan, two retries",
            "tcp_orphan_retries: an orphan is allowed 2 retries",
        ),
        ("orphan in FIN_WAIT2", "tcp_fin_timeout 60 s"),
        ("orphan in FIN_WAIT2, 63 s", "tcp_fin_timeout 63 s"),
        (
            "orphan with a FIN only",
            "tcp_orphan_retries: an orphan is allowed 8 retries",
        ),
        ("connecting", "tcp_syn_retries 6"),
        ("connecting, no linear retries", "tcp_syn_retries 6"),
        ("connecting, two retries", "tcp_syn_retries 2"),
        ("connecting with a user timeout", "TCP_USER_TIMEOUT 4.5 s"),
    ];
    let cases = cases();
    assert_eq!(cases.len(), rules.len());
    for (case, (name, rule)) in cases.iter().zip(rules) {
        assert_eq!(case.name, name);
        at_every_look(case, |world, ms, _, _| {
            let (local, remote) = world.addrs();
            let seen = world.seen(case.orphan, &case.options).expect("it is there");
            for forecast in [
                of_connection(&world.us, world.now, local, remote),
                of_seen(&seen, &case.sysctl, Ticks::default()),
            ] {
                let told = forecast.rule.map(|r| r.to_string());
                assert_eq!(told.as_deref(), Some(rule), "{name} at {ms} ms");
                assert!(
                    forecast.sentence().contains(rule),
                    "{}",
                    forecast.sentence()
                );
            }
        });
    }
}

#[test]
fn an_orphan_with_a_closed_window_ends_at_a_backoff() {
    // three probes without an answer come before that where fewer are allowed
    let few = sysctl(&[("tcp_orphan_retries", "3")]);
    let mut world = World::connected(few, 5, &[]);
    cases::zero_window(&mut world);
    world.us.call(world.now, Call::Close(world.socket));
    world.drain();
    let (local, remote) = world.addrs();
    let forecast = of_connection(&world.us, world.now, local, remote);
    let rule = forecast.rule.map(|r| r.to_string());
    let expected = "tcp_orphan_retries: an orphan is allowed 3 retries";
    assert_eq!(rule.as_deref(), Some(expected), "{}", forecast.sentence());
    // a far end that answers every probe and never reads: the count never grows, the backoff does
    let mut world = World::connected(Sysctl::default(), 5, &[]);
    cases::fill(&mut world);
    world.us.call(world.now, Call::Close(world.socket));
    while world.info().is_some_and(|info| info.backoff < 10) {
        let until = world.now + Duration::from_secs(10);
        while world.step(until) {}
    }
    let forecast = of_connection(&world.us, world.now, local, remote);
    let rule = forecast.rule.map(|r| r.to_string());
    let expected = "orphan with a closed window: backoff 10 reached";
    assert_eq!(rule.as_deref(), Some(expected), "{}", forecast.sentence());
}

#[test]
fn a_forecast_from_what_sock_diag_shows_names_a_time_in_which_the_end_lies() {
    let mut widths = Vec::new();
    for case in cases() {
        at_every_look(&case, |world, ms, end, errno| {
            let seen = world.seen(case.orphan, &case.options).expect("it is there");
            let forecast = of_seen(&seen, &case.sysctl, Ticks::default());
            let info = &seen.info;
            let name = format!(
                "{} at {ms} ms: {} of {info:?}",
                case.name,
                forecast.sentence()
            );
            let first = forecast.ends_at().unwrap_or_else(|| panic!("{name}"));
            let last = forecast.latest.unwrap_or(first);
            assert!(
                first <= end && end <= last,
                "{name}: {:?} <= {:?} <= {:?}",
                first,
                end,
                last
            );
            if let Verdict::Error { errno: told, .. } = forecast.told {
                assert_eq!(Some(told), errno, "{name}");
            }
            // at most a loss probe's wait, or what the wheel adds to a wait
            let width = last.since(first);
            let allowed = (end.since(world.now) / 8).max(Duration::from_millis(230));
            assert!(width <= allowed, "{name}: {width:?} wide");
            widths.push(width);
        });
    }
    let exact = widths.iter().filter(|w| w.is_zero()).count();
    assert!(
        exact * 10 >= widths.len() * 8,
        "{exact} of {} exact",
        widths.len()
    );
}

#[test]
fn who_is_idle_without_keepalive_is_never_told_unless_it_sends() {
    let mut world = World::connected(Sysctl::default(), 1, &[]);
    world.cut();
    let (local, remote) = world.addrs();
    let seen = world.seen(false, &[]).expect("it is there");
    let ticks = Ticks::default();
    for forecast in [
        of_connection(&world.us, world.now, local, remote),
        of_seen(&seen, &Sysctl::default(), ticks),
    ] {
        assert_eq!(forecast.told, Verdict::Never(Why::Idle));
        assert_eq!(
            forecast.sentence(),
            "never: nothing is in flight and keepalive is off"
        );
        assert_eq!(forecast.tries_left(), 0);
    }
    for sends in [
        of_connection_if_it_sends(&world.us, world.now, local, remote),
        of_seen_if_it_sends(&seen, &Sysctl::default(), ticks),
    ] {
        let sends = sends.expect("it can");
        assert_eq!(
            sends.tries_left(),
            16,
            "a loss probe and 15 retransmissions"
        );
        assert_eq!(
            sends.sentence(),
            "in 15 min 39 s: ETIMEDOUT at the next call, by tcp_retries2 15"
        );
        assert_eq!(sends.firings[0].sends, Sends::LossProbe);
        assert_eq!(sends.firings[15].sends, Sends::Retransmission(15));
    }
}

#[test]
fn an_error_that_waits_is_told_as_waiting() {
    let mut world = World::connected(sysctl(&[("tcp_retries2", "1")]), 0, &[]);
    world.cut();
    world.send(1);
    world.run_ms(10_000);
    let (local, remote) = world.addrs();
    assert!(world.info().is_none());
    // its addresses are free again, so nothing is found by them
    let forecast = of_connection(&world.us, world.now, local, remote);
    assert_eq!(forecast.told, Verdict::Never(Why::Closed));
}

#[test]
fn half_open_and_timewait_end_without_anybody_being_told() {
    // the far end of a connection attempt whose SYN-ACKs are lost
    let mut world = World::connecting(Sysctl::default(), 5, &[]);
    world.cut = false;
    while world.info_there().is_none() {
        let until = world.now + Duration::from_millis(1);
        world.step(until);
    }
    world.cut();
    let (local, remote) = world.addrs();
    let mut ends = Vec::new();
    for ms in [0, 500, 2_000, 20_000, 62_000] {
        let until = Instant::from_ms(110 + ms);
        while world.step(until) {}
        let forecast = of_connection(&world.them, world.now, remote, local);
        let seen = Seen {
            info: world.info_there().expect("a request"),
            ..Seen::default()
        };
        let from_outside = of_seen(&seen, &Sysctl::default(), Ticks::default());
        assert_eq!(from_outside.told, forecast.told, "at {ms} ms");
        let tries = |f: &Forecast| {
            f.firings
                .iter()
                .filter(|f| f.sends == Sends::SynAck)
                .count()
        };
        assert_eq!(tries(&from_outside), tries(&forecast), "at {ms} ms");
        ends.push(forecast.ends_at().expect("it ends"));
    }
    ends.dedup();
    assert_eq!(ends.len(), 1);
    // 63 s, and what the wheel adds to six waits
    assert!((63.0..68.0).contains(&ends[0].secs_f64()), "{ends:?}");
}

#[test]
fn an_idle_time_that_cannot_be_read_follows_from_the_timer() {
    let case = cases().into_iter().find(|c| c.name == "keepalive");
    let case = case.expect("the case");
    let mut world = World::connected(case.sysctl.clone(), 5, &case.options);
    world.run_ms(500);
    world.cut();
    let seen = Seen {
        options: None,
        ..world.seen(false, &[]).expect("it is there")
    };
    let forecast = of_seen(&seen, &case.sysctl, Ticks::default());
    let first = forecast.firings[0];
    assert_eq!(first.sends, Sends::KeepaliveProbe(1));
    // 3 s idle, of which 1.5 s have passed since the handshake
    let left = first.at.since(world.now).as_secs_f64();
    assert!((1.4..1.8).contains(&left), "{left} s");
    // nine probes 75 s apart: the interval and the count are not to be seen
    assert_eq!(forecast.tries_left(), 9);
    assert_eq!(forecast.assumed.len(), 2, "{:?}", forecast.assumed);
}

#[test]
fn spans_are_written_in_two_units() {
    let rows = [
        (0, "0 ms"),
        (999, "999 ms"),
        (1_000, "1.0 s"),
        (59_949, "59.9 s"),
        (59_950, "1 min 0 s"),
        (860_000, "14 min 20 s"),
        (3_599_499, "59 min 59 s"),
        (3_599_500, "1 h 0 min"),
        (7_890_000, "2 h 11 min"),
        (86_400_000, "1 d 0 h"),
    ];
    for (ms, text) in rows {
        assert_eq!(span(Duration::from_millis(ms)), text);
    }
}

mod any {
    //! Whatever sock_diag says, a forecast is made.

    use super::*;
    use proptest::prelude::*;

    const STATES: [TcpState; 11] = [
        TcpState::Closed,
        TcpState::Listen,
        TcpState::SynSent,
        TcpState::SynRecv,
        TcpState::Established,
        TcpState::FinWait1,
        TcpState::FinWait2,
        TcpState::CloseWait,
        TcpState::Closing,
        TcpState::LastAck,
        TcpState::TimeWait,
    ];
    const TIMERS: [TimerKind; 5] = [
        TimerKind::None,
        TimerKind::On,
        TimerKind::Keepalive,
        TimerKind::TimeWait,
        TimerKind::Persist,
    ];

    /// Small numbers, and any.
    fn word() -> impl Strategy<Value = u32> {
        prop_oneof![0..4u32, 0..100_000u32, any::<u32>()]
    }

    fn info() -> impl Strategy<Value = TcpInfo> {
        let words = prop::collection::vec(word(), 20);
        let bytes = prop::collection::vec(any::<u8>(), 5);
        (0..STATES.len(), 0..TIMERS.len(), words, bytes).prop_map(|(state, timer, w, b)| TcpInfo {
            at: Instant::from_us(w[0].into()),
            state: STATES[state],
            timer: TIMERS[timer],
            ca_state: b[0] % 6,
            retransmits: b[1].into(),
            probes: b[2].into(),
            backoff: b[3].into(),
            timer_retrans: b[4].into(),
            rto_us: w[1].into(),
            rtt_us: w[2].into(),
            rttvar_us: w[3].into(),
            snd_mss: w[4],
            unacked: w[5],
            sacked: w[6],
            lost: w[7],
            retrans: w[8],
            last_data_sent_ms: w[9].into(),
            last_ack_recv_ms: w[10].into(),
            snd_cwnd: w[11],
            snd_ssthresh: w[12],
            total_retrans: w[13],
            notsent: w[14],
            snd_wnd: w[15],
            timer_ms: w[16].into(),
            rqueue: w[17],
            wqueue: w[18],
            ..TcpInfo::default()
        })
    }

    proptest! {
        #![proptest_config(proptest::test_runner::Config::with_failure_persistence(proptest::test_runner::FileFailurePersistence::WithSource("regressions")))]
        #[test]
        fn anything_that_sock_diag_could_say_gives_a_forecast(
            info in info(),
            orphan in any::<bool>(),
            sack_ok in any::<bool>(),
            times in (any::<Option<u32>>(), any::<Option<u32>>()),
            user_timeout in prop_oneof![Just(None), any::<Option<i32>>()],
        ) {
            let seen = Seen {
                info,
                orphan,
                sack_ok: Some(sack_ok),
                last_data_recv_ms: times.0.map(u64::from),
                total_rto_time_ms: times.1.map(u64::from),
                rto_recoveries: 1,
                options: user_timeout.map(|ms| {
                    vec![crate::sockopt::SockOpt::int(crate::sockopt::OptName::TCP_USER_TIMEOUT, ms.into())]
                }),
            };
            let ticks = Ticks {
                jiffies_at_t0: Jiffies(4_295_000_000),
                ..Ticks::default()
            };
            let forecast = of_seen(&seen, &Sysctl::default(), ticks);
            prop_assert!(!forecast.sentence().is_empty());
            let _ = of_seen_if_it_sends(&seen, &Sysctl::default(), ticks);
        }
    }
}
