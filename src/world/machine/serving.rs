//! Calls each service whose sockets have changed.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::Machine;
use crate::call::{Addr, Errno, SocketId};
use crate::time::Instant;
use crate::world::net::Net;
use crate::world::service::Service;
use crate::world::sockets;

/// Backlog of a service's listener.
const BACKLOG: u32 = 1024;

/// A service and where it listens.
pub(super) struct Slot {
    /// The address at which the service listens. With `None` it listens at every port that no other service uses.
    pub(super) addr: Option<SocketAddr>,
    /// The service, or `None` while it is being called.
    pub(super) service: Option<Box<dyn Service>>,
    pub(super) listeners: BTreeMap<SocketId, SocketAddr>,
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.addr {
            Some(addr) => write!(f, "Service at {addr}"),
            None => f.write_str("Service at every port"),
        }
    }
}

impl Machine {
    /// Calls the services whose sockets have changed. Other sockets are left to [`poll_touched`](Machine::poll_touched).
    /// There may be packets to send afterwards.
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
        if self.services[service].listeners.contains_key(&socket) {
            while let Ok(accepted) = self.accept(socket) {
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

    /// Reports a change of a service's descriptor. `key` is the one that epoll returned.
    pub(crate) fn on_descriptor(&mut self, at: Instant, key: u64) {
        let (service, token) = ((key >> 32) as usize, key as u32);
        if self.fate.powered_off {
            return;
        }
        if self.fate.frozen {
            self.deferred_descriptors.insert(key);
            return;
        }
        self.with_service(at, service, |s, net| s.descriptor_ready(net, token));
    }

    /// Returns whether a service watches a descriptor.
    #[cfg(feature = "os")]
    pub(crate) fn has_watched(&self) -> bool {
        self.poller.used
    }

    /// Starts a service that listens at `addr`.
    pub(crate) fn serve(
        &mut self,
        at: Instant,
        addr: SocketAddr,
        service: Box<dyn Service>,
    ) -> Result<(), Errno> {
        let mut listeners = BTreeMap::new();
        if !self.fate.powered_off {
            let listener = sockets::listen(&mut self.engine, at, addr, BACKLOG)?;
            self.owners.insert(listener, self.services.len());
            listeners.insert(listener, addr);
        }
        self.services.push(Slot {
            addr: Some(addr),
            service: Some(service),
            listeners,
        });
        Ok(())
    }

    /// Starts a service that listens at every port that no other service uses.
    pub(crate) fn serve_every_port(&mut self, service: Box<dyn Service>) {
        self.services.push(Slot {
            addr: None,
            service: Some(service),
            listeners: BTreeMap::new(),
        });
    }

    /// Makes the service for every port, if there is one, listen at `local`, before the engine receives a SYN for it.
    pub(super) fn open_port(&mut self, at: Instant, local: Addr) {
        let everywhere = |slot: &Slot| slot.addr.is_none();
        let Some(index) = self.services.iter().position(everywhere) else {
            return;
        };
        let addr = sockets::to_socket_addr(local);
        let known = &self.services[index].listeners;
        if known.values().any(|listens_at| *listens_at == addr) {
            return;
        }
        // if something else listens there, the SYN is for that
        if let Ok(listener) = sockets::listen(&mut self.engine, at, addr, BACKLOG) {
            self.owners.insert(listener, index);
            self.services[index].listeners.insert(listener, addr);
        }
    }

    /// Makes every service listen again after a boot.
    pub(super) fn serve_again(&mut self, at: Instant) {
        for (index, slot) in self.services.iter_mut().enumerate() {
            // the service for every port listens when a SYN asks for one
            let Some(addr) = slot.addr else {
                continue;
            };
            match sockets::listen(&mut self.engine, at, addr, BACKLOG) {
                Ok(id) => {
                    slot.listeners.insert(id, addr);
                    self.owners.insert(id, index);
                }
                Err(e) => log::warn!("the service at {addr} does not come back: {e}"),
            }
        }
    }
}
