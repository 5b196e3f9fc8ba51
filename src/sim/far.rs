//! The link and the peer together: everything beyond the survivor's network interface.

use std::time::Duration;

use super::{Link, Peer, PeerClock, To};
use crate::scenario::{self, Action, IpVersion, Role};
use crate::time::Instant;
use crate::trace::Event;
use crate::wire::Datagram;

/// The link, the peer at its far end, and the packets on their way to the survivor.
///
/// Pass it packets and actions in the order of their instants, then call [`advance`](FarSide::advance) and take what has
/// arrived. [`next_deadline`](FarSide::next_deadline) is the instant of the next event.
#[derive(Clone, Debug)]
pub struct FarSide {
    link: Link,
    peer: Peer,
    arrived: std::collections::VecDeque<(Instant, Vec<u8>)>,
    events: Vec<Event>,
}

impl FarSide {
    /// Creates a link with this delay, and a peer that listens (if the survivor's `role` is client) or waits for
    /// `peer connect`.
    pub fn new(delay: Duration, offers: scenario::Peer, role: Role, clock: PeerClock) -> Self {
        FarSide {
            link: Link::new(delay),
            peer: Peer::new(offers, role, clock),
            arrived: std::collections::VecDeque::new(),
            events: Vec::new(),
        }
    }

    /// Sets the IP version of both ends.
    pub fn over(self, ip: IpVersion) -> Self {
        FarSide {
            link: self.link.over(ip),
            peer: self.peer.over(ip),
            ..self
        }
    }

    /// Puts a middlebox into the link, if there is one.
    pub fn through(self, middlebox: Option<scenario::Middlebox>) -> Self {
        match middlebox {
            Some(middlebox) => FarSide {
                link: self.link.through(middlebox),
                ..self
            },
            None => self,
        }
    }

    /// Passes a packet that left the survivor at `at`, which is not before the last instant passed.
    pub fn from_survivor(&mut self, at: Instant, bytes: &[u8]) {
        self.advance(at);
        self.link.from_survivor(at, bytes);
        self.settle(at);
    }

    /// Executes an action of the peer as of `due`, or of the link at `now`, which is not before `due`. Returns false for
    /// an action of the survivor.
    ///
    /// The peer keeps its own time. The link changes for packets that enter after `now`.
    pub fn act(&mut self, due: Instant, now: Instant, action: &Action) -> bool {
        self.run_before(due);
        let link = &mut self.link;
        match *action {
            Action::WireCut => link.cut(now),
            Action::WireRestore => link.restore(now),
            Action::WireDrop(n) => link.drop_next(now, n),
            Action::WireUnreachable => link.unreachable(now),
            Action::WireReachable => link.reachable(now),
            _ if self.peer.act(due, action) => {}
            _ => return false,
        }
        self.settle(due);
        true
    }

    /// Returns the instant of the next event: a packet leaves the link, or the peer's timer fires. A packet that waits to be
    /// taken counts as an event.
    pub fn next_deadline(&self) -> Option<Instant> {
        let waiting = self.arrived.front().map(|(due, _)| *due);
        let own = [self.link.next_deadline(), self.peer.next_deadline()];
        own.into_iter().flatten().chain(waiting).min()
    }

    /// Executes everything that is due up to and including `now`, in order.
    pub fn advance(&mut self, now: Instant) {
        while let Some(due) = self.next_own().filter(|due| *due <= now) {
            self.run_one(due);
        }
    }

    /// Returns the next packet that has reached the survivor, and the instant at which it was due.
    pub fn take_arrival(&mut self) -> Option<(Instant, Vec<u8>)> {
        self.arrived.pop_front()
    }

    /// Returns the events that were not yet reported, in the order of their instants.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Executes what is due like [`advance`](FarSide::advance), but without what is due at `now` itself, which follows the
    /// action.
    fn run_before(&mut self, now: Instant) {
        while let Some(due) = self.next_own().filter(|due| *due < now) {
            self.run_one(due);
        }
    }

    fn next_own(&self) -> Option<Instant> {
        let own = [self.link.next_deadline(), self.peer.next_deadline()];
        own.into_iter().flatten().min()
    }

    fn run_one(&mut self, due: Instant) {
        match self.link.poll(due) {
            Some((due, To::Survivor, bytes)) => self.arrived.push_back((due, bytes)),
            Some((due, To::Peer, bytes)) => {
                if let Ok(datagram) = Datagram::parse(&bytes) {
                    self.peer.on_packet(due, &datagram);
                }
            }
            None => self.peer.on_deadline(due),
        }
        self.settle(due);
    }

    /// Passes what the peer sends to the link.
    fn settle(&mut self, now: Instant) {
        self.events.append(&mut self.peer.take_events());
        while let Some(datagram) = self.peer.poll_transmit() {
            self.link.from_peer(now, &datagram);
        }
        self.events.append(&mut self.link.take_events());
    }
}

#[cfg(test)]
mod tests;
