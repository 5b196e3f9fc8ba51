//! A host as a value: TCP by the engine, the rest of IP by smoltcp, its services, and its fate.
//!
//! It does no I/O except through the descriptors of a [`Service`](super::Service), and reads no clock. After each input, take the packets
//! that it sends.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use super::fate::{Fate, PendingFailure};
use super::gso;
use super::net::{Descriptors, Poller};
use super::not_tcp::NotTcp;
use super::tap::{Tap, Tapped};
mod death;
mod serving;

use serving::Slot;

use crate::call::{Addr, Call, Errno, Outcome, SocketId};
use crate::engine::{Config, Engine, Transmit};
use crate::time::Instant;
use crate::trace::Dir;
use crate::wire::{Datagram, Flags, Payload};

/// The parts that a machine is made of.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) engine: Config,
    /// Addresses with the lengths of their prefixes.
    pub(crate) addrs: Vec<(IpAddr, u8)>,
    pub(crate) mtu: usize,
}

/// The fate of one connection.
#[derive(Debug, Default)]
struct ConnectionFate {
    fate: Fate,
    pending_failure: Option<PendingFailure>,
}

/// A packet to send.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "it is looked at once, and a box would be an allocation per packet"
)]
pub(crate) enum Outgoing {
    /// A packet of the engine.
    Tcp(Transmit),
    /// A packet of smoltcp.
    Other(Vec<u8>),
}

impl Outgoing {
    /// Returns the packet's bytes as they are on the link.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        match self {
            Outgoing::Tcp(transmit) => transmit.datagram.emit(),
            Outgoing::Other(bytes) => bytes,
        }
    }
}

/// A host.
#[derive(Debug)]
pub(crate) struct Machine {
    parts: Parts,
    engine: Engine,
    not_tcp: NotTcp,
    fate: Fate,
    pending_failure: Option<PendingFailure>,
    /// The fates of single connections, by local and remote end.
    fates: BTreeMap<(Addr, Addr), ConnectionFate>,
    /// The number of times the power was lost. A socket of an earlier boot belongs to no connection.
    life: u32,
    services: Vec<Slot>,
    /// The service to which each socket belongs.
    owners: BTreeMap<SocketId, usize>,
    /// Sockets of services that wait for a thaw.
    deferred: Vec<SocketId>,
    /// Sockets of the application that have changed.
    touched: VecDeque<SocketId>,
    /// The rest of a burst that is sent segment by segment.
    pieces: VecDeque<Transmit>,
    /// Every socket may have changed, because the power or a freeze began or ended.
    all_dirty: bool,
    /// Sockets whose connection lost its power.
    lost: Vec<SocketId>,
    poller: Poller,
    /// Descriptors of services that changed during a freeze.
    deferred_descriptors: BTreeSet<u64>,
    tap: Tapped,
    /// The last fate that was reported to the tap.
    told: Fate,
}

/// Creates the TCP of a host that has just booted.
fn boot(parts: &Parts) -> Engine {
    let mut engine = Engine::new(parts.engine.clone());
    engine.track_touched();
    engine.explain(false);
    engine
}

impl Machine {
    pub(crate) fn new(parts: Parts, descriptors: Option<Arc<dyn Descriptors>>) -> Machine {
        Machine {
            engine: boot(&parts),
            not_tcp: NotTcp::new(&parts.addrs, parts.mtu, parts.engine.seed),
            parts,
            fate: Fate::default(),
            pending_failure: None,
            fates: BTreeMap::new(),
            life: 0,
            services: Vec::new(),
            owners: BTreeMap::new(),
            deferred: Vec::new(),
            touched: VecDeque::new(),
            pieces: VecDeque::new(),
            all_dirty: false,
            lost: Vec::new(),
            poller: Poller {
                descriptors,
                used: false,
            },
            deferred_descriptors: BTreeSet::new(),
            tap: Tapped::default(),
            told: Fate::default(),
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn tcp(&mut self) -> &mut Engine {
        &mut self.engine
    }

    pub(crate) fn fate(&self) -> Fate {
        self.fate
    }

    /// Returns the host's addresses.
    pub(crate) fn addrs(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.parts.addrs.iter().map(|a| a.0)
    }

    /// Shows every packet to `tap` from now on.
    pub(crate) fn set_tap(&mut self, tap: Option<Box<dyn Tap>>) {
        self.tap = Tapped(tap);
    }

    /// Reports the fate to the tap if it has changed.
    fn tell_fate(&mut self, at: Instant) {
        if self.fate != self.told {
            self.told = self.fate;
            if let Some(tap) = &mut self.tap.0 {
                tap.changed(at, self.fate);
            }
        }
    }

    pub(crate) fn life(&self) -> u32 {
        self.life
    }

    /// Runs a socket call. The caller must not do so while the process is frozen or the host has no power.
    pub(crate) fn call(&mut self, at: Instant, call: Call) -> Outcome {
        self.engine.call(at, call)
    }

    /// Opens a socket, under the conditions of [`call`](Machine::call).
    pub(crate) fn socket(&mut self) -> Result<SocketId, Errno> {
        self.engine.socket()
    }

    /// Returns the next connection of a listener, under the conditions of [`call`](Machine::call).
    pub(crate) fn accept(&mut self, listener: SocketId) -> Result<SocketId, Errno> {
        self.engine.accept(listener)
    }

    /// Returns SO_ERROR and clears it, under the conditions of [`call`](Machine::call).
    pub(crate) fn so_error(
        &mut self,
        at: Instant,
        socket: SocketId,
    ) -> Result<Option<Errno>, Errno> {
        self.engine.so_error(at, socket)
    }

    /// Takes a packet from the link.
    pub(crate) fn on_packet(&mut self, at: Instant, bytes: &[u8]) {
        self.on_deadline(at);
        self.tap.packet(at, Dir::Out, bytes, None);
        if !self.fate.passes() {
            return;
        }
        if is_whole_tcp(bytes) {
            return self.on_tcp(at, bytes);
        }
        // the engine handles errors that concern TCP, and smoltcp does nothing with them
        if let Ok(datagram) = Datagram::parse(bytes)
            && let Payload::Icmp(_) = &datagram.payload
        {
            self.engine.on_packet(at, &datagram);
        }
        self.not_tcp.on_packet(at, bytes);
        while let Some(whole) = self.not_tcp.poll_reassembled() {
            self.on_tcp(at, &whole);
        }
    }

    fn on_tcp(&mut self, at: Instant, bytes: &[u8]) {
        // a packet that cannot be parsed is dropped silently, as in a kernel
        if let Ok(datagram) = Datagram::parse(bytes) {
            self.on_segment(at, &datagram);
        }
    }

    /// Takes a TCP segment from the link.
    #[cfg(feature = "os")]
    pub(crate) fn on_datagram(&mut self, at: Instant, datagram: &Datagram) {
        self.on_deadline(at);
        if self.tap.0.is_some() {
            let bytes = datagram.emit();
            self.tap.packet(at, Dir::Out, &bytes, None);
        }
        if self.fate.passes() {
            self.on_segment(at, datagram);
        }
    }

    /// Returns whether packets must be seen one by one: for a planned death or a tap.
    pub(crate) fn counts_packets(&self) -> bool {
        let doomed = |s: &Option<PendingFailure>| s.is_some();
        let one_doomed = || self.fates.values().any(|f| doomed(&f.pending_failure));
        self.tap.0.is_some() || doomed(&self.pending_failure) || one_doomed()
    }

    fn on_segment(&mut self, at: Instant, datagram: &Datagram) {
        let Payload::Tcp(segment) = &datagram.payload else {
            return;
        };
        let local = Addr {
            ip: datagram.dst,
            port: segment.dst_port,
        };
        let remote = Addr {
            ip: datagram.src,
            port: segment.src_port,
        };
        if !self.passes((local, remote)) {
            return;
        }
        let data = segment.payload.len();
        if segment.flags.has(Flags::SYN) && !segment.flags.has(Flags::ACK) {
            self.open_port(at, local);
        }
        self.engine.on_packet(at, datagram);
        self.saw(at, (local, remote), data);
    }

    fn passes(&self, ends: (Addr, Addr)) -> bool {
        self.fates.is_empty() || self.fates.get(&ends).is_none_or(|f| f.fate.passes())
    }

    /// Counts a TCP packet that passed.
    fn saw(&mut self, at: Instant, ends: (Addr, Addr), data: usize) {
        if let Some(order) = self.pending_failure.as_mut().and_then(|s| s.saw(at, data)) {
            self.apply(at, order);
        }
        if self.fates.is_empty() {
            return;
        }
        let fate = self.fates.get_mut(&ends);
        let pending_failure = fate.and_then(|f| f.pending_failure.as_mut());
        if let Some(order) = pending_failure.and_then(|s| s.saw(at, data)) {
            self.obey_connection(at, ends, order);
        }
    }

    /// Runs every timer and every planned change of fate that is due.
    pub(crate) fn on_deadline(&mut self, at: Instant) {
        if self.engine.next_deadline().is_some_and(|due| due <= at) {
            self.engine.on_deadline(at);
        }
        while let Some(order) = self
            .pending_failure
            .as_mut()
            .and_then(|s| s.on_deadline(at))
        {
            self.apply(at, order);
        }
        if self.fates.is_empty() {
            return;
        }
        let due =
            |f: &mut ConnectionFate| f.pending_failure.as_mut().and_then(|s| s.on_deadline(at));
        let orders: Vec<_> = self
            .fates
            .iter_mut()
            .filter_map(|(e, f)| Some((*e, due(f)?)))
            .collect();
        for (ends, order) in orders {
            self.obey_connection(at, ends, order);
        }
    }

    /// Returns when [`on_deadline`](Machine::on_deadline) has to be called next.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let engine = self.engine.next_deadline();
        let own = self.pending_failure.as_ref().and_then(|s| s.due);
        let fates = self
            .fates
            .values()
            .filter_map(|f| f.pending_failure.as_ref()?.due);
        engine.into_iter().chain(own).chain(fates).min()
    }

    /// Returns the engine's next segment, cut to single packets if packets must be seen one by one.
    fn next_segment(&mut self, at: Instant) -> Option<Transmit> {
        if let Some(piece) = self.pieces.pop_front() {
            return Some(piece);
        }
        let transmit = self.engine.poll_transmit(at)?;
        if transmit.datagram.gso_size == 0 || !self.counts_packets() {
            return Some(transmit);
        }
        self.pieces
            .extend(gso::cut(&transmit.datagram).map(|datagram| Transmit {
                datagram,
                ..transmit.clone()
            }));
        self.pieces.pop_front()
    }

    /// Returns the next packet to send.
    pub(crate) fn poll_transmit(&mut self, at: Instant) -> Option<Outgoing> {
        while let Some(transmit) = self.next_segment(at) {
            let datagram = &transmit.datagram;
            let mut counted = None;
            if let Payload::Tcp(segment) = &datagram.payload {
                let local = Addr {
                    ip: datagram.src,
                    port: segment.src_port,
                };
                let remote = Addr {
                    ip: datagram.dst,
                    port: segment.dst_port,
                };
                if !self.fate.passes() || !self.passes((local, remote)) {
                    continue;
                }
                counted = Some(((local, remote), segment.payload.len()));
            }
            if self.tap.0.is_some() {
                let cause = transmit.cause.to_string();
                let bytes = transmit.datagram.emit();
                self.tap.packet(at, Dir::In, &bytes, Some(&cause));
            }
            // the packet that completes the condition still passes
            if let Some((ends, data)) = counted {
                self.saw(at, ends, data);
            }
            return Some(Outgoing::Tcp(transmit));
        }
        while let Some(bytes) = self.not_tcp.poll_transmit() {
            if self.fate.passes() {
                self.tap.packet(at, Dir::In, &bytes, None);
                return Some(Outgoing::Other(bytes));
            }
        }
        None
    }

    /// Notes that this socket may have changed.
    pub(crate) fn touched(&mut self, socket: SocketId) {
        self.touched.push_back(socket);
    }

    /// Returns the next socket of the application that may have changed.
    pub(crate) fn poll_touched(&mut self) -> Option<SocketId> {
        self.touched.pop_front()
    }

    /// Returns whether every socket may have changed, and clears that.
    pub(crate) fn take_upheaval(&mut self) -> bool {
        std::mem::take(&mut self.all_dirty)
    }

    /// Returns whether calls on this socket do not return at present.
    pub(crate) fn is_frozen(&self, socket: SocketId) -> bool {
        self.fate.frozen || (!self.fates.is_empty() && self.fate_of(socket).frozen)
    }

    /// Returns the fate of a socket's connection alone.
    fn fate_of(&self, socket: SocketId) -> Fate {
        let ends = self.engine.ends(socket);
        let fate = ends.and_then(|ends| self.fates.get(&ends));
        fate.map(|f| f.fate).unwrap_or_default()
    }

    /// Returns whether the socket's state is gone, because its connection or the host lost power.
    pub(crate) fn is_lost(&self, life: u32, socket: SocketId) -> bool {
        self.fate.powered_off || life != self.life || self.lost.contains(&socket)
    }

    /// Forgets a socket that the application has dropped.
    pub(crate) fn close(&mut self, at: Instant, life: u32, socket: SocketId) {
        if life != self.life {
            return;
        }
        match self.lost.iter().position(|s| *s == socket) {
            Some(at) => {
                self.lost.swap_remove(at);
            }
            None => {
                self.call(at, Call::Close(socket));
            }
        }
    }
}

/// Returns whether these bytes are an unfragmented TCP segment, judging by the IP header alone.
fn is_whole_tcp(bytes: &[u8]) -> bool {
    const TCP: u8 = 6;
    match bytes.first().map(|b| b >> 4) {
        // the more-fragments bit is clear and the offset is 0
        Some(4) => bytes.len() > 9 && bytes[9] == TCP && (bytes[6] & 0x3f, bytes[7]) == (0, 0),
        Some(6) => bytes.len() > 6 && bytes[6] == TCP,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
