use super::*;
use crate::scenario::{Action, CLIENT_PORT, PEER_IP, SERVER_PORT, SURVIVOR_IP};
use crate::wire::{Payload, Segment, TcpOption};

/// The survivor's first sequence number here.
const IRS: Seq = Seq(1_000);

fn at(ms: u64) -> Instant {
    Instant::from_ms(ms)
}

fn hear(peer: &mut Peer, ms: u64, segment: Segment) -> Vec<Segment> {
    let segment = Segment {
        src_port: CLIENT_PORT,
        dst_port: SERVER_PORT,
        ..segment
    };
    let datagram = Datagram::new(SURVIVOR_IP.into(), PEER_IP.into(), 0, Payload::Tcp(segment));
    peer.on_packet(at(ms), &datagram);
    said(peer)
}

fn said(peer: &mut Peer) -> Vec<Segment> {
    std::iter::from_fn(|| peer.poll_transmit())
        .filter_map(|d| d.segment().cloned())
        .collect()
}

fn data(seq: u32, len: usize) -> Segment {
    Segment {
        seq: IRS + seq,
        ack: ISN + 1,
        flags: Flags::ACK,
        payload: vec![0; len].into(),
        ..Segment::default()
    }
}

/// A peer with an open connection, SACK and no timestamps.
fn open() -> Peer {
    let offers = scenario::Peer {
        timestamps: false,
        ..scenario::Peer::default()
    };
    let mut peer = Peer::new(offers, Role::Client, PeerClock::default());
    let syn = Segment {
        seq: IRS,
        flags: Flags::SYN,
        options: [TcpOption::Mss(1_000), TcpOption::SackPermitted].into(),
        ..Segment::default()
    };
    let answer = hear(&mut peer, 0, syn);
    assert_eq!(answer[0].flags, Flags::SYN | Flags::ACK);
    assert_eq!(hear(&mut peer, 1, data(1, 0)), []);
    peer
}

fn blocks(segment: &Segment) -> Vec<(u32, u32)> {
    let relative = |(l, r): &(Seq, Seq)| (*l - IRS, *r - IRS);
    segment.sack_blocks().iter().map(relative).collect()
}

#[test]
fn holes_are_reported_latest_first_and_duplicates_before_them() {
    let mut peer = open();
    let mut ack = |seq, len| {
        let answer = hear(&mut peer, 2, data(seq, len)).remove(0);
        (answer.ack - IRS, blocks(&answer))
    };
    assert_eq!(ack(101, 100), (1, vec![(101, 201)]));
    assert_eq!(ack(301, 100), (1, vec![(301, 401), (101, 201)]));
    assert_eq!(ack(201, 50), (1, vec![(101, 251), (301, 401)]));
    assert_eq!(
        ack(101, 100),
        (1, vec![(101, 201), (101, 251), (301, 401)]),
        "D-SACK"
    );
    assert_eq!(ack(1, 100), (251, vec![(301, 401)]));
    assert_eq!(ack(1, 50), (251, vec![(1, 51), (301, 401)]), "D-SACK");
    assert_eq!(ack(251, 50), (401, vec![]));
}

#[test]
fn data_beyond_the_window_is_not_taken() {
    let mut peer = open();
    peer.set_window(at(2), 0);
    assert_eq!(said(&mut peer)[0].window, 0);
    let answer = hear(&mut peer, 3, data(1, 100)).remove(0);
    assert_eq!((answer.ack - IRS, blocks(&answer)), (1, vec![]));
    peer.set_window(at(4), 50);
    assert_eq!(said(&mut peer).len(), 1);
    let answer = hear(&mut peer, 5, data(1, 100)).remove(0);
    assert_eq!(answer.ack - IRS, 51, "the part that fits");
}

#[test]
fn the_timer_doubles_until_something_is_acknowledged() {
    let mut peer = open();
    peer.send(at(10), 1_500);
    let sent = said(&mut peer);
    let lens: Vec<_> = sent.iter().map(|s| (s.payload.len(), s.flags)).collect();
    let push = Flags::ACK | Flags::PSH;
    assert_eq!(lens, [(1_000, Flags::ACK), (500, push)]);
    for due in [1_010, 3_010, 7_010] {
        assert_eq!(peer.next_deadline(), Some(at(due)));
        peer.on_deadline(at(due));
        assert_eq!(said(&mut peer), sent[..1], "the first segment, once more");
    }
    let ack = Segment {
        ack: ISN + 1 + 1_000,
        ..data(1, 0)
    };
    assert_eq!(hear(&mut peer, 8_000, ack), []);
    assert_eq!(peer.next_deadline(), Some(at(9_000)));
    peer.on_deadline(at(9_000));
    assert_eq!(said(&mut peer), sent[1..]);
}

#[test]
fn a_dead_host_is_silent_and_a_rebooted_one_says_no() {
    let mut peer = open();
    peer.power_off(at(10));
    assert_eq!(hear(&mut peer, 11, data(1, 5)), []);
    assert_eq!(peer.next_deadline(), None);
    peer.power_on(at(20));
    let answer = hear(&mut peer, 21, data(1, 5)).remove(0);
    assert_eq!((answer.flags, answer.seq), (Flags::RST, ISN + 1));
    let syn = Segment {
        seq: IRS,
        flags: Flags::SYN,
        ..Segment::default()
    };
    let answer = hear(&mut peer, 22, syn).remove(0);
    assert_eq!(
        (answer.flags, answer.ack),
        (Flags::RST | Flags::ACK, IRS + 1)
    );
    let reset = Segment {
        flags: Flags::RST,
        ..data(1, 0)
    };
    assert_eq!(hear(&mut peer, 23, reset), [], "a RST is never answered");
}

#[test]
fn both_ends_close_in_either_order() {
    let fin = |seq, ack| Segment {
        flags: Flags::FIN | Flags::ACK,
        ack: ISN + ack,
        ..data(seq, 0)
    };
    let mut peer = open();
    assert_eq!(hear(&mut peer, 2, fin(1, 1))[0].ack, IRS + 2);
    peer.close(at(3));
    assert_eq!(said(&mut peer)[0].flags, Flags::FIN | Flags::ACK);
    let last = Segment {
        ack: ISN + 2,
        ..data(2, 0)
    };
    assert_eq!(hear(&mut peer, 4, last), []);
    assert_eq!(peer.state, TcpState::Closed);

    let mut peer = open();
    peer.shutdown(at(2));
    assert_eq!(
        hear(&mut peer, 3, data(1, 9))[1].ack,
        IRS + 10,
        "it still reads"
    );
    assert_eq!(hear(&mut peer, 4, fin(10, 2))[0].ack, IRS + 11);
    assert_eq!(peer.state, TcpState::TimeWait);

    let mut peer = open();
    peer.kill(at(2));
    assert_eq!(hear(&mut peer, 3, data(1, 9))[1].flags, Flags::RST);
    assert_eq!(peer.next_deadline(), None);
}

/// A peer with an open connection, a receive buffer of 1000 bytes, and a stopped application.
fn frozen() -> Peer {
    let mut peer = open();
    peer.set_window(at(2), 1_000);
    said(&mut peer);
    peer.freeze(at(3));
    assert_eq!(said(&mut peer), [], "a stopped process sends nothing");
    peer
}

/// The acknowledgment numbers and the windows of what the peer answers to a segment.
fn answers(peer: &mut Peer, ms: u64, segment: Segment) -> Vec<(u32, u16)> {
    let answers = hear(peer, ms, segment);
    let number_and_window = |s: &Segment| (s.ack - IRS, s.window);
    answers.iter().map(number_and_window).collect()
}

#[test]
fn the_window_of_a_frozen_peer_closes_as_its_buffer_fills() {
    let mut peer = frozen();
    assert_eq!(
        answers(&mut peer, 4, data(1, 400)),
        [(401, 600)],
        "600 bytes are left"
    );
    assert_eq!(
        answers(&mut peer, 5, data(501, 100)),
        [(401, 600)],
        "data after a gap"
    );
    assert_eq!(answers(&mut peer, 6, data(401, 100)), [(601, 400)]);
    assert_eq!(answers(&mut peer, 7, data(601, 400)), [(1_001, 0)]);
    assert_eq!(
        answers(&mut peer, 8, data(1_001, 10)),
        [(1_001, 0)],
        "there is no space for it"
    );
    assert_eq!(
        answers(&mut peer, 9, data(1_000, 0)),
        [(1_001, 0)],
        "a keepalive or window probe"
    );
}

#[test]
fn a_thaw_announces_a_window_that_has_at_least_doubled() {
    for (unread, update) in [
        (0, vec![]),
        (499, vec![]),
        (500, vec![(501, 1_000)]),
        (1_000, vec![(1_001, 1_000)]),
    ] {
        let mut peer = frozen();
        if unread > 0 {
            answers(&mut peer, 4, data(1, unread));
        }
        peer.thaw(at(5));
        let sent = said(&mut peer);
        let sent: Vec<_> = sent.iter().map(|s| (s.ack - IRS, s.window)).collect();
        assert_eq!(sent, update, "{unread} bytes unread");
        let next = unread as u32 + 1;
        assert_eq!(
            answers(&mut peer, 6, data(next, 100)),
            [(next + 100, 1_000)],
            "it reads again whatever arrives"
        );
    }
}

#[test]
fn a_frozen_peer_acknowledges_a_fin_and_announces_no_window_after_it() {
    let mut peer = frozen();
    let fin = Segment {
        flags: Flags::ACK | Flags::FIN,
        ..data(1, 1_000)
    };
    assert_eq!(answers(&mut peer, 4, fin), [(1_002, 0)]);
    peer.thaw(at(5));
    assert_eq!(said(&mut peer), []);
}

#[test]
fn what_a_frozen_application_would_do_it_does_at_the_thaw() {
    let mut peer = frozen();
    let steps = [
        Action::PeerSend(10),
        Action::PeerWindow(0),
        Action::PeerShutdown,
    ];
    for step in &steps {
        assert!(peer.act(at(4), step));
    }
    peer.freeze(at(4));
    assert_eq!(said(&mut peer), []);
    assert!(peer.act(at(5), &Action::PeerThaw));
    let sent = said(&mut peer);
    let sent: Vec<_> = sent.iter().map(|s| (s.payload.len(), s.flags)).collect();
    assert_eq!(
        sent,
        [
            (10, Flags::ACK | Flags::PSH),
            (0, Flags::ACK),
            (0, Flags::ACK | Flags::FIN)
        ]
    );
    assert!(!peer.act(at(6), &Action::WireCut));
    assert!(!peer.act(at(6), &Action::SurvivorClose));
}

#[test]
fn a_process_that_is_killed_with_data_to_read_resets_the_connection() {
    let mut peer = frozen();
    peer.kill(at(4));
    assert_eq!(said(&mut peer)[0].flags, Flags::ACK | Flags::FIN);
    let mut peer = frozen();
    answers(&mut peer, 4, data(1, 1));
    peer.kill(at(5));
    let sent = said(&mut peer);
    assert_eq!(
        (sent.len(), sent[0].flags),
        (1, Flags::ACK | Flags::RST),
        "Linux: tcp_close()"
    );
    assert_eq!(hear(&mut peer, 6, data(2, 1))[0].flags, Flags::RST);
}

#[test]
fn a_peer_that_lost_power_has_nothing_to_thaw() {
    let mut peer = frozen();
    answers(&mut peer, 4, data(1, 1_000));
    peer.act(at(4), &Action::PeerSend(10));
    peer.power_off(at(5));
    peer.freeze(at(6));
    peer.power_on(at(7));
    peer.thaw(at(8));
    assert_eq!(said(&mut peer), []);
}
