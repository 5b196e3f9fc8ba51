//! What a replay drives: the engine, or in tests something simpler.

use crate::call::{Addr, Call, Outcome, Readiness, SocketId, TcpInfo};
use crate::engine::Engine;
use crate::time::Instant;
use crate::trace::Incident;
use crate::wire::Datagram;

/// A TCP as a value that can be cloned, so that another choice can be tried from an earlier point.
pub(crate) trait Machine: Clone {
    /// Takes a datagram from the network.
    fn deliver(&mut self, now: Instant, datagram: &Datagram);
    /// Fires the timers that are due.
    fn fire(&mut self, now: Instant);
    /// Makes a socket call.
    fn call(&mut self, now: Instant, call: Call) -> Outcome;
    /// Returns the next packet to send, and why it is sent.
    fn transmit(&mut self, now: Instant) -> Option<(Datagram, String)>;
    /// Returns the next thing that a timer did.
    fn note(&mut self) -> Option<(Instant, Incident)>;
    /// Returns the next deadline.
    fn deadline(&self) -> Option<Instant>;
    /// Returns what poll(2) would report.
    fn readiness(&self, socket: SocketId) -> Readiness;
    /// Returns the connection between these addresses.
    fn info(&self, now: Instant, local: Addr, remote: Addr) -> Option<TcpInfo>;
}

impl Machine for Engine {
    fn deliver(&mut self, now: Instant, datagram: &Datagram) {
        self.on_packet(now, datagram);
    }

    fn fire(&mut self, now: Instant) {
        self.on_deadline(now);
    }

    fn call(&mut self, now: Instant, call: Call) -> Outcome {
        Engine::call(self, now, call)
    }

    fn transmit(&mut self, now: Instant) -> Option<(Datagram, String)> {
        let sent = self.poll_transmit(now)?;
        Some((sent.datagram, sent.cause.to_string()))
    }

    fn note(&mut self) -> Option<(Instant, Incident)> {
        self.poll_event().map(|e| (e.at, Incident::from(&e.text)))
    }

    fn deadline(&self) -> Option<Instant> {
        self.next_deadline()
    }

    fn readiness(&self, socket: SocketId) -> Readiness {
        Engine::readiness(self, socket)
    }

    fn info(&self, now: Instant, local: Addr, remote: Addr) -> Option<TcpInfo> {
        self.connection(now, local, remote)
    }
}
