//! Reads the kernel's connections over NETLINK_SOCK_DIAG: state, timers, queues, memory and TCP_INFO.
//!
//! Linux counterpart: `net/ipv4/inet_diag.c`, `include/uapi/linux/inet_diag.h`, `struct tcp_info`.

mod tcp_info;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::call::{Addr, TcpInfo, TcpState};
use crate::forecast::Seen;
use crate::time::Instant;

use super::netlink::{Netlink, REQUEST, attribute, u32_at};

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const AF_INET: u8 = libc::AF_INET as u8;
const AF_INET6: u8 = libc::AF_INET6 as u8;
const IPPROTO_TCP: u8 = libc::IPPROTO_TCP as u8;
const INET_DIAG_INFO: u16 = 2;
const INET_DIAG_CONG: u16 = 4;
const INET_DIAG_SKMEMINFO: u16 = 7;
/// Length of `struct inet_diag_msg`.
const DIAG_LEN: usize = 72;

/// A socket that reads the connections of one network namespace.
#[derive(Debug)]
pub struct SockDiag {
    netlink: Netlink,
}

/// Memory of a socket (SK_MEMINFO), bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Used by received packets.
    pub rmem_alloc: u32,
    /// Limit for received packets (SO_RCVBUF).
    pub rcvbuf: u32,
    /// Used by packets that are being sent.
    pub wmem_alloc: u32,
    /// Limit for sending (SO_SNDBUF).
    pub sndbuf: u32,
    /// Used by data that is written and not acknowledged.
    pub wmem_queued: u32,
    /// Packets dropped because memory was short.
    pub drops: u32,
}

/// A TCP socket of the kernel: a connection, an orphan, a request sock, a timewait sock or a listener.
#[derive(Clone, Debug)]
pub struct Diagnosed {
    /// The local address.
    pub local: Addr,
    /// The remote address.
    pub remote: Addr,
    /// TCP_INFO, the timer, and whatever else a forecast needs. `seen.info.at` is not set.
    pub seen: Seen,
    /// Inode of the socket, which identifies its processes; 0 if no process holds it.
    pub inode: u32,
    /// Id of the user that created it.
    pub uid: u32,
    /// Index of the interface to which it is bound, or 0.
    pub interface: u32,
    /// Congestion control, if the kernel shows it.
    pub congestion: Option<String>,
    /// Memory, if the kernel shows it.
    pub memory: Option<Memory>,
}

impl Diagnosed {
    /// Returns whether the connection waits for accept(), so that no process holds it yet.
    pub fn is_unaccepted(&self) -> bool {
        let open = matches!(
            self.seen.info.state,
            TcpState::Established | TcpState::CloseWait
        );
        self.inode == 0 && open
    }
}

impl SockDiag {
    pub(super) fn new(netlink: Netlink) -> SockDiag {
        SockDiag { netlink }
    }

    /// Opens a socket for the network namespace of the calling thread.
    pub fn here() -> io::Result<SockDiag> {
        Netlink::open(Some(rustix::net::netlink::SOCK_DIAG)).map(SockDiag::new)
    }

    /// Returns the connection between exactly these addresses: a socket, an orphan, a request sock or a timewait sock.
    /// Returns None if there is none. `at` of the result is not set.
    pub fn connection(&mut self, local: Addr, remote: Addr) -> io::Result<Option<TcpInfo>> {
        let found = self.diagnose(local, remote)?;
        Ok(found.map(|d| d.seen.info))
    }

    /// Returns the connection between exactly these addresses with everything that the kernel shows.
    pub fn diagnose(&mut self, local: Addr, remote: Addr) -> io::Result<Option<Diagnosed>> {
        let (family, addresses) = match (local.ip, remote.ip) {
            (IpAddr::V4(local), IpAddr::V4(remote)) => {
                let mut both = [0; 32];
                both[..4].copy_from_slice(&local.octets());
                both[16..20].copy_from_slice(&remote.octets());
                (AF_INET, both)
            }
            (IpAddr::V6(local), IpAddr::V6(remote)) => {
                let mut both = [0; 32];
                both[..16].copy_from_slice(&local.octets());
                both[16..].copy_from_slice(&remote.octets());
                (AF_INET6, both)
            }
            _ => return Ok(None),
        };
        let request = request(family, (local.port, remote.port), addresses);
        match self.netlink.ask(SOCK_DIAG_BY_FAMILY, REQUEST, &request) {
            Ok(answer) if answer.kind == SOCK_DIAG_BY_FAMILY => {
                // the kernel returns a listener if there is no such connection
                let is_none = |s| matches!(s, TcpState::Listen | TcpState::Closed);
                Ok(read(&answer.body).filter(|d| !is_none(d.seen.info.state)))
            }
            Ok(_) => Ok(None),
            Err(e) if e.raw_os_error() == Some(libc::ENOENT) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Returns every TCP socket of the namespace, IPv4 and IPv6, in all states. `now` returns the instant for each.
    pub fn all(&mut self, now: impl Fn() -> Instant) -> io::Result<Vec<Diagnosed>> {
        let mut found = Vec::new();
        for family in [AF_INET, AF_INET6] {
            let request = request(family, (0, 0), [0; 32]);
            let each = |body: &[u8]| {
                if let Some(mut one) = read(body) {
                    one.seen.info.at = now();
                    found.push(one);
                }
            };
            match self.netlink.dump(SOCK_DIAG_BY_FAMILY, &request, each) {
                Ok(true) => {}
                Ok(false) => log::debug!("sockets appeared or disappeared during the dump"),
                // a kernel without IPv6
                Err(e) if family == AF_INET6 && e.raw_os_error() == Some(libc::ENOENT) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(found)
    }
}

/// `inet_diag_req_v2`: every state, with TCP_INFO, congestion control and memory.
fn request(family: u8, ports: (u16, u16), addresses: [u8; 32]) -> Vec<u8> {
    let wanted = [INET_DIAG_INFO, INET_DIAG_CONG, INET_DIAG_SKMEMINFO];
    let wanted = wanted.iter().fold(0, |bits, kind| bits | 1 << (kind - 1));
    let mut request = vec![family, IPPROTO_TCP, wanted, 0];
    request.extend(u32::MAX.to_ne_bytes());
    request.extend(ports.0.to_be_bytes());
    request.extend(ports.1.to_be_bytes());
    request.extend(addresses);
    // any interface, any cookie
    request.extend(0u32.to_ne_bytes());
    request.extend([0xff; 8]);
    request
}

/// Reads an `inet_diag_msg` and its attributes.
fn read(message: &[u8]) -> Option<Diagnosed> {
    let header: &[u8; DIAG_LEN] = message.first_chunk()?;
    let attributes = &message[DIAG_LEN..];
    let state = tcp_info::state(header[1]);
    let raw = attribute(attributes, INET_DIAG_INFO).unwrap_or(&[]);
    let info = TcpInfo {
        state,
        timer: tcp_info::timer(header[2]),
        timer_retrans: u32::from(header[3]),
        timer_ms: u64::from(u32_at(header, 52)),
        rqueue: u32_at(header, 56),
        wqueue: u32_at(header, 60),
        ..tcp_info::tcp_info(raw)
    };
    let inode = u32_at(header, 68);
    let closes = matches!(
        state,
        TcpState::FinWait1 | TcpState::FinWait2 | TcpState::Closing | TcpState::LastAck
    );
    let end = |port: usize, ip: usize| -> Option<Addr> {
        Some(Addr {
            ip: address(header[0], header.get(ip..ip + 16)?.first_chunk()?),
            port: u16::from_be_bytes(*header.get(port..)?.first_chunk()?),
        })
    };
    Some(Diagnosed {
        local: end(4, 8)?,
        remote: end(6, 24)?,
        seen: tcp_info::seen(info, raw, inode == 0 && closes),
        inode,
        uid: u32_at(header, 64),
        interface: u32_at(header, 40),
        congestion: attribute(attributes, INET_DIAG_CONG).and_then(text),
        memory: attribute(attributes, INET_DIAG_SKMEMINFO).map(memory),
    })
}

/// Turns an IPv4-mapped IPv6 address into the IPv4 address.
fn address(family: u8, bytes: &[u8; 16]) -> IpAddr {
    match family {
        AF_INET6 => IpAddr::V6(Ipv6Addr::from_octets(*bytes)).to_canonical(),
        _ => Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]).into(),
    }
}

/// Reads a name that ends with a zero byte.
fn text(value: &[u8]) -> Option<String> {
    let name = value.split(|b| *b == 0).next()?;
    let name = std::str::from_utf8(name).ok()?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// SK_MEMINFO_*.
fn memory(value: &[u8]) -> Memory {
    Memory {
        rmem_alloc: u32_at(value, 0),
        rcvbuf: u32_at(value, 4),
        wmem_alloc: u32_at(value, 8),
        sndbuf: u32_at(value, 12),
        wmem_queued: u32_at(value, 20),
        drops: u32_at(value, 32),
    }
}

#[cfg(test)]
mod tests;
