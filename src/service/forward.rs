//! A relay between connections of an endpoint and a real server, with which the real server seems to lose power.
//!
//! Bytes pass in both directions, and the relay holds a limited amount if one side is slower. It passes on each end of
//! stream and each reset. When the endpoint loses power, the real server keeps running, because other clients may use it.
//! Its connections are reset, so that it holds no more of them than a server that has just started, and data that was
//! under way in either direction is not delivered. The server does not notice a cut link. In a freeze the relay does
//! nothing, and the server's writes stop when the buffers in between are full.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::{Held, is_again};
use crate::call::{Readiness, SocketId};
use crate::sockopt::{OptName, SockOpt};
use crate::world::{Net, Service};

/// Counters of a relay. They may be read while the relay works.
#[derive(Debug, Default)]
pub struct Relayed {
    /// Number of connections that were relayed.
    pub connections: AtomicU64,
    /// Number of connections that the real server did not accept.
    pub refused: AtomicU64,
    /// Bytes sent to the real server.
    pub to_server: AtomicU64,
    /// Bytes sent to the endpoint's connections.
    pub from_server: AtomicU64,
}

/// A relay to one real server.
#[derive(Debug)]
pub struct Forward {
    to: SocketAddr,
    connections: BTreeMap<SocketId, Relay>,
    relayed: Arc<Relayed>,
}

/// One connection of the endpoint and the matching one to the server.
#[derive(Debug)]
struct Relay {
    server: TcpStream,
    /// Whether the server has accepted the connection.
    connected: bool,
    to_server: Way,
    from_server: Way,
}

/// One direction of a relayed connection.
#[derive(Debug, Default)]
struct Way {
    held: Held,
    /// The source has ended its stream.
    ended: bool,
    /// The end of the stream was passed on.
    passed_on: bool,
}

/// How a turn of a relay ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Nothing more can be done now.
    Waits,
    /// Both streams have ended.
    Over,
    /// One side was reset, or could not be connected.
    Broken,
}

impl Forward {
    /// Relays to the server at this address, as the operating system reaches it.
    pub fn to(to: SocketAddr) -> Forward {
        Forward {
            to,
            connections: BTreeMap::new(),
            relayed: Arc::default(),
        }
    }

    /// Counts in these counters, which other relays may share.
    pub fn counted_by(mut self, relayed: Arc<Relayed>) -> Forward {
        self.relayed = relayed;
        self
    }

    /// Returns its counters.
    pub fn relayed(&self) -> Arc<Relayed> {
        Arc::clone(&self.relayed)
    }

    fn turn(&mut self, net: &mut Net<'_>, socket: SocketId) {
        let Some(relay) = self.connections.get_mut(&socket) else {
            return;
        };
        match relay.turn(net, socket, &self.relayed) {
            Turn::Waits => {}
            Turn::Over => {
                self.connections.remove(&socket);
                net.close(socket);
            }
            Turn::Broken => {
                if let Some(relay) = self.connections.remove(&socket) {
                    if !relay.connected {
                        self.relayed.refused.fetch_add(1, Ordering::Relaxed);
                        log::warn!("the real server {} did not accept a connection", self.to);
                    }
                    relay.reset();
                }
                abort(net, socket);
            }
        }
    }
}

/// Ends a connection of the endpoint with a RST.
fn abort(net: &mut Net<'_>, socket: SocketId) {
    // a connection that is gone already rejects the option, and does not need it
    let _ = net.set(socket, SockOpt::int(OptName::SO_LINGER, 0));
    net.close(socket);
}

/// Starts a connection that does not block.
fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    // what is relayed was already cut into segments by the sender
    socket.set_tcp_nodelay(true)?;
    match socket.connect(&to.into()) {
        Err(e) if e.raw_os_error() != Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => Err(e),
        _ => Ok(socket.into()),
    }
}

impl Relay {
    fn turn(&mut self, net: &mut Net<'_>, socket: SocketId, relayed: &Relayed) -> Turn {
        if !self.connected {
            match (self.server.take_error(), self.server.peer_addr()) {
                (Ok(None), Ok(_)) => self.connected = true,
                (Ok(None), Err(_)) => return Turn::Waits,
                _ => return Turn::Broken,
            }
        }
        let server = &self.server;
        let count = |counter: &AtomicU64, n: usize| {
            counter.fetch_add(n as u64, Ordering::Relaxed);
            n
        };
        let there = self.to_server.pass(
            net,
            |net, buffer| net.read(socket, buffer),
            |_, bytes| {
                {
                    let mut to = server;
                    to.write(bytes)
                }
                .map(|n| count(&relayed.to_server, n))
            },
        );
        let back = self.from_server.pass(
            net,
            |_, buffer| {
                let mut from = server;
                from.read(buffer)
            },
            |net, bytes| {
                net.write(socket, bytes)
                    .map(|n| count(&relayed.from_server, n))
            },
        );
        if there.is_err() || back.is_err() {
            return Turn::Broken;
        }
        if self.to_server.is_over() && server.shutdown(Shutdown::Write).is_err() {
            return Turn::Broken;
        }
        if self.from_server.is_over() && net.shutdown_write(socket).is_err() {
            return Turn::Broken;
        }
        if self.to_server.passed_on && self.from_server.passed_on {
            return Turn::Over;
        }
        Turn::Waits
    }

    /// Resets the connection to the server.
    fn reset(self) {
        let socket = Socket::from(self.server);
        // if that fails, the server gets a FIN instead
        let _ = socket.set_linger(Some(Duration::ZERO));
    }
}

impl Way {
    /// Passes data on until one side has no more or the other accepts no more.
    fn pass(
        &mut self,
        net: &mut Net<'_>,
        mut read: impl FnMut(&mut Net<'_>, &mut [u8]) -> io::Result<usize>,
        mut write: impl FnMut(&mut Net<'_>, &[u8]) -> io::Result<usize>,
    ) -> io::Result<()> {
        loop {
            if !self.held.drain(|bytes| write(net, bytes))? || self.ended {
                return Ok(());
            }
            match self.held.fill(|buffer| read(net, buffer)) {
                Ok(0) => self.ended = true,
                Ok(_) => {}
                Err(e) if is_again(&e) => return Ok(()),
                Err(e) => return Err(e),
            }
        }
    }

    /// Returns whether the end of the stream has to be passed on now. It returns true once.
    fn is_over(&mut self) -> bool {
        let now = self.ended && self.held.is_empty() && !self.passed_on;
        self.passed_on |= now;
        now
    }
}

impl Service for Forward {
    fn accepted(&mut self, net: &mut Net<'_>, socket: SocketId) {
        self.relayed.connections.fetch_add(1, Ordering::Relaxed);
        let server = connect(self.to).and_then(|server| {
            net.watch(&server, socket.0)?;
            Ok(server)
        });
        match server {
            Ok(server) => {
                let relay = Relay {
                    server,
                    connected: false,
                    to_server: Way::default(),
                    from_server: Way::default(),
                };
                self.connections.insert(socket, relay);
            }
            Err(e) => {
                self.relayed.refused.fetch_add(1, Ordering::Relaxed);
                log::warn!("the real server {} cannot be reached: {e}", self.to);
                abort(net, socket);
            }
        }
    }

    fn ready(&mut self, net: &mut Net<'_>, socket: SocketId, _: Readiness) {
        self.turn(net, socket);
    }

    fn descriptor_ready(&mut self, net: &mut Net<'_>, token: u32) {
        self.turn(net, SocketId(token));
    }

    fn power_lost(&mut self) {
        for relay in std::mem::take(&mut self.connections).into_values() {
            relay.reset();
        }
    }

    fn connection_lost(&mut self, socket: SocketId) {
        if let Some(relay) = self.connections.remove(&socket) {
            relay.reset();
        }
    }
}
