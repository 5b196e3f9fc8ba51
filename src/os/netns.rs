//! A private network namespace with a TUN in it, and the descriptors through which it is used from outside.
//!
//! A socket, a TUN and a netlink socket belong to the namespace in which they were made, whoever holds them. So one
//! short-lived task enters a fresh namespace, makes all that a run needs, and ends; the program keeps the descriptors
//! and stays where it was. The namespace dies with the last of them, also after kill -9: there is no process, no
//! file and no name to leave behind. With CAP_SYS_ADMIN that task is a thread; otherwise it is a child process in a
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

/// Something that the operating system refused.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// A system call failed that should not.
    #[error("{what}: {source}")]
    Os {
        /// What was tried.
        what: String,
        /// What it said.
        source: io::Error,
    },
    /// This machine or this user cannot have it; the text says what to do about it.
    #[error("{0}")]
    Unavailable(String),
}

/// How the namespace was had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// By the right to make one (CAP_SYS_ADMIN, root's as a rule).
    Privileged,
    /// Inside a user namespace, without rights outside of it.
    UserNamespace,
}

/// What is wanted of a namespace.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The TUN's address.
    pub addr: Ipv4Addr,
    /// Length of its network's prefix, bits.
    pub prefix: u8,
    /// The TUN's IPv6 address and the length of its prefix; none: IPv6 is off.
    pub ipv6: Option<(Ipv6Addr, u8)>,
    /// The TUN's name; none: `ho` and this process's number.
    pub name: Option<String>,
    /// Whether the loopback device is set up, for programs that are to run inside.
    pub loopback: bool,
    /// The TUN's MTU, bytes.
    pub mtu: u32,
    /// How the TUN is made.
    pub device: Device,
    /// Knobs to set: `("tcp_retries2", "5")`; those with the value wanted are left alone.
    pub sysctl: Vec<(String, String)>,
    /// Knobs whose absence from this kernel is worth a note.
    pub named: Vec<String>,
    /// Congestion control of the sockets.
    pub congestion: String,
    /// How many TCP sockets to make.
    pub sockets: usize,
    /// Whether they are IPv6's.
    pub ipv6_sockets: bool,
}

/// A namespace, as its descriptors.
#[derive(Debug)]
pub struct Namespace {
    /// The wire's end.
    pub tun: Tun,
    /// TCP sockets of the namespace, nonblocking and unused; accept() adds more.
    pub sockets: Vec<OwnedFd>,
    /// The way in.
    pub entry: Entry,
    /// Where to ask about its connections.
    pub diag: SockDiag,
    /// How it was had.
    pub isolation: Isolation,
    /// Congestion control in force.
    pub congestion: String,
    /// What could not be had as wanted, a line each.
    pub notes: Vec<String>,
}

/// Makes a namespace: with the right to do so in a thread, else in a user namespace.
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

/// Runs `f` in a thread that is alone in a fresh network namespace; PermissionDenied where that takes rights that this
/// process lacks.
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

/// Runs `f` in a child process in a fresh user and network namespace, as this same user.
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
                "IPv6 stays on in the namespace ({e}); its packets are not part of the trace"
            ));
        }),
        Some(_) => sysctl_files::quiet_ipv6().unwrap_or_else(|e| {
            notes.push(format!("IPv6 asks for routers in the namespace ({e})"));
        }),
    }
    set_sysctls(wanted, &mut notes);
    let mut tun = Tun::open(name, wanted.device)
        .map_err(|e| EndpointError::Unavailable(advice::no_tun(&e)))?;
    let mut addrs = vec![(IpAddr::V4(wanted.addr), wanted.prefix)];
    addrs.extend(wanted.ipv6.map(|(addr, prefix)| (addr.into(), prefix)));
    give_addresses(&mut tun, &addrs, wanted.mtu)?;
    if wanted.loopback {
        tun::set_loopback_up().map_err(failed("setting the loopback device up"))?;
    }
    let entry = Entry::here(isolation == Isolation::UserNamespace)
        .map_err(failed("opening the namespace's file"))?;
    let family = match wanted.ipv6_sockets {
        false => AddressFamily::INET,
        true => AddressFamily::INET6,
    };
    let mut sockets = Vec::with_capacity(wanted.sockets);
    for _ in 0..wanted.sockets {
        sockets.push(tcp_socket(family).map_err(failed("making a TCP socket"))?);
    }
    let congestion = choose_congestion(&sockets, &wanted.congestion, &mut notes)
        .map_err(failed("reading TCP_CONGESTION"))?;
    let diag = Netlink::open(Some(rustix::net::netlink::SOCK_DIAG))
        .map_err(failed("opening a sock_diag socket"))?;
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

/// Gives the TUN these addresses with their connected routes, an MTU in bytes, and sets it up.
fn give_addresses(tun: &mut Tun, addrs: &[(IpAddr, u8)], mtu: u32) -> Result<(), EndpointError> {
    let failed = |addr: IpAddr| {
        move |source| EndpointError::Os {
            what: format!("giving the TUN its address {addr}"),
            source,
        }
    };
    // first up: what the kernel has to do for an IPv6 address of an interface that is down, it does later
    tun.set_up(mtu).map_err(|source| EndpointError::Os {
        what: "setting the TUN up".to_owned(),
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

/// Waits until packets for this address are taken in: a worker of the kernel adds its route some time after the address
/// can be seen. Gives up after a second: where routes are not shown, packets may be lost at first.
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
    log::info!("{addr} is not local after a second");
}

/// Makes a TUN of this name with these addresses and this MTU in bytes in the calling thread's namespace. It is gone
/// when it is dropped, or when the process ends in whatever way.
///
/// Gives [`EndpointError::Unavailable`] without CAP_NET_ADMIN, or where the name is taken, saying what to do.
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

/// A nonblocking TCP socket of the calling thread's namespace.
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
            Ok(None) => notes.push(format!("{name}={value} not set: this kernel has no {name}")),
            // where the namespace may not choose it, it is set on the sockets, in place of reno
            Ok(Some(_)) if name == "tcp_congestion_control" => {
                if sysctl_files::write(name, value).is_err() {
                    let _ = sysctl_files::write(name, "reno");
                }
            }
            Ok(Some(present)) => {
                if let Err(e) = sysctl_files::write(name, value) {
                    notes.push(format!("{name}={value} not set ({e}); it is {present}"));
                }
            }
            Err(e) => notes.push(format!("{name}={value} not set: cannot be read ({e})")),
        }
    }
}

/// Sees to it that `sockets` use the congestion control `wanted`, and gives the name of the one that they do use.
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
            "the namespace may not choose {wanted} as its congestion control: TCP_CONGESTION was set on the socket"
        )),
        Err(e) => {
            all("reno")?;
            notes.push(format!(
                "congestion control is reno, not {wanted}: the namespace may not choose {wanted} and neither may this \
                 user ({e}); as root it can be had, or if root sets net.ipv4.tcp_allowed_congestion_control"
            ));
        }
    }
    socket::congestion(first)
}
