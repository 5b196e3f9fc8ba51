//! A host: its sockets, who gets a segment, and whose timer is next.
//!
//! RFC 9293 3.10.7.1 (a segment for nobody). Linux counterpart: tcp_v4_rcv, tcp_v4_send_reset, the ehash and the
//! listening hash, inet_csk_accept.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::Ipv4Addr;
use std::sync::Arc;

use super::clock::{EPOCH_MS, Now};
use super::event::{Event, Transmit};
use super::header::v4;
use super::input::Verdict;
use super::options::Options;
use super::request::{Request, RequestVerdict};
use super::tcb::Tcb;
use super::timewait::{TimeWait, TimeWaitVerdict};
use crate::call::{Addr, Call, Errno, Outcome, Readiness, SocketId, TcpInfo, TcpState, TimerKind};
use crate::rng::Stream;
use crate::sysctl::Sysctl;
use crate::time::{Instant, Ticks};
use crate::wire::{Datagram, Flags, Icmp, Payload, Segment, Seq};

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
    /// Seed of what it draws.
    pub seed: u64,
    /// What is not drawn but given.
    pub drawn: Drawn,
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
        }
    }
}

/// What a socket number stands for.
#[derive(Clone, Debug)]
enum Socket {
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
enum Owner {
    Connection(u32),
    Request(u32),
    TimeWait(u32),
}

/// A host's TCP.
#[derive(Clone, Debug)]
pub struct Engine {
    addr: Ipv4Addr,
    sysctl: Arc<Sysctl>,
    ticks: Ticks,
    ns_into_ms: u64,
    drawn: Drawn,
    isns: Stream,
    ts_offsets: Stream,
    ip_ids: Stream,
    next_id: u32,
    sockets: BTreeMap<SocketId, Socket>,
    connections: BTreeMap<u32, Box<Tcb>>,
    requests: BTreeMap<u32, Request>,
    timewaits: BTreeMap<u32, TimeWait>,
    /// Local and remote end to owner.
    demux: BTreeMap<(Addr, Addr), Owner>,
    listeners: BTreeMap<Addr, SocketId>,
    deadlines: BTreeSet<(Instant, Owner)>,
    /// Where each owner stands in `deadlines`.
    armed: BTreeMap<Owner, Instant>,
    out: VecDeque<Transmit>,
    events: VecDeque<Event>,
}

impl Engine {
    /// A host without connections.
    pub fn new(config: Config) -> Self {
        Engine {
            addr: config.addr,
            sysctl: Arc::new(config.sysctl),
            ticks: config.ticks,
            ns_into_ms: config.ns_into_ms,
            drawn: config.drawn,
            isns: Stream::new(config.seed, "isn"),
            ts_offsets: Stream::new(config.seed, "ts_offset"),
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
        }
    }

    fn now(&self, at: Instant) -> Now {
        Now::read(at, &self.ticks, self.ns_into_ms)
    }

    fn new_id(&mut self) -> u32 {
        self.next_id += 1;
        self.next_id - 1
    }

    fn draw_isn(&mut self) -> Seq {
        let drawn = self.isns.next_u32();
        Seq(self.drawn.isn.unwrap_or(drawn))
    }

    fn draw_ts_offset(&mut self) -> u32 {
        let drawn = self.ts_offsets.next_u32();
        let offset = match (self.drawn.ts_offset, self.sysctl.tcp_timestamps) {
            (Some(given), _) => given,
            (None, 1) => drawn,
            (None, _) => 0,
        };
        offset.wrapping_sub(EPOCH_MS as u32)
    }

    fn draw_ip_id(&mut self) -> u16 {
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

    fn on_segment(&mut self, at: Instant, datagram: &Datagram, segment: &Segment) {
        let now = self.now(at);
        let local = Addr {
            ip: datagram.dst.into(),
            port: segment.dst_port,
        };
        let remote = Addr {
            ip: datagram.src.into(),
            port: segment.src_port,
        };
        match self.demux.get(&(local, remote)).copied() {
            Some(Owner::Connection(id)) => self.segment_for_connection(now, id, datagram, segment),
            Some(Owner::Request(id)) => self.segment_for_request(now, id, datagram, segment),
            Some(Owner::TimeWait(id)) => self.segment_for_timewait(now, id, datagram, segment),
            None => self.segment_for_listener(now, datagram, segment, (local, remote)),
        }
    }

    fn segment_for_connection(
        &mut self,
        now: Now,
        id: u32,
        datagram: &Datagram,
        segment: &Segment,
    ) {
        let Some(tcb) = self.connections.get_mut(&id) else {
            return;
        };
        let verdict = tcb.on_segment(now, segment);
        self.settle(now, id);
        if verdict == Verdict::Reset {
            self.reply_reset(datagram, segment);
        }
    }

    fn segment_for_request(&mut self, now: Now, id: u32, datagram: &Datagram, segment: &Segment) {
        let Some(request) = self.requests.get_mut(&id) else {
            return;
        };
        let listener = SocketId(request.listener);
        let Some(Socket::Listener {
            template,
            backlog,
            queue,
        }) = self.sockets.get_mut(&listener)
        else {
            return;
        };
        let full = queue.len() as u32 > *backlog;
        match request.on_segment(now, template, segment) {
            RequestVerdict::Done => {}
            RequestVerdict::Answer(transmit) => self.out.push_back(*transmit),
            RequestVerdict::Reset => self.reply_reset(datagram, segment),
            RequestVerdict::Gone => self.forget_request(id),
            RequestVerdict::Complete if full => {
                log::debug!("the accept queue is full: the ACK is dropped")
            }
            RequestVerdict::Complete => self.complete(now, id, listener, datagram, segment),
        }
        self.schedule(Owner::Request(id));
    }

    fn complete(
        &mut self,
        now: Now,
        id: u32,
        listener: SocketId,
        datagram: &Datagram,
        segment: &Segment,
    ) {
        let Some(request) = self.requests.get(&id).cloned() else {
            return;
        };
        self.forget_request(id);
        let ip_id = self.draw_ip_id();
        let conn = self.new_id();
        let Some(Socket::Listener {
            template, queue, ..
        }) = self.sockets.get_mut(&listener)
        else {
            return;
        };
        let mut tcb = request.into_tcb(now, template, ip_id);
        tcb.establish(now, segment);
        queue.push_back(conn);
        self.demux
            .insert((tcb.local, tcb.remote), Owner::Connection(conn));
        self.connections.insert(conn, Box::new(tcb));
        self.segment_for_connection(now, conn, datagram, segment);
    }

    fn segment_for_timewait(&mut self, now: Now, id: u32, datagram: &Datagram, segment: &Segment) {
        let limit = self.ticks.from_ms(self.sysctl.tcp_invalid_ratelimit as u64);
        let rfc1337 = self.sysctl.tcp_rfc1337 != 0;
        let Some(timewait) = self.timewaits.get_mut(&id) else {
            return;
        };
        let addrs = (timewait.local, timewait.remote);
        match timewait.on_segment(now, &self.ticks, segment, limit, rfc1337) {
            TimeWaitVerdict::Ignore => {}
            TimeWaitVerdict::Ack(transmit) => self.out.push_back(*transmit),
            TimeWaitVerdict::Gone => self.forget_timewait(id),
            TimeWaitVerdict::Reset => {
                self.forget_timewait(id);
                self.reply_reset(datagram, segment);
            }
            TimeWaitVerdict::Reopen => {
                if self.listeners.contains_key(&addrs.0) {
                    self.forget_timewait(id);
                    self.segment_for_listener(now, datagram, segment, addrs);
                }
            }
        }
        self.schedule(Owner::TimeWait(id));
    }

    fn segment_for_listener(
        &mut self,
        now: Now,
        datagram: &Datagram,
        segment: &Segment,
        addrs: (Addr, Addr),
    ) {
        let any = Addr {
            ip: Ipv4Addr::UNSPECIFIED.into(),
            port: addrs.0.port,
        };
        let listener = self
            .listeners
            .get(&addrs.0)
            .or_else(|| self.listeners.get(&any))
            .copied();
        let control = segment.flags;
        let (Some(listener), false) = (listener, control.any(Flags::ACK)) else {
            return self.reply_reset(datagram, segment);
        };
        if control.has(Flags::RST) || !control.has(Flags::SYN) || control.has(Flags::FIN) {
            return;
        }
        let drawn = (self.draw_isn(), self.draw_ts_offset());
        let id = self.new_id();
        let Some(Socket::Listener { template, .. }) = self.sockets.get(&listener) else {
            return;
        };
        let mut request = Request::new(now, template, listener.0, addrs, segment, drawn);
        self.out
            .push_back(request.syn_ack(now, "SYN-ACK: on a SYN's arrival".to_owned(), None));
        self.requests.insert(id, request);
        self.demux.insert(addrs, Owner::Request(id));
        self.schedule(Owner::Request(id));
    }

    /// A segment for nobody is answered by a RST that the sender will accept; a RST is not.
    fn reply_reset(&mut self, datagram: &Datagram, segment: &Segment) {
        if segment.flags.has(Flags::RST) {
            return;
        }
        let acked = segment.flags.has(Flags::ACK);
        let reset = Segment {
            src_port: segment.dst_port,
            dst_port: segment.src_port,
            seq: if acked { segment.ack } else { Seq(0) },
            ack: if acked { Seq(0) } else { segment.end_seq() },
            flags: if acked {
                Flags::RST
            } else {
                Flags::RST | Flags::ACK
            },
            ..Segment::default()
        };
        self.out.push_back(Transmit {
            datagram: Datagram::new(datagram.dst, datagram.src, 0, Payload::Tcp(reset)),
            cause: "RST: a segment for no socket that could take it".to_owned(),
            timer: None,
        });
    }

    fn on_icmp(&mut self, at: Instant, icmp: &Icmp) {
        let Ok(quoted) = Datagram::parse_quoted(&icmp.body) else {
            return;
        };
        let Some(segment) = quoted.segment() else {
            return;
        };
        let local = Addr {
            ip: quoted.src.into(),
            port: segment.src_port,
        };
        let remote = Addr {
            ip: quoted.dst.into(),
            port: segment.dst_port,
        };
        // a request survives an ICMP error, as does a timewait sock
        let Some(Owner::Connection(id)) = self.demux.get(&(local, remote)).copied() else {
            return;
        };
        let now = self.now(at);
        if let Some(tcb) = self.connections.get_mut(&id) {
            tcb.on_icmp(now, icmp, segment.seq);
        }
        self.settle(now, id);
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
    fn settle(&mut self, now: Now, id: u32) {
        let Some(tcb) = self.connections.get_mut(&id) else {
            return;
        };
        self.out.append(&mut tcb.out);
        self.events.append(&mut tcb.events);
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

    fn forget_request(&mut self, id: u32) {
        if let Some(request) = self.requests.remove(&id) {
            self.demux.remove(&(request.local, request.remote));
        }
        self.schedule(Owner::Request(id));
    }

    fn forget_timewait(&mut self, id: u32) {
        if let Some(timewait) = self.timewaits.remove(&id) {
            self.demux.remove(&(timewait.local, timewait.remote));
        }
        self.schedule(Owner::TimeWait(id));
    }

    /// Keeps the deadline queue true for one owner.
    fn schedule(&mut self, owner: Owner) {
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

    /// A socket call.
    pub fn call(&mut self, at: Instant, call: Call) -> Outcome {
        let now = self.now(at);
        match call {
            Call::Socket => {
                let id = SocketId(self.new_id());
                let tcb = Tcb::new(self.sysctl.clone(), self.ticks, Options::default());
                self.sockets.insert(id, Socket::Fresh(Box::new(tcb)));
                Outcome::Socket(id)
            }
            Call::Bind(socket, addr) => match self.sockets.get_mut(&socket) {
                Some(Socket::Fresh(tcb)) => {
                    tcb.local = addr;
                    Outcome::Done
                }
                Some(_) => Outcome::Failed(Errno::EINVAL),
                None => Outcome::Failed(Errno::EBADF),
            },
            Call::Connect(socket, remote) => self.connect(now, socket, remote),
            Call::Listen(socket, backlog) => self.listen(socket, backlog),
            Call::Accept(socket) => self.accept(socket),
            Call::Close(socket) => self.close(now, socket, "close()"),
            Call::Kill => {
                let all: Vec<SocketId> = self.sockets.keys().copied().collect();
                for socket in all {
                    self.close(now, socket, "the process was killed");
                }
                Outcome::Done
            }
            Call::Set(socket, option) => self.on_tcb(now, socket, |tcb, now| {
                tcb.set_option(now, &option)
                    .map_or_else(Outcome::Failed, |()| Outcome::Done)
            }),
            Call::Send(socket, data) => self.on_tcb(now, socket, |tcb, now| tcb.send(now, &data)),
            Call::Recv(socket, max) => self.on_tcb(now, socket, |tcb, now| tcb.recv(now, max)),
            Call::ShutdownWrite(socket) => self.on_tcb(now, socket, |tcb, now| {
                tcb.shutdown_write(now)
                    .map_or_else(Outcome::Failed, |()| Outcome::Done)
            }),
            Call::SoError(socket) => {
                self.on_tcb(now, socket, |tcb, _| Outcome::SoError(tcb.so_error()))
            }
        }
    }

    /// Makes a call on whatever control block the socket has.
    fn on_tcb(
        &mut self,
        now: Now,
        socket: SocketId,
        f: impl FnOnce(&mut Tcb, Now) -> Outcome,
    ) -> Outcome {
        match self.sockets.get_mut(&socket) {
            Some(Socket::Fresh(tcb) | Socket::Listener { template: tcb, .. }) => f(tcb, now),
            Some(Socket::Connection(id)) => {
                let id = *id;
                let Some(tcb) = self.connections.get_mut(&id) else {
                    return Outcome::Failed(Errno::EBADF);
                };
                let outcome = f(tcb, now);
                self.settle(now, id);
                outcome
            }
            None => Outcome::Failed(Errno::EBADF),
        }
    }

    fn connect(&mut self, now: Now, socket: SocketId, remote: Addr) -> Outcome {
        let fresh = match self.sockets.get(&socket) {
            Some(Socket::Fresh(_)) => self.sockets.remove(&socket),
            Some(Socket::Listener { .. }) => return Outcome::Failed(Errno::EISCONN),
            Some(Socket::Connection(_)) => return Outcome::Failed(Errno::EALREADY),
            None => return Outcome::Failed(Errno::EBADF),
        };
        let Some(Socket::Fresh(mut tcb)) = fresh else {
            return Outcome::Failed(Errno::EBADF);
        };
        if v4(tcb.local.ip).is_unspecified() {
            tcb.local.ip = self.addr.into();
        }
        if tcb.local.port == 0 {
            tcb.local.port = self.ephemeral_port(tcb.local, remote);
        }
        if self.demux.contains_key(&(tcb.local, remote)) {
            self.sockets.insert(socket, Socket::Fresh(tcb));
            return Outcome::Failed(Errno::EADDRNOTAVAIL);
        }
        let id = self.new_id();
        tcb.remote = remote;
        tcb.ip_id = self.draw_ip_id();
        tcb.ts_offset = self.draw_ts_offset();
        let isn = self.draw_isn();
        tcb.connect(now, isn);
        self.sockets.insert(socket, Socket::Connection(id));
        self.demux
            .insert((tcb.local, remote), Owner::Connection(id));
        self.connections.insert(id, tcb);
        self.settle(now, id);
        Outcome::Failed(Errno::EINPROGRESS)
    }

    fn ephemeral_port(&mut self, local: Addr, remote: Addr) -> u16 {
        let start = u32::from(self.ip_ids.next_u16());
        let ports = (0..28_232).map(|i| 32_768 + ((start + i) % 28_232) as u16);
        ports
            .into_iter()
            .find(|p| {
                !self
                    .demux
                    .contains_key(&(Addr { port: *p, ..local }, remote))
            })
            .unwrap_or(0)
    }

    fn listen(&mut self, socket: SocketId, backlog: u32) -> Outcome {
        let Some(Socket::Fresh(tcb)) = self.sockets.get_mut(&socket) else {
            return Outcome::Failed(Errno::EINVAL);
        };
        if self.listeners.contains_key(&tcb.local) {
            return Outcome::Failed(Errno::EADDRINUSE);
        }
        self.listeners.insert(tcb.local, socket);
        let mut template = tcb.clone();
        template.transition(TcpState::Listen);
        self.sockets.insert(
            socket,
            Socket::Listener {
                template,
                backlog,
                queue: VecDeque::new(),
            },
        );
        Outcome::Done
    }

    fn accept(&mut self, socket: SocketId) -> Outcome {
        let Some(Socket::Listener { queue, .. }) = self.sockets.get_mut(&socket) else {
            return Outcome::Failed(Errno::EINVAL);
        };
        let Some(id) = queue.pop_front() else {
            return Outcome::Failed(Errno::EAGAIN);
        };
        let accepted = SocketId(self.new_id());
        self.sockets.insert(accepted, Socket::Connection(id));
        Outcome::Socket(accepted)
    }

    fn close(&mut self, now: Now, socket: SocketId, call: &'static str) -> Outcome {
        match self.sockets.remove(&socket) {
            None => Outcome::Failed(Errno::EBADF),
            Some(Socket::Fresh(_)) => Outcome::Done,
            Some(Socket::Connection(id)) => {
                if let Some(tcb) = self.connections.get_mut(&id) {
                    tcb.close(now, call);
                }
                self.settle(now, id);
                Outcome::Done
            }
            Some(Socket::Listener {
                template, queue, ..
            }) => {
                self.listeners.remove(&template.local);
                let orphans: Vec<u32> = self
                    .requests
                    .iter()
                    .filter(|(_, r)| r.listener == socket.0)
                    .map(|(id, _)| *id)
                    .collect();
                orphans.into_iter().for_each(|id| self.forget_request(id));
                for id in queue {
                    if let Some(tcb) = self.connections.get_mut(&id) {
                        tcb.abort_unaccepted(now);
                    }
                    self.settle(now, id);
                }
                Outcome::Done
            }
        }
    }
}
