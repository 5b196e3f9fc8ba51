//! A private network namespace with a TUN, and the descriptors through which it is used from outside.
//!
//! A socket, a TUN and a netlink socket belong to the namespace in which they were created, whoever holds them. So one
//! short-lived task enters a new namespace, creates all that a run needs, and ends; the program keeps the descriptors
//! and stays in its own namespace. The namespace disappears with the last descriptor, also after kill -9: no process, no
//! file and no name is left behind. With CAP_SYS_ADMIN that task is a thread; otherwise it is a child process in a
//! user namespace of its own, where that is allowed.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto, socket_with};

use super::entry::Entry;
use super::netlink::Netlink;
use super::sock_diag::SockDiag;
use super::tun::{Device, Tun};
use super::{advice, socket, sys, sysctl_files, tun};

/// An error of the operating system.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// A system call failed unexpectedly.
    #[error("{what}: {source}")]
    Os {
        /// The action that failed.
        what: String,
        /// The system's error.
        source: io::Error,
    },
    /// This machine or this user does not allow it. The text says what to do about it.
    #[error("{0}")]
    Unavailable(String),
}

/// How the namespace was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// Directly, with CAP_SYS_ADMIN, which root usually has.
    Privileged,
    /// Inside a user namespace, without privileges outside of it.
    UserNamespace,
}

/// How a namespace is to be set up.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The TUN's address.
    pub addr: Ipv4Addr,
    /// Length of the prefix of that address, bits.
    pub prefix: u8,
    /// The TUN's IPv6 address and the length of its prefix, or None to disable IPv6.
    pub ipv6: Option<(Ipv6Addr, u8)>,
    /// The TUN's name, or None for `ho` followed by the id of this process.
    pub name: Option<String>,
    /// Whether to bring the loopback device up, for programs that run in the namespace.
    pub loopback: bool,
    /// The TUN's MTU, bytes.
    pub mtu: u32,
    /// The properties of the TUN.
    pub device: Device,
    /// Sysctls to set: `("tcp_retries2", "5")`; those that already have the value are not written.
    pub sysctl: Vec<(String, String)>,
    /// Sysctls that produce a note if this kernel does not have them.
    pub named: Vec<String>,
    /// The congestion control of the sockets.
    pub congestion: String,
    /// How many TCP sockets to create.
    pub sockets: usize,
    /// Whether the sockets are IPv6 sockets.
    pub ipv6_sockets: bool,
}

/// A network namespace, represented by its descriptors.
#[derive(Debug)]
pub struct Namespace {
    /// The TUN.
    pub tun: Tun,
    /// Unused nonblocking TCP sockets of the namespace. accept() adds more.
    pub sockets: Vec<OwnedFd>,
    /// Access to the namespace.
    pub entry: Entry,
    /// The socket through which its connections are read.
    pub diag: SockDiag,
    /// How it was created.
    pub isolation: Isolation,
    /// The congestion control in use.
    pub congestion: String,
    /// What could not be set up as requested, one line each.
    pub notes: Vec<String>,
}

/// Creates a namespace: in a thread with CAP_SYS_ADMIN, otherwise in a user namespace.
pub fn open(wanted: &Wanted) -> Result<Namespace, EndpointError> {
    // tells whose TUN it is; taken here, because a helper process has a number of its own
    let name = wanted.name.clone();
    let name = name.unwrap_or_else(|| format!("ho{}", std::process::id()));
    let privileged = in_network_namespace(|| build(wanted, &name, Isolation::Privileged));
    match privileged {
        Ok(built) => built,
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            in_user_namespace(|| build(wanted, &name, Isolation::UserNamespace))
                .map_err(|e| EndpointError::Unavailable(advice::no_namespace(&e)))?
        }
        Err(e) => Err(EndpointError::Unavailable(advice::no_namespace(&e))),
    }
}

/// Runs `f` in a thread in a new network namespace. Returns PermissionDenied if this process lacks CAP_SYS_ADMIN.
pub(super) fn in_network_namespace<T: Send>(f: impl FnOnce() -> T + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            sys::leave_network()?;
            Ok(f())
        });
        match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Runs `f` in a child process in a new user and network namespace, as the same user.
pub(super) fn in_user_namespace<T>(f: impl FnOnce() -> T) -> io::Result<T> {
    let uid = rustix::process::geteuid().as_raw();
    let gid = rustix::process::getegid().as_raw();
    sys::in_helper_process(|| {
        sys::leave_user_and_network()?;
        // a kernel that has no such file (before 3.19) does not ask for it either
        let _ = std::fs::write("/proc/self/setgroups", "deny");
        std::fs::write("/proc/self/uid_map", format!("{uid} {uid} 1\n"))?;
        std::fs::write("/proc/self/gid_map", format!("{gid} {gid} 1\n"))?;
        Ok(f())
    })?
}

fn build(wanted: &Wanted, name: &str, isolation: Isolation) -> Result<Namespace, EndpointError> {
    let failed = |what: &str| {
        let what = what.to_owned();
        move |source| EndpointError::Os { what, source }
    };
    let mut notes = Vec::new();
    match wanted.ipv6 {
        None => sysctl_files::disable_ipv6().unwrap_or_else(|e| {
            notes.push(format!(
                "IPv6 could not be disabled in the namespace ({e}); its packets are not part of the trace"
            ));
        }),
        Some(_) => sysctl_files::quiet_ipv6().unwrap_or_else(|e| {
            notes.push(format!("router solicitation could not be disabled in the namespace ({e})"));
        }),
    }
    set_sysctls(wanted, &mut notes);
    let mut tun = Tun::open(name, wanted.device)
        .map_err(|e| EndpointError::Unavailable(advice::no_tun(&e)))?;
    let mut addrs = vec![(IpAddr::V4(wanted.addr), wanted.prefix)];
    addrs.extend(wanted.ipv6.map(|(addr, prefix)| (addr.into(), prefix)));
    give_addresses(&mut tun, &addrs, wanted.mtu)?;
    if wanted.loopback {
        tun::set_loopback_up().map_err(failed("the loopback device could not be brought up"))?;
    }
    let entry = Entry::here(isolation == Isolation::UserNamespace)
        .map_err(failed("the file of the namespace could not be opened"))?;
    let family = match wanted.ipv6_sockets {
        false => AddressFamily::INET,
        true => AddressFamily::INET6,
    };
    let mut sockets = Vec::with_capacity(wanted.sockets);
    for _ in 0..wanted.sockets {
        sockets.push(tcp_socket(family).map_err(failed("a TCP socket could not be created"))?);
    }
    let congestion = choose_congestion(&sockets, &wanted.congestion, &mut notes)
        .map_err(failed("TCP_CONGESTION could not be read"))?;
    let diag = Netlink::open(Some(rustix::net::netlink::SOCK_DIAG))
        .map_err(failed("a sock_diag socket could not be opened"))?;
    Ok(Namespace {
        tun,
        sockets,
        entry,
        diag: SockDiag::new(diag),
        isolation,
        congestion,
        notes,
    })
}

/// Assigns these addresses with their connected routes and an MTU in bytes to the TUN, and brings it up.
fn give_addresses(tun: &mut Tun, addrs: &[(IpAddr, u8)], mtu: u32) -> Result<(), EndpointError> {
    let failed = |addr: IpAddr| {
        move |source| EndpointError::Os {
            what: format!("the address {addr} could not be assigned to the TUN"),
            source,
        }
    };
    // first up: what the kernel has to do for an IPv6 address of an interface that is down, it does later
    tun.set_up(mtu).map_err(|source| EndpointError::Os {
        what: "the TUN could not be brought up".to_owned(),
        source,
    })?;
    for (addr, prefix) in addrs {
        tun.add_address(*addr, *prefix).map_err(failed(*addr))?;
    }
    for (addr, _) in addrs {
        if let IpAddr::V6(v6) = addr {
            wait_until_local(*v6);
        }
    }
    Ok(())
}

/// Waits until the kernel accepts packets for this address: it adds the route some time after the address is visible.
/// Gives up after a second; where routes are not shown, the first packets may be lost.
fn wait_until_local(addr: Ipv6Addr) {
    let route = format!("{:032x} 80 ", addr.to_bits());
    for _ in 0..1000 {
        let routes = std::fs::read_to_string("/proc/thread-self/net/ipv6_route");
        match routes {
            Ok(text) if !text.lines().any(|line| line.starts_with(&route)) => {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            _ => return,
        }
    }
    log::info!("the kernel did not add a local route for {addr} within a second");
}

/// Creates a TUN with this name, these addresses and this MTU in bytes in the network namespace of the calling thread. It
/// disappears when it is dropped and when the process ends, however it ends.
///
/// Without CAP_NET_ADMIN, and if the name is in use, this returns [`EndpointError::Unavailable`], which says what to do.
pub fn open_tun(
    name: &str,
    addrs: &[(IpAddr, u8)],
    mtu: u32,
    device: Device,
) -> Result<Tun, EndpointError> {
    let mut tun = Tun::open(name, device)
        .map_err(|e| EndpointError::Unavailable(advice::no_tun_here(name, &e)))?;
    give_addresses(&mut tun, addrs, mtu)?;
    Ok(tun)
}

/// Returns a nonblocking TCP socket of the network namespace of the calling thread.
pub(super) fn tcp_socket(family: AddressFamily) -> io::Result<OwnedFd> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    Ok(socket_with(
        family,
        SocketType::STREAM,
        flags,
        Some(ipproto::TCP),
    )?)
}

fn set_sysctls(wanted: &Wanted, notes: &mut Vec<String>) {
    for (name, value) in &wanted.sysctl {
        let named = wanted.named.contains(name);
        match sysctl_files::read(name) {
            Ok(Some(present)) if present == *value => {}
            Ok(None) if !named => {}
            Ok(None) => notes.push(format!(
                "{name}={value} was not set: this kernel has no {name}"
            )),
            // where the namespace may not choose it, it is set on the sockets, in place of reno
            Ok(Some(_)) if name == "tcp_congestion_control" => {
                if sysctl_files::write(name, value).is_err() {
                    let _ = sysctl_files::write(name, "reno");
                }
            }
            Ok(Some(present)) => {
                if let Err(e) = sysctl_files::write(name, value) {
                    notes.push(format!(
                        "{name}={value} was not set ({e}); the value is {present}"
                    ));
                }
            }
            Err(e) => notes.push(format!(
                "{name}={value} was not set: the sysctl cannot be read ({e})"
            )),
        }
    }
}

/// Makes `sockets` use the congestion control `wanted`, and returns the name of the one that they use.
fn choose_congestion(
    sockets: &[OwnedFd],
    wanted: &str,
    notes: &mut Vec<String>,
) -> io::Result<String> {
    let Some(first) = sockets.first() else {
        return Ok(wanted.to_owned());
    };
    if socket::congestion(first)? == wanted {
        return Ok(wanted.to_owned());
    }
    let all = |name: &str| {
        sockets
            .iter()
            .try_for_each(|s| socket::set_congestion(s, name))
    };
    match all(wanted) {
        Ok(()) => notes.push(format!(
            "{wanted} cannot be set as the congestion control of the namespace; it was set with TCP_CONGESTION on the socket"
        )),
        Err(e) => {
            all("reno")?;
            notes.push(format!(
                "the congestion control is reno and not {wanted}, which this user may not set ({e}); root may set it, and so \
                 may this user if root adds it to net.ipv4.tcp_allowed_congestion_control"
            ));
        }
    }
    socket::congestion(first)
}
