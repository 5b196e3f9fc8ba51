//! What a run leaves: packets and events, each with its instant, and what is known of the run.
//!
//! The form on disk is that of the recordings: `trace.pcapng` or `trace.pcap`, `events.jsonl`, `summary.json`.

mod bounds;
pub mod capture;
mod event;
pub mod folder;
mod format;
mod json;
pub mod jsonl;
pub mod kept;
pub mod pcap;
pub mod pcapng;
pub mod relative;
pub mod summary;

pub use event::{Event, Incident, Who};

use std::time::Duration;

use crate::time::{Instant, Ticks};

/// What a trace's note says of a machine that was late with steps, deliveries or stamps.
pub const BUSY: &str = "this machine was busy";

/// Which way a packet went, seen from the survivor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dir {
    /// From the survivor.
    Out,
    /// To the survivor.
    In,
}

/// A packet as it stood on the survivor's side of the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Out: when it left. In: just before it was handed over.
    pub at: Instant,
    /// Which way.
    pub dir: Dir,
    /// The IP datagram.
    pub bytes: Vec<u8>,
    /// Why it was sent, where the target can tell: `RTO 3 of 5, backoff 2: 816 ms -> 848 ms by the wheel`.
    pub cause: Option<String>,
}

/// Where the times of a run come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// Virtual time.
    Simulated,
    /// A real clock.
    Measured,
}

/// What is known of a run as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// The scenario's name: its file's stem or its folder.
    pub scenario: String,
    /// The scenario's title.
    pub title: String,
    /// The scenario's TOML text, kept so that a trace can be replayed.
    pub scenario_toml: String,
    /// Who played the survivor: `engine`, `smoltcp`, `linux`.
    pub target: String,
    /// `uname -r` of a kernel; the version of a library.
    pub version: String,
    /// Simulated or measured.
    pub provenance: Provenance,
    /// What the survivor does: `client` or `server`.
    pub role: String,
    /// The wire's one-way delay.
    pub delay: Duration,
    /// The knobs in force by their full names, where they are known: `("tcp_retries2", "5")`.
    pub sysctl: Vec<(String, String)>,
    /// The clock tick, where one is known.
    pub ticks: Option<Ticks>,
    /// Congestion control in force: `cubic`.
    pub congestion_control: String,
    /// The run's seed.
    pub seed: Option<u64>,
    /// What a reader must know: what the target could not be told, what was taken instead.
    pub notes: Vec<String>,
}

impl Meta {
    /// `tcp_rto_min_us` as far as it is known, us; its default is 200 ms.
    pub fn rto_min_us(&self) -> u64 {
        let is = |(name, _): &&(String, String)| name == "tcp_rto_min_us";
        let value = self.sysctl.iter().find(is);
        value.and_then(|(_, v)| v.parse().ok()).unwrap_or(200_000)
    }
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// `when = "survivor closed"` came true.
    SurvivorClosed,
    /// `after` had passed.
    After,
    /// `limit` had passed first.
    Limit,
    /// The user ended it.
    Interrupted,
}

impl Stopped {
    const ALL: [Stopped; 4] = [
        Stopped::SurvivorClosed,
        Stopped::After,
        Stopped::Limit,
        Stopped::Interrupted,
    ];

    /// The one of this name.
    pub fn from_name(name: &str) -> Option<Stopped> {
        Stopped::ALL.into_iter().find(|s| s.name() == name)
    }

    /// The recordings' word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Stopped::SurvivorClosed => "survivor closed",
            Stopped::After => "after",
            Stopped::Limit => "limit",
            Stopped::Interrupted => "interrupted",
        }
    }
}

/// A whole run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// What is known of it.
    pub meta: Meta,
    /// Packets in the order of their instants.
    pub packets: Vec<Packet>,
    /// Events in the order of their instants.
    pub events: Vec<Event>,
    /// Why it ended.
    pub stopped: Stopped,
    /// When it ended.
    pub ended_at: Instant,
}

#[cfg(test)]
mod tests;
