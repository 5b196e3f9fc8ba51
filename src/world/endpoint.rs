//! The handle: what a program holds of an endpoint.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::fate::{Death, Failure, Fate, Order};
use super::host::Host;
use super::machine::Machine;
use super::service::Service;
use super::sockets::{to_io, to_socket_addr};
use super::tap::Tap;
use crate::call::{SocketId, TcpInfo};
use crate::engine::Mib;
use crate::time::Instant;

/// Something to be done when the last handle goes.
pub(crate) struct Guard(pub(crate) Option<Box<dyn FnOnce() + Send + Sync>>);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(end) = self.0.take() {
            end();
        }
    }
}

/// A host with our TCP: behind a TUN on the real clock, or in memory in virtual time.
///
/// A handle: clones stand for the same host, which lives as long as one of them or a socket of it does.
#[derive(Clone)]
pub struct Endpoint {
    pub(crate) host: Arc<dyn Host>,
    pub(crate) name: Arc<str>,
    pub(crate) addrs: Arc<[std::net::IpAddr]>,
    /// Dropped after all else.
    pub(crate) _guard: Arc<Guard>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({} {:?})", self.name, self.addrs)
    }
}

/// A connection of an endpoint as a bystander sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Our end.
    pub local: SocketAddr,
    /// The peer's.
    pub remote: SocketAddr,
    /// The socket of an application or a service; none for half-open, timewait and closed ones.
    pub socket: Option<SocketId>,
    /// State, counters and timers.
    pub info: TcpInfo,
    /// What has become of it alone.
    pub fate: Fate,
}

impl Endpoint {
    /// Does something on the machine, and sends what comes of it.
    pub(crate) fn with<T>(&self, f: impl FnOnce(&mut Machine, Instant) -> T) -> T {
        let (mut f, mut result) = (Some(f), None);
        self.host.with(&mut |machine, at| {
            if let Some(f) = f.take() {
                result = Some(f(machine, at));
            }
        });
        match result {
            Some(result) => result,
            None => unreachable!("a host does what it is asked, once"),
        }
    }

    /// The interface's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its addresses.
    pub fn addrs(&self) -> &[std::net::IpAddr] {
        &self.addrs
    }

    /// The present instant since the endpoint's start, on its clock.
    pub fn now(&self) -> Instant {
        self.host.now()
    }

    /// Waits on its clock: in virtual time this takes no time.
    pub fn pause(&self, time: Duration) {
        self.host.pause(time);
    }

    /// The power is gone: all state is lost, nothing is answered, packets vanish. Calls on its sockets give ENETDOWN.
    pub fn power_off(&self) {
        self.with(|machine, at| machine.power_off(at));
    }

    /// The host boots: it is empty and answers what it does not know with RST. Its services listen again.
    pub fn power_on(&self) {
        self.with(|machine, at| machine.power_on(at));
    }

    /// The cable is pulled: no packet passes either way. State stays, timers run.
    pub fn cut(&self) {
        self.with(|machine, at| machine.cut(true, at));
    }

    /// The end of [`cut`](Endpoint::cut).
    pub fn restore(&self) {
        self.with(|machine, at| machine.cut(false, at));
    }

    /// The process is stopped, as by SIGSTOP: no call on its sockets returns, no service is called. Its stack still
    /// acknowledges, until its window is closed.
    pub fn freeze(&self) {
        self.with(|machine, at| machine.freeze(true, at));
    }

    /// The end of [`freeze`](Endpoint::freeze).
    pub fn thaw(&self) {
        self.with(|machine, at| machine.freeze(false, at));
    }

    /// Pronounces a death to come, in place of an earlier one; None takes it back.
    pub fn failure(&self, failure: impl Into<Option<Failure>>) {
        let failure = failure.into();
        self.with(|machine, at| machine.failure(at, failure));
    }

    /// What has become of it.
    pub fn fate(&self) -> Fate {
        self.with(|machine, _| machine.fate())
    }

    /// Shows every packet to `tap` from now on, in place of an earlier one: those that pass, and those that reach a dead
    /// host.
    pub fn tap(&self, tap: Box<dyn Tap>) {
        let mut tap = Some(tap);
        self.with(|machine, _| machine.set_tap(tap.take()));
    }

    /// The same for one connection, by its two ends.
    pub fn connection(&self, local: SocketAddr, remote: SocketAddr) -> ConnectionHandle {
        ConnectionHandle {
            endpoint: self.clone(),
            ends: (local, remote),
        }
    }

    /// Every connection, half-open and timewait ones included.
    pub fn connections(&self) -> Vec<Connection> {
        self.with(|machine, at| {
            let engine = machine.engine();
            let all = engine.all_ends().into_iter();
            all.filter_map(|ends| {
                Some(Connection {
                    local: to_socket_addr(ends.local),
                    remote: to_socket_addr(ends.remote),
                    socket: ends.socket,
                    info: engine.connection(at, ends.local, ends.remote)?,
                    fate: machine.connection_fate((ends.local, ends.remote)),
                })
            })
            .collect()
        })
    }

    /// What Linux counts in TcpExt and its relatives, by the kernel's names, since the host booted.
    pub fn counters(&self) -> Mib {
        self.with(|machine, _| machine.engine().counters().clone())
    }

    /// A service listens at `addr`, and is run by whoever runs the endpoint. It comes back when the host boots.
    ///
    /// # Errors
    /// EADDRINUSE where something listens there already.
    pub fn serve(&self, addr: SocketAddr, service: Box<dyn Service>) -> std::io::Result<()> {
        self.with(|machine, at| machine.serve(at, addr, service))
            .map_err(to_io)
    }

    /// A service listens at every port of every address that no other service has.
    pub fn serve_every_port(&self, service: Box<dyn Service>) {
        let mut service = Some(service);
        self.with(|machine, _| service.take().map(|s| machine.serve_every_port(s)));
    }
}

/// One connection, to let it die alone: only packets of its two ends are concerned.
#[derive(Clone, Debug)]
pub struct ConnectionHandle {
    endpoint: Endpoint,
    ends: (SocketAddr, SocketAddr),
}

impl ConnectionHandle {
    fn order(&self, order: Order) {
        self.endpoint
            .with(|machine, at| machine.order_connection(at, self.ends, order));
    }

    /// Its state is lost and its packets are not answered.
    pub fn power_off(&self) {
        self.order(Order::Die(Death::PowerOff));
    }

    /// Its packets are answered again: with RST, for it is not known.
    pub fn power_on(&self) {
        self.order(Order::Back(Death::PowerOff));
    }

    /// Its packets do not pass. State stays, timers run.
    pub fn cut(&self) {
        self.order(Order::Die(Death::Cut));
    }

    /// The end of [`cut`](ConnectionHandle::cut).
    pub fn restore(&self) {
        self.order(Order::Back(Death::Cut));
    }

    /// Calls on its socket do not return.
    pub fn freeze(&self) {
        self.order(Order::Die(Death::Freeze));
    }

    /// The end of [`freeze`](ConnectionHandle::freeze).
    pub fn thaw(&self) {
        self.order(Order::Back(Death::Freeze));
    }

    /// Pronounces a death to come.
    pub fn failure(&self, failure: Failure) {
        self.endpoint
            .with(|machine, at| machine.doom_connection(at, self.ends, failure));
    }
}
