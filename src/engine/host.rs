//! A host: what it is made of, what goes in and out, and whose timer is next.
//!
//! Linux counterpart: the ehash, the listening hash and the timer bases.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::Ipv4Addr;
use std::sync::Arc;

use super::clock::Now;
use super::event::{Event, Transmit};
use super::ports::Ports;
use super::request::Request;
use super::secret::Secrets;
use super::tcb::Tcb;
use super::timewait::TimeWait;
use crate::call::{Addr, Readiness, SocketId, TcpInfo, TcpState, TimerKind};
use crate::rng::Stream;
use crate::sysctl::Sysctl;
use crate::time::{Instant, Ticks};
use crate::wire::{Datagram, Payload};

/// Numbers that a host draws at random; given instead, to repeat a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drawn {
    /// Initial sequence number of every connection.
    pub isn: Option<u32>,
    /// Offset added to the millisecond clock for TSval.
    pub ts_offset: Option<u32>,
    /// IP identification of a connection's first packet.
    pub ip_id: Option<u16>,
}

/// What a host is made of.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its address.
    pub addr: Ipv4Addr,
    /// Its knobs.
    pub sysctl: Sysctl,
    /// Its clock tick.
    pub ticks: Ticks,
    /// How much of a millisecond of its timestamp clock had passed at time 0, in ns.
    pub ns_into_ms: u64,
    /// Seed of what it draws; its secret keys too, so where a stranger may be the peer it must be one nobody can guess.
    pub seed: u64,
    /// What is not drawn but given.
    pub drawn: Drawn,
    /// Whether tcp_retries2 and its relatives count retransmissions, as before Linux 2.6.32, and are not a time.
    pub retries_are_counted: bool,
}

impl Config {
    /// Linux 6.18's defaults at this address: HZ 250, phase 0, seed 0.
    pub fn new(addr: Ipv4Addr) -> Self {
        Config {
            addr,
            sysctl: Sysctl::default(),
            ticks: Ticks::default(),
            ns_into_ms: 0,
            seed: 0,
            drawn: Drawn::default(),
            retries_are_counted: false,
        }
    }
}

/// What a socket number stands for.
#[derive(Clone, Debug)]
pub(super) enum Socket {
    /// Not connected and not listening.
    Fresh(Box<Tcb>),
    /// A listener: the template of its connections, and those not accepted yet.
    Listener {
        template: Box<Tcb>,
        backlog: u32,
        queue: VecDeque<u32>,
    },
    /// A connection.
    Connection(u32),
}

/// Something that a timer or a segment can be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    Connection(u32),
    Request(u32),
    TimeWait(u32),
}

/// A host's TCP.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(super) addr: Ipv4Addr,
    pub(super) sysctl: Arc<Sysctl>,
    pub(super) ticks: Ticks,
    pub(super) ns_into_ms: u64,
    pub(super) drawn: Drawn,
    pub(super) retries_are_counted: bool,
    pub(super) secrets: Secrets,
    pub(super) ports: Ports,
    pub(super) ip_ids: Stream,
    pub(super) next_id: u32,
    pub(super) sockets: BTreeMap<SocketId, Socket>,
    pub(super) connections: BTreeMap<u32, Box<Tcb>>,
    pub(super) requests: BTreeMap<u32, Request>,
    pub(super) timewaits: BTreeMap<u32, TimeWait>,
    /// Local and remote end to owner.
    pub(super) demux: BTreeMap<(Addr, Addr), Owner>,
    pub(super) listeners: BTreeMap<Addr, SocketId>,
    pub(super) deadlines: BTreeSet<(Instant, Owner)>,
    /// Where each owner stands in `deadlines`.
    pub(super) armed: BTreeMap<Owner, Instant>,
    pub(super) out: VecDeque<Transmit>,
    pub(super) events: VecDeque<Event>,
    /// Sockets whose readiness may have changed, where somebody asked to be told.
    pub(super) touched: Option<VecDeque<SocketId>>,
}

impl Engine {
    /// A host without connections.
    pub fn new(config: Config) -> Self {
        let secrets = Secrets::new(config.seed);
        Engine {
            addr: config.addr,
            sysctl: Arc::new(config.sysctl),
            ticks: config.ticks,
            ns_into_ms: config.ns_into_ms,
            drawn: config.drawn,
            retries_are_counted: config.retries_are_counted,
            ports: Ports::new(secrets.port, config.seed),
            secrets,
            ip_ids: Stream::new(config.seed, "ip_id"),
            next_id: 1,
            sockets: BTreeMap::new(),
            connections: BTreeMap::new(),
            requests: BTreeMap::new(),
            timewaits: BTreeMap::new(),
            demux: BTreeMap::new(),
            listeners: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            armed: BTreeMap::new(),
            out: VecDeque::new(),
            events: VecDeque::new(),
            touched: None,
        }
    }

    pub(super) fn now(&self, at: Instant) -> Now {
        Now::read(at, &self.ticks, self.ns_into_ms)
    }

    pub(super) fn new_id(&mut self) -> u32 {
        self.next_id += 1;
        self.next_id - 1
    }

    pub(super) fn draw_ip_id(&mut self) -> u16 {
        let drawn = self.ip_ids.next_u16();
        self.drawn.ip_id.unwrap_or(drawn)
    }

    /// A datagram from the wire.
    pub fn on_packet(&mut self, at: Instant, datagram: &Datagram) {
        if datagram.dst != self.addr {
            return;
        }
        match &datagram.payload {
            Payload::Tcp(segment) => self.on_segment(at, datagram, segment),
            Payload::Icmp(icmp) => self.on_icmp(at, icmp),
        }
    }

    /// The deadline has come, or is past: every timer that is due fires.
    pub fn on_deadline(&mut self, at: Instant) {
        let now = self.now(at);
        while let Some((when, owner)) = self.deadlines.first().copied() {
            if when > at {
                break;
            }
            self.deadlines.remove(&(when, owner));
            self.armed.remove(&owner);
            match owner {
                Owner::Connection(id) => self.connection_deadline(now, id),
                Owner::Request(id) => self.request_deadline(now, id),
                Owner::TimeWait(id) => self.forget_timewait(id),
            }
        }
    }

    fn connection_deadline(&mut self, now: Now, id: u32) {
        let ticks = self.ticks;
        if let Some(tcb) = self.connections.get_mut(&id) {
            tcb.on_due_timers(now, &ticks);
        }
        self.settle(now, id);
    }

    fn request_deadline(&mut self, now: Now, id: u32) {
        let Some(request) = self.requests.get_mut(&id) else {
            return;
        };
        let Some(Socket::Listener { template, .. }) = self.sockets.get(&SocketId(request.listener))
        else {
            return;
        };
        match request.on_timer(now, template) {
            Some(sent) => {
                self.out.extend(sent);
                self.schedule(Owner::Request(id));
            }
            None => {
                let text = "half-open connection dropped: no SYN-ACK was answered".to_owned();
                self.events.push_back(Event {
                    at: now.at,
                    text,
                    fired: true,
                });
                self.forget_request(id);
            }
        }
    }

    /// After a connection was touched: takes what it sent, moves it on, and notes its next deadline.
    pub(super) fn settle(&mut self, now: Now, id: u32) {
        let Some(tcb) = self.connections.get_mut(&id) else {
            return;
        };
        self.out.append(&mut tcb.out);
        self.events.append(&mut tcb.events);
        let socket = tcb.socket;
        let timewait = match tcb.becomes_timewait.take() {
            Some(wait) => Some(wait),
            None => (tcb.state == TcpState::TimeWait).then_some((TcpState::TimeWait, 0)),
        };
        if let Some((substate, time)) = timewait {
            let successor = TimeWait::from_tcb(tcb, now, substate, time);
            self.bury(now, id, Some(successor));
        } else if tcb.state == TcpState::Closed {
            self.bury(now, id, None);
        }
        self.schedule(Owner::Connection(id));
        self.touch(socket);
    }

    /// The full socket leaves the tables; what its owner still may ask stays until close().
    fn bury(&mut self, now: Now, id: u32, successor: Option<TimeWait>) {
        let Some(tcb) = self.connections.get_mut(&id) else {
            return;
        };
        let addrs = (tcb.local, tcb.remote);
        if self.demux.get(&addrs) == Some(&Owner::Connection(id)) {
            self.demux.remove(&addrs);
        }
        if successor.is_some() && tcb.state != TcpState::Closed {
            tcb.tcp_done(now);
            self.events.append(&mut tcb.events);
        }
        if tcb.orphan {
            self.connections.remove(&id);
        }
        if let Some(successor) = successor {
            let wait = self.new_id();
            self.timewaits.insert(wait, successor);
            self.demux.insert(addrs, Owner::TimeWait(wait));
            self.schedule(Owner::TimeWait(wait));
        }
    }

    pub(super) fn forget_request(&mut self, id: u32) {
        if let Some(request) = self.requests.remove(&id) {
            self.demux.remove(&(request.local, request.remote));
        }
        self.schedule(Owner::Request(id));
    }

    pub(super) fn forget_timewait(&mut self, id: u32) {
        if let Some(timewait) = self.timewaits.remove(&id) {
            self.demux.remove(&(timewait.local, timewait.remote));
        }
        self.schedule(Owner::TimeWait(id));
    }

    /// Keeps the deadline queue true for one owner.
    pub(super) fn schedule(&mut self, owner: Owner) {
        let next = match owner {
            Owner::Connection(id) => self
                .connections
                .get(&id)
                .and_then(|t| t.timers.next(&self.ticks)),
            Owner::Request(id) => self.requests.get(&id).map(|r| r.timer.instant(&self.ticks)),
            Owner::TimeWait(id) => self
                .timewaits
                .get(&id)
                .map(|t| t.timer.instant(&self.ticks)),
        };
        if let Some(old) = self.armed.remove(&owner) {
            self.deadlines.remove(&(old, owner));
        }
        if let Some(next) = next {
            self.armed.insert(owner, next);
            self.deadlines.insert((next, owner));
        }
    }

    /// The next packet to send.
    pub fn poll_transmit(&mut self, _at: Instant) -> Option<Transmit> {
        self.out.pop_front()
    }

    /// The next thing a timer did.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`on_deadline`](Engine::on_deadline) is to be called next.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// What poll(2) would say of a socket.
    pub fn readiness(&self, socket: SocketId) -> Readiness {
        match self.sockets.get(&socket) {
            Some(Socket::Fresh(_)) => Readiness {
                writable: true,
                hangup: true,
                ..Readiness::default()
            },
            Some(Socket::Listener { queue, .. }) => Readiness {
                readable: !queue.is_empty(),
                ..Readiness::default()
            },
            Some(Socket::Connection(id)) => self
                .connections
                .get(id)
                .map(|t| t.readiness())
                .unwrap_or_default(),
            None => Readiness::default(),
        }
    }

    /// State, counters and timers of a connection, orphans, requests and timewaits included.
    pub fn connection(&self, at: Instant, local: Addr, remote: Addr) -> Option<TcpInfo> {
        let now = self.now(at);
        let left_ms = |expires: u64| self.ticks.to_us(expires.saturating_sub(now.j)) / 1_000;
        match self.demux.get(&(local, remote))? {
            Owner::Connection(id) => Some(self.connections.get(id)?.info(now)),
            Owner::Request(id) => self.requests.get(id).map(|r| TcpInfo {
                at,
                state: TcpState::SynRecv,
                timer: TimerKind::On,
                timer_ms: left_ms(r.timer.expires),
                timer_retrans: r.num_retrans,
                ..TcpInfo::default()
            }),
            Owner::TimeWait(id) => self.timewaits.get(id).map(|t| TcpInfo {
                at,
                state: t.substate,
                timer: TimerKind::TimeWait,
                timer_ms: left_ms(t.timer.expires),
                ..TcpInfo::default()
            }),
        }
    }
}
