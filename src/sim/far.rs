//! The wire and the peer together: everything beyond the survivor's network interface.

use std::time::Duration;

use super::{Link, Peer, PeerClock, To};
use crate::scenario::{self, Action, IpVersion, Role};
use crate::time::Instant;
use crate::trace::Event;
use crate::wire::Datagram;

/// The wire, the peer at its far end, and what is on its way to the survivor.
///
/// Feed it packets and actions in the order of their instants; then [`advance`](FarSide::advance) and take what
/// has come out. The next thing happens by itself at [`next_deadline`](FarSide::next_deadline).
#[derive(Clone, Debug)]
pub struct FarSide {
    link: Link,
    peer: Peer,
    arrived: std::collections::VecDeque<(Instant, Vec<u8>)>,
    events: Vec<Event>,
}

impl FarSide {
    /// A wire with this delay and a peer that listens (`role` is the survivor's: client) or waits for `peer connect`.
    pub fn new(delay: Duration, offers: scenario::Peer, role: Role, clock: PeerClock) -> Self {
        FarSide {
            link: Link::new(delay),
            peer: Peer::new(offers, role == Role::Client, clock),
            arrived: std::collections::VecDeque::new(),
            events: Vec::new(),
        }
    }

    /// The same for ends that speak this IP version.
    pub fn over(self, ip: IpVersion) -> Self {
        FarSide {
            link: self.link.over(ip),
            peer: self.peer.over(ip),
            ..self
        }
    }

    /// A packet that left the survivor at `at`, which is not before the last instant given.
    pub fn from_survivor(&mut self, at: Instant, bytes: &[u8]) {
        self.advance(at);
        self.link.from_survivor(at, bytes);
        self.settle(at);
    }

    /// Does an action of the peer as of `due`, or of the wire at `now`, which is not before `due`; one of the
    /// survivor is not for here and gives false.
    ///
    /// The peer keeps its own time; the wire changes for packets that enter after now.
    pub fn act(&mut self, due: Instant, now: Instant, action: &Action) -> bool {
        self.run_before(due);
        let at = due;
        let (link, peer) = (&mut self.link, &mut self.peer);
        match *action {
            Action::PeerConnect => peer.connect(at),
            Action::PeerSend(n) => peer.send(at, n),
            Action::PeerShutdown => peer.shutdown(at),
            Action::PeerClose => peer.close(at),
            Action::PeerKill => peer.kill(at),
            Action::PeerReset => peer.reset(at),
            Action::PeerPowerOff => peer.power_off(at),
            Action::PeerPowerOn => peer.power_on(at),
            Action::PeerWindow(n) => peer.set_window(at, n),
            Action::WireCut => link.cut(now),
            Action::WireRestore => link.restore(now),
            Action::WireDrop(n) => link.drop_next(now, n),
            Action::WireUnreachable => link.unreachable(now),
            Action::WireReachable => link.reachable(now),
            _ => return false,
        }
        self.settle(at);
        true
    }

    /// When something happens next by itself: a packet comes out or the peer's timer fires. A packet for the
    /// survivor that waits to be taken counts.
    pub fn next_deadline(&self) -> Option<Instant> {
        let waiting = self.arrived.front().map(|(due, _)| *due);
        let own = [self.link.next_deadline(), self.peer.next_deadline()];
        own.into_iter().flatten().chain(waiting).min()
    }

    /// Does all that falls due up to and including `now`, in order.
    pub fn advance(&mut self, now: Instant) {
        while let Some(due) = self.next_own().filter(|due| *due <= now) {
            self.run_one(due);
        }
    }

    /// The next packet that reached the survivor, and when it was due there.
    pub fn take_arrival(&mut self) -> Option<(Instant, Vec<u8>)> {
        self.arrived.pop_front()
    }

    /// What was not yet reported, in the order of its instants.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// As [`advance`](FarSide::advance), but what falls due at `now` itself comes after the action.
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

    /// What the peer sends enters the wire at once.
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
