//! What a service may do: call its sockets without blocking, and watch descriptors of its own.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use super::sockets::{self, to_io, to_socket_addr};
use crate::call::{Call, Outcome, Readiness, SocketId, TcpInfo};
use crate::engine::Engine;
use crate::sockopt::SockOpt;
use crate::time::Instant;
use bytes::Bytes;

/// Reports changes of descriptors: epoll, on the real clock.
pub(crate) trait Descriptors: std::fmt::Debug + Send + Sync {
    /// Reports each change of this descriptor with `key` from now on, until it is closed.
    fn add(&self, descriptor: BorrowedFd<'_>, key: u64) -> io::Result<()>;
}

/// The descriptors that services watch.
#[derive(Debug, Default)]
pub(crate) struct Poller {
    /// What watches the descriptors. In virtual time there is none.
    pub(crate) descriptors: Option<Arc<dyn Descriptors>>,
    /// Whether a descriptor was ever watched.
    pub(crate) used: bool,
}

impl Poller {
    fn watch(&mut self, descriptor: BorrowedFd<'_>, service: usize, token: u32) -> io::Result<()> {
        let descriptors = self.descriptors.as_ref();
        let descriptors = descriptors.ok_or(io::ErrorKind::Unsupported)?;
        descriptors.add(descriptor, (service as u64) << 32 | u64::from(token))?;
        self.used = true;
        Ok(())
    }
}

/// The endpoint as a service sees it. Its calls on sockets do not block.
pub struct Net<'a> {
    pub(crate) at: Instant,
    pub(crate) engine: &'a mut Engine,
    /// The service that is being called.
    pub(crate) service: usize,
    /// The service to which each socket belongs.
    pub(crate) owners: &'a mut BTreeMap<SocketId, usize>,
    pub(crate) poller: &'a mut Poller,
}

impl std::fmt::Debug for Net<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Net(service {}, {:?})", self.service, self.at)
    }
}

impl Net<'_> {
    /// Returns the time since the endpoint's start.
    pub fn now(&self) -> Instant {
        self.at
    }

    /// Reads from a socket. It returns 0 at the end of the stream, and WouldBlock if there is no data now.
    pub fn read(&mut self, socket: SocketId, buffer: &mut [u8]) -> io::Result<usize> {
        sockets::read(self.engine, self.at, socket, buffer).map_err(to_io)
    }

    /// Reads at most `max` bytes without a copy, by appending pieces to `pieces` that share the packets' memory. It
    /// returns the number of bytes: 0 at the end of the stream, and WouldBlock if there is no data now.
    pub fn read_bytes(
        &mut self,
        socket: SocketId,
        max: usize,
        pieces: &mut Vec<Bytes>,
    ) -> io::Result<usize> {
        let read = self.engine.recv_bytes(self.at, socket, max, pieces);
        read.map_err(to_io)
    }

    /// Writes as many bytes as the send buffer takes, and returns WouldBlock if it takes none.
    pub fn write(&mut self, socket: SocketId, bytes: &[u8]) -> io::Result<usize> {
        sockets::write(self.engine, self.at, socket, bytes).map_err(to_io)
    }

    /// Ends the stream towards the peer.
    pub fn shutdown_write(&mut self, socket: SocketId) -> io::Result<()> {
        self.call(Call::ShutdownWrite(socket))
    }

    /// Closes the socket. If data is unread, the peer gets a RST, as in Linux.
    pub fn close(&mut self, socket: SocketId) {
        self.owners.remove(&socket);
        self.engine.call(self.at, Call::Close(socket));
    }

    /// Sets a socket option, as setsockopt() does.
    pub fn set(&mut self, socket: SocketId, option: SockOpt) -> io::Result<()> {
        self.call(Call::Set(socket, option))
    }

    /// Returns what poll(2) would report.
    pub fn readiness(&self, socket: SocketId) -> Readiness {
        self.engine.readiness(socket)
    }

    /// Returns the peer's address.
    pub fn peer_addr(&self, socket: SocketId) -> Option<SocketAddr> {
        self.engine.ends(socket).map(|e| to_socket_addr(e.1))
    }

    /// Returns the local address.
    pub fn local_addr(&self, socket: SocketId) -> Option<SocketAddr> {
        self.engine.ends(socket).map(|e| to_socket_addr(e.0))
    }

    /// Returns TCP_INFO.
    pub fn info(&self, socket: SocketId) -> Option<TcpInfo> {
        let (local, remote) = self.engine.ends(socket)?;
        self.engine.connection(self.at, local, remote)
    }

    /// Calls [`Service::descriptor_ready`](super::Service::descriptor_ready) at each change of this descriptor from now
    /// on, until it is closed. This is not supported in virtual time.
    pub fn watch(&mut self, descriptor: &impl AsFd, token: u32) -> io::Result<()> {
        self.poller.watch(descriptor.as_fd(), self.service, token)
    }

    fn call(&mut self, call: Call) -> io::Result<()> {
        match self.engine.call(self.at, call) {
            Outcome::Failed(errno) => Err(to_io(errno)),
            _ => Ok(()),
        }
    }
}
