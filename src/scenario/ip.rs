//! The IP version that the two ends speak, and their addresses.

use std::net::{IpAddr, Ipv6Addr};

use super::{PEER_IP, SURVIVOR_IP};

/// The IP version of a scenario.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IpVersion {
    /// IPv4: 10.77.0.1 and 10.77.0.2.
    #[default]
    V4,
    /// IPv6: fd77::1 and fd77::2.
    V6,
}

const fn v6(last: u16) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, last))
}

impl IpVersion {
    /// The survivor's address.
    pub const fn survivor(self) -> IpAddr {
        match self {
            IpVersion::V4 => IpAddr::V4(SURVIVOR_IP),
            IpVersion::V6 => v6(1),
        }
    }

    /// The peer's address.
    pub const fn peer(self) -> IpAddr {
        match self {
            IpVersion::V4 => IpAddr::V4(PEER_IP),
            IpVersion::V6 => v6(2),
        }
    }
}
