//! What a replay drives: the engine, or in tests something simpler.

use crate::call::{Addr, Call, Outcome, Readiness, SocketId, TcpInfo};
use crate::engine::Engine;
use crate::time::Instant;
use crate::wire::Datagram;

/// A TCP as a value that can be copied, so that another choice can be tried from an earlier point.
pub(crate) trait Machine: Clone {
    /// A datagram from the wire.
    fn deliver(&mut self, now: Instant, datagram: &Datagram);
    /// The deadline has come.
    fn fire(&mut self, now: Instant);
    /// A socket call.
    fn call(&mut self, now: Instant, call: Call) -> Outcome;
    /// The next packet to send, and why.
    fn transmit(&mut self, now: Instant) -> Option<(Datagram, String)>;
    /// The next thing a timer did, in words.
    fn note(&mut self) -> Option<(Instant, String)>;
    /// When to fire next.
    fn deadline(&self) -> Option<Instant>;
    /// What poll(2) would say.
    fn readiness(&self, socket: SocketId) -> Readiness;
    /// The connection between these addresses.
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

    fn note(&mut self) -> Option<(Instant, String)> {
        self.poll_event().map(|e| (e.at, e.text.to_string()))
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
