//! Services: who is called when a socket changed.

use std::net::SocketAddr;

use super::Machine;
use crate::call::{Call, Errno, Outcome, SocketId};
use crate::live::net::Net;
use crate::live::service::Service;
use crate::live::sockets;
use crate::time::Instant;

/// Backlog of a service's listener.
const BACKLOG: u32 = 1024;

/// A service's place in the host.
pub(super) struct Slot {
    /// Where it listens.
    pub(super) addr: SocketAddr,
    /// Absent while it is being called.
    pub(super) service: Option<Box<dyn Service>>,
    pub(super) listener: Option<SocketId>,
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Service at {}", self.addr)
    }
}

impl Machine {
    /// Calls the services whose sockets changed; the others are for [`poll_touched`](Machine::poll_touched). Packets may
    /// be waiting after it.
    pub(crate) fn dispatch(&mut self, at: Instant) {
        while let Some(socket) = self.engine.poll_touched() {
            match self.owners.get(&socket).copied() {
                None => self.touched.push_back(socket),
                Some(_) if self.is_frozen(socket) => self.deferred.push(socket),
                Some(service) => self.serve_socket(at, service, socket),
            }
        }
    }

    pub(super) fn serve_socket(&mut self, at: Instant, service: usize, socket: SocketId) {
        if self.services[service].listener == Some(socket) {
            while let Outcome::Socket(accepted) = self.call(at, Call::Accept(socket)) {
                self.owners.insert(accepted, service);
                self.with_service(at, service, |s, net| s.accepted(net, accepted));
                self.tell_ready(at, service, accepted);
            }
        } else {
            self.tell_ready(at, service, socket);
        }
    }

    fn tell_ready(&mut self, at: Instant, service: usize, socket: SocketId) {
        let readiness = self.engine.readiness(socket);
        if self.owners.contains_key(&socket) {
            self.with_service(at, service, |s, net| s.ready(net, socket, readiness));
        }
    }

    pub(super) fn with_service(
        &mut self,
        at: Instant,
        service: usize,
        f: impl FnOnce(&mut dyn Service, &mut Net<'_>),
    ) {
        let Some(mut taken) = self
            .services
            .get_mut(service)
            .and_then(|s| s.service.take())
        else {
            return;
        };
        let mut net = Net {
            at,
            engine: &mut self.engine,
            service,
            owners: &mut self.owners,
            poller: &mut self.poller,
        };
        f(&mut *taken, &mut net);
        self.services[service].service = Some(taken);
    }

    /// A descriptor of a service changed; `key` is what epoll said.
    pub(crate) fn on_descriptor(&mut self, at: Instant, key: u64) {
        let (service, token) = ((key >> 32) as usize, key as u32);
        if self.fate.frozen || self.fate.powered_off {
            return;
        }
        self.with_service(at, service, |s, net| s.descriptor_ready(net, token));
    }

    /// Whether a service watches a descriptor.
    pub(crate) fn has_watched(&self) -> bool {
        self.poller.used
    }

    /// A service listens at `addr`.
    pub(crate) fn serve(
        &mut self,
        at: Instant,
        addr: SocketAddr,
        service: Box<dyn Service>,
    ) -> Result<(), Errno> {
        let listener = if self.fate.powered_off {
            None
        } else {
            Some(sockets::listen(&mut self.engine, at, addr, BACKLOG)?)
        };
        let index = self.services.len();
        self.owners.extend(listener.map(|id| (id, index)));
        self.services.push(Slot {
            addr,
            service: Some(service),
            listener,
        });
        Ok(())
    }

    /// After a boot: every service listens again.
    pub(super) fn serve_again(&mut self, at: Instant) {
        for (index, slot) in self.services.iter_mut().enumerate() {
            match sockets::listen(&mut self.engine, at, slot.addr, BACKLOG) {
                Ok(id) => {
                    slot.listener = Some(id);
                    self.owners.insert(id, index);
                }
                Err(e) => log::warn!("the service at {} does not come back: {e}", slot.addr),
            }
        }
    }
}
