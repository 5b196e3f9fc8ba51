use super::*;
use crate::scenario::{PEER_IP, SURVIVOR_IP};
use crate::wire::{Flags, Segment};

fn packet(src: std::net::Ipv4Addr, dst: std::net::Ipv4Addr, len: usize) -> Datagram {
    let segment = Segment {
        flags: Flags::ACK,
        payload: vec![7; len].into(),
        ..Segment::default()
    };
    Datagram::new(src.into(), dst.into(), 1, Payload::Tcp(segment))
}

fn out(len: usize) -> Vec<u8> {
    packet(SURVIVOR_IP, PEER_IP, len).emit()
}

fn at(ms: u64) -> Instant {
    Instant::from_ms(ms)
}

fn delivered(link: &mut Link, by: Instant) -> Vec<(u64, To)> {
    std::iter::from_fn(|| link.poll(by))
        .map(|(due, to, _)| (due.us() / 1_000, to))
        .collect()
}

fn losses(link: &mut Link) -> Vec<(u64, String)> {
    let lost = |e: Event| match e.what {
        Incident::Lost { dir, why, .. } => Some((e.at.us() / 1_000, format!("{dir} {why}"))),
        _ => None,
    };
    link.take_events().into_iter().filter_map(lost).collect()
}

#[test]
fn the_wire_decides_when_a_packet_enters() {
    let mut link = Link::new(Duration::from_millis(10));
    link.from_survivor(at(0), &out(1));
    link.cut(at(5));
    link.from_survivor(at(6), &out(2));
    link.from_peer(at(7), &packet(PEER_IP, SURVIVOR_IP, 3));
    link.restore(at(8));
    link.from_peer(at(8), &packet(PEER_IP, SURVIVOR_IP, 4));
    assert_eq!(link.next_deadline(), Some(at(10)));
    assert_eq!(delivered(&mut link, at(9)), []);
    assert_eq!(
        delivered(&mut link, at(100)),
        [(10, To::Peer), (18, To::Survivor)]
    );
    let expected = [(6, "survivor->peer cut"), (7, "peer->survivor cut")];
    assert_eq!(losses(&mut link), expected.map(|(t, s)| (t, s.to_owned())));
}

#[test]
fn a_drop_is_for_so_many_packets_of_the_survivor() {
    let mut link = Link::new(Duration::ZERO);
    link.drop_next(at(0), 2);
    link.from_peer(at(1), &packet(PEER_IP, SURVIVOR_IP, 0));
    for ms in 1..4 {
        link.from_survivor(at(ms), &out(0));
    }
    assert_eq!(
        delivered(&mut link, at(9)),
        [(1, To::Survivor), (3, To::Peer)]
    );
    assert_eq!(losses(&mut link).len(), 2);
}

#[test]
fn an_unreachable_host_is_told_a_round_trip_later() {
    let mut link = Link::new(Duration::from_millis(10));
    link.unreachable(at(0));
    link.from_survivor(at(1), &out(1_000));
    link.from_peer(at(2), &packet(PEER_IP, SURVIVOR_IP, 0));
    link.reachable(at(3));
    let (due, to, bytes) = link.poll(at(100)).expect("the ICMP message");
    assert_eq!((due, to), (at(21), To::Survivor));
    let Ok(Payload::Icmp(icmp)) = Datagram::parse(&bytes).map(|d| d.payload) else {
        panic!("not ICMP");
    };
    assert_eq!((icmp.kind, icmp.code, icmp.body.len()), (3, 1, 548));
    assert_eq!(icmp.body, out(1_000)[..548]);
    assert!(link.poll(at(100)).is_none(), "the peer's packet is lost");
}

#[test]
fn what_is_no_packet_is_not_carried() {
    let mut link = Link::new(Duration::ZERO);
    link.from_survivor(at(0), &[0x60, 0, 0, 0]);
    link.from_survivor(at(0), &[]);
    assert!(link.poll(at(1)).is_none());
    assert!(link.take_events().is_empty());
}

#[test]
fn a_middlebox_loses_what_it_has_forgotten_and_answers_half_way() {
    let mut link = Link::new(Duration::from_millis(10)).through(scenario::Middlebox {
        forget_after: Duration::from_millis(100),
        forget: scenario::Forget::Reset,
    });
    link.from_survivor(at(0), &out(1));
    assert_eq!(delivered(&mut link, at(100)), [(10, To::Survivor)]);
    link.from_peer(at(200), &packet(PEER_IP, SURVIVOR_IP, 1));
    assert_eq!(delivered(&mut link, at(300)), [(210, To::Peer)]);
    let expected = [
        (0, "survivor->peer forgotten"),
        (200, "peer->survivor forgotten"),
    ];
    assert_eq!(losses(&mut link), expected.map(|(t, s)| (t, s.to_owned())));
}
