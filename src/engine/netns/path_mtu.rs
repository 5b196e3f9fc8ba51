//! The path to a destination: how large a packet may be, and the MSS that follows from it.
//!
//! RFC 1191, RFC 8201, RFC 9293 3.7.1. Linux counterpart: ipv4_default_advmss, ip6_default_advmss,
//! __ip_rt_update_pmtu, __ip6_rt_update_pmtu.

use crate::engine::clock::stamp::Stamp;
use std::net::IpAddr;

use crate::engine::clock::now::Now;
use crate::time::{Jiffies, TickSpan};

/// MSS of an IPv4 peer that announces none (RFC 9293 3.7.1), bytes.
pub(crate) const TCP_MSS_DEFAULT: u32 = 536;
/// Length of a TCP header without options, bytes.
pub(crate) const TCP_HEADER: u32 = 20;
/// Smallest MSS announced over IPv4 (ip_rt_min_advmss), bytes.
const MIN_ADVMSS_V4: u32 = 256;
/// An IPv4 path MTU below this is not trusted: packets may be fragmented instead (ip_rt_min_pmtu), bytes.
const MIN_PMTU_V4: u32 = 552;
/// The MTU that every IPv6 link supports (RFC 8200 5), bytes.
pub(crate) const IPV6_MIN_MTU: u32 = 1_280;
/// Length of the IP header without options, bytes.
pub(crate) const fn ip_header_len(ip: IpAddr) -> u32 {
    match ip {
        IpAddr::V4(_) => 20,
        IpAddr::V6(_) => 40,
    }
}

/// Returns the MSS of a peer that announces none (RFC 9293 3.7.1), bytes. Over IPv6 it follows from the MTU that every
/// link supports.
pub(crate) const fn default_mss(ip: IpAddr) -> u32 {
    match ip {
        IpAddr::V4(_) => TCP_MSS_DEFAULT,
        IpAddr::V6(_) => IPV6_MIN_MTU - 40 - TCP_HEADER,
    }
}

/// The limits of the host's own device.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Device {
    /// MTU of the device, bytes. The type is as large as that of the length field of IP.
    pub(crate) mtu: u16,
    /// The device cuts bursts into segments and merges segments that arrive together (GSO, GRO).
    pub(crate) gso: bool,
}

/// The path to a destination.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path {
    /// Largest packet that the path is known to carry, bytes.
    mtu: u16,
    /// The limits of the host's own device.
    device: Device,
    /// When the MTU of an ICMP error is forgotten.
    expires: Stamp<Jiffies>,
    /// The MTU in an ICMP error was too small to be trusted: packets are sent without the don't-fragment bit.
    pub(crate) locked: bool,
}

impl Default for Path {
    fn default() -> Path {
        Path::through(Device {
            mtu: 1_500,
            gso: false,
        })
    }
}

impl Path {
    /// Creates a path through this device about which nothing else is known.
    pub(crate) const fn through(device: Device) -> Path {
        Path {
            mtu: device.mtu,
            device,
            expires: Stamp::NONE,
            locked: false,
        }
    }

    /// Returns what is known of the path now. The MTU of an ICMP error expires.
    pub(crate) fn at(self, now: Now) -> Path {
        match self.expires.get() {
            Some(expires) if now.j >= expires => Path::through(self.device),
            _ => self,
        }
    }

    /// Returns the largest packet that the path is known to carry, bytes.
    pub(crate) fn mtu(self) -> u32 {
        u32::from(self.mtu)
    }

    /// Returns whether bursts are sent in one piece.
    pub(crate) fn gso(self) -> bool {
        self.device.gso
    }

    /// Returns whether the MTU comes from an ICMP error.
    pub(crate) fn is_told(self) -> bool {
        self.expires.get().is_some()
    }

    /// Returns the MSS to announce, bytes.
    pub(crate) fn advmss(self, ip: IpAddr) -> u32 {
        let least = match ip {
            IpAddr::V4(_) => MIN_ADVMSS_V4,
            IpAddr::V6(_) => default_mss(ip),
        };
        let headers = ip_header_len(ip) + TCP_HEADER;
        self.mtu().saturating_sub(headers).max(least)
    }

    /// Takes the MTU of an ICMP error, which is smaller than the one known so far, for the time `lifetime`.
    pub(crate) fn learn(&mut self, now: Now, ip: IpAddr, mtu: u32, lifetime: TickSpan) {
        let small = ip.is_ipv4() && mtu < MIN_PMTU_V4;
        self.locked = small;
        let believed = if small { MIN_PMTU_V4 } else { mtu };
        self.mtu = self.mtu.min(believed.min(u32::from(u16::MAX)) as u16);
        self.expires = (now.j + lifetime).into();
    }
}
