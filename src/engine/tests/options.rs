//! setsockopt(): which values are taken, and what is kept of them. Every row was read from a Linux 6.18.44 (HZ 250).

use super::lab::*;
use crate::call::{Call, Errno, Outcome};
use crate::engine::host::descriptors::Socket;
use crate::engine::tcb::control_block::Tcb;
use crate::sockopt::{OptName, OptValue, SockOpt};
use crate::sysctl::Sysctl;
use crate::time::Ticks;

const MIN: i64 = i32::MIN as i64;
const MAX: i64 = i32::MAX as i64;

/// (option, [(value set, value that getsockopt() shows afterwards)], values refused with EINVAL)
type Row = (OptName, &'static [(i64, i64)], &'static [i64]);

const FLAG: &[(i64, i64)] = &[(0, 0), (1, 1), (2, 1), (-1, 1), (MIN, 1), (MAX, 1)];
const SECONDS: &[(i64, i64)] = &[(1, 1), (2, 2), (32_767, 32_767)];
const COUNT: &[(i64, i64)] = &[(1, 1), (2, 2), (127, 127)];
const SHORT: &[(i64, i64)] = &[
    (4_001, 8_000),
    (5_000, 8_000),
    (8_000, 8_000),
    (8_001, 12_000),
    (20_000, 20_000),
    (32_767, 36_000),
    (199_999, 200_000),
    (200_000, 200_000),
];
const NOT_SHORT: &[i64] = &[MIN, -1, 0, 1, 3_999, 4_000, 200_001, MAX];

const ROWS: [Row; 18] = [
    (
        OptName::SO_SNDBUF,
        &[
            (0, 4_608),
            (2_304, 4_608),
            (2_305, 4_610),
            (100_000, 200_000),
            (4_194_304, 8_388_608),
            (4_194_305, 8_388_608),
            (MAX, 8_388_608),
            (-1, 8_388_608),
            (MIN, 8_388_608),
        ],
        &[],
    ),
    (
        OptName::SO_RCVBUF,
        &[
            (0, 2_304),
            (1_152, 2_304),
            (2_303, 4_606),
            (100_000, 200_000),
            (4_194_304, 8_388_608),
            (MAX, 8_388_608),
            (-1, 8_388_608),
            (MIN, 8_388_608),
        ],
        &[],
    ),
    (OptName::SO_KEEPALIVE, FLAG, &[]),
    (OptName::TCP_NODELAY, FLAG, &[]),
    (OptName::TCP_CORK, FLAG, &[]),
    (OptName::IP_RECVERR, FLAG, &[]),
    (OptName::TCP_QUICKACK, FLAG, &[]),
    (
        OptName::TCP_MAXSEG,
        &[(0, 536), (88, 88), (536, 536), (32_767, 32_767)],
        &[MIN, -1, 1, 87, 32_768, MAX],
    ),
    (OptName::TCP_KEEPIDLE, SECONDS, &[MIN, -1, 0, 32_768, MAX]),
    (OptName::TCP_KEEPINTVL, SECONDS, &[MIN, -1, 0, 32_768, MAX]),
    (OptName::TCP_KEEPCNT, COUNT, &[MIN, -1, 0, 128, MAX]),
    (OptName::TCP_SYNCNT, COUNT, &[MIN, -1, 0, 128, MAX]),
    (
        OptName::TCP_LINGER2,
        &[
            (0, 60),
            (1, 1),
            (120, 120),
            (121, 120),
            (MAX, 120),
            (-1, -1),
            (-2, -1),
            (MIN, -1),
        ],
        &[],
    ),
    (
        OptName::TCP_DEFER_ACCEPT,
        &[
            (MIN, 0),
            (-1, 0),
            (0, 0),
            (1, 1),
            (2, 3),
            (3, 3),
            (5, 7),
            (10, 15),
            (60, 63),
            (127, 127),
            (128, 247),
            (999, 1_087),
            (20_000, 20_047),
            (32_767, 29_887),
            (MAX, 29_887),
        ],
        &[],
    ),
    (
        OptName::TCP_THIN_LINEAR_TIMEOUTS,
        &[(0, 0), (1, 1)],
        &[MIN, -1, 2, MAX],
    ),
    (
        OptName::TCP_USER_TIMEOUT,
        &[(0, 0), (1, 1), (4_500, 4_500), (MAX, MAX)],
        &[MIN, -1],
    ),
    (
        OptName::TCP_RTO_MAX_MS,
        &[
            (1_000, 1_000),
            (1_001, 1_004),
            (7_999, 8_000),
            (120_000, 120_000),
        ],
        &[MIN, -1, 0, 999, 120_001, MAX],
    ),
    (OptName::TCP_RTO_MIN_US, SHORT, NOT_SHORT),
];

/// What getsockopt() would say: fields of the control block in the option's unit.
fn shown(tcb: &Tcb, name: OptName) -> i64 {
    let us = |j| tcb.sysctl.ticks.to_us(j) as i64;
    let o = &tcb.opt;
    match name {
        OptName::SO_SNDBUF => tcb.sndbuf.into(),
        OptName::SO_RCVBUF => tcb.rcvbuf.into(),
        OptName::SO_KEEPALIVE => o.keepalive.into(),
        OptName::TCP_NODELAY => o.nodelay.into(),
        OptName::TCP_CORK => o.cork.into(),
        OptName::IP_RECVERR => o.recverr.into(),
        OptName::TCP_QUICKACK => (!tcb.pingpong()).into(),
        OptName::TCP_MAXSEG => o.user_mss.unwrap_or(536).into(),
        OptName::TCP_KEEPIDLE => us(tcb.keepalive_time()) / 1_000_000,
        OptName::TCP_KEEPINTVL => o.keepintvl_s.map_or(-1, i64::from),
        OptName::TCP_KEEPCNT => o.keepcnt.map_or(-1, i64::from),
        OptName::TCP_SYNCNT => o.syn_count.map_or(-1, i64::from),
        OptName::TCP_LINGER2 => match o.linger2 {
            Some(s) if s != 0 => s.into(),
            _ => tcb.sysctl.tcp_fin_timeout,
        },
        OptName::TCP_DEFER_ACCEPT => (0..o.defer_accept)
            .map(|n| (1_i64 << n.min(20)).min(120))
            .sum(),
        OptName::TCP_THIN_LINEAR_TIMEOUTS => o.thin_linear_timeouts.into(),
        OptName::TCP_USER_TIMEOUT => o.user_timeout_ms.into(),
        OptName::TCP_RTO_MAX_MS => us(tcb.rto.max()) / 1_000,
        OptName::TCP_RTO_MIN_US => us(tcb.rto.min()),
        OptName::TCP_DELACK_MAX_US => o.delack_max.map_or(-1, us),
        OptName::SO_LINGER | OptName::TCP_CONGESTION => panic!("{} is no number", name.name()),
    }
}

/// Sets a value on a new socket: the error, or what is shown then.
fn set(name: OptName, value: i64) -> Result<i64, Errno> {
    let mut lab = Lab::new(Sysctl::default(), Ticks::default());
    match lab.call(Call::Set(lab.socket, SockOpt::int(name, value))) {
        Outcome::Failed(errno) => Err(errno),
        outcome => {
            assert_eq!(outcome, Outcome::Done);
            match lab.engine.sockets.get(lab.socket) {
                Some(Socket::Fresh(tcb)) => Ok(shown(tcb, name)),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn values_are_taken_rounded_and_refused_as_in_linux() {
    let delack = (OptName::TCP_DELACK_MAX_US, SHORT, NOT_SHORT);
    for (name, taken, refused) in ROWS.into_iter().chain([delack]) {
        for (value, kept) in taken {
            assert_eq!(set(name, *value), Ok(*kept), "{} = {value}", name.name());
        }
        for value in refused {
            let einval = Err(Errno::EINVAL);
            assert_eq!(set(name, *value), einval, "{} = {value}", name.name());
        }
    }
}

#[test]
fn every_number_is_in_the_table() {
    let rows: Vec<OptName> = ROWS.iter().map(|r| r.0).collect();
    let elsewhere = [
        OptName::TCP_DELACK_MAX_US,
        OptName::SO_LINGER,
        OptName::TCP_CONGESTION,
    ];
    for name in OptName::ALL {
        assert!(
            rows.contains(name) || elsewhere.contains(name),
            "{}",
            name.name()
        );
    }
}

#[test]
fn congestion_control_is_known_by_its_name() {
    for (name, outcome) in [
        ("reno", Outcome::Done),
        ("cubic", Outcome::Done),
        ("nosuch", Outcome::Failed(Errno::ENOENT)),
    ] {
        let mut lab = Lab::new(Sysctl::default(), Ticks::default());
        let option = SockOpt {
            name: OptName::TCP_CONGESTION,
            value: OptValue::Name(name.to_owned()),
        };
        assert_eq!(lab.call(Call::Set(lab.socket, option)), outcome, "{name}");
    }
}

#[test]
fn a_closed_descriptor_takes_no_option() {
    let mut lab = Lab::new(Sysctl::default(), Ticks::default());
    assert_eq!(lab.call(Call::Close(lab.socket)), Outcome::Done);
    let option = SockOpt::int(OptName::TCP_NODELAY, 1);
    let outcome = lab.call(Call::Set(lab.socket, option));
    assert_eq!(outcome, Outcome::Failed(Errno::EBADF));
}
