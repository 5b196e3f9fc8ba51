//! The tables of a host: full sockets, requests and TIME_WAIT sockets, by number and by their addresses.
//!
//! Linux counterpart: the established hash (inet_ehash_bucket), which also holds all three kinds, and inet_ehashfn. The
//! hash is keyed, so that nobody outside can choose addresses that collide. Nothing reads the table in its order.

use std::net::IpAddr;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use siphasher::sip::SipHasher13;
use slab::Slab;

use crate::call::Addr;
use crate::engine::lifecycle::request::Request;
use crate::engine::lifecycle::timewait::TimeWait;
use crate::engine::tcb::control_block::Tcb;
use crate::rng::Stream;

/// A full socket, a request or a TIME_WAIT socket.
#[derive(Clone, Debug)]
pub(crate) enum Sock {
    Connection(Box<Tcb>),
    Request(Box<Request>),
    TimeWait(Box<TimeWait>),
}

impl Sock {
    /// Returns the local and the remote end.
    pub(crate) fn addrs(&self) -> (Addr, Addr) {
        match self {
            Sock::Connection(tcb) => (tcb.local, tcb.remote),
            Sock::Request(request) => (request.local, request.remote),
            Sock::TimeWait(timewait) => (timewait.local, timewait.remote),
        }
    }
}

/// All entries of a host. A number is used again when its owner is gone.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    socks: Slab<Sock>,
    /// Numbers of the entries that segments can reach, by the hash of their addresses.
    reachable: HashTable<u32>,
    key: (u64, u64),
    timewaits: usize,
}

impl Table {
    /// Creates an empty table whose key comes from the host's seed.
    pub(crate) fn new(seed: u64) -> Table {
        let mut stream = Stream::new(seed, "demux");
        let mut draw = || u64::from(stream.next_u32()) << 32 | u64::from(stream.next_u32());
        Table {
            socks: Slab::new(),
            reachable: HashTable::new(),
            key: (draw(), draw()),
            timewaits: 0,
        }
    }

    /// Returns the number of the entry with these addresses.
    pub(crate) fn find(&self, local: Addr, remote: Addr) -> Option<u32> {
        let hash = hash(self.key, local, remote);
        let same = |id: &u32| self.socks[*id as usize].addrs() == (local, remote);
        self.reachable.find(hash, same).copied()
    }

    /// Adds an entry, which gets the segments for its addresses from now on.
    pub(crate) fn insert(&mut self, sock: Sock) -> u32 {
        let (local, remote) = sock.addrs();
        self.timewaits += usize::from(matches!(sock, Sock::TimeWait(_)));
        let id = self.socks.insert(sock) as u32;
        let (socks, key) = (&self.socks, self.key);
        let addrs = |id: &u32| socks[*id as usize].addrs();
        let rehash = |id: &u32| {
            let (local, remote) = addrs(id);
            hash(key, local, remote)
        };
        let same = |other: &u32| addrs(other) == (local, remote);
        match self.reachable.entry(hash(key, local, remote), same, rehash) {
            Entry::Occupied(mut older) => *older.get_mut() = id,
            Entry::Vacant(place) => {
                place.insert(id);
            }
        }
        id
    }

    /// Makes the entry unreachable for segments.
    pub(crate) fn hide(&mut self, id: u32) {
        let Some(sock) = self.socks.get(id as usize) else {
            return;
        };
        let (local, remote) = sock.addrs();
        let hash = hash(self.key, local, remote);
        if let Ok(own) = self.reachable.find_entry(hash, |other| *other == id) {
            own.remove();
        }
    }

    /// Removes the entry, whose number becomes free.
    pub(crate) fn remove(&mut self, id: u32) -> Option<Sock> {
        self.hide(id);
        let sock = self.socks.try_remove(id as usize)?;
        self.timewaits -= usize::from(matches!(sock, Sock::TimeWait(_)));
        Some(sock)
    }

    /// Returns the number of TIME_WAIT sockets.
    pub(crate) fn timewaits(&self) -> usize {
        self.timewaits
    }

    /// Returns the number of full sockets and requests.
    pub(crate) fn connections_and_requests(&self) -> usize {
        self.socks.len() - self.timewaits
    }

    pub(crate) fn get(&self, id: u32) -> Option<&Sock> {
        self.socks.get(id as usize)
    }

    pub(crate) fn get_mut(&mut self, id: u32) -> Option<&mut Sock> {
        self.socks.get_mut(id as usize)
    }

    /// Returns the connection with this number.
    pub(crate) fn connection(&self, id: u32) -> Option<&Tcb> {
        match self.get(id) {
            Some(Sock::Connection(tcb)) => Some(tcb),
            _ => None,
        }
    }

    /// Returns the connection with this number, mutably.
    pub(crate) fn connection_mut(&mut self, id: u32) -> Option<&mut Tcb> {
        match self.get_mut(id) {
            Some(Sock::Connection(tcb)) => Some(tcb),
            _ => None,
        }
    }

    /// Returns the request with this number.
    pub(crate) fn request(&self, id: u32) -> Option<&Request> {
        match self.get(id) {
            Some(Sock::Request(request)) => Some(request),
            _ => None,
        }
    }

    /// Returns the request with this number, mutably.
    pub(crate) fn request_mut(&mut self, id: u32) -> Option<&mut Request> {
        match self.get_mut(id) {
            Some(Sock::Request(request)) => Some(request),
            _ => None,
        }
    }

    /// Returns the TIME_WAIT socket with this number.
    pub(crate) fn timewait_mut(&mut self, id: u32) -> Option<&mut TimeWait> {
        match self.get_mut(id) {
            Some(Sock::TimeWait(timewait)) => Some(timewait),
            _ => None,
        }
    }

    /// Returns all connections.
    pub(crate) fn connections_mut(&mut self) -> impl Iterator<Item = &mut Tcb> {
        self.socks.iter_mut().filter_map(|(_, sock)| match sock {
            Sock::Connection(tcb) => Some(&mut **tcb),
            _ => None,
        })
    }

    /// Returns all entries, by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Sock)> {
        self.socks.iter().map(|(id, sock)| (id as u32, sock))
    }

    /// Returns the number of entries that segments can reach.
    #[cfg(test)]
    pub(crate) fn reachable(&self) -> usize {
        self.reachable.len()
    }
}

/// SipHash-1-3 of both ends.
fn hash(key: (u64, u64), local: Addr, remote: Addr) -> u64 {
    let hasher = SipHasher13::new_with_keys(key.0, key.1);
    let ports = u32::from(local.port) << 16 | u32::from(remote.port);
    match (local.ip, remote.ip) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            let mut bytes = [0; 12];
            bytes[..4].copy_from_slice(&a.octets());
            bytes[4..8].copy_from_slice(&b.octets());
            bytes[8..].copy_from_slice(&ports.to_be_bytes());
            hasher.hash(&bytes)
        }
        (a, b) => {
            let mut bytes = [0; 36];
            bytes[..16].copy_from_slice(&wide(a));
            bytes[16..32].copy_from_slice(&wide(b));
            bytes[32..].copy_from_slice(&ports.to_be_bytes());
            hasher.hash(&bytes)
        }
    }
}

fn wide(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}

#[cfg(test)]
mod tests;
