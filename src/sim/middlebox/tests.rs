use std::time::Duration;

use super::*;
use crate::scenario::{PEER_IP, SURVIVOR_IP};
use crate::wire::Seq;

const AFTER: Duration = Duration::from_secs(10);

fn middlebox(forget: Forget) -> Middlebox {
    Middlebox::new(scenario::Middlebox {
        forget_after: AFTER,
        forget,
    })
}

fn segment(flags: Flags) -> Segment {
    Segment {
        src_port: 40_000,
        dst_port: 7_777,
        seq: Seq(1_000),
        ack: Seq(5_000),
        flags,
        payload: vec![0; 7].into(),
        ..Segment::default()
    }
}

fn out(flags: Flags) -> Datagram {
    let payload = Payload::Tcp(segment(flags));
    Datagram::new(SURVIVOR_IP.into(), PEER_IP.into(), 1, payload)
}

fn back(flags: Flags) -> Datagram {
    let segment = Segment {
        src_port: 7_777,
        dst_port: 40_000,
        ..segment(flags)
    };
    Datagram::new(PEER_IP.into(), SURVIVOR_IP.into(), 1, Payload::Tcp(segment))
}

fn at(secs: u64) -> Instant {
    Instant::from_ms(secs * 1_000)
}

#[test]
fn every_packet_of_either_direction_keeps_a_flow() {
    let mut device = middlebox(Forget::Drop);
    for (secs, packet, fate) in [
        (0, out(Flags::SYN), Fate::Passes),
        (9, back(Flags::SYN | Flags::ACK), Fate::Passes),
        (18, out(Flags::ACK), Fate::Passes),
        (27, back(Flags::ACK), Fate::Passes),
        (37, out(Flags::ACK), Fate::Lost),
        // what is lost keeps nothing
        (38, back(Flags::ACK), Fate::Lost),
        (39, out(Flags::SYN), Fate::Passes),
        (40, back(Flags::ACK), Fate::Passes),
    ] {
        assert_eq!(device.take(at(secs), &packet), fate, "{secs} s");
    }
}

#[test]
fn only_a_syn_begins_a_flow_and_flows_do_not_keep_each_other() {
    let mut device = middlebox(Forget::Drop);
    let other = |flags| {
        let segment = Segment {
            src_port: 40_001,
            ..segment(flags)
        };
        Datagram::new(SURVIVOR_IP.into(), PEER_IP.into(), 1, Payload::Tcp(segment))
    };
    assert_eq!(
        device.take(at(0), &back(Flags::SYN | Flags::ACK)),
        Fate::Lost
    );
    assert_eq!(device.take(at(0), &out(Flags::SYN)), Fate::Passes);
    assert_eq!(device.take(at(9), &other(Flags::ACK)), Fate::Lost);
    assert_eq!(device.take(at(9), &other(Flags::SYN)), Fate::Passes);
    assert_eq!(device.take(at(10), &out(Flags::ACK)), Fate::Lost);
    assert_eq!(device.take(at(10), &other(Flags::ACK)), Fate::Passes);
}

#[test]
fn a_reset_is_one_that_the_sender_accepts() {
    let mut device = middlebox(Forget::Reset);
    let answer = |fate| match fate {
        Fate::Answered(datagram) => *datagram,
        other => panic!("{other:?}"),
    };
    let reset = answer(device.take(at(0), &out(Flags::ACK | Flags::PSH)));
    assert_eq!((reset.src, reset.dst), (PEER_IP.into(), SURVIVOR_IP.into()));
    let segment = reset.segment().expect("a segment");
    assert_eq!((segment.src_port, segment.dst_port), (7_777, 40_000));
    assert_eq!((segment.flags, segment.seq), (Flags::RST, Seq(5_000)));
    // to the peer, for its packet; without an ACK it acknowledges the data and the FIN
    let reset = answer(device.take(at(0), &back(Flags::FIN)));
    assert_eq!(reset.dst, IpAddr::from(PEER_IP));
    let segment = reset.segment().expect("a segment");
    assert_eq!(segment.flags, Flags::RST | Flags::ACK);
    assert_eq!((segment.seq, segment.ack), (Seq(0), Seq(1_008)));
    assert_eq!(device.take(at(0), &out(Flags::RST)), Fate::Lost);
}
