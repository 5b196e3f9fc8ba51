//! Tests what this machine and this user allow: everything that the `linux` target needs.
//!
//! The tests run in network namespaces that no longer exist when they return.

use std::net::Ipv4Addr;
use std::os::fd::AsFd;

use crate::sysctl::Sysctl;

use super::netns::{self, Isolation, Wanted};
use super::sys::{Scheduling, Urgency};
use super::ticks::{TickPhase, tick_ns};
use super::tun::Device;
use super::{advice, socket, sysctl_files};

/// The result of one test: a description, or what is wrong and what to do about it.
pub type Finding = Result<String, Problem>;

/// Something that is missing or wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong.
    pub found: String,
    /// What to do about it.
    pub cure: String,
}

/// A congestion control of the kernel, as seen in a new network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Congestion {
    /// Its name.
    pub name: String,
    /// Whether the namespace may make it the default of its sockets (`tcp_congestion_control`).
    pub by_namespace: bool,
    /// Whether the socket option TCP_CONGESTION accepts it, which is how the target sets it.
    pub by_socket: bool,
}

/// A sysctl, as seen in a new network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SysctlSupport {
    /// Its name without `net.ipv4.`.
    pub name: String,
    /// Its value in a new namespace, or None if this kernel has no such sysctl.
    pub value: Option<String>,
    /// The value that scenarios use by default, which is that of Linux 6.18.
    pub wanted: String,
    /// Whether the namespace may set it.
    pub settable: bool,
    /// Whether Linux has one for the whole machine, and none for a namespace.
    pub is_global: bool,
}

/// The sysctls that Linux registers for the initial namespace only (`ipv4_table`).
const GLOBAL: [&str; 2] = ["tcp_max_orphans", "tcp_mem"];

/// What a new network namespace contains.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inside {
    /// The default congestion control.
    pub congestion_default: String,
    /// The congestion controls that are loaded.
    pub congestion: Vec<Congestion>,
    /// Every sysctl that a scenario can set.
    pub sysctls: Vec<SysctlSupport>,
}

/// The results of all tests.
#[derive(Clone, Debug)]
pub struct Probe {
    /// `uname -r`.
    pub kernel: String,
    /// Effective user id; 0 is root.
    pub uid: u32,
    /// Whether `/dev/net/tun` can be opened.
    pub tun_device: Finding,
    /// Whether a network namespace can be created directly, with CAP_SYS_ADMIN.
    pub network_namespace: Finding,
    /// Whether a user namespace can be created, and a network namespace in it.
    pub user_namespace: Finding,
    /// Whether a network namespace with a configured TUN and sockets could be created, which is what the target needs.
    pub endpoint: Result<Isolation, String>,
    /// Length of a tick, ns.
    pub tick_ns: u64,
    /// The phase of the clock ticks, or None if this kernel does not show it.
    pub phase: Option<TickPhase>,
    /// Whether a thread may have a real-time priority.
    pub real_time_priority: bool,
    /// What a new network namespace contains, or None if none can be created.
    pub inside: Option<Inside>,
}

impl Probe {
    /// Runs all tests, which takes some 50 ms.
    pub fn of_this_machine() -> Probe {
        let by_right = netns::in_network_namespace(look_inside);
        let by_user = netns::in_user_namespace(look_inside);
        let finding = |tried: &std::io::Result<Inside>, cure: String| match tried {
            Ok(_) => Ok("can be created".to_owned()),
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
                "nothing is necessary if a user namespace can be created; otherwise run as root (CAP_SYS_ADMIN)"
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

    /// Returns whether the `linux` target is available.
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

/// Creates what a run creates, and drops it.
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

/// Tests this on a separate thread, so that the scheduling of the caller does not change.
fn real_time_priority() -> bool {
    let try_it = || {
        let urgent = Scheduling::current()?.more_urgent(Urgency::RealTime);
        urgent.take_effect()
    };
    std::thread::spawn(try_it)
        .join()
        .is_ok_and(|tried: std::io::Result<()>| tried.is_ok())
}

/// Collects the findings. The caller is inside the new namespace.
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
    let sysctls = Sysctl::default()
        .values()
        .into_iter()
        .filter(|(name, _)| *name != "tcp_congestion_control")
        .map(|(name, wanted)| {
            let value = sysctl_files::read(name).ok().flatten();
            let settable = value.is_some() && sysctl_files::write(name, &wanted).is_ok();
            SysctlSupport {
                name: name.to_owned(),
                value,
                wanted,
                settable,
                is_global: GLOBAL.contains(&name),
            }
        })
        .collect();
    Inside {
        congestion_default,
        congestion,
        sysctls,
    }
}
