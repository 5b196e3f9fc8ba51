//! Data that is never acknowledged: tcp_retries2, tcp_rto_max_ms, rto_min, thin streams, TCP_USER_TIMEOUT, loss probes.

use super::*;
use crate::call::Errno;
use crate::sockopt::OptName;

/// A round trip of some microseconds.
const LAN_US: u64 = 15;

/// One write on a fresh connection to a peer that has just died.
fn silence(
    sysctl: Sysctl,
    ticks: Ticks,
    rtt_us: u64,
    options: &[(OptName, i64)],
    writes: &[usize],
) -> End {
    let mut lab = Lab::new(sysctl, ticks);
    for (name, value) in options {
        lab.set(*name, *value);
    }
    lab.open_after(rtt_us);
    lab.run_ms(500);
    lab.take_out();
    let start = lab.now;
    for n in writes {
        lab.send(*n);
    }
    let end = end_of(&mut lab, start);
    assert_eq!(lab.so_error(), Some(Errno::ETIMEDOUT));
    assert!(end.out.iter().all(|o| !o.segment.flags.has(R)), "a RST");
    end
}

fn retries2(retries2: i64) -> Sysctl {
    Sysctl {
        tcp_retries2: retries2,
        ..without_probe()
    }
}

/// (tcp_retries2, [(RTO 204, 300, 600, 1000 ms: retransmissions, total in s)]).
const IDEAL: [(i64, [(usize, f64); 4]); 8] = [
    (0, [(1, 0.612), (1, 0.9), (1, 1.8), (1, 3.0)]),
    (1, [(2, 1.428), (1, 0.9), (1, 1.8), (1, 3.0)]),
    (2, [(3, 3.06), (2, 2.1), (2, 4.2), (1, 3.0)]),
    (3, [(4, 6.324), (3, 4.5), (2, 4.2), (2, 7.0)]),
    (5, [(5, 12.852), (5, 18.9), (4, 18.6), (3, 15.0)]),
    (8, [(8, 104.244), (8, 153.3), (7, 153.0), (6, 127.0)]),
    (10, [(10, 328.7), (10, 393.3), (9, 393.0), (8, 367.0)]),
    (15, [(15, 928.7), (15, 993.3), (14, 993.0), (13, 967.0)]),
];

#[test]
fn retries2_without_the_wheel() {
    for (retries, cells) in IDEAL {
        let rtts_us = [LAN_US, 100_000, 200_000, 333_333];
        for ((n, total), rtt_us) in cells.into_iter().zip(rtts_us) {
            let end = silence(retries2(retries), ideal(), rtt_us, &[], &[100]);
            let row = format!("retries2 {retries}, RTT {rtt_us} us: {end:?}");
            assert_eq!(end.rtos, n, "{row}");
            assert!((end.total - total).abs() < 0.06, "{row}");
        }
    }
}

/// (tcp_retries2, retransmissions, total from, to in s)
const ON_THE_WHEEL: [(i64, usize, f64, f64); 8] = [
    (0, 1, 0.61, 0.66),
    (1, 2, 1.43, 1.52),
    (2, 3, 3.06, 3.2),
    (3, 4, 6.40, 6.68),
    (5, 5, 13.06, 13.33),
    (8, 8, 105.9, 108.1),
    (10, 10, 332.5, 335.5),
    (15, 15, 937.4, 939.6),
];

#[test]
fn retries2_on_the_wheel() {
    for (retries, n, low, high) in ON_THE_WHEEL {
        let ends: Vec<End> = wheel()
            .map(|ticks| silence(retries2(retries), ticks, LAN_US, &[], &[100]))
            .collect();
        assert!(ends.iter().all(|e| e.rtos == n), "retries2 {retries}");
        let totals: Vec<f64> = ends.iter().map(|e| e.total).collect();
        within(&format!("retries2 {retries}"), &totals, low, high);
    }
}

/// (tcp_rto_max_ms, tcp_retries2, retransmissions at least, at most, total from, to in s)
const RTO_MAX: [(i64, i64, usize, usize, f64, f64); 20] = [
    (1_000, 3, 4, 4, 3.4, 3.6),
    (1_000, 5, 6, 6, 5.5, 5.7),
    (1_000, 8, 8, 9, 7.5, 8.7),
    (1_000, 15, 15, 15, 14.7, 14.9),
    (2_000, 3, 4, 4, 5.0, 5.2),
    (2_000, 5, 6, 6, 9.1, 9.3),
    (2_000, 8, 8, 9, 13.1, 15.3),
    (2_000, 15, 15, 15, 27.2, 27.4),
    (5_000, 3, 4, 4, 6.35, 6.75),
    (5_000, 5, 5, 5, 11.45, 11.85),
    (5_000, 8, 8, 8, 26.5, 27.5),
    (5_000, 15, 15, 15, 62.65, 63.05),
    (10_000, 3, 4, 4, 6.35, 6.75),
    (10_000, 5, 5, 5, 13.05, 13.35),
    (10_000, 8, 8, 8, 43.5, 44.5),
    (10_000, 15, 15, 15, 115.4, 115.8),
    (30_000, 3, 4, 4, 6.35, 6.75),
    (30_000, 5, 5, 5, 13.05, 13.35),
    (30_000, 8, 8, 8, 83.4, 85.6),
    (30_000, 15, 15, 15, 298.4, 300.6),
];

#[test]
fn rto_max_on_the_wheel() {
    for (rto_max_ms, retries, least, most, low, high) in RTO_MAX {
        let sysctl = Sysctl {
            tcp_rto_max_ms: rto_max_ms,
            ..retries2(retries)
        };
        for ticks in wheel() {
            let end = silence(sysctl.clone(), ticks, LAN_US, &[], &[100]);
            let row = format!("rto_max {rto_max_ms} ms, retries2 {retries}");
            assert!((least..=most).contains(&end.rtos), "{row}: {end:?}");
            within(&row, &[end.total], low, high);
            let option = [(OptName::TCP_RTO_MAX_MS, rto_max_ms)];
            let by_option = silence(retries2(retries), ticks, LAN_US, &option, &[100]);
            assert_eq!(
                (by_option.rtos, by_option.total),
                (end.rtos, end.total),
                "{row}"
            );
        }
    }
}

/// (HZ, rto_min in us, tcp_retries2, retransmissions): the time stays, the count grows. First RTO 24, 12 or 8 ms.
const RTO_MIN: [(u32, i64, i64, usize); 5] = [
    (250, 20_000, 3, 6),
    (250, 20_000, 15, 19),
    (250, 5_000, 3, 7),
    (1_000, 7_000, 3, 8),
    (1_000, 7_000, 15, 20),
];

#[test]
fn rto_min_changes_the_count_and_not_the_time() {
    for (hz, rto_min_us, retries, n) in RTO_MIN {
        let ticks = Ticks {
            wheel: false,
            ..Ticks::at_hz(hz)
        };
        let option = [(OptName::TCP_RTO_MIN_US, rto_min_us)];
        let end = silence(retries2(retries), ticks, 1, &option, &[100]);
        let row = format!("HZ {hz}, rto_min {rto_min_us} us, retries2 {retries}");
        assert_eq!(end.rtos, n, "{row}");
        let sysctl = Sysctl {
            tcp_rto_min_us: rto_min_us,
            ..retries2(retries)
        };
        let by_sysctl = silence(sysctl, ticks, 1, &[], &[100]);
        assert_eq!(by_sysctl.total, end.total, "{row}");
    }
}

/// Measured whole timelines, 6.18.44: knobs, writes, times of the packets, time of the error; all in s.
struct Timeline {
    name: &'static str,
    sysctl: fn() -> Sysctl,
    option: Option<(OptName, i64)>,
    rtt_us: u64,
    writes: &'static [usize],
    times: &'static [f64],
    death: f64,
}

fn probing(retries2: i64) -> Sysctl {
    Sysctl {
        tcp_retries2: retries2,
        ..Sysctl::default()
    }
}

const FIVE: [usize; 5] = [1_448; 5];

const TIMELINES: [Timeline; 14] = [
    Timeline {
        name: "A",
        sysctl: || probing(3),
        option: None,
        rtt_us: 15,
        writes: &[100],
        times: &[0.0, 0.208, 0.416, 0.852, 1.684, 3.348],
        death: 6.836,
    },
    Timeline {
        name: "B",
        sysctl: || probing(5),
        option: None,
        rtt_us: 15,
        writes: &[100],
        times: &[0.0, 0.207, 0.415, 0.839, 1.671, 3.335, 6.759],
        death: 13.415,
    },
    Timeline {
        name: "C",
        sysctl: || probing(15),
        option: None,
        rtt_us: 15,
        writes: &[100],
        times: &[
            0.0, 0.208, 0.416, 0.840, 1.672, 3.336, 6.700, 13.35, 26.66, 54.31, 107.56, 214.06,
            334.89, 455.72, 576.55, 697.39, 818.22,
        ],
        death: 939.048,
    },
    Timeline {
        name: "D",
        sysctl: || retries2(3),
        option: None,
        rtt_us: 15,
        writes: &[100],
        times: &[0.0, 0.208, 0.628, 1.456, 3.120],
        death: 6.452,
    },
    Timeline {
        name: "E",
        sysctl: || probing(5),
        option: None,
        rtt_us: 15,
        writes: &FIVE,
        times: &[
            0.0, 0.0, 0.0, 0.0, 0.0, 0.012, 0.220, 0.632, 1.464, 3.128, 6.488,
        ],
        death: 13.144,
    },
    Timeline {
        name: "F",
        sysctl: || probing(5),
        option: Some((OptName::TCP_NODELAY, 1)),
        rtt_us: 15,
        writes: &[10; 5],
        times: &[
            0.0, 0.0, 0.0, 0.0, 0.0, 0.012, 0.220, 0.656, 1.488, 3.152, 6.480,
        ],
        death: 13.136,
    },
    Timeline {
        name: "G",
        sysctl: || probing(2),
        option: None,
        rtt_us: 15,
        writes: &[1_448; 14],
        times: &[
            0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.008, 0.216, 0.644, 1.476,
        ],
        death: 3.144,
    },
    Timeline {
        name: "H",
        sysctl: || Sysctl {
            tcp_rto_max_ms: 1_000,
            ..probing(15)
        },
        option: None,
        rtt_us: 15,
        writes: &[100],
        times: &[
            0.0, 0.207, 0.415, 0.831, 1.664, 2.688, 3.715, 4.739, 5.763, 6.787, 7.811, 8.835,
            9.859, 10.883, 11.907, 12.931, 13.951,
        ],
        death: 14.976,
    },
    Timeline {
        name: "K",
        sysctl: || Sysctl {
            tcp_rto_min_us: 5_000,
            ..probing(3)
        },
        option: None,
        rtt_us: 15,
        writes: &[100],
        times: &[0.0, 0.015, 0.031, 0.059, 0.111, 0.211, 0.407, 0.799, 1.599],
        death: 3.167,
    },
    Timeline {
        name: "L",
        sysctl: || probing(15),
        option: Some((OptName::TCP_USER_TIMEOUT, 5_000)),
        rtt_us: 15,
        writes: &[100],
        times: &[0.0, 0.207, 0.415, 0.852, 1.683, 3.348],
        death: 5.460,
    },
    Timeline {
        name: "M",
        sysctl: || probing(15),
        option: Some((OptName::TCP_USER_TIMEOUT, 100)),
        rtt_us: 15,
        writes: &[100],
        times: &[0.0, 0.208, 0.416],
        death: 0.520,
    },
    Timeline {
        name: "N",
        sysctl: || probing(3),
        option: None,
        rtt_us: 100_952,
        writes: &[100],
        times: &[0.0, 0.329, 0.649, 1.289, 2.537],
        death: 5.161,
    },
    Timeline {
        name: "O",
        sysctl: || probing(3),
        option: None,
        rtt_us: 100_952,
        writes: &FIVE,
        times: &[0.0, 0.0, 0.0, 0.0, 0.0, 0.209, 0.545, 1.189, 2.433],
        death: 5.126,
    },
    Timeline {
        name: "UT 1 s",
        sysctl: || probing(15),
        option: Some((OptName::TCP_USER_TIMEOUT, 1_000)),
        rtt_us: 15,
        writes: &[100],
        times: &[0.0, 0.208, 0.416, 0.84],
        death: 1.42,
    },
];

#[test]
fn a_phase_of_the_wheel_gives_each_measured_timeline() {
    for row in TIMELINES {
        let expected: Vec<f64> = row.times.iter().copied().chain([row.death]).collect();
        let options: Vec<_> = row.option.into_iter().collect();
        let mut nearest = (f64::INFINITY, Vec::new());
        for jiffies_at_t0 in 0..1_024 {
            let ticks = Ticks {
                jiffies_at_t0: Jiffies(30_000 + jiffies_at_t0 * 33),
                ..Ticks::default()
            };
            let end = silence((row.sysctl)(), ticks, row.rtt_us, &options, row.writes);
            let got: Vec<f64> = end.times.iter().copied().chain([end.total]).collect();
            assert_eq!(got.len(), expected.len(), "{}: {got:?}", row.name);
            let off = got.iter().zip(&expected).map(|(a, b)| (a - b).abs());
            let off = off.fold(0.0, f64::max);
            if off < nearest.0 {
                nearest = (off, got);
            }
        }
        assert!(
            nearest.0 <= 0.02,
            "{}: {nearest:.3?}, measured {expected:?}",
            row.name
        );
    }
}

/// (TCP_USER_TIMEOUT in ms, total from, to in s): from the first RTO retransmission, which follows one probe.
const USER_TIMEOUT: [(i64, f64, f64); 4] = [
    (100, 0.5, 0.54),
    (1_000, 1.4, 1.48),
    (5_000, 5.4, 5.7),
    (30_000, 30.4, 32.5),
];

#[test]
fn the_user_timeout_ends_it_on_time() {
    for (ms, low, high) in USER_TIMEOUT {
        let option = [(OptName::TCP_USER_TIMEOUT, ms)];
        for ticks in wheel() {
            let end = silence(probing(15), ticks, LAN_US, &option, &[100]);
            assert_eq!(end.probes, 1);
            within(&format!("user timeout {ms} ms"), &[end.total], low, high);
        }
    }
}

#[test]
fn a_thin_stream_is_not_backed_off_six_times() {
    for (sysctl, option) in [(1, 0), (0, 1)] {
        let sysctl = Sysctl {
            tcp_thin_linear_timeouts: sysctl,
            ..probing(3)
        };
        let option = [(OptName::TCP_THIN_LINEAR_TIMEOUTS, option)];
        for ticks in wheel() {
            let end = silence(sysctl.clone(), ticks, LAN_US, &option, &[100]);
            assert_eq!((end.rtos, end.probes), (9, 1), "{:?}", end.times);
            let steps: Vec<f64> = end.times.windows(2).skip(2).map(|w| w[1] - w[0]).collect();
            assert!(
                steps[..6].iter().all(|s| (0.2..0.213).contains(s)),
                "{steps:?}"
            );
            assert!(
                (0.4..0.45).contains(&steps[6]) && (0.8..0.9).contains(&steps[7]),
                "{steps:?}"
            );
        }
    }
}
