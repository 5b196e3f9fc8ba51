//! The two addresses of a datagram, of one IP version, and the pseudo header that checksums cover.
//!
//! RFC 9293 3.1, RFC 8200 8.1.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use smoltcp::wire::{IpProtocol, checksum};

/// Source and destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    V4(Ipv4Addr, Ipv4Addr),
    V6(Ipv6Addr, Ipv6Addr),
}

impl Ends {
    /// IPv4 if both are; a mixed pair is IPv6 with the other one mapped (RFC 4291 2.5.5.2).
    pub(super) fn new(src: IpAddr, dst: IpAddr) -> Ends {
        let v6 = |ip| match ip {
            IpAddr::V4(ip) => Ipv4Addr::to_ipv6_mapped(&ip),
            IpAddr::V6(ip) => ip,
        };
        match (src, dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => Ends::V4(src, dst),
            _ => Ends::V6(v6(src), v6(dst)),
        }
    }

    fn sum_for(self, protocol: IpProtocol, len: usize) -> u16 {
        match self {
            Ends::V4(src, dst) => checksum::pseudo_header_v4(&src, &dst, protocol, len as u32),
            Ends::V6(src, dst) => checksum::pseudo_header_v6(&src, &dst, protocol, len as u32),
        }
    }

    /// The sum of TCP's pseudo header for a segment of `len` bytes, not complemented.
    pub(super) fn pseudo_header(self, len: usize) -> u16 {
        self.sum_for(IpProtocol::Tcp, len)
    }

    /// The sum of ICMP's pseudo header for a message of `len` bytes: ICMPv4 has none.
    pub(super) fn icmp_pseudo_header(self, len: usize) -> u16 {
        match self {
            Ends::V4(..) => 0,
            Ends::V6(..) => self.sum_for(IpProtocol::Icmpv6, len),
        }
    }
}
