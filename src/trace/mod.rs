//! The result of a run: packets and events, each with its instant, and a summary of the run.
//!
//! On disk a trace has the form of the recordings: `trace.pcapng` or `trace.pcap`, `events.jsonl`, `summary.json`.

mod bounds;
pub mod capture;
mod event;
pub mod folder;
mod format;
mod json;
pub mod jsonl;
pub mod kept;
mod late;
pub mod pcap;
pub mod pcapng;
pub mod relative;
pub mod summary;

pub use event::{Event, Incident, Who};
pub use late::{BUSY, Duty, Late};

use std::time::Duration;

use crate::time::{Instant, Ticks};

/// The direction of a packet, as the survivor sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dir {
    /// From the survivor.
    Out,
    /// To the survivor.
    In,
}

/// A packet as it was on the survivor's side of the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// For a packet out: when it left. For a packet in: just before it was handed over.
    pub at: Instant,
    /// Its direction.
    pub dir: Dir,
    /// The IP datagram.
    pub bytes: Vec<u8>,
    /// Why it was sent, if the target reports it: `RTO 3 of 5, backoff 2: 816 ms -> 848 ms by the wheel`.
    pub cause: Option<String>,
}

/// The clock from which the times of a run come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// Virtual time.
    Simulated,
    /// A real clock.
    Measured,
}

/// The description of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// The scenario's name: the stem of its file, or its folder.
    pub scenario: String,
    /// The scenario's title.
    pub title: String,
    /// The scenario's TOML text, kept so that a trace can be replayed.
    pub scenario_toml: String,
    /// The target that played the survivor: `engine`, `smoltcp` or `linux`.
    pub target: String,
    /// The version of the target: `uname -r` of a kernel, or the version of a library.
    pub version: String,
    /// Whether the run was simulated or measured.
    pub provenance: Provenance,
    /// The role of the survivor: `client` or `server`.
    pub role: String,
    /// The link's one-way delay.
    pub delay: Duration,
    /// The sysctls of the run by their full names, as far as they are known, such as `("tcp_retries2", "5")`.
    pub sysctl: Vec<(String, String)>,
    /// The clock tick, if it is known.
    pub ticks: Option<Ticks>,
    /// The congestion control of the survivor, such as `cubic`.
    pub congestion_control: String,
    /// The seed of the run.
    pub seed: Option<u64>,
    /// What a reader has to know, such as settings that the target does not support and what was used instead.
    pub notes: Vec<String>,
    /// How late the latest step and the latest delivery were, if they were so late that the times of the run say little
    /// about its TCP. `notes` says so too.
    pub late: Vec<Late>,
}

impl Meta {
    /// Returns `tcp_rto_min_us` in us. If the run does not name it, that is the default of 200 ms.
    pub fn rto_min_us(&self) -> u64 {
        let is = |(name, _): &&(String, String)| name == "tcp_rto_min_us";
        let value = self.sysctl.iter().find(is);
        value.and_then(|(_, v)| v.parse().ok()).unwrap_or(200_000)
    }
}

/// The reason why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The survivor's connection was closed (`when = "survivor closed"`).
    SurvivorClosed,
    /// The time `after` had passed.
    After,
    /// The time `limit` had passed first.
    Limit,
    /// The user interrupted it.
    Interrupted,
}

impl Stopped {
    const ALL: [Stopped; 4] = [
        Stopped::SurvivorClosed,
        Stopped::After,
        Stopped::Limit,
        Stopped::Interrupted,
    ];

    /// Returns the reason that has this name.
    pub fn from_name(name: &str) -> Option<Stopped> {
        Stopped::ALL.into_iter().find(|s| s.name() == name)
    }

    /// Returns the recordings' word for it.
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
    /// The description of the run.
    pub meta: Meta,
    /// Packets in the order of their instants.
    pub packets: Vec<Packet>,
    /// Events in the order of their instants.
    pub events: Vec<Event>,
    /// Why the run ended.
    pub stopped: Stopped,
    /// When the run ended.
    pub ended_at: Instant,
}

#[cfg(test)]
mod tests;
