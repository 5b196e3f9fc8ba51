//! The sans-IO TCP engine: Linux 6.18's TCP as a value.
#![forbid(unsafe_code)]

pub mod congestion;
pub mod minmax;

use std::net::Ipv4Addr;

use crate::call::{Addr, Call, Outcome, Readiness, SocketId, TcpInfo};
use crate::sysctl::Sysctl;
use crate::time::{Instant, Ticks};
use crate::wire::Datagram;

/// Numbers that a host draws at random; fixed to repeat a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drawn {
    /// Initial sequence number of the next connection.
    pub isn: Option<u32>,
    /// Offset added to the millisecond clock for TSval.
    pub ts_offset: Option<u32>,
    /// IP identification of a connection's first packet.
    pub ip_id: Option<u16>,
}

/// What a host is made of.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its address.
    pub addr: Ipv4Addr,
    /// Its knobs.
    pub sysctl: Sysctl,
    /// Its clock tick.
    pub ticks: Ticks,
    /// How much of a millisecond of its timestamp clock had passed at time 0, in ns.
    pub ns_into_ms: u64,
    /// Seed of what it draws.
    pub seed: u64,
    /// What is not drawn but given.
    pub drawn: Drawn,
}

/// A packet that leaves, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// The packet.
    pub datagram: Datagram,
    /// Why it was sent.
    pub cause: String,
}

/// Something a timer did, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Instant,
    /// What and why.
    pub text: String,
    /// Whether a timer fired (and not: was armed or cleared).
    pub fired: bool,
}

/// A host's TCP.
#[derive(Clone, Debug)]
pub struct Engine {
    config: Config,
}

impl Engine {
    /// A host without connections.
    pub fn new(config: Config) -> Self {
        Engine { config }
    }

    /// A datagram from the wire.
    pub fn on_packet(&mut self, _now: Instant, _datagram: &Datagram) {}

    /// The deadline has come (or is past).
    pub fn on_deadline(&mut self, _now: Instant) {}

    /// A socket call.
    pub fn call(&mut self, _now: Instant, _call: Call) -> Outcome {
        Outcome::Done
    }

    /// The next packet to send.
    pub fn poll_transmit(&mut self, _now: Instant) -> Option<Transmit> {
        None
    }

    /// The next thing a timer did.
    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }

    /// When [`on_deadline`](Engine::on_deadline) is to be called.
    pub fn next_deadline(&self) -> Option<Instant> {
        None
    }

    /// What poll(2) would say.
    pub fn readiness(&self, _socket: SocketId) -> Readiness {
        Readiness::default()
    }

    /// State, counters and timers of a connection, orphans, requests and timewaits included.
    pub fn connection(&self, _now: Instant, _local: Addr, _remote: Addr) -> Option<TcpInfo> {
        let _ = &self.config;
        None
    }
}
