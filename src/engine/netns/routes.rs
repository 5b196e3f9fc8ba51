//! The network as a host's TCP sees it: own addresses, the device's MTU, what is known of the ways to other hosts.
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

/// A host's addresses and ways.
#[derive(Clone, Debug)]
pub(crate) struct Routes {
    addrs: Vec<IpAddr>,
    device: Device,
    /// Ways whose MTU an ICMP error told, by destination.
    told: BTreeMap<IpAddr, Path>,
    txhashes: Stream,
    key: Key,
}

impl Routes {
    /// This device with these addresses.
    pub(crate) fn new(addrs: Vec<IpAddr>, device: Device, seed: u64) -> Routes {
        Routes {
            addrs,
            device,
            told: BTreeMap::new(),
            txhashes: Stream::new(seed, "txhash"),
            key: Key::draw(&mut Stream::new(seed, "txhash key")),
        }
    }

    /// Whether packets to this address are for us.
    pub(crate) fn is_own(&self, ip: IpAddr) -> bool {
        self.addrs.contains(&ip)
    }

    /// The address that packets to `remote` come from: the one most alike; none of its version: no way there.
    pub(crate) fn source_for(&self, remote: IpAddr) -> Option<IpAddr> {
        let same = self
            .addrs
            .iter()
            .filter(|ip| ip.is_ipv6() == remote.is_ipv6());
        // of several alike the first
        same.rev()
            .max_by_key(|ip| common_prefix(**ip, remote))
            .copied()
    }

    /// What is known of the way to `remote`.
    pub(crate) fn path(&self, now: Now, remote: IpAddr) -> Path {
        match self.told.get(&remote) {
            Some(path) => path.at(now),
            None => Path::through(self.device),
        }
    }

    /// A connection has been told the MTU of the way to `remote`.
    pub(crate) fn learn(&mut self, now: Now, remote: IpAddr, path: Path) {
        if path.is_told() {
            self.told.retain(|_, old| old.at(now).is_told());
            self.told.insert(remote, path);
        }
    }

    /// The hash of a new connection.
    pub(crate) fn draw_txhash(&mut self) -> TxHash {
        TxHash::drawn(self.txhashes.next_u32())
    }

    /// The hash of a packet between these ends that belongs to no socket.
    pub(crate) fn txhash_between(&self, local: Addr, remote: Addr) -> TxHash {
        TxHash::drawn(self.key.of_ends(local, remote) as u32)
    }
}

/// Leading bits that two addresses of one version share.
fn common_prefix(a: IpAddr, b: IpAddr) -> u32 {
    match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u32::from(a) ^ u32::from(b)).leading_zeros(),
        (IpAddr::V6(a), IpAddr::V6(b)) => (u128::from(a) ^ u128::from(b)).leading_zeros(),
        _ => 0,
    }
}
