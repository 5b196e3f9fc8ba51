//! A scenario, a connection and a peer made by hand.

use std::time::Duration;

use halfopen::call::{Addr, Call, Outcome, SocketId};
use halfopen::scenario::{
    CLIENT_PORT, EndWhen, IpVersion, PEER_IP, Peer, Role, SERVER_PORT, SURVIVOR_IP, Scenario,
    Survivor,
};
use halfopen::sysctl::{Preset, Sysctl};
use halfopen::target::{Linux, Target, TargetError};
use halfopen::time::Instant;
use halfopen::wire::{Datagram, Flags, Payload, Segment, Seq};

use crate::bounded;
use crate::skip;

pub(crate) const LOCAL: Addr = Addr::v4(SURVIVOR_IP.octets(), CLIENT_PORT);
pub(crate) const REMOTE: Addr = Addr::v4(PEER_IP.octets(), SERVER_PORT);

pub(crate) fn scenario(sysctl_set: &[(&str, &str)]) -> Scenario {
    Scenario {
        name: "by-hand".into(),
        title: "A scenario made by hand".into(),
        about: None,
        toml: String::new(),
        preset: Preset::linux(),
        survivor: Survivor {
            role: Role::Client,
            sysctl: Sysctl::default(),
            sysctl_set: sysctl_set
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .collect(),
            sockopt: Vec::new(),
            autoread: true,
        },
        peer: Peer::default(),
        delay: Duration::ZERO,
        ip: IpVersion::V4,
        middlebox: None,
        steps: Vec::new(),
        end: EndWhen::SurvivorClosed,
        limit: Instant::from_ms(60_000),
        tail: Duration::ZERO,
    }
}

/// The target, or None where this machine cannot have it, with its reason printed.
pub(crate) fn linux(sysctl_set: &[(&str, &str)]) -> Option<Linux> {
    bounded::begin();
    match Linux::new(&scenario(sysctl_set)) {
        Ok(linux) => Some(linux),
        Err(TargetError::Unavailable(why)) => {
            skip::no_kernel(why);
            None
        }
        Err(e) => panic!("{e}"),
    }
}

pub(crate) fn socket(linux: &mut Linux) -> SocketId {
    match linux.call(Call::Socket) {
        Outcome::Socket(id) => id,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn connect(linux: &mut Linux) -> SocketId {
    let id = socket(linux);
    assert_eq!(linux.call(Call::Bind(id, LOCAL)), Outcome::Done);
    assert_eq!(linux.call(Call::Connect(id, REMOTE)), Outcome::InProgress);
    id
}

pub(crate) fn next_segment(linux: &mut Linux, until: Instant) -> Option<(Instant, Datagram)> {
    loop {
        if let Some(sent) = linux.take_packet() {
            return Some((sent.at, Datagram::parse(&sent.bytes).unwrap()));
        }
        if linux.wait(until).unwrap() >= until {
            return None;
        }
    }
}

pub(crate) fn answer(syn: &Datagram, flags: Flags) -> Datagram {
    let s = syn.segment().unwrap();
    let segment = Segment {
        src_port: s.dst_port,
        dst_port: s.src_port,
        seq: Seq(300_000_000),
        ack: s.end_seq(),
        flags,
        window: 64_256,
        ..Segment::default()
    };
    Datagram::new(syn.dst, syn.src, 1, Payload::Tcp(segment))
}
