//! The scenario language: TOML to typed, checked steps. docs/SCENARIOS.md is its contract.

mod action;
pub mod builtin;
#[cfg(feature = "cli")]
mod carets;
mod draft;
mod duration;
mod ends;
mod error;
mod ip;
mod parse;
mod possible;
mod section;
mod steps;
mod wire;

use std::time::Duration;

pub use builtin::{LoadError, load};
pub use draft::Draft;
pub use error::ScenarioErrors;
pub use ip::IpVersion;

use crate::sockopt::SockOpt;
use crate::sysctl::{Preset, Sysctl};
use crate::time::Instant;

/// Which way the connection is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The survivor connects.
    Client,
    /// The survivor listens.
    Server,
}

impl Role {
    /// Returns the survivor's port and the peer's.
    pub const fn ports(self) -> (u16, u16) {
        match self {
            Role::Client => (CLIENT_PORT, SERVER_PORT),
            Role::Server => (SERVER_PORT, CLIENT_PORT),
        }
    }
}

/// One action of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// 10.77.0.1:40000 connects to 10.77.0.2:7777.
    SurvivorConnect,
    /// Listens on 10.77.0.1:7777.
    SurvivorListen,
    /// Writes so many bytes.
    SurvivorSend(usize),
    /// One read.
    SurvivorRecv,
    /// shutdown(SHUT_WR).
    SurvivorShutdown,
    /// close().
    SurvivorClose,
    /// kill -9.
    SurvivorKill,
    /// setsockopt now.
    SurvivorSet(SockOpt),
    /// The peer connects from 10.77.0.2:40000.
    PeerConnect,
    /// The peer writes so many bytes.
    PeerSend(usize),
    /// The peer sends FIN, and still reads.
    PeerShutdown,
    /// FIN; data that arrives later is answered by RST.
    PeerClose,
    /// The same, by the process's death.
    PeerKill,
    /// The peer's process is stopped (SIGSTOP): it makes no call, and its kernel continues.
    PeerFreeze,
    /// The peer's process continues (SIGCONT): it reads everything, and then does what it would have done meanwhile.
    PeerThaw,
    /// RST now.
    PeerReset,
    /// Power gone.
    PeerPowerOff,
    /// Back without state and without a listener.
    PeerPowerOn,
    /// Advertise so many bytes, and say so at once.
    PeerWindow(u32),
    /// 100 % loss both ways.
    WireCut,
    /// No more.
    WireRestore,
    /// Lose the next packets of the survivor.
    WireDrop(u32),
    /// Answer the survivor's packets by ICMP host unreachable.
    WireUnreachable,
    /// No more.
    WireReachable,
}

/// An action and its instant; `repeat` is already unrolled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub at: Instant,
    /// What.
    pub action: Action,
    /// Line of the file, from 1, for messages.
    pub line: usize,
}

/// The end under study.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survivor {
    /// Client or server.
    pub role: Role,
    /// All sysctls, defaults included.
    pub sysctl: Sysctl,
    /// The sysctls that the file names, as the kernel's files take them: `("tcp_rmem", "4096 131072 6291456")`.
    pub sysctl_set: Vec<(String, String)>,
    /// Options set before connect or listen, in the file's order.
    pub sockopt: Vec<SockOpt>,
    /// Whether the application reads whatever arrives at once.
    pub autoread: bool,
}

/// What the peer offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Offers timestamps.
    pub timestamps: bool,
    /// Offers SACK.
    pub sack: bool,
    /// Sends D-SACK.
    pub dsack: bool,
    /// MSS it announces, bytes.
    pub mss: u16,
    /// Window shift it announces; none: no option.
    pub wscale: Option<u8>,
    /// Window it advertises, bytes.
    pub window: u32,
}

impl Default for Peer {
    fn default() -> Self {
        Peer {
            timestamps: true,
            sack: true,
            dsack: true,
            mss: 1460,
            wscale: Some(7),
            window: 64_256,
        }
    }
}

/// A device in the link that keeps a state for each connection and loses it when the connection is idle: a NAT, a stateful
/// firewall or a load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Middlebox {
    /// Time without a packet of either direction after which it forgets the connection.
    pub forget_after: Duration,
    /// What it does with packets of a connection that it has forgotten.
    pub forget: Forget,
}

/// What a [`Middlebox`] does with packets of a connection that it has forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forget {
    /// It drops them silently.
    Drop,
    /// It drops them and sends a RST to their sender.
    Reset,
}

impl Forget {
    /// Both.
    pub const ALL: [Forget; 2] = [Forget::Drop, Forget::Reset];

    /// Returns the word of the scenario language.
    pub const fn name(self) -> &'static str {
        match self {
            Forget::Drop => "drop",
            Forget::Reset => "reset",
        }
    }
}

/// When a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndWhen {
    /// The survivor's socket is gone.
    SurvivorClosed,
    /// At this instant.
    After(Instant),
}

/// A whole scenario, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// The file's stem.
    pub name: String,
    /// Its title.
    pub title: String,
    /// Prose for people.
    pub about: Option<String>,
    /// The file's text.
    pub toml: String,
    /// The kernel that the engine is to be: sysctls and clock tick. `survivor.sysctl` has them, and the file's own.
    pub preset: &'static Preset,
    /// The end under study.
    pub survivor: Survivor,
    /// The other end.
    pub peer: Peer,
    /// One-way delay.
    pub delay: Duration,
    /// The IP version that both ends speak.
    pub ip: IpVersion,
    /// The middlebox in the link, if there is one.
    pub middlebox: Option<Middlebox>,
    /// Steps by time, at equal times in the file's order.
    pub steps: Vec<Step>,
    /// When it ends.
    pub end: EndWhen,
    /// When it is given up.
    pub limit: Instant,
    /// How long recording goes on after the end.
    pub tail: Duration,
}

/// The survivor's IPv4 address.
pub const SURVIVOR_IP: std::net::Ipv4Addr = std::net::Ipv4Addr::new(10, 77, 0, 1);
/// The peer's IPv4 address.
pub const PEER_IP: std::net::Ipv4Addr = std::net::Ipv4Addr::new(10, 77, 0, 2);
/// Port of the end that connects.
pub const CLIENT_PORT: u16 = 40_000;
/// Port of the end that listens.
pub const SERVER_PORT: u16 = 7_777;

/// A length of time as scenarios and the command line write it: `3s`, `1500ms`, `2min`. The error says what is wanted.
pub fn parse_duration(text: &str) -> Result<std::time::Duration, String> {
    match duration::parse_ns(text) {
        Ok(ns) => Ok(std::time::Duration::from_nanos(ns)),
        Err(fault) => Err(format!("{}: {}", fault.what, fault.help)),
    }
}

#[cfg(test)]
mod tests;
