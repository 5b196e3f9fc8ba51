use std::net::SocketAddr;

use super::*;
use crate::call::{Errno, TcpState};
use crate::wire::{Icmp, Segment, Seq};
use crate::world::sockets;

fn machine() -> Machine {
    let addrs: Vec<(IpAddr, u8)> = vec![
        ([10, 77, 0, 2].into(), 24),
        ("fd77::2".parse().unwrap(), 64),
    ];
    let mut engine = Config::new(addrs[0].0);
    engine.addrs = addrs.iter().map(|a| a.0).collect();
    let parts = Parts {
        engine,
        addrs,
        mtu: 1500,
    };
    Machine::new(parts, None)
}

fn sent(machine: &mut Machine) -> Vec<Datagram> {
    let mut all = Vec::new();
    while let Some(outgoing) = machine.poll_transmit(Instant::ZERO) {
        all.push(Datagram::parse(&outgoing.into_bytes()).unwrap());
    }
    all
}

fn syn() -> Datagram {
    let segment = Segment {
        src_port: 40_000,
        dst_port: 7,
        seq: Seq(1000),
        flags: Flags::SYN,
        window: 65_535,
        payload: vec![7; 100].into(),
        ..Segment::default()
    };
    let (src, dst) = ([10, 77, 0, 1].into(), [10, 77, 0, 2].into());
    let mut datagram = Datagram::new(src, dst, 99, Payload::Tcp(segment));
    datagram.dont_frag = false;
    datagram
}

/// `datagram` in two pieces, the first with `at` bytes of what it carries.
fn fragments(datagram: &[u8], at: usize) -> [Vec<u8>; 2] {
    let (header, body) = datagram.split_at(20);
    let piece = |body: &[u8], field: u16| {
        let mut piece = [header, body].concat();
        piece[2..4].copy_from_slice(&(20 + body.len() as u16).to_be_bytes());
        piece[6..8].copy_from_slice(&field.to_be_bytes());
        smoltcp::wire::Ipv4Packet::new_unchecked(&mut piece[..]).fill_checksum();
        piece
    };
    let more = 0x2000;
    [
        piece(&body[..at], more),
        piece(&body[at..], (at / 8) as u16),
    ]
}

#[test]
fn tcp_in_fragments_is_put_together_in_any_order() {
    for turned in [false, true] {
        let mut machine = machine();
        sockets::listen(
            &mut machine.engine,
            Instant::ZERO,
            "10.77.0.2:7".parse().unwrap(),
            8,
        )
        .unwrap();
        let mut pieces = fragments(&syn().emit(), 16);
        if turned {
            pieces.reverse();
        }
        machine.on_packet(Instant::ZERO, &pieces[0]);
        assert_eq!(sent(&mut machine), []);
        machine.on_packet(Instant::ZERO, &pieces[1]);
        let [answer] = &sent(&mut machine)[..] else {
            panic!("one answer")
        };
        let answer = answer.segment().unwrap();
        assert_eq!(answer.flags, Flags::SYN | Flags::ACK);
        // a SYN's data is not taken
        assert_eq!(answer.ack, Seq(1001));
    }
}

#[test]
fn an_icmp_error_reaches_the_connection_that_it_is_about() {
    let mut machine = machine();
    let at = Instant::ZERO;
    let socket = machine.socket().unwrap();
    let to: SocketAddr = "10.77.0.1:80".parse().unwrap();
    machine.call(at, Call::Connect(socket, sockets::to_addr(to)));
    let [syn] = &sent(&mut machine)[..] else {
        panic!("a SYN")
    };
    let error = Payload::Icmp(Icmp::host_unreachable(&syn.emit()));
    let error = Datagram::new([10, 77, 0, 1].into(), [10, 77, 0, 2].into(), 1, error);
    machine.on_packet(at, &error.emit());
    let told = machine.call(at, Call::SoError(socket));
    assert_eq!(told, Outcome::SoError(Some(Errno::EHOSTUNREACH)));
    machine.dispatch(at);
    assert_eq!(machine.poll_touched(), Some(socket));
}

#[test]
fn without_power_nothing_is_answered_and_rebooted_it_knows_nobody() {
    let mut machine = machine();
    let at = Instant::ZERO;
    let addr: SocketAddr = "10.77.0.2:7".parse().unwrap();
    sockets::listen(&mut machine.engine, at, addr, 8).unwrap();
    machine.on_packet(at, &syn().emit());
    assert_eq!(sent(&mut machine).len(), 1);
    assert_eq!(machine.engine.all_ends().len(), 1);
    machine.power_off(at);
    machine.on_packet(at, &syn().emit());
    assert_eq!(sent(&mut machine), []);
    assert_eq!(machine.next_deadline(), None, "nothing is left to be done");
    machine.power_on(at);
    machine.on_packet(at, &syn().emit());
    let [answer] = &sent(&mut machine)[..] else {
        panic!("one answer")
    };
    assert_eq!(answer.segment().unwrap().flags, Flags::RST | Flags::ACK);
}

#[test]
fn a_cut_loses_what_is_sent_and_timers_run() {
    let mut machine = machine();
    let at = Instant::ZERO;
    machine.cut(true, at);
    let socket = machine.socket().unwrap();
    let to: SocketAddr = "10.77.0.1:80".parse().unwrap();
    machine.call(at, Call::Connect(socket, sockets::to_addr(to)));
    assert_eq!(sent(&mut machine), []);
    machine.cut(false, at);
    let due = machine.next_deadline().unwrap();
    machine.on_deadline(due);
    let [again] = &sent(&mut machine)[..] else {
        panic!("the SYN again")
    };
    assert_eq!(again.segment().unwrap().flags, Flags::SYN);
    let ends = machine.engine.ends(socket).unwrap();
    let info = machine.engine.connection(due, ends.0, ends.1).unwrap();
    assert_eq!(info.state, TcpState::SynSent);
}
