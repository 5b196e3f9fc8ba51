//! What this machine and this user allow: everything that the `linux` target needs, tried out for real.
//!
//! All is tried in namespaces that are gone again when this returns.

use std::net::Ipv4Addr;
use std::os::fd::AsFd;

use crate::sysctl::Sysctl;

use super::netns::{self, Isolation, Wanted};
use super::sys::{Scheduling, Urgency};
use super::ticks::{TickPhase, tick_ns};
use super::tun::Device;
use super::{advice, socket, sysctl_files};

/// What was found of one thing: what it is like, or what is wrong and what to do about it.
pub type Finding = Result<String, Problem>;

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What was found.
    pub found: String,
    /// What to do about it.
    pub cure: String,
}

/// A congestion control of the kernel, seen from a fresh namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Congestion {
    /// Its name.
    pub name: String,
    /// Whether the namespace may make it the default of its sockets (`tcp_congestion_control`).
    pub by_namespace: bool,
    /// Whether TCP_CONGESTION takes it, as the target sets it.
    pub by_socket: bool,
}

/// A knob, seen from a fresh namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Knob {
    /// Its name without `net.ipv4.`.
    pub name: String,
    /// The value of a fresh namespace; None where this kernel has no such knob.
    pub value: Option<String>,
    /// The value that a scenario takes where it does not name the knob: that of Linux 6.18.
    pub wanted: String,
    /// Whether the namespace may set it.
    pub settable: bool,
}

/// The inside of a fresh namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inside {
    /// The default of a fresh namespace.
    pub congestion_default: String,
    /// All that are loaded.
    pub congestion: Vec<Congestion>,
    /// Every knob that scenarios know.
    pub knobs: Vec<Knob>,
}

/// All findings.
#[derive(Clone, Debug)]
pub struct Probe {
    /// `uname -r`.
    pub kernel: String,
    /// Effective user id; 0 is root.
    pub uid: u32,
    /// `/dev/net/tun` can be opened.
    pub tun_device: Finding,
    /// A network namespace can be made by right.
    pub network_namespace: Finding,
    /// A user namespace can be made, and a network namespace in it.
    pub user_namespace: Finding,
    /// A namespace with a configured TUN and sockets was made: what the target needs.
    pub endpoint: Result<Isolation, String>,
    /// Length of a tick, ns.
    pub tick_ns: u64,
    /// Where the ticks lie; None where this kernel does not tell.
    pub phase: Option<TickPhase>,
    /// Whether the waiting thread gets a real-time priority.
    pub real_time_priority: bool,
    /// The inside of a fresh namespace; None where none can be made.
    pub inside: Option<Inside>,
}

impl Probe {
    /// Tries everything out; takes some 50 ms.
    pub fn of_this_machine() -> Probe {
        let by_right = netns::in_network_namespace(look_inside);
        let by_user = netns::in_user_namespace(look_inside);
        let finding = |tried: &std::io::Result<Inside>, cure: String| match tried {
            Ok(_) => Ok("can be made".to_owned()),
            Err(e) => Err(Problem {
                found: e.to_string(),
                cure,
            }),
        };
        Probe {
            kernel: rustix::system::uname()
                .release()
                .to_string_lossy()
                .into_owned(),
            uid: rustix::process::geteuid().as_raw(),
            tun_device: tun_device(),
            network_namespace: finding(
                &by_right,
                "nothing where a user namespace can be made; else run as root (CAP_SYS_ADMIN)"
                    .to_owned(),
            ),
            user_namespace: finding(&by_user, advice::for_user_namespaces()),
            endpoint: try_endpoint(),
            tick_ns: tick_ns(),
            phase: TickPhase::of_this_machine(),
            real_time_priority: real_time_priority(),
            inside: by_right.ok().or(by_user.ok()),
        }
    }

    /// Whether the `linux` target can be had.
    pub fn usable(&self) -> bool {
        self.endpoint.is_ok()
    }
}

fn tun_device() -> Finding {
    let opened = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(advice::TUN_DEVICE);
    match opened {
        Ok(_) => Ok(format!("{} can be opened", advice::TUN_DEVICE)),
        Err(e) => Err(Problem {
            found: format!("{}: {e}", advice::TUN_DEVICE),
            cure: advice::for_tun_device(&e),
        }),
    }
}

/// Makes what a run makes, and lets it go.
fn try_endpoint() -> Result<Isolation, String> {
    let wanted = Wanted {
        addr: Ipv4Addr::new(10, 77, 0, 1),
        ipv6: None,
        ipv6_sockets: false,
        name: None,
        loopback: false,
        prefix: 24,
        mtu: 1500,
        device: Device::default(),
        sysctl: Vec::new(),
        named: Vec::new(),
        congestion: "reno".to_owned(),
        sockets: 1,
    };
    netns::open(&wanted)
        .map(|namespace| namespace.isolation)
        .map_err(|e| e.to_string())
}

/// Tried on a thread of its own, so that the caller's scheduling is not touched.
fn real_time_priority() -> bool {
    let try_it = || {
        let urgent = Scheduling::current()?.more_urgent(Urgency::RealTime);
        urgent.take_effect()
    };
    std::thread::spawn(try_it)
        .join()
        .is_ok_and(|tried: std::io::Result<()>| tried.is_ok())
}

/// Called inside of a fresh namespace.
fn look_inside() -> Inside {
    let text = |name: &str| sysctl_files::read(name).ok().flatten().unwrap_or_default();
    let congestion_default = text("tcp_congestion_control");
    let congestion = text("tcp_available_congestion_control")
        .split_whitespace()
        .map(|name| Congestion {
            name: name.to_owned(),
            by_namespace: sysctl_files::write("tcp_congestion_control", name).is_ok(),
            by_socket: netns::tcp_socket(rustix::net::AddressFamily::INET)
                .and_then(|s| socket::set_congestion(&s.as_fd(), name))
                .is_ok(),
        })
        .collect();
    let knobs = Sysctl::default()
        .values()
        .into_iter()
        .filter(|(name, _)| *name != "tcp_congestion_control")
        .map(|(name, wanted)| {
            let value = sysctl_files::read(name).ok().flatten();
            let settable = value.is_some() && sysctl_files::write(name, &wanted).is_ok();
            Knob {
                name: name.to_owned(),
                value,
                wanted,
                settable,
            }
        })
        .collect();
    Inside {
        congestion_default,
        congestion,
        knobs,
    }
}
