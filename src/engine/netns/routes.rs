//! The network as a host's TCP sees it: its addresses, the device's MTU, and what is known of the paths to other hosts.
//!
//! Linux counterpart: the interface's addresses, fib_nh_exception and rt6_exception, source address selection
//! (RFC 6724).

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::call::Addr;
use crate::engine::clock::now::Now;
use crate::engine::netns::path_mtu::{Device, Path};
use crate::engine::netns::siphash::Key;
use crate::engine::netns::txhash::TxHash;
use crate::rng::Stream;

/// A host's addresses and paths.
#[derive(Clone, Debug)]
pub(crate) struct Routes {
    addrs: Vec<IpAddr>,
    device: Device,
    /// Paths whose MTU comes from an ICMP error, by destination.
    told: BTreeMap<IpAddr, Path>,
    txhashes: Stream,
    key: Key,
}

impl Routes {
    /// Creates the routes of a host with this device and these addresses.
    pub(crate) fn new(addrs: Vec<IpAddr>, device: Device, seed: u64) -> Routes {
        Routes {
            addrs,
            device,
            told: BTreeMap::new(),
            txhashes: Stream::new(seed, "txhash"),
            key: Key::draw(&mut Stream::new(seed, "txhash key")),
        }
    }

    /// Returns whether packets to this address are for this host.
    pub(crate) fn is_own(&self, ip: IpAddr) -> bool {
        self.addrs.contains(&ip)
    }

    /// Returns the source address of packets to `remote`: the one with the longest common prefix, or `None` if the host
    /// has no address of that IP version.
    pub(crate) fn source_for(&self, remote: IpAddr) -> Option<IpAddr> {
        let same = self
            .addrs
            .iter()
            .filter(|ip| ip.is_ipv6() == remote.is_ipv6());
        // of several that are equally good the first one
        same.rev()
            .max_by_key(|ip| common_prefix(**ip, remote))
            .copied()
    }

    /// Returns what is known of the path to `remote`.
    pub(crate) fn path(&self, now: Now, remote: IpAddr) -> Path {
        match self.told.get(&remote) {
            Some(path) => path.at(now),
            None => Path::through(self.device),
        }
    }

    /// Notes that a connection has got an ICMP error with the MTU of the path to `remote`.
    pub(crate) fn learn(&mut self, now: Now, remote: IpAddr, path: Path) {
        if path.is_told() {
            self.told.retain(|_, old| old.at(now).is_told());
            self.told.insert(remote, path);
        }
    }

    /// Returns the path hash of a new connection.
    pub(crate) fn draw_txhash(&mut self) -> TxHash {
        TxHash::drawn(self.txhashes.next_u32())
    }

    /// Returns the path hash of a packet between these ends that belongs to no socket.
    pub(crate) fn txhash_between(&self, local: Addr, remote: Addr) -> TxHash {
        TxHash::drawn(self.key.of_ends(local, remote) as u32)
    }
}

/// Returns the length of the common prefix of two addresses of one IP version, bits.
fn common_prefix(a: IpAddr, b: IpAddr) -> u32 {
    match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u32::from(a) ^ u32::from(b)).leading_zeros(),
        (IpAddr::V6(a), IpAddr::V6(b)) => (u128::from(a) ^ u128::from(b)).leading_zeros(),
        _ => 0,
    }
}
