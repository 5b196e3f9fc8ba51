//! The application's side of a host: socket numbers and the calls on them.
//!
//! [`Engine::call`] takes calls that own their data. [`Engine::send`] and the methods after it move data in and out
//! without a copy. Linux counterpart: net/socket.c, inet_stream_connect, inet_csk_accept, inet_csk_listen_stop, and the
//! iterator of sendmsg and recvmsg.

use crate::call::{Addr, Call, Errno, Outcome, SocketId, TcpState};
use crate::engine::clock::now::Now;
use crate::engine::host::descriptors::{Listener, Socket};
use crate::engine::host::engine::Engine;
use crate::engine::host::table::Sock;
use crate::engine::netns::mib::Counter;
use crate::engine::netns::net::Shared;
use crate::engine::queues::receive_queue::Sink;
use crate::engine::tcb::control_block::Tcb;
use crate::time::Instant;
use crate::wire::Seq;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::ops::Range;

impl Engine {
    /// Makes a socket call. It does not count as a touch of its socket.
    pub fn call(&mut self, at: Instant, call: Call) -> Outcome {
        let outcome = self.untouched(|engine| engine.make(at, call));
        outcome.unwrap_or_else(Outcome::Failed)
    }

    /// Opens a socket, as socket() does.
    pub fn socket(&mut self) -> Result<SocketId, Errno> {
        let mut tcb = Tcb::new(self.sysctl.clone(), self.opt.clone());
        tcb.net = Shared::of(&self.net);
        self.number(Socket::Fresh(Box::new(tcb)))
    }

    /// Returns the next connection of a listener, as accept() does.
    pub fn accept(&mut self, socket: SocketId) -> Result<SocketId, Errno> {
        let Some(Socket::Listener(listener)) = self.sockets.get_mut(socket) else {
            return Err(Errno::EINVAL);
        };
        let id = listener.queue.front().copied().ok_or(Errno::EAGAIN)?;
        let accepted = self.number(Socket::Connection(id))?;
        if let Some(Socket::Listener(listener)) = self.sockets.get_mut(socket) {
            listener.queue.pop_front();
        }
        if let Some(tcb) = self.table.connection_mut(id) {
            tcb.socket = Some(accepted);
        }
        Ok(accepted)
    }

    /// Returns SO_ERROR and clears it.
    pub fn so_error(&mut self, at: Instant, socket: SocketId) -> Result<Option<Errno>, Errno> {
        self.untouched(|engine| engine.on_tcb(engine.now(at), socket, |tcb, _| Ok(tcb.so_error())))
    }

    fn make(&mut self, at: Instant, call: Call) -> Result<Outcome, Errno> {
        let now = self.now(at);
        let done = |()| Outcome::Done;
        match call {
            Call::Socket => self.socket().map(Outcome::Socket),
            Call::Bind(socket, addr) => self.bind(socket, addr).map(done),
            Call::Connect(socket, remote) => self.connect(now, socket, remote),
            Call::Listen(socket, backlog) => self.listen(socket, backlog).map(done),
            Call::Accept(socket) => self.accept(socket).map(Outcome::Socket),
            Call::Close(socket) => self.close(now, socket, "close()").map(done),
            Call::Kill => {
                for socket in self.sockets.ids() {
                    self.close(now, socket, "the process was killed")?;
                }
                Ok(Outcome::Done)
            }
            Call::Set(socket, option) => self
                .on_tcb(now, socket, |tcb, now| tcb.set_option(now, &option))
                .map(done),
            Call::Send(socket, data) => self
                .on_tcb(now, socket, |tcb, now| tcb.send(now, &data))
                .map(Outcome::Bytes),
            Call::Recv(socket, max) => {
                let mut data = Vec::new();
                self.on_tcb(now, socket, |tcb, now| tcb.recv(now, max, &mut data))?;
                Ok(Outcome::Data(data))
            }
            Call::ShutdownWrite(socket) => self
                .on_tcb(now, socket, |tcb, now| tcb.shutdown_write(now))
                .map(done),
            Call::SoError(socket) => self
                .on_tcb(now, socket, |tcb, _| Ok(tcb.so_error()))
                .map(Outcome::SoError),
        }
    }

    /// Runs a call which does not count as a touch of its socket.
    fn untouched<T>(&mut self, f: impl FnOnce(&mut Engine) -> T) -> T {
        let touched = self.touched.take();
        let result = f(self);
        self.touched = touched;
        result
    }

    fn number(&mut self, socket: Socket) -> Result<SocketId, Errno> {
        self.sockets.add(socket).ok_or(Errno::EMFILE)
    }

    /// Makes a call on the control block of the socket.
    fn on_tcb<T>(
        &mut self,
        now: Now,
        socket: SocketId,
        f: impl FnOnce(&mut Tcb, Now) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        self.with_tcb(now, socket, f).unwrap_or(Err(Errno::EBADF))
    }

    /// Runs an operation on the control block of the socket, or returns `None` if it has none.
    pub(crate) fn with_tcb<T>(
        &mut self,
        now: Now,
        socket: SocketId,
        f: impl FnOnce(&mut Tcb, Now) -> T,
    ) -> Option<T> {
        match self.sockets.get_mut(socket)? {
            Socket::Fresh(tcb) => Some(f(tcb, now)),
            Socket::Listener(listener) => Some(f(&mut listener.template, now)),
            Socket::Connection(id) => {
                let id = *id;
                let result = f(self.at_work(id)?, now);
                self.settle(now, id);
                Some(result)
            }
        }
    }

    fn connect(&mut self, now: Now, socket: SocketId, remote: Addr) -> Result<Outcome, Errno> {
        let mut tcb = match self.sockets.get(socket) {
            Some(Socket::Fresh(tcb)) => tcb.clone(),
            Some(Socket::Listener(_)) => return Err(Errno::EISCONN),
            Some(Socket::Connection(_)) => return Err(Errno::EALREADY),
            None => return Err(Errno::EBADF),
        };
        if tcb.local.ip.is_unspecified() {
            let Some(source) = self.routes.source_for(remote.ip) else {
                return Err(Errno::ENETUNREACH);
            };
            tcb.local.ip = source;
        }
        tcb.path = self.routes.path(now, remote.ip);
        tcb.txhash = self.routes.draw_txhash();
        if tcb.local.port == 0 {
            let port = self.port_for_connect(now, tcb.local, remote);
            tcb.local.port = port.unwrap_or(0);
        }
        if self.is_full() {
            return Err(Errno::ENOBUFS);
        }
        let chosen = !tcb.bindport_locked;
        let Some((isn, recent)) = self.first_number(now, tcb.local, remote, chosen) else {
            return Err(Errno::EADDRNOTAVAIL);
        };
        tcb.remote = remote;
        tcb.socket = Some(socket);
        tcb.ip_id = self.draw_ip_id();
        tcb.ts_offset = self.ts_offset(tcb.local, remote);
        tcb.rx.ts_recent = recent;
        tcb.connect(now, isn);
        let id = self.table.insert(Sock::Connection(tcb));
        if let Some(fresh) = self.sockets.get_mut(socket) {
            *fresh = Socket::Connection(id);
        }
        self.settle(now, id);
        Ok(Outcome::InProgress)
    }

    /// Returns the initial sequence number of a connection, and the peer's clock if the connection replaces one in
    /// TIME_WAIT. It returns `None` if these ends are in use.
    fn first_number(
        &mut self,
        now: Now,
        local: Addr,
        remote: Addr,
        chosen: bool,
    ) -> Option<(Seq, Option<u32>)> {
        if local.port == 0 {
            return None;
        }
        let Some(id) = self.table.find(local, remote) else {
            return Some((self.isn(now.at, local, remote), None));
        };
        let Some(Sock::TimeWait(old)) = self.table.get(id) else {
            return None;
        };
        let successor = old.successor(now, &self.sysctl, chosen)?;
        self.forget(id);
        self.net.mib.add(Counter::TWRecycled, 1);
        Some(successor)
    }

    fn port_for_connect(&mut self, now: Now, local: Addr, remote: Addr) -> Option<u16> {
        let (table, sysctl) = (&self.table, &self.sysctl);
        self.ports.for_connect(sysctl, local, remote, |port| {
            let taken = table.find(Addr { port, ..local }, remote);
            taken.is_none_or(|id| match table.get(id) {
                Some(Sock::TimeWait(old)) => old.successor(now, sysctl, true).is_some(),
                _ => false,
            })
        })
    }

    /// Binds a socket, as with SO_REUSEADDR, which servers set: only a listener conflicts.
    fn bind(&mut self, socket: SocketId, addr: Addr) -> Result<(), Errno> {
        let Some(Socket::Fresh(tcb)) = self.sockets.get_mut(socket) else {
            let known = self.sockets.get(socket).is_some();
            return Err(if known { Errno::EINVAL } else { Errno::EBADF });
        };
        if tcb.bindport_locked {
            return Err(Errno::EINVAL);
        }
        if !addr.ip.is_unspecified() && !self.routes.is_own(addr.ip) {
            return Err(Errno::EADDRNOTAVAIL);
        }
        let port = match addr.port {
            0 => self.ports.for_bind(&self.sysctl),
            port => Some(port).filter(|_| !overlaps(&self.listeners, addr)),
        };
        let Some(port) = port else {
            return Err(Errno::EADDRINUSE);
        };
        self.ports.take(port);
        tcb.local = Addr { port, ..addr };
        tcb.bindport_locked = true;
        Ok(())
    }

    fn listen(&mut self, socket: SocketId, backlog: u32) -> Result<(), Errno> {
        let Some(place) = self.sockets.get_mut(socket) else {
            return Err(Errno::EINVAL);
        };
        let Socket::Fresh(tcb) = place else {
            return Err(Errno::EINVAL);
        };
        if tcb.local.port == 0 {
            let Some(port) = self.ports.for_bind(&self.sysctl) else {
                return Err(Errno::EADDRINUSE);
            };
            self.ports.take(port);
            tcb.local.port = port;
            tcb.bindport_locked = true;
        }
        if overlaps(&self.listeners, tcb.local) {
            return Err(Errno::EADDRINUSE);
        }
        self.listeners.insert(tcb.local, socket);
        let mut template = tcb.clone();
        template.transition(TcpState::Listen);
        *place = Socket::Listener(Box::new(Listener {
            template,
            backlog: backlog.min(self.sysctl.somaxconn as u32),
            queue: VecDeque::new(),
            requests: BTreeSet::new(),
            young: 0,
            overflowed: None,
        }));
        Ok(())
    }

    fn close(&mut self, now: Now, socket: SocketId, call: &'static str) -> Result<(), Errno> {
        match self.sockets.remove(socket) {
            None => return Err(Errno::EBADF),
            Some(Socket::Fresh(tcb)) => self.release_port(&tcb),
            Some(Socket::Connection(id)) => {
                if let Some(tcb) = self.table.connection_mut(id) {
                    if tcb.bindport_locked {
                        self.ports.give_back(tcb.local.port);
                    }
                    tcb.close(now, call);
                }
                self.settle(now, id);
            }
            Some(Socket::Listener(listener)) => {
                self.listeners.remove(&listener.template.local);
                self.release_port(&listener.template);
                for id in listener.requests {
                    self.forget(id);
                }
                for id in listener.queue {
                    if let Some(tcb) = self.table.connection_mut(id) {
                        tcb.abort_unaccepted(now);
                    }
                    self.settle(now, id);
                }
            }
        }
        Ok(())
    }

    fn release_port(&mut self, tcb: &Tcb) {
        if tcb.bindport_locked {
            self.ports.give_back(tcb.local.port);
        }
    }
}

/// Returns whether a listener has this port at this address, where either address can be a wildcard.
fn overlaps(listeners: &BTreeMap<Addr, SocketId>, addr: Addr) -> bool {
    // :: stands for the addresses of both versions
    let covers = |a: IpAddr, b: IpAddr| a.is_unspecified() && (a.is_ipv6() || b.is_ipv4());
    let mut same = listeners.keys().filter(|l| l.port == addr.port);
    same.any(|l| l.ip == addr.ip || covers(l.ip, addr.ip) || covers(addr.ip, l.ip))
}

/// A buffer that is filled from its start. What is read fits into it.
struct Filled<'a> {
    buffer: &'a mut [u8],
    len: usize,
}

impl Sink for Filled<'_> {
    fn take(&mut self, data: &Bytes, part: Range<usize>) {
        self.take_merged(&data[part]);
    }

    fn take_merged(&mut self, data: &[u8]) {
        self.buffer[self.len..self.len + data.len()].copy_from_slice(data);
        self.len += data.len();
    }
}

impl Engine {
    /// Sends these bytes, as send() does, and returns how many were accepted.
    pub fn send_slice(
        &mut self,
        at: Instant,
        socket: SocketId,
        data: &[u8],
    ) -> Result<usize, Errno> {
        self.transfer(at, socket, |tcb, now| tcb.send(now, data))
    }

    /// Receives into `buffer`, as recv() does, and returns the number of bytes: 0 at the end of the stream.
    pub fn recv_slice(
        &mut self,
        at: Instant,
        socket: SocketId,
        buffer: &mut [u8],
    ) -> Result<usize, Errno> {
        let max = buffer.len();
        let mut filled = Filled { buffer, len: 0 };
        self.transfer(at, socket, |tcb, now| tcb.recv(now, max, &mut filled))
    }

    /// Receives at most `max` bytes without a copy: it appends pieces to `pieces` that share the packets' memory. It
    /// returns the number of bytes: 0 at the end of the stream.
    pub fn recv_bytes(
        &mut self,
        at: Instant,
        socket: SocketId,
        max: usize,
        pieces: &mut Vec<Bytes>,
    ) -> Result<usize, Errno> {
        self.transfer(at, socket, |tcb, now| tcb.recv(now, max, pieces))
    }

    fn transfer(
        &mut self,
        at: Instant,
        socket: SocketId,
        f: impl FnOnce(&mut Tcb, Now) -> Result<usize, Errno>,
    ) -> Result<usize, Errno> {
        let now = self.now(at);
        self.untouched(|engine| engine.on_tcb(now, socket, f))
    }
}
