//! The handle through which a program uses an endpoint.

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

/// Runs when the last handle is dropped.
pub(crate) struct Guard(pub(crate) Option<Box<dyn FnOnce() + Send + Sync>>);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(end) = self.0.take() {
            end();
        }
    }
}

/// A host that runs the TCP of this project: behind a TUN on the real clock, or in memory in virtual time.
///
/// This is a handle: its clones stand for the same host, which lives as long as one of them or one of its sockets.
#[derive(Clone)]
pub struct Endpoint {
    pub(crate) host: Arc<dyn Host>,
    pub(crate) name: Arc<str>,
    pub(crate) addrs: Arc<[std::net::IpAddr]>,
    /// Dropped after all other fields.
    pub(crate) _guard: Arc<Guard>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({} {:?})", self.name, self.addrs)
    }
}

/// A connection of an endpoint as seen from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The local address and port.
    pub local: SocketAddr,
    /// The peer's address and port.
    pub remote: SocketAddr,
    /// The socket of the application or service. Half-open, TIME_WAIT and closed connections have none.
    pub socket: Option<SocketId>,
    /// Its state, counters and timers.
    pub info: TcpInfo,
    /// The fate of this connection alone.
    pub fate: Fate,
}

impl Endpoint {
    /// Runs an operation on the machine and sends the packets that it causes.
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

    /// Returns the name of the network interface.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the endpoint's addresses.
    pub fn addrs(&self) -> &[std::net::IpAddr] {
        &self.addrs
    }

    /// Returns the time since the endpoint's start, on its own clock.
    pub fn now(&self) -> Instant {
        self.host.now()
    }

    /// Waits on the endpoint's clock. In virtual time this takes no real time.
    pub fn pause(&self, time: Duration) {
        self.host.pause(time);
    }

    /// Cuts the power: all state is lost, nothing is answered, and packets vanish. Calls on the endpoint's sockets return
    /// ENETDOWN.
    pub fn power_off(&self) {
        self.with(|machine, at| machine.power_off(at));
    }

    /// Boots the host: it knows no connection and answers packets of unknown connections with RST. Its services listen
    /// again.
    pub fn power_on(&self) {
        self.with(|machine, at| machine.power_on(at));
    }

    /// Pulls the cable: no packet passes in either direction. The state stays, and timers run.
    pub fn cut(&self) {
        self.with(|machine, at| machine.cut(true, at));
    }

    /// Ends a [`cut`](Endpoint::cut).
    pub fn restore(&self) {
        self.with(|machine, at| machine.cut(false, at));
    }

    /// Stops the process, as SIGSTOP does: no call on its sockets returns, and no service is called. Its TCP still
    /// acknowledges data until the window closes.
    pub fn freeze(&self) {
        self.with(|machine, at| machine.freeze(true, at));
    }

    /// Ends a [`freeze`](Endpoint::freeze).
    pub fn thaw(&self) {
        self.with(|machine, at| machine.freeze(false, at));
    }

    /// Plans a death, in place of one that was planned before. `None` cancels it.
    pub fn failure(&self, failure: impl Into<Option<Failure>>) {
        let failure = failure.into();
        self.with(|machine, at| machine.failure(at, failure));
    }

    /// Returns the endpoint's fate.
    pub fn fate(&self) -> Fate {
        self.with(|machine, _| machine.fate())
    }

    /// Shows every packet to `tap` from now on, in place of an earlier tap: the packets that pass, and those that arrive
    /// while the host is dead.
    pub fn tap(&self, tap: Box<dyn Tap>) {
        let mut tap = Some(tap);
        self.with(|machine, _| machine.set_tap(tap.take()));
    }

    /// Returns a handle with which the connection between these two ends can be made to die alone.
    pub fn connection(&self, local: SocketAddr, remote: SocketAddr) -> ConnectionHandle {
        ConnectionHandle {
            endpoint: self.clone(),
            ends: (local, remote),
        }
    }

    /// Returns every connection, half-open and TIME_WAIT ones included.
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

    /// Returns the counters that Linux shows in /proc/net/netstat and /proc/net/snmp, by their names there, since the
    /// host booted.
    pub fn counters(&self) -> Mib {
        self.with(|machine, _| machine.engine().counters().clone())
    }

    /// Starts a service that listens at `addr`. Whatever runs the endpoint also runs the service. It listens again when
    /// the host boots.
    ///
    /// # Errors
    /// Returns EADDRINUSE if something listens there already.
    pub fn serve(&self, addr: SocketAddr, service: Box<dyn Service>) -> std::io::Result<()> {
        self.with(|machine, at| machine.serve(at, addr, service))
            .map_err(to_io)
    }

    /// Starts a service that listens at every port of every address that no other service uses.
    pub fn serve_every_port(&self, service: Box<dyn Service>) {
        let mut service = Some(service);
        self.with(|machine, _| service.take().map(|s| machine.serve_every_port(s)));
    }
}

/// A handle with which one connection dies alone: only packets between its two ends are affected.
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

    /// Cuts the power of this connection: its state is lost, and its packets are not answered.
    pub fn power_off(&self) {
        self.order(Order::Die(Death::PowerOff));
    }

    /// Ends a power-off: packets of this connection are answered again, with RST, because it is not known any more.
    pub fn power_on(&self) {
        self.order(Order::Back(Death::PowerOff));
    }

    /// Drops all packets of this connection. Its state stays, and timers run.
    pub fn cut(&self) {
        self.order(Order::Die(Death::Cut));
    }

    /// Ends a [`cut`](ConnectionHandle::cut).
    pub fn restore(&self) {
        self.order(Order::Back(Death::Cut));
    }

    /// Stops the process as far as this connection is concerned: calls on its socket do not return.
    pub fn freeze(&self) {
        self.order(Order::Die(Death::Freeze));
    }

    /// Ends a [`freeze`](ConnectionHandle::freeze).
    pub fn thaw(&self) {
        self.order(Order::Back(Death::Freeze));
    }

    /// Plans a death of this connection, in place of one that was planned before. `None` cancels it.
    pub fn failure(&self, failure: Failure) {
        self.endpoint
            .with(|machine, at| machine.doom_connection(at, self.ends, failure));
    }
}
