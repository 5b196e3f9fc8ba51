//! Stock smoltcp as the survivor: `smoltcp::socket::tcp` on `smoltcp::iface::Interface`, as released.
//!
//! The sockets are used as an application would use them; what a scenario asks and smoltcp has no setting for is in
//! the notes. Its errors are what its user sees: an operation is in an invalid state, or the stream is finished.

mod settings;

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::socket::tcp::{self, RecvError, State};
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};

use crate::call::{Addr, Call, Errno, Outcome, Readiness, SocketId, TcpInfo, TcpState};
use crate::rng::Stream;
use crate::scenario::Scenario;
use crate::time::{Instant, Ticks};
use crate::world::device::Device;

use super::{Sent, Target, TargetError};
use settings::Settings;

/// The release that Cargo.lock names.
const VERSION: &str = "0.14.0";
const PREFIX: u8 = 24;

thread_local! {
    /// smoltcp takes its timestamp clock as a function without arguments.
    static TSVAL: Cell<u32> = const { Cell::new(0) };
}

/// What a descriptor stands for.
#[derive(Debug)]
struct Descriptor {
    settings: Settings,
    bound: Option<Addr>,
    handle: Option<SocketHandle>,
    /// accept() has not yet handed the connection out.
    listens: bool,
    /// A call has already said that the connection is over; SO_ERROR says it once.
    told: bool,
}

/// A connection that a descriptor holds or has held.
#[derive(Debug)]
struct Connection {
    handle: SocketHandle,
    settings: Settings,
    heard_at: Instant,
    /// When the application closed its side.
    closed_at: Option<Instant>,
    /// No descriptor stands for it any more.
    orphan: bool,
}

/// smoltcp's TCP on a virtual clock.
pub struct Smoltcp {
    now: Instant,
    interface: Interface,
    device: Device,
    sockets: SocketSet<'static>,
    descriptors: BTreeMap<SocketId, Descriptor>,
    connections: Vec<Connection>,
    next_id: u32,
    packets: VecDeque<Sent>,
    settings: Settings,
    notes: Vec<String>,
    ts_offset: u32,
}

impl Smoltcp {
    /// A host with the survivor's address and no socket; `seed` is for its initial sequence numbers.
    pub fn new(scenario: &Scenario, seed: u64) -> Self {
        let mut device = Device::new(1500);
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = u64::from(Stream::new(seed, "smoltcp").next_u32());
        let mut interface = Interface::new(config, &mut device, smoltcp::time::Instant::ZERO);
        interface.update_ip_addrs(|addrs| {
            let own = IpCidr::new(scenario.ip.survivor().into(), PREFIX);
            // the list has room: it was empty
            let _ = addrs.push(own);
        });
        let settings = Settings::new(scenario);
        Smoltcp {
            now: Instant::ZERO,
            interface,
            device,
            sockets: SocketSet::new(Vec::new()),
            descriptors: BTreeMap::new(),
            connections: Vec::new(),
            next_id: 0,
            packets: VecDeque::new(),
            notes: settings.notes().to_vec(),
            settings,
            ts_offset: Stream::new(seed, "ts_offset").next_u32(),
        }
    }

    fn smoltcp_now(&self) -> smoltcp::time::Instant {
        smoltcp::time::Instant::from_micros(self.now.us() as i64)
    }

    /// Lets the interface work at the present instant.
    fn poll(&mut self) {
        let ms = self.now.us() / 1_000;
        TSVAL.set(self.ts_offset.wrapping_add(ms as u32));
        for connection in &self.connections {
            let socket = self.sockets.get_mut::<tcp::Socket>(connection.handle);
            socket.set_timeout(connection.timeout(socket).map(Into::into));
        }
        let now = self.smoltcp_now();
        self.interface
            .poll(now, &mut self.device, &mut self.sockets);
        for bytes in self.device.sent.drain(..) {
            self.packets.push_back(Sent {
                at: self.now,
                bytes,
                cause: None,
            });
        }
    }

    fn new_descriptor(&mut self, descriptor: Descriptor) -> Outcome {
        let id = SocketId(self.next_id);
        self.next_id += 1;
        self.descriptors.insert(id, descriptor);
        Outcome::Socket(id)
    }

    fn make(&mut self, call: Call) -> Result<Outcome, Errno> {
        match call {
            Call::Socket => {
                let settings = self.settings.clone();
                return Ok(self.new_descriptor(Descriptor {
                    settings,
                    bound: None,
                    handle: None,
                    listens: false,
                    told: false,
                }));
            }
            Call::Set(id, option) => {
                let descriptor = self.descriptor(id)?;
                descriptor.settings.set(&option);
                let settings = descriptor.settings.clone();
                self.settled(id, settings);
            }
            Call::Bind(id, addr) => self.descriptor(id)?.bound = Some(addr),
            Call::Connect(id, addr) => return self.connect(id, addr),
            Call::Listen(id, _) => self.listen(id)?,
            Call::Accept(id) => return self.accept(id),
            Call::Send(id, bytes) => return self.send(id, &bytes),
            Call::Recv(id, len) => return self.recv(id, len),
            Call::ShutdownWrite(id) => self.close_side(id, false)?,
            Call::Close(id) => {
                // a listener or an unused socket has no side to close, and no error to tell
                let _ = self.close_side(id, true);
                self.descriptors.remove(&id).ok_or(Errno::EBADF)?;
            }
            Call::Kill => {
                for id in self.descriptors.keys().copied().collect::<Vec<_>>() {
                    // a descriptor without a connection has no side to close
                    let _ = self.close_side(id, true);
                }
                self.descriptors.clear();
            }
            Call::SoError(id) => {
                let over = self.socket(id)?.state() == State::Closed;
                let told = std::mem::replace(&mut self.descriptor(id)?.told, over);
                let news = over && !told;
                return Ok(Outcome::SoError(news.then_some(Errno::ENOTCONN)));
            }
        }
        Ok(Outcome::Done)
    }

    fn descriptor(&mut self, id: SocketId) -> Result<&mut Descriptor, Errno> {
        self.descriptors.get_mut(&id).ok_or(Errno::EBADF)
    }

    fn socket(&mut self, id: SocketId) -> Result<&mut tcp::Socket<'static>, Errno> {
        let handle = self.descriptor(id)?.handle.ok_or(Errno::ENOTCONN)?;
        Ok(self.sockets.get_mut::<tcp::Socket>(handle))
    }

    /// Options were set: notes what could not be, and tells the connection.
    fn settled(&mut self, id: SocketId, settings: Settings) {
        for line in settings.notes() {
            if !self.notes.contains(line) {
                self.notes.push(line.clone());
            }
        }
        self.settings.adopt_congestion(&settings);
        if let Ok(socket) = self.socket(id) {
            settings.apply(socket, tsval);
        }
        let handle = self.descriptors.get(&id).and_then(|d| d.handle);
        for connection in &mut self.connections {
            if Some(connection.handle) == handle {
                connection.settings = settings.clone();
            }
        }
    }

    fn make_socket(&mut self, id: SocketId) -> Result<(SocketHandle, Option<Addr>), Errno> {
        let descriptor = self.descriptor(id)?;
        if descriptor.handle.is_some() {
            return Err(Errno::EISCONN);
        }
        let (settings, bound) = (descriptor.settings.clone(), descriptor.bound);
        let (receive, send) = settings.buffers();
        let buffer = |len| tcp::SocketBuffer::new(vec![0; len]);
        let mut socket = tcp::Socket::new(buffer(receive), buffer(send));
        settings.apply(&mut socket, tsval);
        let handle = self.sockets.add(socket);
        self.descriptor(id)?.handle = Some(handle);
        self.connections.push(Connection {
            handle,
            settings,
            heard_at: self.now,
            closed_at: None,
            orphan: false,
        });
        Ok((handle, bound))
    }

    fn connect(&mut self, id: SocketId, remote: Addr) -> Result<Outcome, Errno> {
        let (handle, bound) = self.make_socket(id)?;
        let local = bound.ok_or(Errno::EADDRNOTAVAIL)?;
        let socket = self.sockets.get_mut::<tcp::Socket>(handle);
        let remote = (IpAddress::from(remote.ip), remote.port);
        let local = (IpAddress::from(local.ip), local.port);
        socket
            .connect(self.interface.context(), remote, local)
            .map_err(|e| match e {
                tcp::ConnectError::InvalidState => Errno::EISCONN,
                tcp::ConnectError::Unaddressable => Errno::EADDRNOTAVAIL,
            })?;
        Ok(Outcome::InProgress)
    }

    fn listen(&mut self, id: SocketId) -> Result<(), Errno> {
        let (handle, bound) = self.make_socket(id)?;
        let local = bound.ok_or(Errno::EADDRNOTAVAIL)?;
        let socket = self.sockets.get_mut::<tcp::Socket>(handle);
        socket
            .listen((IpAddress::from(local.ip), local.port))
            .map_err(|_| Errno::EADDRINUSE)?;
        self.descriptor(id)?.listens = true;
        Ok(())
    }

    /// smoltcp's listening socket becomes the connection: accept() hands it over.
    fn accept(&mut self, id: SocketId) -> Result<Outcome, Errno> {
        if !self.can_accept(id) {
            return Err(Errno::EAGAIN);
        }
        let listener = self.descriptor(id)?;
        let (handle, settings) = (listener.handle.take(), listener.settings.clone());
        Ok(self.new_descriptor(Descriptor {
            settings,
            bound: None,
            handle,
            listens: false,
            told: false,
        }))
    }

    fn can_accept(&mut self, id: SocketId) -> bool {
        let listens = self.descriptors.get(&id).is_some_and(|d| d.listens);
        let open = |s: &mut tcp::Socket<'_>| {
            !matches!(
                s.state(),
                State::Listen | State::SynReceived | State::Closed
            )
        };
        listens && self.socket(id).is_ok_and(open)
    }

    fn send(&mut self, id: SocketId, bytes: &[u8]) -> Result<Outcome, Errno> {
        let socket = self.socket(id)?;
        if is_opening(socket.state()) {
            return Err(Errno::EAGAIN);
        }
        match socket.send_slice(bytes) {
            Ok(0) if !bytes.is_empty() => Err(Errno::EAGAIN),
            Ok(n) => Ok(Outcome::Bytes(n)),
            Err(tcp::SendError::InvalidState) => Err(Errno::ENOTCONN),
        }
    }

    fn recv(&mut self, id: SocketId, len: usize) -> Result<Outcome, Errno> {
        let socket = self.socket(id)?;
        if is_opening(socket.state()) {
            return Err(Errno::EAGAIN);
        }
        let mut bytes = vec![0; len.min(socket.recv_queue().max(1))];
        match socket.recv_slice(&mut bytes) {
            Ok(0) => Err(Errno::EAGAIN),
            Ok(n) => {
                bytes.truncate(n);
                Ok(Outcome::Data(bytes))
            }
            Err(RecvError::Finished) => Ok(Outcome::Data(Vec::new())),
            Err(RecvError::InvalidState) => {
                self.descriptor(id)?.told = true;
                Err(Errno::ENOTCONN)
            }
        }
    }

    /// shutdown(SHUT_WR) and close(): smoltcp has one close(), after which it still reads.
    fn close_side(&mut self, id: SocketId, for_good: bool) -> Result<(), Errno> {
        let now = self.now;
        let descriptor = self.descriptor(id)?;
        let reset = descriptor.settings.closes_by_reset();
        let handle = descriptor.handle.ok_or(Errno::ENOTCONN)?;
        let socket = self.sockets.get_mut::<tcp::Socket>(handle);
        if reset && for_good {
            socket.abort();
        } else {
            socket.close();
        }
        for connection in &mut self.connections {
            if connection.handle == handle {
                connection.closed_at.get_or_insert(now);
                connection.orphan |= for_good;
            }
        }
        Ok(())
    }
}

impl Connection {
    /// After how much silence smoltcp is to give up, as its state stands now.
    fn timeout(&self, socket: &tcp::Socket<'_>) -> Option<std::time::Duration> {
        match socket.state() {
            State::SynSent => Some(self.settings.syn_timeout()),
            State::SynReceived => Some(self.settings.synack_timeout()),
            State::FinWait1 | State::Closing | State::LastAck => {
                // smoltcp counts from when it last heard the other end, Linux from the close
                let silent = self.closed_at.map(|at| at.since(self.heard_at));
                let timeout = match self.orphan {
                    true => self.settings.orphan_timeout(),
                    false => self.settings.data_timeout(),
                };
                Some(silent.unwrap_or_default() + timeout)
            }
            State::Established | State::CloseWait if socket.send_queue() > 0 => {
                Some(self.settings.data_timeout())
            }
            State::Established | State::CloseWait => self.settings.keepalive_timeout(),
            _ => None,
        }
    }
}

fn tsval() -> u32 {
    TSVAL.get()
}

fn is_opening(state: State) -> bool {
    matches!(state, State::SynSent | State::SynReceived | State::Listen)
}

fn state_of(state: State) -> TcpState {
    match state {
        State::Closed => TcpState::Closed,
        State::Listen => TcpState::Listen,
        State::SynSent => TcpState::SynSent,
        State::SynReceived => TcpState::SynRecv,
        State::Established => TcpState::Established,
        State::FinWait1 => TcpState::FinWait1,
        State::FinWait2 => TcpState::FinWait2,
        State::CloseWait => TcpState::CloseWait,
        State::Closing => TcpState::Closing,
        State::LastAck => TcpState::LastAck,
        State::TimeWait => TcpState::TimeWait,
    }
}

impl Target for Smoltcp {
    fn name(&self) -> &'static str {
        "smoltcp"
    }

    fn version(&self) -> String {
        VERSION.to_owned()
    }

    fn is_real_time(&self) -> bool {
        false
    }

    fn ticks(&self) -> Option<Ticks> {
        None
    }

    fn congestion_control(&self) -> String {
        self.settings.congestion().name().to_owned()
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    fn has_tcp_info(&self) -> bool {
        false
    }

    fn now(&mut self) -> Instant {
        self.now
    }

    fn wait(&mut self, until: Instant) -> Result<Instant, TargetError> {
        if self.packets.is_empty() {
            let now = self.smoltcp_now();
            let own = self
                .interface
                .poll_at(now, &self.sockets)
                .map(|at| Instant::from_us(at.total_micros().max(0) as u64))
                .filter(|at| *at > self.now);
            self.now = own.map_or(until, |at| at.min(until)).max(self.now);
            self.poll();
        }
        Ok(self.now)
    }

    fn call(&mut self, call: Call) -> Outcome {
        let outcome = self.make(call).unwrap_or_else(Outcome::Failed);
        self.poll();
        outcome
    }

    fn readiness(&mut self, socket: SocketId) -> Readiness {
        if self.can_accept(socket) {
            return Readiness {
                readable: true,
                ..Readiness::default()
            };
        }
        let Ok(socket) = self.socket(socket) else {
            return Readiness::default();
        };
        let state = socket.state();
        let over = state == State::Closed;
        Readiness {
            readable: !is_opening(state) && (socket.can_recv() || !socket.may_recv()),
            writable: !is_opening(state) && (socket.can_send() || !socket.may_send()),
            error: over,
            hangup: over,
        }
    }

    fn deliver(&mut self, datagram: &[u8]) {
        for connection in &mut self.connections {
            connection.heard_at = self.now;
        }
        self.device.arrived.push_back(datagram.to_vec());
        self.poll();
    }

    fn take_packet(&mut self) -> Option<Sent> {
        self.packets.pop_front()
    }

    fn connection(&mut self, _local: Addr, remote: Addr) -> Option<TcpInfo> {
        let sockets = &self.sockets;
        let mut all = self
            .connections
            .iter()
            .map(|c| sockets.get::<tcp::Socket>(c.handle));
        let socket = all.find(|s| {
            let known = s.remote_endpoint().is_some_and(|r| r.port == remote.port);
            known && s.state() != State::Closed
        })?;
        Some(TcpInfo {
            at: self.now,
            state: state_of(socket.state()),
            rqueue: socket.recv_queue() as u32,
            wqueue: socket.send_queue() as u32,
            ..TcpInfo::default()
        })
    }
}

#[cfg(test)]
mod tests;
