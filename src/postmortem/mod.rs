//! What became of a program's connections while their peer died: from the packets that passed and from what sock_diag
//! showed meanwhile. For each connection a story: what was under way, which timer ran, what was sent again, when the
//! kernel gave up, or when it would have.
//!
//! Linux counterpart: what `tcpdump` and `ss -tino`, run side by side, leave to the reader.

mod json;
mod life;
mod render;
mod silence;
mod story;

pub use json::as_json;
pub use life::ClosedWindow;
pub use render::render;
pub use silence::{Sent, Try};
pub use story::{End, Story};

use std::collections::BTreeMap;

use crate::call::Addr;
use crate::forecast::Seen;
use crate::sysctl::Sysctl;
use crate::time::{Instant, Ticks};
use crate::trace::Dir;
use crate::wire::{Datagram, Payload};

use life::Life;

/// A connection as one look at sock_diag shows it.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// The program's end.
    pub local: Addr,
    /// The other end.
    pub remote: Addr,
    /// What is shown of it.
    pub seen: Seen,
}

/// Something that was done to the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// When.
    pub at: Instant,
    /// What, in words: `power-off`, `power-on`.
    pub what: String,
    /// Whether nothing is heard from the peer from now on.
    pub is_dead: bool,
}

/// How long a run was and what ended it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its last instant.
    pub ended_at: Instant,
    /// When the program ended; None where it was still there.
    pub program_ended_at: Option<Instant>,
}

/// What all connections add up to, as the side of the programs sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Connections and attempts.
    pub connections: usize,
    /// Data bytes sent by the programs, each counted once.
    pub out_bytes: u64,
    /// Data bytes that they received.
    pub in_bytes: u64,
}

/// Sees packets and sightings, and remembers what a story needs.
#[derive(Debug, Default)]
pub struct Witness {
    lives: Vec<Life>,
    /// The newest life between two ends: a port may be used again.
    newest: BTreeMap<(Addr, Addr), usize>,
    happenings: Vec<Happening>,
}

impl Witness {
    /// Nothing seen yet.
    pub fn new() -> Witness {
        Witness::default()
    }

    /// A packet passed. Anything but TCP is not looked at.
    pub fn packet(&mut self, at: Instant, dir: Dir, bytes: &[u8]) {
        let Ok(datagram) = Datagram::parse(bytes) else {
            return;
        };
        let Payload::Tcp(segment) = &datagram.payload else {
            return;
        };
        let src = addr(datagram.src, segment.src_port);
        let dst = addr(datagram.dst, segment.dst_port);
        let ends = match dir {
            Dir::Out => (src, dst),
            Dir::In => (dst, src),
        };
        let index = match self.newest.get(&ends) {
            Some(index) if !self.lives[*index].is_followed_by(at, dir, segment) => *index,
            _ => {
                let mut life = Life::new(ends, at);
                if let Some(died) = self.died() {
                    life.peer_died(died);
                }
                self.lives.push(life);
                self.newest.insert(ends, self.lives.len() - 1);
                self.lives.len() - 1
            }
        };
        self.lives[index].packet(at, dir, segment);
    }

    /// One look at sock_diag, which began at `at`: every connection that there is.
    pub fn sightings(&mut self, at: Instant, all: Vec<Sighting>) {
        let is_dead = self.is_dead();
        let mut present = vec![false; self.lives.len()];
        for sighting in all {
            // a socket that has sent nothing yet has no life to be told of
            if let Some(index) = self.newest.get(&(sighting.local, sighting.remote)) {
                present[*index] = true;
                self.lives[*index].sighted(at, sighting.seen, is_dead);
            }
        }
        for (life, present) in self.lives.iter_mut().zip(present) {
            if !present {
                life.not_sighted(at);
            }
        }
    }

    /// Something was done to the peer.
    pub fn happened(&mut self, happening: Happening) {
        if happening.is_dead && !self.is_dead() {
            for life in &mut self.lives {
                life.peer_died(happening.at);
            }
        }
        self.happenings.push(happening);
    }

    fn is_dead(&self) -> bool {
        self.happenings.last().is_some_and(|h| h.is_dead)
    }

    /// Since when the peer is dead.
    fn died(&self) -> Option<Instant> {
        let dead = self.happenings.iter().rev().take_while(|h| h.is_dead);
        dead.last().map(|h| h.at)
    }

    /// What was done to the peer, in the order of its happening.
    pub fn happenings(&self) -> &[Happening] {
        &self.happenings
    }

    /// How much there was in all.
    pub fn totals(&self) -> Totals {
        Totals {
            connections: self.lives.len(),
            out_bytes: self.lives.iter().map(|l| l.out.bytes).sum(),
            in_bytes: self.lives.iter().map(|l| l.back.bytes).sum(),
        }
    }

    /// The stories of all connections, in the order of their beginnings. `sysctl` and `ticks` are those of the
    /// program's kernel.
    pub fn stories(&self, run: &Run, sysctl: &Sysctl, ticks: Ticks) -> Vec<Story> {
        let teller = story::Teller { run, sysctl, ticks };
        self.lives.iter().map(|life| teller.tell(life)).collect()
    }
}

fn addr(ip: impl Into<std::net::IpAddr>, port: u16) -> Addr {
    Addr {
        ip: ip.into(),
        port,
    }
}

#[cfg(test)]
mod tests;
