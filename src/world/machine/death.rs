//! Power-off, cut and freeze: of the host and of single connections, at once or by a planned failure.

use std::net::SocketAddr;

use super::{Machine, boot};
use crate::call::{Addr, Call};
use crate::sockopt::{OptName, SockOpt};
use crate::time::Instant;
use crate::world::fate::{Death, Failure, Fate, Order, PendingFailure};
use crate::world::not_tcp::NotTcp;
use crate::world::sockets;

fn tuple(ends: (SocketAddr, SocketAddr)) -> (Addr, Addr) {
    (sockets::to_addr(ends.0), sockets::to_addr(ends.1))
}

impl Machine {
    pub(super) fn apply(&mut self, at: Instant, order: Order) {
        match order {
            Order::Die(Death::PowerOff) => self.power_off(at),
            Order::Die(Death::Cut) => self.cut(true, at),
            Order::Die(Death::Freeze) => self.freeze(true, at),
            Order::Back(Death::PowerOff) => self.power_on(at),
            Order::Back(Death::Cut) => self.cut(false, at),
            Order::Back(Death::Freeze) => self.freeze(false, at),
        }
    }

    /// Cuts the power: all state is lost, and nothing is answered.
    pub(crate) fn power_off(&mut self, at: Instant) {
        self.life += 1;
        self.parts.engine.seed = self.parts.engine.seed.wrapping_add(1);
        self.engine = boot(&self.parts);
        self.not_tcp = NotTcp::new(&self.parts.addrs, self.parts.mtu, self.parts.engine.seed);
        self.fate = Fate {
            powered_off: true,
            cut: self.fate.cut,
            frozen: false,
        };
        self.fates.clear();
        self.owners.clear();
        self.deferred.clear();
        self.touched.clear();
        self.pieces.clear();
        self.lost.clear();
        self.all_dirty = true;
        for slot in &mut self.services {
            slot.listeners.clear();
            slot.service.iter_mut().for_each(|s| s.power_lost());
        }
        self.deferred_descriptors.clear();
        self.tell_fate(at);
    }

    /// Boots the host: it knows no connection, and its services listen again.
    pub(crate) fn power_on(&mut self, at: Instant) {
        if !std::mem::take(&mut self.fate.powered_off) {
            return;
        }
        self.serve_again(at);
        self.all_dirty = true;
        self.tell_fate(at);
    }

    pub(crate) fn cut(&mut self, cut: bool, at: Instant) {
        self.fate.cut = cut;
        self.tell_fate(at);
    }

    pub(crate) fn freeze(&mut self, frozen: bool, at: Instant) {
        self.fate.frozen = frozen;
        self.tell_fate(at);
        if !frozen {
            self.thawed(at);
        }
    }

    fn thawed(&mut self, at: Instant) {
        self.all_dirty = true;
        for key in std::mem::take(&mut self.deferred_descriptors) {
            self.on_descriptor(at, key);
        }
        for socket in std::mem::take(&mut self.deferred) {
            match self.owners.get(&socket).copied() {
                Some(_) if self.is_frozen(socket) => self.deferred.push(socket),
                Some(service) => self.serve_socket(at, service, socket),
                None => {}
            }
        }
    }

    /// Plans a failure of the host, in place of one that was planned before.
    pub(crate) fn failure(&mut self, at: Instant, failure: Option<Failure>) {
        self.pending_failure = failure.map(|failure| PendingFailure::new(at, failure));
    }

    /// Returns the fate of the connection with these ends alone.
    pub(crate) fn connection_fate(&self, ends: (Addr, Addr)) -> Fate {
        self.fates.get(&ends).map(|f| f.fate).unwrap_or_default()
    }

    /// Returns a copy of every connection's fate, its own and the host's combined, by local and remote end.
    #[cfg(feature = "os")]
    pub(crate) fn fates_by_ends(&self) -> impl Fn(Addr, Addr) -> Fate + use<> {
        let all = self.fate;
        let fates = self.fates.iter().map(|(ends, f)| (*ends, f.fate));
        let fates: std::collections::BTreeMap<_, _> = fates.collect();
        move |local, remote| {
            let own = fates.get(&(local, remote)).copied().unwrap_or_default();
            Fate {
                powered_off: all.powered_off || own.powered_off,
                cut: all.cut || own.cut,
                frozen: all.frozen || own.frozen,
            }
        }
    }

    /// Plans a failure of one connection.
    pub(crate) fn doom_connection(
        &mut self,
        at: Instant,
        ends: (SocketAddr, SocketAddr),
        failure: Failure,
    ) {
        self.fates.entry(tuple(ends)).or_default().pending_failure =
            Some(PendingFailure::new(at, failure));
    }

    /// Makes one connection die or come back.
    pub(crate) fn order_connection(
        &mut self,
        at: Instant,
        ends: (SocketAddr, SocketAddr),
        order: Order,
    ) {
        self.obey_connection(at, tuple(ends), order);
    }

    pub(super) fn obey_connection(&mut self, at: Instant, ends: (Addr, Addr), order: Order) {
        let (death, dead) = match order {
            Order::Die(death) => (death, true),
            Order::Back(death) => (death, false),
        };
        let entry = self.fates.entry(ends).or_default();
        match death {
            Death::PowerOff => entry.fate.powered_off = dead,
            Death::Cut => entry.fate.cut = dead,
            Death::Freeze => entry.fate.frozen = dead,
        }
        let done = entry.fate == Fate::default()
            && entry
                .pending_failure
                .as_ref()
                .is_none_or(|s| s.due.is_none());
        if order == Order::Die(Death::PowerOff) {
            self.lose_connection(at, ends);
        }
        if done {
            self.fates.remove(&ends);
        }
        if order == Order::Back(Death::Freeze) {
            self.thawed(at);
        }
    }

    /// Discards the state of one connection without a packet: the connection is aborted, and its RST does not pass.
    fn lose_connection(&mut self, at: Instant, ends: (Addr, Addr)) {
        let all = self.engine.all_ends();
        let found = all.into_iter().find(|e| (e.local, e.remote) == ends);
        let Some(socket) = found.and_then(|e| e.socket) else {
            return;
        };
        self.call(at, Call::Set(socket, SockOpt::int(OptName::SO_LINGER, 0)));
        self.call(at, Call::Close(socket));
        match self.owners.remove(&socket) {
            Some(service) => self.with_service(at, service, |s, _| s.connection_lost(socket)),
            None => self.lost.push(socket),
        }
        self.all_dirty = true;
    }
}
