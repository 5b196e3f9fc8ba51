//! ICMP errors about a half-open connection, seen the same on Linux 6.18: a request goes without a word.

use crate::call::{Addr, Call, Outcome};
use crate::engine::{Config, Engine};
use crate::time::Instant;
use crate::wire::{Datagram, Flags, Icmp, Payload, Segment, Seq};

const HOST: [u8; 4] = [10, 77, 0, 1];
const PEER: [u8; 4] = [10, 77, 0, 2];

/// A listener that has answered a SYN, and its SYN-ACK.
fn half_open() -> (Engine, Vec<u8>) {
    let mut engine = Engine::new(Config::new(HOST.into()));
    let Outcome::Socket(socket) = engine.call(Instant::ZERO, Call::Socket) else {
        panic!("a socket")
    };
    engine.call(Instant::ZERO, Call::Bind(socket, Addr::v4(HOST, 7777)));
    engine.call(Instant::ZERO, Call::Listen(socket, 16));
    let syn = Segment {
        src_port: 40_000,
        dst_port: 7777,
        seq: Seq(300_000_000),
        flags: Flags::SYN,
        window: 64_256,
        ..Segment::default()
    };
    let datagram = Datagram::new(PEER.into(), HOST.into(), 1, Payload::Tcp(syn));
    engine.on_packet(Instant::from_ms(10), &datagram);
    let sent = engine
        .poll_transmit(Instant::from_ms(10))
        .expect("a SYN-ACK");
    (engine, sent.datagram.emit())
}

#[test]
fn an_unreachable_peer_ends_a_half_open_connection() {
    // type, code, whether it ends it
    for (kind, code, ends) in [
        (3, 0, true),
        (3, 1, true),
        (11, 0, true),
        (3, 3, false),
        (3, 13, false),
    ] {
        let (mut engine, syn_ack) = half_open();
        let icmp = Icmp {
            kind,
            code,
            ..Icmp::host_unreachable(&syn_ack)
        };
        let error = Datagram::new(PEER.into(), HOST.into(), 2, Payload::Icmp(icmp));
        engine.on_packet(Instant::from_ms(20), &error);
        assert_eq!(
            engine.next_deadline().is_none(),
            ends,
            "type {kind} code {code}"
        );
        assert!(engine.poll_transmit(Instant::from_ms(20)).is_none());
    }
}

#[test]
fn an_error_about_another_segment_does_not() {
    let (mut engine, mut syn_ack) = half_open();
    syn_ack[27] ^= 1;
    let icmp = Icmp::host_unreachable(&syn_ack);
    let error = Datagram::new(PEER.into(), HOST.into(), 2, Payload::Icmp(icmp));
    engine.on_packet(Instant::from_ms(20), &error);
    assert!(engine.next_deadline().is_some());
}
