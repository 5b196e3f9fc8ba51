//! Two connections that follow each other, and two hosts.

use super::*;
use crate::call::{Call, Outcome};
use crate::engine::Config;
use crate::engine::lifecycle::timewait::isn_beyond;
use crate::sysctl::Sysctl;

const LOCAL: Addr = Addr::v4([10, 77, 0, 1], 40_000);
const REMOTE: Addr = Addr::v4([10, 77, 0, 2], 80);

fn engine(seed: u64, timestamps: i64) -> Engine {
    let mut config = Config::new([10, 77, 0, 1].into());
    config.seed = seed;
    config.sysctl = Sysctl {
        tcp_timestamps: timestamps,
        ..Sysctl::default()
    };
    Engine::new(config)
}

#[test]
fn the_same_ends_begin_one_higher_every_64_ns() {
    let engine = engine(1, 1);
    let first = engine.isn(Instant::ZERO, LOCAL, REMOTE);
    let later = engine.isn(Instant::from_ms(1_000), LOCAL, REMOTE);
    assert_eq!(later - first, 1_000_000_000 / 64);
}

#[test]
fn other_ends_and_other_hosts_begin_elsewhere() {
    let here = engine(1, 1);
    let isn = here.isn(Instant::ZERO, LOCAL, REMOTE);
    let port = |port| Addr { port, ..LOCAL };
    assert_ne!(here.isn(Instant::ZERO, port(40_001), REMOTE), isn);
    assert_ne!(engine(2, 1).isn(Instant::ZERO, LOCAL, REMOTE), isn);
    assert_eq!(engine(1, 1).isn(Instant::ZERO, LOCAL, REMOTE), isn);
}

#[test]
fn the_timestamp_offset_is_one_for_each_peer_and_off_with_2() {
    let here = engine(1, 1);
    let offset = here.ts_offset(LOCAL, REMOTE);
    let other_port = Addr { port: 1, ..REMOTE };
    let other_peer = Addr::v4([10, 77, 0, 3], 80);
    assert_eq!(here.ts_offset(LOCAL, other_port), offset);
    assert_ne!(here.ts_offset(LOCAL, other_peer), offset);
    let plain = engine(1, 2);
    assert_eq!(
        plain.ts_offset(LOCAL, REMOTE),
        plain.ts_offset(LOCAL, other_peer)
    );
}

#[test]
fn what_was_given_is_not_drawn() {
    let mut config = Config::new([10, 77, 0, 1].into());
    config.drawn.isn = Some(7);
    let mut engine = Engine::new(config);
    let Outcome::Socket(socket) = engine.call(Instant::ZERO, Call::Socket) else {
        panic!("a socket")
    };
    engine.call(Instant::ZERO, Call::Connect(socket, REMOTE));
    let syn = engine.poll_transmit(Instant::ZERO).expect("a SYN");
    assert_eq!(syn.datagram.segment().expect("TCP").seq, Seq(7));
}

#[test]
fn the_successor_of_a_timewait_begins_beyond_it() {
    for (old, new) in [(0, 65_537), (u32::MAX - 65_536, 1), (u32::MAX, 65_536)] {
        assert_eq!(isn_beyond(Seq(old)), Seq(new), "{old}");
    }
}
