//! What becomes of a connection that nobody holds: orphan retries, FIN_WAIT2, TIME_WAIT.

use super::*;
use crate::call::{Call, Outcome};
use crate::sockopt::OptName;

/// Data and close() to a peer that has just died.
fn orphan(sysctl: Sysctl, ticks: Ticks, data: usize) -> End {
    let mut lab = Lab::new(sysctl, ticks);
    lab.open_after(15);
    lab.run_ms(500);
    lab.take_out();
    let start = lab.now;
    if data > 0 {
        lab.send(data);
    }
    assert_eq!(lab.call(Call::Close(lab.socket)), Outcome::Done);
    let end = end_of(&mut lab, start);
    assert!(end.out.iter().all(|o| !o.segment.flags.has(R)), "a RST");
    end
}

/// (tcp_orphan_retries, tcp_rto_max_ms, retransmissions, gone from, to in s)
const ORPHAN: [(i64, i64, usize, f64, f64); 3] = [
    (0, 120_000, 8, 106.0, 108.3),
    (2, 120_000, 3, 3.06, 3.3),
    (0, 1_000, 3, 2.45, 2.6),
];

#[test]
fn an_orphan_is_retried_for_a_while() {
    for (retries, rto_max_ms, n, low, high) in ORPHAN {
        let sysctl = Sysctl {
            tcp_orphan_retries: retries,
            tcp_rto_max_ms: rto_max_ms,
            ..Sysctl::default()
        };
        for ticks in wheel() {
            for data in [0, 100] {
                let end = orphan(sysctl.clone(), ticks, data);
                let row = format!("orphan_retries {retries}, rto_max {rto_max_ms} ms, {data} B");
                assert_eq!((end.rtos, end.probes), (n, 1), "{row}: {:?}", end.times);
                within(&row, &[end.total], low, high + 0.21);
            }
        }
    }
}

#[test]
fn data_and_fin_come_back_as_one() {
    let end = orphan(Sysctl::default(), Ticks::default(), 100);
    let told: Vec<String> = end.out.iter().map(|o| text(&o.segment)).collect();
    assert_eq!(told[..3], ["PA 1+100 1", "FA 101 1", "FA 101 1"]);
    assert!(told[3..].iter().all(|t| t == "FPA 1+100 1"), "{told:?}");
}

/// (tcp_fin_timeout, TCP_LINGER2; 0: not set; FIN_WAIT2 ends from, to in s)
const FIN_WAIT2: [(i64, i64, f64, f64); 6] = [
    (60, 0, 60.0, 62.1),
    (4, 0, 4.0, 4.3),
    (63, 0, 6.0, 6.5),
    (60, 5, 5.0, 5.3),
    (60, 63, 6.0, 6.5),
    (63, 4, 4.0, 4.3),
];

#[test]
fn an_orphan_waits_in_fin_wait2() {
    for (fin_timeout, linger2, low, high) in FIN_WAIT2 {
        let sysctl = Sysctl {
            tcp_fin_timeout: fin_timeout,
            ..Sysctl::default()
        };
        for ticks in wheel() {
            let mut lab = Lab::new(sysctl.clone(), ticks);
            if linger2 != 0 {
                lab.set(OptName::TCP_LINGER2, linger2);
            }
            lab.open_after(15);
            assert_eq!(lab.call(Call::Close(lab.socket)), Outcome::Done);
            lab.inject(seg(A, 1, 2));
            lab.take_out();
            let start = lab.now;
            let row = format!("fin_timeout {fin_timeout}, LINGER2 {linger2}");
            let end = end_of(&mut lab, start);
            assert!(end.out.is_empty(), "{row}");
            within(&row, &[end.total], low, high);
        }
    }
}

#[test]
fn a_negative_linger2_resets_instead_of_waiting() {
    let mut lab = Lab::new(Sysctl::default(), Ticks::default());
    lab.set(OptName::TCP_LINGER2, -1);
    lab.open_after(15);
    assert_eq!(lab.call(Call::ShutdownWrite(lab.socket)), Outcome::Done);
    lab.inject(seg(A, 1, 2));
    assert_eq!(lab.state(), "FIN_WAIT2");
    lab.take_out();
    assert_eq!(lab.call(Call::Close(lab.socket)), Outcome::Done);
    assert_eq!(text(&lab.take_out()[0].segment), "RA 2 1");
    assert_eq!(lab.state(), "(none)");
}

#[test]
fn fin_wait2_with_an_owner_waits_for_ever() {
    let mut lab = Lab::new(Sysctl::default(), Ticks::default());
    lab.open_after(15);
    assert_eq!(lab.call(Call::ShutdownWrite(lab.socket)), Outcome::Done);
    lab.inject(seg(A, 1, 2));
    lab.run_ms(1_000_000);
    assert_eq!(lab.state(), "FIN_WAIT2");
}

#[test]
fn time_wait_lasts_a_minute_from_the_last_segment() {
    for ticks in wheel() {
        let mut lab = Lab::new(Sysctl::default(), ticks);
        lab.open_after(15);
        assert_eq!(lab.call(Call::Close(lab.socket)), Outcome::Done);
        lab.inject(seg(F | A, 1, 2));
        assert_eq!(lab.state(), "TIME_WAIT");
        lab.run_ms(30_000);
        lab.inject(seg(F | A, 1, 2));
        let start = lab.now;
        let end = end_of(&mut lab, start);
        within("TIME_WAIT", &[end.total], 60.0, 62.1);
    }
}
