//! The local port of a connection for which the application chose none.
//!
//! RFC 6056 3.3.4, the double hash: a keyed hash of the destination determines where the search begins, and a counter
//! shared by a group of destinations advances with each choice. Linux counterpart: __inet_hash_connect,
//! inet_csk_find_open_port. connect() tries the ports with the parity of the first port of the range first, bind() the
//! others.

use std::collections::BTreeMap;

use crate::call::Addr;
use crate::engine::netns::siphash::Key;
use crate::rng::Stream;
use crate::sysctl::Sysctl;

/// Number of groups of destinations that share a counter (Linux: INET_TABLE_PERTURB_SIZE).
const GROUPS: u64 = 65_536;

/// The ports that may be chosen: the first one and their number.
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

    /// Returns the first port that `free` accepts: from `offset` on every second one, then the others. It also returns
    /// the number of steps made before in its half.
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

/// A host's ports in use, and where the next searches begin.
#[derive(Clone, Debug)]
pub(crate) struct Ports {
    key: Key,
    draws: Stream,
    /// How far the counter has advanced in each group of destinations that was used.
    moved: BTreeMap<u16, u32>,
    /// Ports bound with bind(), with the number of sockets of each.
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

    /// Notes that a socket has bound this port.
    pub(crate) fn take(&mut self, port: u16) {
        *self.bound.entry(port).or_default() += 1;
    }

    /// Notes that a socket has released this port.
    pub(crate) fn give_back(&mut self, port: u16) {
        if let Some(count) = self.bound.get_mut(&port) {
            *count -= 1;
            if *count == 0 {
                self.bound.remove(&port);
            }
        }
    }

    /// Returns the port for a connection to `remote`, or `None` if all ports that may be chosen are in use. `free`
    /// returns whether no connection between these ends exists.
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
        // a small random part, so that one choice does not reveal the next
        let steps = passed.max(self.draws.next_u32() % 8 * 2) + 2;
        self.moved.insert(group, moved.wrapping_add(steps));
        Some(port)
    }

    /// Returns the port for bind() to port 0, or `None` if all ports that may be chosen are in use.
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
