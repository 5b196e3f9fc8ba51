//! The way to a destination: how large a packet may be, and the MSS that this makes.
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
/// Below this an IPv4 path MTU is not believed: fragments are allowed instead (ip_rt_min_pmtu), bytes.
const MIN_PMTU_V4: u32 = 552;
/// What every IPv6 link carries (RFC 8200 5), bytes.
pub(crate) const IPV6_MIN_MTU: u32 = 1_280;
/// Length of the IP header without options, bytes.
pub(crate) const fn ip_header_len(ip: IpAddr) -> u32 {
    match ip {
        IpAddr::V4(_) => 20,
        IpAddr::V6(_) => 40,
    }
}

/// The peer's MSS when it announces none: over IPv6 what every link carries (RFC 9293 3.7.1), bytes.
pub(crate) const fn default_mss(ip: IpAddr) -> u32 {
    match ip {
        IpAddr::V4(_) => TCP_MSS_DEFAULT,
        IpAddr::V6(_) => IPV6_MIN_MTU - 40 - TCP_HEADER,
    }
}

/// What our own device takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Device {
    /// Largest packet, bytes: no IP packet is larger than this can say.
    pub(crate) mtu: u16,
    /// It cuts a burst into segments itself, and puts those that come together (GSO, GRO).
    pub(crate) gso: bool,
}

/// The way to a destination.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path {
    /// Largest packet that gets through, for all we know, bytes.
    mtu: u16,
    /// What our own device takes.
    device: Device,
    /// When what an ICMP error told is forgotten.
    expires: Stamp<Jiffies>,
    /// The MTU told was too small to be true: packets leave without the don't-fragment bit.
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
    /// Through this device, and nothing else known.
    pub(crate) const fn through(device: Device) -> Path {
        Path {
            mtu: device.mtu,
            device,
            expires: Stamp::NONE,
            locked: false,
        }
    }

    /// What is known of it now: news grow old.
    pub(crate) fn at(self, now: Now) -> Path {
        match self.expires.get() {
            Some(expires) if now.j >= expires => Path::through(self.device),
            _ => self,
        }
    }

    /// Largest packet that gets through, for all we know, bytes.
    pub(crate) fn mtu(self) -> u32 {
        u32::from(self.mtu)
    }

    /// Whether bursts leave in one piece.
    pub(crate) fn gso(self) -> bool {
        self.device.gso
    }

    /// Whether an ICMP error has told its MTU.
    pub(crate) fn is_told(self) -> bool {
        self.expires.get().is_some()
    }

    /// The MSS to announce, bytes.
    pub(crate) fn advmss(self, ip: IpAddr) -> u32 {
        let least = match ip {
            IpAddr::V4(_) => MIN_ADVMSS_V4,
            IpAddr::V6(_) => default_mss(ip),
        };
        let headers = ip_header_len(ip) + TCP_HEADER;
        self.mtu().saturating_sub(headers).max(least)
    }

    /// An ICMP error told this MTU, which is smaller than what was known; `lifetime` is that of such news.
    pub(crate) fn learn(&mut self, now: Now, ip: IpAddr, mtu: u32, lifetime: TickSpan) {
        let small = ip.is_ipv4() && mtu < MIN_PMTU_V4;
        self.locked = small;
        let believed = if small { MIN_PMTU_V4 } else { mtu };
        self.mtu = self.mtu.min(believed.min(u32::from(u16::MAX)) as u16);
        self.expires = (now.j + lifetime).into();
    }
}
