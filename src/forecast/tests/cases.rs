//! Connections that are brought to some state and then cut off.

use super::super::*;
use super::world::World;
use crate::sockopt::{OptName, SockOpt};

pub(super) fn set(name: OptName, value: i64) -> SockOpt {
    SockOpt::int(name, value)
}

pub(super) fn sysctl(pairs: &[(&str, &str)]) -> Sysctl {
    let mut sysctl = Sysctl::default();
    for (name, value) in pairs {
        sysctl.set(name, value).expect("a knob");
    }
    sysctl
}

/// A connection that was brought to some state and then cut off.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) sysctl: Sysctl,
    pub(super) delay_ms: u64,
    pub(super) options: Vec<SockOpt>,
    /// What happens before the cut and right after it.
    pub(super) act: fn(&mut World),
    pub(super) orphan: bool,
    /// The far end is there till then; else the SYN meets nobody.
    pub(super) connects: bool,
}

fn case(name: &'static str, knobs: &[(&str, &str)], act: fn(&mut World)) -> Case {
    Case {
        name,
        sysctl: sysctl(knobs),
        delay_ms: 5,
        options: Vec::new(),
        act,
        orphan: false,
        connects: true,
    }
}

pub(super) fn keepalive(idle_s: i64, interval_s: i64, count: i64) -> Vec<SockOpt> {
    vec![
        set(OptName::SO_KEEPALIVE, 1),
        set(OptName::TCP_KEEPIDLE, idle_s),
        set(OptName::TCP_KEEPINTVL, interval_s),
        set(OptName::TCP_KEEPCNT, count),
    ]
}

/// The far end's window closes over data that waits.
pub(super) fn fill(world: &mut World) {
    for _ in 0..40 {
        world.send(60_000);
        world.run_ms(50);
    }
}

pub(super) fn one_segment(w: &mut World) {
    w.send(100);
    w.run_ms(100);
    w.cut();
    w.send(100);
}

pub(super) fn five_segments(w: &mut World) {
    w.cut();
    w.send(5 * 1_448);
}

pub(super) fn close_with_data(w: &mut World) {
    w.cut();
    w.send(100);
    w.us.call(w.now, Call::Close(w.socket));
    w.drain();
}

pub(super) fn half_closed(w: &mut World) {
    w.us.call(w.now, Call::Close(w.socket));
    w.run_ms(50);
    w.cut();
}

pub(super) fn zero_window(w: &mut World) {
    fill(w);
    w.run_ms(3_000);
    w.cut();
}

pub(super) fn closed_by_peer(w: &mut World) {
    let far = w.far.expect("accepted");
    w.them.call(w.now, Call::Close(far));
    w.run_ms(100);
    w.cut();
    w.send(10);
}

pub(super) fn cases() -> Vec<Case> {
    let mut all = vec![
        case("one segment", &[], one_segment),
        case(
            "one segment, retries2 5",
            &[("tcp_retries2", "5")],
            one_segment,
        ),
        case("no TLP", &[("tcp_early_retrans", "0")], one_segment),
        case("rto_max 2 s", &[("tcp_rto_max_ms", "2000")], one_segment),
        case("five segments", &[], five_segments),
        case("many segments", &[("tcp_retries2", "8")], |w| {
            w.cut();
            w.send(40_000);
        }),
        case("the peer closed first", &[], closed_by_peer),
        case("zero window", &[("tcp_retries2", "6")], zero_window),
        case("zero window, defaults", &[], zero_window),
    ];
    all.extend(with_options());
    all.extend(orphans());
    all.extend(connecting());
    all
}

fn with_options() -> [Case; 7] {
    let with = |name, options: Vec<SockOpt>, act| Case {
        options,
        ..case(name, &[], act)
    };
    [
        with("keepalive", keepalive(3, 1, 3), World::cut),
        with(
            "keepalive with its defaults",
            vec![set(OptName::SO_KEEPALIVE, 1)],
            World::cut,
        ),
        with("keepalive starved", keepalive(3, 1, 3), one_segment),
        with(
            "keepalive and user timeout",
            [
                keepalive(3, 1, 3),
                vec![set(OptName::TCP_USER_TIMEOUT, 10_000)],
            ]
            .concat(),
            World::cut,
        ),
        with(
            "user timeout",
            vec![set(OptName::TCP_USER_TIMEOUT, 5_000)],
            one_segment,
        ),
        with(
            "user timeout, zero window",
            vec![set(OptName::TCP_USER_TIMEOUT, 20_000)],
            zero_window,
        ),
        with(
            "rto_max as an option",
            vec![set(OptName::TCP_RTO_MAX_MS, 5_000)],
            one_segment,
        ),
    ]
}

fn orphans() -> [Case; 5] {
    let orphan = |name, knobs: &[(&str, &str)], act| Case {
        orphan: true,
        ..case(name, knobs, act)
    };
    [
        orphan("orphan with data", &[], close_with_data),
        orphan(
            "orphan, two retries",
            &[("tcp_orphan_retries", "2")],
            close_with_data,
        ),
        orphan("orphan in FIN_WAIT2", &[], half_closed),
        orphan(
            "orphan in FIN_WAIT2, 63 s",
            &[("tcp_fin_timeout", "63")],
            half_closed,
        ),
        orphan("orphan with a FIN only", &[], |w| {
            w.cut();
            w.us.call(w.now, Call::Close(w.socket));
        }),
    ]
}

fn connecting() -> [Case; 4] {
    let dead = |name, knobs: &[(&str, &str)], options| Case {
        connects: false,
        options,
        ..case(name, knobs, |_| {})
    };
    let limit = vec![set(OptName::TCP_USER_TIMEOUT, 4_500)];
    [
        dead("connecting", &[], Vec::new()),
        dead(
            "connecting, no linear retries",
            &[("tcp_syn_linear_timeouts", "0")],
            Vec::new(),
        ),
        dead(
            "connecting, two retries",
            &[("tcp_syn_retries", "2")],
            Vec::new(),
        ),
        dead("connecting with a user timeout", &[], limit),
    ]
}
