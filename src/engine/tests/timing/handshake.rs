//! SYN and SYN-ACK that nobody answers, and TCP_DEFER_ACCEPT.

use super::*;
use crate::call::{Call, Errno, Outcome};
use crate::sockopt::OptName;

fn connect_to_nobody(sysctl: Sysctl, ticks: Ticks, options: &[(OptName, i64)]) -> End {
    let mut lab = Lab::new(sysctl, ticks);
    for (name, value) in options {
        lab.set(*name, *value);
    }
    let start = lab.now;
    lab.connect();
    let end = end_of(&mut lab, start);
    assert_eq!(lab.so_error(), Some(Errno::ETIMEDOUT));
    assert!(end.out.iter().all(|o| o.segment.flags == S));
    end
}

/// (tcp_syn_retries, [tcp_syn_linear_timeouts 4, 0: SYNs after the first, s until ETIMEDOUT])
const SYN: [(i64, [(usize, f64); 2]); 7] = [
    (1, [(2, 3.0), (1, 3.0)]),
    (2, [(5, 7.0), (2, 7.0)]),
    (3, [(7, 19.0), (3, 15.0)]),
    (4, [(8, 35.0), (4, 31.0)]),
    (5, [(9, 67.0), (5, 63.0)]),
    (6, [(10, 131.0), (6, 127.0)]),
    (7, [(11, 251.0), (7, 247.0)]),
];

#[test]
fn syn_retries_with_and_without_the_linear_phase() {
    for (retries, cells) in SYN {
        for ((n, total), linear) in cells.into_iter().zip([4, 0]) {
            let row = format!("syn_retries {retries}, linear {linear}");
            let with_linear = Sysctl {
                tcp_syn_linear_timeouts: linear,
                ..Sysctl::default()
            };
            let sysctl = Sysctl {
                tcp_syn_retries: retries,
                ..with_linear.clone()
            };
            let end = connect_to_nobody(sysctl.clone(), ideal(), &[]);
            assert_eq!(end.times.len(), n + 1, "{row}");
            within(&row, &[end.total], total, total + 0.02);
            let option = [(OptName::TCP_SYNCNT, retries)];
            let by_option = connect_to_nobody(with_linear, ideal(), &option);
            assert_eq!(by_option.times, end.times, "{row}, TCP_SYNCNT");
            for ticks in wheel() {
                let real = connect_to_nobody(sysctl.clone(), ticks, &[]);
                assert_eq!(real.times.len(), n + 1, "{row}");
                within(&row, &[real.total], total, latest(&end));
            }
        }
    }
}

#[test]
fn the_default_dies_after_133_to_135_seconds() {
    for ticks in wheel() {
        let end = connect_to_nobody(Sysctl::default(), ticks, &[]);
        within("SYN, defaults", &[end.total], 133.2, 135.4);
        let due = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 11.0, 19.0, 35.0, 67.0];
        assert_eq!(end.times.len(), due.len());
        for (time, due) in end.times.iter().zip(due) {
            assert!((due..=due * 1.06).contains(time), "{time} s, not {due} s");
        }
    }
}

/// (option, total from, to in s)
const LIMITED: [((OptName, i64), i64, f64, f64); 3] = [
    ((OptName::TCP_USER_TIMEOUT, 4_500), 6, 4.5, 4.6),
    ((OptName::TCP_RTO_MAX_MS, 2_000), 4, 9.0, 9.3),
    ((OptName::TCP_SYNCNT, 2), 6, 7.0, 7.3),
];

#[test]
fn options_limit_a_connect() {
    for (option, retries, low, high) in LIMITED {
        let sysctl = Sysctl {
            tcp_syn_retries: retries,
            ..Sysctl::default()
        };
        for ticks in wheel() {
            let end = connect_to_nobody(sysctl.clone(), ticks, &[option]);
            within(option.0.name(), &[end.total], low, high);
        }
    }
}

fn request(sysctl: Sysctl, ticks: Ticks, options: &[(OptName, i64)]) -> Lab {
    let mut lab = Lab::new(sysctl, ticks);
    for (name, value) in options {
        lab.set(*name, *value);
    }
    lab.listen();
    lab.inject(seg(S, 0, 0).with_syn_options());
    lab
}

/// (tcp_synack_retries, when the SYN-ACKs leave, when the request is gone, all in s)
const SYN_ACK: [(i64, &[f64], f64); 3] = [
    (0, &[0.0], 1.0),
    (2, &[0.0, 1.0, 3.0], 7.0),
    (5, &[0.0, 1.0, 3.0, 7.0, 15.0, 31.0], 63.0),
];

#[test]
fn a_syn_ack_is_repeated_and_silently_given_up() {
    for (retries, times, gone) in SYN_ACK {
        for rto_max_ms in [120_000, 2_000] {
            let sysctl = Sysctl {
                tcp_synack_retries: retries,
                // does not cap these timers in 6.18
                tcp_rto_max_ms: rto_max_ms,
                ..Sysctl::default()
            };
            let mut lab = request(sysctl.clone(), ideal(), &[]);
            let end = end_of(&mut lab, START);
            let row = format!("synack_retries {retries}: {:?}", end.times);
            assert_eq!(end.times.len(), times.len(), "{row}");
            let off = end.times.iter().zip(times).map(|(a, b)| (a - b).abs());
            assert!(off.fold(0.0, f64::max) < 0.03, "{row}");
            within(&row, &[end.total], gone - 0.01, gone + 0.03);
            for ticks in wheel() {
                let mut lab = request(sysctl.clone(), ticks, &[]);
                let real = end_of(&mut lab, START);
                assert_eq!(real.times.len(), times.len(), "{row}");
                within(&row, &[real.total], gone, latest(&end));
            }
        }
    }
}

/// (TCP_DEFER_ACCEPT in s, when the one SYN-ACK after the bare ACK leaves, s)
const DEFER: [(i64, f64); 3] = [(1, 1.0), (3, 3.0), (5, 7.07)];

#[test]
fn accept_is_deferred_until_data_or_the_last_syn_ack() {
    for (seconds, again) in DEFER {
        for ticks in wheel() {
            let mut lab = request(
                Sysctl::default(),
                ticks,
                &[(OptName::TCP_DEFER_ACCEPT, seconds)],
            );
            lab.take_out();
            lab.inject(seg(A, 1, 1));
            assert_eq!(lab.state(), "SYN_RECV", "a bare ACK is swallowed");
            let start = START;
            while lab.out.is_empty() {
                let at = lab.engine.next_deadline().expect("a SYN-ACK timer");
                lab.run_until(at);
            }
            let row = format!("DEFER_ACCEPT {seconds} s");
            within(
                &row,
                &[lab.now.since(start).as_secs_f64()],
                again - 0.08,
                again * 1.04,
            );
            lab.inject(seg(A, 1, 1));
            assert_eq!(lab.state(), "ESTABLISHED", "{row}: the ACK to it completes");
            let accepted = lab.call(Call::Accept(lab.socket));
            assert!(matches!(accepted, Outcome::Socket(_)));
        }
    }
}

#[test]
fn data_completes_a_deferred_accept_at_once() {
    let mut lab = request(
        Sysctl::default(),
        Ticks::default(),
        &[(OptName::TCP_DEFER_ACCEPT, 10)],
    );
    lab.inject(seg(A | P, 1, 1).len(10));
    assert_eq!(lab.state(), "ESTABLISHED");
}

#[test]
fn an_unmeasured_handshake_begins_with_three_seconds() {
    let mut lab = Lab::new(without_probe(), ideal());
    lab.offer.timestamps = false;
    lab.connect();
    lab.run_ms(1_500);
    lab.inject(seg(S | A, 0, 1).with_syn_options());
    lab.take_out();
    let start = lab.now;
    lab.send(100);
    let end = end_of(&mut lab, start);
    assert_eq!(end.rtos, 12);
    within("RTO 3 s", &[end.total], 1_028.9, 1_029.1);
}
