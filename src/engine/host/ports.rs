//! Which local port a connection gets that asked for none.
//!
//! RFC 6056 3.3.4, the double hash: a keyed hash of the destination says where the search begins, and a counter shared
//! by a group of destinations moves on with each choice. Linux counterpart: __inet_hash_connect,
//! inet_csk_find_open_port. connect() takes ports of the parity of the range's first one first, bind() the others.

use std::collections::BTreeMap;

use crate::call::Addr;
use crate::engine::netns::siphash::Key;
use crate::rng::Stream;
use crate::sysctl::Sysctl;

/// Groups of destinations that share a counter (Linux: INET_TABLE_PERTURB_SIZE).
const GROUPS: u64 = 65_536;

/// The ports that may be chosen: the first, and how many.
#[derive(Clone, Copy, Debug)]
struct Range {
    low: u32,
    count: u32,
}

impl Range {
    fn of(sysctl: &Sysctl) -> Range {
        let [low, high] = sysctl.ip_local_port_range;
        let count = u32::from(high.saturating_sub(low)) + 1;
        Range {
            low: u32::from(low),
            // an even number, so that each half has its own parity
            count: if count > 1 { count & !1 } else { count },
        }
    }

    /// The first port that `free` likes: from `offset` on every second one, then the others. With how many steps of
    /// its half were made before it.
    fn search(
        self,
        offset: u32,
        others: u32,
        mut free: impl FnMut(u16) -> bool,
    ) -> Option<(u16, u32)> {
        for start in [offset, others] {
            for step in 0..self.count.div_ceil(2) {
                let port = self.low + (start + 2 * step) % self.count;
                if let Some(port) = u16::try_from(port).ok().filter(|p| free(*p)) {
                    return Some((port, 2 * step));
                }
            }
            if self.count == 1 {
                break;
            }
        }
        None
    }
}

fn is_reserved(sysctl: &Sysctl, port: u16) -> bool {
    let mut ranges = sysctl.ip_local_reserved_ports.iter();
    ranges.any(|[low, high]| (*low..=*high).contains(&port))
}

/// A host's ports in use, and where its next choices begin.
#[derive(Clone, Debug)]
pub(crate) struct Ports {
    key: Key,
    draws: Stream,
    /// How far the choice has moved on in each group of destinations that was used.
    moved: BTreeMap<u16, u32>,
    /// Ports that sockets took with bind(), and how many sockets each.
    bound: BTreeMap<u16, u32>,
}

impl Ports {
    pub(crate) fn new(key: Key, seed: u64) -> Ports {
        Ports {
            key,
            draws: Stream::new(seed, "port"),
            moved: BTreeMap::new(),
            bound: BTreeMap::new(),
        }
    }

    /// A socket has this port by bind().
    pub(crate) fn take(&mut self, port: u16) {
        *self.bound.entry(port).or_default() += 1;
    }

    /// And has it no longer.
    pub(crate) fn give_back(&mut self, port: u16) {
        if let Some(count) = self.bound.get_mut(&port) {
            *count -= 1;
            if *count == 0 {
                self.bound.remove(&port);
            }
        }
    }

    /// The port of a connection to `remote`; none: all that may be chosen are taken. `free`: whether no connection
    /// between these ends is in the way.
    pub(crate) fn for_connect(
        &mut self,
        sysctl: &Sysctl,
        local: Addr,
        remote: Addr,
        mut free: impl FnMut(u16) -> bool,
    ) -> Option<u16> {
        let range = Range::of(sysctl);
        let hash = self.key.hash(|m| {
            m.addr(local.ip).addr(remote.ip).u32(u32::from(remote.port));
        });
        let group = (hash % GROUPS) as u16;
        let key = self.key;
        let first = || {
            key.hash(|m| {
                m.u32(u32::from(group));
            }) as u32
        };
        let moved = *self.moved.entry(group).or_insert_with(first);
        let start = (moved.wrapping_add((hash >> 32) as u32) % range.count) & !1;
        let usable =
            |port| !is_reserved(sysctl, port) && !self.bound.contains_key(&port) && free(port);
        let (port, passed) = range.search(start, start + 1, usable)?;
        // a little chance on top, so that who sees one choice does not know the next
        let steps = passed.max(self.draws.next_u32() % 8 * 2) + 2;
        self.moved.insert(group, moved.wrapping_add(steps));
        Some(port)
    }

    /// The port of bind() to port 0; none: all that may be chosen are taken.
    pub(crate) fn for_bind(&mut self, sysctl: &Sysctl) -> Option<u16> {
        let range = Range::of(sysctl);
        let start = (self.draws.next_u32() % range.count) | 1;
        let usable = |port| !is_reserved(sysctl, port) && !self.bound.contains_key(&port);
        let found = range.search(start % range.count, start - 1, usable);
        found.map(|(port, _)| port)
    }
}

#[cfg(test)]
mod tests;
