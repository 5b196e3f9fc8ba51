use super::*;
use crate::call::{TcpState, TimerKind};
use crate::time::Instant;

/// A line read at the middle of a tick, or so shortly after one began that it may have been read before.
fn line(at_us: u64) -> TcpInfo {
    TcpInfo {
        at: Instant::from_us(at_us),
        state: TcpState::Established,
        rto_us: 212_000,
        rtt_us: 10_000,
        rttvar_us: 3_000,
        timer: TimerKind::On,
        timer_ms: 212,
        last_data_sent_ms: 100,
        last_ack_recv_ms: 50,
        ..TcpInfo::default()
    }
}

const MIDDLE: u64 = 402_000;
const JUST_AFTER: u64 = 401_000;

fn names(engine: &TcpInfo, recorded: &TcpInfo, straddled: bool) -> Vec<&'static str> {
    let found = differences(engine, recorded, &Ticks::default(), straddled);
    found.into_iter().map(|d| d.field).collect()
}

#[test]
fn counters_must_be_equal() {
    assert!(names(&line(MIDDLE), &line(MIDDLE), false).is_empty());
    for (name, change) in [
        ("unacked", (|i| i.unacked += 1) as fn(&mut TcpInfo)),
        ("snd_cwnd", |i| i.snd_cwnd += 1),
        ("rto_us", |i| i.rto_us += 4_000),
        ("ca_state", |i| i.ca_state = 4),
        ("timer", |i| i.timer = TimerKind::Persist),
        ("state", |i| i.state = TcpState::FinWait1),
    ] {
        let mut other = line(MIDDLE);
        change(&mut other);
        assert_eq!(names(&line(MIDDLE), &other, true), [name]);
    }
}

#[test]
fn ticks_may_be_off_by_one_only_where_a_tick_began_meanwhile() {
    // read a tick before its stamp: more is left on the timer, less time has passed
    let earlier = |at| TcpInfo {
        timer_ms: 216,
        last_data_sent_ms: 96,
        ..line(at)
    };
    assert_eq!(
        names(&line(MIDDLE), &earlier(MIDDLE), false),
        ["timer_ms", "last_data_sent_ms"]
    );
    assert!(names(&line(JUST_AFTER), &earlier(JUST_AFTER), false).is_empty());
    let later = |at| TcpInfo {
        timer_ms: 208,
        last_ack_recv_ms: 54,
        ..line(at)
    };
    assert_eq!(
        names(&line(JUST_AFTER), &later(JUST_AFTER), false),
        ["timer_ms", "last_ack_recv_ms"]
    );
    assert!(names(&line(MIDDLE), &later(MIDDLE), true).is_empty());
}

#[test]
fn round_trips_may_hold_the_recorders_lateness() {
    let with = |rtt_us, rttvar_us| TcpInfo {
        rtt_us,
        rttvar_us,
        ..line(MIDDLE)
    };
    assert!(names(&line(MIDDLE), &with(11_500, 6_000), false).is_empty());
    assert_eq!(
        names(&line(MIDDLE), &with(11_501, 3_000), false),
        ["rtt_us"]
    );
    assert_eq!(
        names(&line(MIDDLE), &with(10_000, 6_001), false),
        ["rttvar_us"]
    );
}

/// Of a request sock and a timewait sock the kernel shows the timer, and no TCP_INFO; of a full socket in SYN_RECV, which
/// a simultaneous open makes, all of it.
#[test]
fn a_small_sock_has_a_timer_and_no_tcp_info_and_is_no_full_socket() {
    for state in [TcpState::TimeWait, TcpState::SynRecv] {
        let small = TcpInfo {
            at: Instant::from_us(MIDDLE),
            state,
            timer: TimerKind::On,
            timer_ms: 1_000,
            ..TcpInfo::default()
        };
        assert!(names(&small, &small, false).is_empty());
        assert!(lasting_differences(&small, &small).is_empty());
        let mut other = small.clone();
        other.timer_ms = 100;
        assert_eq!(names(&other, &small, false), ["timer_ms"]);
        other.timer_ms = 1_000;
        // as assumed by the recorder
        other.snd_wnd = 65_535;
        assert!(names(&other, &small, false).is_empty());
        assert!(lasting_differences(&other, &small).is_empty());
        other.snd_mss = 1_448;
        assert_eq!(names(&other, &small, false), ["snd_mss", "snd_wnd"]);
        assert_eq!(lasting_differences(&other, &small).len(), 2);
    }
}

#[test]
fn lines_of_two_runs_are_compared_without_their_clocks() {
    let mut other = line(MIDDLE);
    (other.timer_ms, other.last_data_sent_ms, other.rtt_us) = (1, 2, 3);
    assert!(lasting_differences(&line(MIDDLE), &other).is_empty());
    other.retransmits = 2;
    assert_eq!(lasting_differences(&line(MIDDLE), &other).len(), 1);
}

/// An RTT of whole ticks lies on the edge of a tick: one that is a little longer gives an RTO that is a tick longer.
#[test]
fn each_rto_is_right_that_its_own_rtt_gives() {
    let line = |rtt_us, backoff, rto_us| TcpInfo {
        rtt_us,
        backoff,
        rto_us,
        ..line(MIDDLE)
    };
    let left = line(20_000, 0, 220_000);
    let table = [
        (line(20_087, 0, 224_000), Some(4_000)),
        (line(20_000, 0, 220_000), Some(0)),
        // a tick longer without a reason, or two of them
        (line(20_000, 0, 224_000), None),
        (line(20_087, 0, 228_000), None),
        // a tick too short for its own RTT
        (line(20_087, 0, 220_000), None),
        // no machine is so late
        (line(22_000, 0, 224_000), None),
        (line(20_087, 1, 448_000), None),
    ];
    let ticks = Ticks::default();
    for (right, wanted) in table {
        assert_eq!(
            rto_by_rtt(&left, &right, &ticks, 200_000),
            wanted,
            "{right:?}"
        );
    }
    let (left, right) = (line(20_000, 3, 1_760_000), line(20_060, 3, 1_792_000));
    assert_eq!(rto_by_rtt(&left, &right, &ticks, 200_000), Some(32_000));
    // the first sample, of a path on which three RTTs are more than an RTT and 200 ms
    let (left, right) = (line(200_000, 0, 600_000), line(200_090, 0, 604_000));
    assert_eq!(rto_by_rtt(&left, &right, &ticks, 200_000), Some(4_000));
}
