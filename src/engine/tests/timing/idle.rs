//! Keepalive on an idle connection, and probes of a closed window.

use super::*;
use crate::call::Errno;
use crate::sockopt::OptName;

/// (idle, interval in s, count, user timeout in ms, probes, RST and error from, to in s)
const KEEPALIVE: [(i64, i64, i64, i64, usize, f64, f64); 5] = [
    (3, 1, 3, 0, 3, 6.0, 6.35),
    (3, 1, 3, 10_000, 7, 10.0, 10.5),
    (3, 1, 9, 5_000, 2, 5.0, 5.3),
    (3, 1, 9, 1_000, 1, 4.0, 4.25),
    (7_200, 75, 9, 0, 9, 7_882.0, 8_014.0),
];

#[test]
fn keepalive_ends_with_a_reset() {
    for (idle, intvl, count, user, probes, low, high) in KEEPALIVE {
        for ticks in wheel() {
            let mut lab = Lab::new(Sysctl::default(), ticks);
            lab.set(OptName::TCP_KEEPIDLE, idle);
            lab.set(OptName::TCP_KEEPINTVL, intvl);
            lab.set(OptName::TCP_KEEPCNT, count);
            lab.set(OptName::TCP_USER_TIMEOUT, user);
            lab.set(OptName::SO_KEEPALIVE, 1);
            lab.open_after(15);
            let start = lab.now;
            let end = end_of(&mut lab, start);
            let row = format!("keepalive {idle}/{intvl}/{count}, user timeout {user} ms");
            let told: Vec<String> = end.out.iter().map(|o| text(&o.segment)).collect();
            let mut expected = vec!["A 0 1"; probes];
            expected.push("RA 1 1");
            assert_eq!(told, expected, "{row}");
            within(&row, &[end.total], low, high);
            assert_eq!(lab.so_error(), Some(Errno::ETIMEDOUT), "{row}");
        }
    }
}

#[test]
fn an_answer_starts_the_idle_time_anew_in_two_hops() {
    let mut lab = Lab::new(Sysctl::default(), ideal());
    lab.set(OptName::TCP_KEEPIDLE, 3);
    lab.set(OptName::TCP_KEEPINTVL, 2);
    lab.set(OptName::SO_KEEPALIVE, 1);
    lab.open_after(15);
    let start = lab.now;
    let mut probes = Vec::new();
    for _ in 0..3 {
        while lab.out.is_empty() {
            let at = lab.engine.next_deadline().expect("keepalive");
            lab.run_until(at);
        }
        lab.take_out();
        probes.push(lab.now.since(start).as_secs_f64());
        lab.inject(seg(A, 1, 1));
    }
    for (got, due) in probes.iter().zip([3.0, 6.0, 9.0]) {
        assert!((got - due).abs() < 0.03, "{probes:?}");
    }
}

#[test]
fn waiting_data_suspends_keepalive() {
    let mut lab = Lab::new(without_probe(), ideal());
    lab.set(OptName::TCP_KEEPIDLE, 1);
    lab.set(OptName::TCP_KEEPCNT, 1);
    lab.set(OptName::SO_KEEPALIVE, 1);
    lab.open_after(15);
    let start = lab.now;
    lab.send(10);
    let end = end_of(&mut lab, start);
    assert_eq!(end.rtos, 15);
    assert!(
        end.out.iter().all(|o| !o.segment.payload.is_empty()),
        "a probe"
    );
    within("keepalive and data", &[end.total], 928.5, 928.9);
}

/// A connection whose peer has closed its window, with data waiting.
fn closed_window(sysctl: Sysctl, ticks: Ticks, options: &[(OptName, i64)]) -> (Lab, Instant) {
    let mut lab = Lab::new(sysctl, ticks);
    for (name, value) in options {
        lab.set(*name, *value);
    }
    lab.open_after(15);
    lab.send(10);
    lab.window = 0;
    lab.inject(seg(A, 1, 11));
    lab.take_out();
    let start = lab.now;
    lab.send(100);
    (lab, start)
}

/// (tcp_retries2, tcp_rto_max_ms, intervals between probes that nobody answers, s)
const UNANSWERED: [(i64, i64, &[f64]); 4] = [
    (0, 120_000, &[]),
    (3, 120_000, &[0.408, 0.816, 1.632]),
    (5, 120_000, &[0.408, 0.816, 1.632, 3.264, 6.528]),
    (
        15,
        1_000,
        &[
            0.408, 0.816, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0,
        ],
    ),
];

#[test]
fn unanswered_window_probes_are_counted() {
    for (retries, rto_max_ms, intervals) in UNANSWERED {
        let sysctl = Sysctl {
            tcp_retries2: retries,
            tcp_rto_max_ms: rto_max_ms,
            ..Sysctl::default()
        };
        let (mut lab, start) = closed_window(sysctl, ideal(), &[]);
        let end = end_of(&mut lab, start);
        let row = format!(
            "retries2 {retries}, rto_max {rto_max_ms} ms: {:?}",
            end.times
        );
        assert_eq!(end.times.len(), intervals.len(), "{row}");
        assert!(
            end.out.iter().all(|o| text(&o.segment) == "A 10 1"),
            "{row}"
        );
        let ends = end.times.iter().chain([&end.total]);
        let gaps: Vec<f64> = ends.clone().zip(ends.skip(1)).map(|(a, b)| b - a).collect();
        for (gap, due) in gaps.iter().zip(intervals) {
            assert!((gap - due).abs() < 0.005, "{row}");
        }
        assert_eq!(lab.so_error(), Some(Errno::ETIMEDOUT), "{row}");
    }
}

#[test]
fn a_peer_that_answers_keeps_a_closed_window_for_ever_at_the_frozen_interval() {
    let sysctl = Sysctl {
        tcp_retries2: 3,
        ..Sysctl::default()
    };
    let (mut lab, start) = closed_window(sysctl, ideal(), &[]);
    let mut probes = Vec::new();
    while lab.now < Instant::from_ms(60_000) {
        let at = lab.engine.next_deadline().expect("a probe timer");
        lab.run_until(at);
        if !lab.take_out().is_empty() {
            probes.push(lab.now.since(start).as_secs_f64());
            lab.inject(seg(A, 1, 11));
        }
    }
    let last: Vec<f64> = probes.windows(2).map(|w| w[1] - w[0]).collect();
    assert!(
        last[3..].iter().all(|gap| (gap - 1.632).abs() < 0.005),
        "{last:?}"
    );
    assert_eq!(lab.state(), "ESTABLISHED");
    lab.window = 500;
    lab.inject(seg(A, 1, 11));
    let sent = lab.take_out();
    assert_eq!(sent.len(), 1, "the window opens: data follows");
    assert_eq!(text(&sent[0].segment), "PA 11+100 1");
}

#[test]
fn a_user_timeout_ends_a_closed_window_although_the_peer_answers() {
    for ticks in wheel() {
        let option = [(OptName::TCP_USER_TIMEOUT, 6_000)];
        let (mut lab, start) = closed_window(Sysctl::default(), ticks, &option);
        while let Some(at) = lab.engine.next_deadline().filter(|_| lab.info().is_some()) {
            lab.run_until(at);
            if !lab.take_out().is_empty() {
                lab.inject(seg(A, 1, 11));
            }
        }
        let total = lab.now.since(start).as_secs_f64();
        within("window closed, user timeout 6 s", &[total], 6.2, 6.8);
        assert_eq!(lab.so_error(), Some(Errno::ETIMEDOUT));
    }
}
