//! The link between the two ends, as a value without I/O: one-way delay, loss, ICMP host unreachable, and a middlebox that
//! forgets idle connections.
//!
//! The link decides about a packet when the packet enters. A later cut does not affect packets on their way. Packets that
//! are neither TCP nor ICMP are neither carried nor reported.

use std::collections::BTreeMap;
use std::time::Duration;

use super::middlebox::{Fate, Middlebox};
use crate::scenario::{self, IpVersion};
use crate::time::Instant;
use crate::trace::{Event, Incident, Who};
use crate::wire::{Datagram, Icmp, Payload};

/// IP identification of the first ICMP message of a run; each further one has the next.
const FIRST_ICMP_IDENT: u16 = 0x7001;

/// Why a packet was lost that a middlebox did not let pass.
const FORGOTTEN: &str = "forgotten";

/// The end to which a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum To {
    /// The end that is studied.
    Survivor,
    /// The other end.
    Peer,
}

/// What happens to packets that enter now.
#[derive(Clone, Debug)]
pub struct Link {
    ip: IpVersion,
    delay: Duration,
    cut: bool,
    unreachable: bool,
    to_drop: u32,
    middlebox: Option<Middlebox>,
    icmp_ident: u16,
    entered: u64,
    under_way: BTreeMap<(Instant, u64), (To, Vec<u8>)>,
    events: Vec<Event>,
}

impl Link {
    /// Creates a link that carries everything, with the one-way delay `delay`.
    pub fn new(delay: Duration) -> Self {
        Link {
            ip: IpVersion::V4,
            delay,
            cut: false,
            unreachable: false,
            to_drop: 0,
            middlebox: None,
            icmp_ident: FIRST_ICMP_IDENT,
            entered: 0,
            under_way: BTreeMap::new(),
            events: Vec::new(),
        }
    }

    /// Sets the IP version of both ends.
    pub fn over(self, ip: IpVersion) -> Self {
        Link { ip, ..self }
    }

    /// Puts a middlebox into the middle of the link.
    pub fn through(self, middlebox: scenario::Middlebox) -> Self {
        Link {
            middlebox: Some(Middlebox::new(middlebox)),
            ..self
        }
    }

    /// Loses all packets in both directions from now on.
    pub fn cut(&mut self, now: Instant) {
        self.cut = true;
        self.report(now, Incident::Cut);
    }

    /// Ends [`cut`](Link::cut).
    pub fn restore(&mut self, now: Instant) {
        self.cut = false;
        self.report(now, Incident::Restore);
    }

    /// Loses the next `n` packets of the survivor. An earlier call that is not used up counts in parallel.
    pub fn drop_next(&mut self, now: Instant, n: u32) {
        self.to_drop = self.to_drop.max(n);
        self.report(now, Incident::Drop { n });
    }

    /// Answers the survivor's packets with ICMP host unreachable and loses the peer's packets from now on.
    pub fn unreachable(&mut self, now: Instant) {
        self.unreachable = true;
        self.report(now, Incident::Unreachable);
    }

    /// Ends [`unreachable`](Link::unreachable).
    pub fn reachable(&mut self, now: Instant) {
        self.unreachable = false;
        self.report(now, Incident::Reachable);
    }

    /// Takes a packet of the survivor.
    pub fn from_survivor(&mut self, now: Instant, bytes: &[u8]) {
        let Ok(datagram) = Datagram::parse(bytes) else {
            return;
        };
        let why = if self.cut {
            "cut"
        } else if self.unreachable {
            self.answer_unreachable(now, bytes);
            "unreachable"
        } else if self.to_drop > 0 {
            self.to_drop -= 1;
            "drop"
        } else if self.is_forgotten(now, &datagram, To::Survivor) {
            FORGOTTEN
        } else {
            return self.carry(now + self.delay, To::Peer, bytes.to_vec());
        };
        self.lose(now, "survivor->peer", why, &datagram);
    }

    /// Takes a packet of the peer.
    pub fn from_peer(&mut self, now: Instant, datagram: &Datagram) {
        let why = if self.cut {
            "cut"
        } else if self.unreachable {
            "unreachable"
        } else if self.is_forgotten(now, datagram, To::Peer) {
            FORGOTTEN
        } else {
            return self.carry(now + self.delay, To::Survivor, datagram.emit());
        };
        self.lose(now, "peer->survivor", why, datagram);
    }

    /// Returns when the next packet arrives.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.under_way.keys().next().map(|(due, _)| *due)
    }

    /// Returns the next packet that has arrived by `now`, and when it arrived.
    pub fn poll(&mut self, now: Instant) -> Option<(Instant, To, Vec<u8>)> {
        let first = self.under_way.first_entry()?;
        let due = first.key().0;
        if due > now {
            return None;
        }
        let (to, bytes) = first.remove();
        Some((due, to, bytes))
    }

    /// Returns the events that were not yet reported, oldest first.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    fn carry(&mut self, due: Instant, to: To, bytes: Vec<u8>) {
        self.under_way.insert((due, self.entered), (to, bytes));
        self.entered += 1;
    }

    /// Returns whether the middlebox does not let a packet pass. If it answers with a RST, that goes back to `sender`, half
    /// way forth and half way back.
    fn is_forgotten(&mut self, now: Instant, datagram: &Datagram, sender: To) -> bool {
        let fate = self.middlebox.as_mut().map(|m| m.take(now, datagram));
        match fate {
            None | Some(Fate::Passes) => false,
            Some(Fate::Lost) => true,
            Some(Fate::Answered(reset)) => {
                self.carry(now + self.delay, sender, reset.emit());
                true
            }
        }
    }

    fn answer_unreachable(&mut self, now: Instant, bytes: &[u8]) {
        let payload = Payload::Icmp(Icmp::host_unreachable(bytes));
        let mut answer =
            Datagram::new(self.ip.peer(), self.ip.survivor(), self.icmp_ident, payload);
        answer.dont_frag = answer.src.is_ipv6();
        self.icmp_ident = self.icmp_ident.wrapping_add(1);
        self.carry(now + 2 * self.delay, To::Survivor, answer.emit());
    }

    fn lose(&mut self, now: Instant, dir: &str, why: &str, datagram: &Datagram) {
        let (flags, len) = datagram
            .segment()
            .map(|s| (s.flags.to_string(), s.payload.len()))
            .unwrap_or_default();
        let what = Incident::Lost {
            dir: dir.to_owned(),
            why: why.to_owned(),
            flags,
            len,
        };
        self.report(now, what);
    }

    fn report(&mut self, at: Instant, what: Incident) {
        let who = Who::Wire;
        self.events.push(Event { at, who, what });
    }
}

#[cfg(test)]
mod tests;
