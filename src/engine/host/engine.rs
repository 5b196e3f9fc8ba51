//! A host: what it is made of, what goes in and out, and whose timer is next.
//!
//! Linux counterpart: the ehash, the listening hash and the timer bases.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use crate::call::{Addr, Readiness, SocketId, TcpInfo, TcpState, TimerKind};
use crate::engine::clock::now::Now;
use crate::engine::host::descriptors::{Descriptors, Socket};
use crate::engine::host::ports::Ports;
use crate::engine::host::table::{Sock, Table};
use crate::engine::host::timer_wheel::Wheel;
use crate::engine::lifecycle::timewait::TimeWait;
use crate::engine::netns::knobs::Knobs;
use crate::engine::netns::mib::{Counter, Mib};
use crate::engine::netns::net::{Net, Shared};
use crate::engine::netns::path_mtu::Device;
use crate::engine::netns::routes::Routes;
use crate::engine::netns::siphash::Secrets;
use crate::engine::tcb::control_block::Tcb;
use crate::engine::tcb::outbox::{Event, Outbox, Transmit, Trigger};
use crate::engine::tcb::sockopts::Options;
use crate::engine::tcb::timer_slots::{Alarm, Armed};
use crate::rng::Stream;
use crate::sysctl::Sysctl;
use crate::time::{Instant, TickSpan, Ticks};
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
    /// Its addresses, of both versions; one that belongs to none of them is not heard.
    pub addrs: Vec<IpAddr>,
    /// Largest IP packet of its device, bytes; more than 65535 is 65535.
    pub mtu: u32,
    /// Its device cuts bursts into segments itself: they leave in one piece, with their segment size in
    /// [`Datagram::gso_size`](crate::wire::Datagram::gso_size). Never on where packets are compared.
    pub gso: bool,
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
    /// Connections and half-open connections at the most, orphans included; what is beyond is refused.
    pub max_connections: usize,
    /// Whether tcp_retries2 and its relatives count retransmissions, as before Linux 2.6.32, and are not a time.
    pub retries_are_counted: bool,
}

impl Config {
    /// Linux 6.18's defaults at this address: MTU 1500, HZ 250, phase 0, seed 0.
    pub fn new(addr: IpAddr) -> Self {
        Config {
            addrs: vec![addr],
            mtu: 1_500,
            gso: false,
            sysctl: Sysctl::default(),
            ticks: Ticks::default(),
            ns_into_ms: 0,
            seed: 0,
            drawn: Drawn::default(),
            max_connections: 1 << 21,
            retries_are_counted: false,
        }
    }
}

/// A host's TCP.
#[derive(Debug)]
pub struct Engine {
    pub(crate) routes: Routes,
    pub(crate) sysctl: Arc<Knobs>,
    pub(crate) ticks: Ticks,
    pub(crate) ns_into_ms: u64,
    pub(crate) drawn: Drawn,
    pub(crate) retries_are_counted: bool,
    pub(crate) max_connections: usize,
    /// Options of a new socket, shared until one is set.
    pub(crate) opt: Arc<Options>,
    pub(crate) net: Arc<Net>,
    pub(crate) secrets: Secrets,
    pub(crate) ports: Ports,
    pub(crate) ip_ids: Stream,
    pub(crate) sockets: Descriptors,
    pub(crate) table: Table,
    pub(crate) listeners: BTreeMap<Addr, SocketId>,
    /// The next deadline of each of the table.
    pub(crate) wheel: Wheel,
    /// What leaves; lent to the connection at work.
    pub(crate) outbox: Option<Box<Outbox>>,
    /// Sockets whose readiness may have changed, where somebody asked to be told.
    pub(crate) touched: Option<VecDeque<SocketId>>,
}

/// A copy counts for itself.
impl Clone for Engine {
    fn clone(&self) -> Self {
        let mut copy = Engine {
            net: Arc::new((*self.net).clone()),
            routes: self.routes.clone(),
            sysctl: self.sysctl.clone(),
            ticks: self.ticks,
            ns_into_ms: self.ns_into_ms,
            drawn: self.drawn,
            retries_are_counted: self.retries_are_counted,
            max_connections: self.max_connections,
            opt: self.opt.clone(),
            secrets: self.secrets,
            ports: self.ports.clone(),
            ip_ids: self.ip_ids.clone(),
            sockets: self.sockets.clone(),
            table: self.table.clone(),
            listeners: self.listeners.clone(),
            wheel: self.wheel.clone(),
            outbox: self.outbox.clone(),
            touched: self.touched.clone(),
        };
        let net = Shared::of(&copy.net);
        let open = copy.table.connections_mut();
        for tcb in open.chain(copy.sockets.unconnected_mut()) {
            tcb.net = net.clone();
        }
        copy
    }
}

impl Engine {
    /// What this host has counted.
    pub fn counters(&self) -> &Mib {
        &self.net.mib
    }

    /// A host without connections.
    pub fn new(config: Config) -> Self {
        let secrets = Secrets::new(config.seed);
        let device = Device {
            mtu: config.mtu.min(u32::from(u16::MAX)) as u16,
            gso: config.gso,
        };
        Engine {
            routes: Routes::new(config.addrs, device, config.seed),
            sysctl: Arc::new(Knobs {
                sysctl: config.sysctl,
                ticks: config.ticks,
            }),
            ticks: config.ticks,
            ns_into_ms: config.ns_into_ms,
            drawn: config.drawn,
            retries_are_counted: config.retries_are_counted,
            max_connections: config.max_connections,
            opt: Arc::new(Options {
                retries_are_counted: config.retries_are_counted,
                ..Options::default()
            }),
            ports: Ports::new(secrets.port, config.seed),
            net: Arc::new(Net::new(secrets.challenge)),
            secrets,
            ip_ids: Stream::new(config.seed, "ip_id"),
            sockets: Descriptors::default(),
            table: Table::new(config.seed),
            listeners: BTreeMap::new(),
            wheel: Wheel::new(config.ticks),
            outbox: None,
            touched: None,
        }
    }

    pub(crate) fn now(&self, at: Instant) -> Now {
        Now::read(at, &self.ticks, self.ns_into_ms)
    }

    pub(crate) fn draw_ip_id(&mut self) -> u16 {
        let drawn = self.ip_ids.next_u16();
        self.drawn.ip_id.unwrap_or(drawn)
    }

    /// A datagram from the wire; one that a device has put together of several says so in its `gso_size`.
    pub fn on_packet(&mut self, at: Instant, datagram: &Datagram) {
        if !self.routes.is_own(datagram.dst) {
            return;
        }
        match &datagram.payload {
            Payload::Tcp(segment) => self.on_segment(at, datagram, segment),
            Payload::Icmp(icmp) => self.on_icmp(at, datagram, icmp),
        }
    }

    /// The deadline has come, or is past: every timer that is due fires.
    pub fn on_deadline(&mut self, at: Instant) {
        let now = self.now(at);
        while let Some(id) = self.wheel.pop_due(at) {
            match self.table.get(id) {
                Some(Sock::Connection(_)) => self.connection_deadline(now, id),
                Some(Sock::Request(_)) => self.request_deadline(now, id),
                Some(Sock::TimeWait(_)) => drop(self.forget(id)),
                None => {}
            }
        }
    }

    fn connection_deadline(&mut self, now: Now, id: u32) {
        let ticks = self.ticks;
        if let Some(tcb) = self.at_work(id) {
            tcb.on_due_timers(now, &ticks);
        }
        self.settle(now, id);
    }

    fn request_deadline(&mut self, now: Now, id: u32) {
        let Some(request) = self.table.request_mut(id) else {
            return;
        };
        let Some(Socket::Listener(listener)) = self.sockets.get_mut(request.listener) else {
            return;
        };
        let first = request.num_timeout == 0;
        match request.on_timer(now, &listener.template, listener.synack_retries()) {
            Some(sent) => {
                if first {
                    listener.young -= 1;
                }
                self.net
                    .mib
                    .add(Counter::OutSegs, u64::from(sent.is_some()));
                self.outbox().packets.extend(sent);
                self.schedule(now, id);
            }
            None => {
                let text = "half-open connection dropped: no SYN-ACK was answered";
                self.outbox().note(now.at, true, text.into());
                self.forget_request(id);
            }
        }
    }

    /// A connection that has something to do: what it sends goes where the host's packets go. `settle` follows.
    pub(crate) fn at_work(&mut self, id: u32) -> Option<&mut Tcb> {
        let said = self.table.connection_mut(id)?.outbox.take();
        self.take_back(said);
        let tcb = self.table.connection_mut(id)?;
        let mut outbox = self.outbox.take().unwrap_or_default();
        outbox.trigger = Trigger::Nothing;
        tcb.queues.borrow(&mut outbox.spare);
        tcb.outbox = Some(outbox);
        Some(tcb)
    }

    fn take_back(&mut self, lent: Option<Box<Outbox>>) {
        match (&mut self.outbox, lent) {
            (None, lent) => self.outbox = lent,
            (Some(own), Some(mut other)) => {
                own.packets.append(&mut other.packets);
                if !own.mute {
                    own.events.append(&mut other.events);
                }
            }
            (Some(_), None) => {}
        }
    }

    pub(crate) fn outbox(&mut self) -> &mut Outbox {
        self.outbox.get_or_insert_default()
    }

    pub(crate) fn send(&mut self, packet: Transmit) {
        self.outbox().packets.push_back(packet);
    }

    /// Whether [`poll_event`](Engine::poll_event) tells what timers do; it does at first. Who moves bulk saves the time.
    pub fn explain(&mut self, on: bool) {
        let outbox = self.outbox();
        outbox.mute = !on;
        if !on {
            outbox.events = VecDeque::new();
        }
    }

    /// After a connection was touched: takes what it sent, moves it on, and notes its next deadline.
    pub(crate) fn settle(&mut self, now: Now, id: u32) {
        let Some(tcb) = self.table.connection_mut(id) else {
            return;
        };
        tcb.publish_memory();
        let socket = tcb.socket;
        let mut lent = tcb.outbox.take();
        if let Some(lent) = &mut lent {
            tcb.queues.give_back(&mut lent.spare);
        }
        let timewait = match lent.as_mut().and_then(|l| l.becomes_timewait.take()) {
            Some(wait) => Some(wait),
            None => {
                (tcb.state == TcpState::TimeWait).then_some((TcpState::TimeWait, TickSpan::ZERO))
            }
        };
        let closed = tcb.state == TcpState::Closed;
        let successor =
            timewait.map(|(substate, time)| TimeWait::from_tcb(tcb, now, substate, time));
        self.take_back(lent);
        if successor.is_some() || closed {
            self.bury(now, id, successor);
        }
        self.schedule(now, id);
        self.touch(socket);
    }

    /// The full socket leaves the tables; what its owner still may ask stays until close().
    fn bury(&mut self, now: Now, id: u32, successor: Option<TimeWait>) {
        let Some(tcb) = self.table.connection_mut(id) else {
            return;
        };
        if successor.is_some() && tcb.state != TcpState::Closed {
            tcb.tcp_done(now);
        }
        let (orphan, said) = (tcb.orphan, tcb.outbox.take());
        self.take_back(said);
        if orphan {
            self.forget(id);
        } else {
            self.table.hide(id);
        }
        if let Some(successor) = successor.filter(|s| self.may_wait(s)) {
            let wait = self.table.insert(Sock::TimeWait(Box::new(successor)));
            self.schedule(now, wait);
        }
    }

    /// Whether there is room for one more in TIME_WAIT; where there is none the connection is simply gone.
    fn may_wait(&self, timewait: &TimeWait) -> bool {
        if self.table.timewaits() as i64 >= self.sysctl.tcp_max_tw_buckets {
            self.net.mib.add(Counter::TCPTimeWaitOverflow, 1);
            return false;
        }
        let time = timewait.timer.expires() - timewait.timer.armed_at();
        let short = time <= self.ticks.from_ms(4_000);
        let counter = if short {
            Counter::TWKilled
        } else {
            Counter::TW
        };
        self.net.mib.add(counter, 1);
        true
    }

    /// As [`forget`](Engine::forget); its listener forgets it too.
    pub(crate) fn forget_request(&mut self, id: u32) -> Option<Sock> {
        let gone = self.forget(id);
        if let Some(Sock::Request(request)) = &gone
            && let Some(Socket::Listener(listener)) = self.sockets.get_mut(request.listener)
        {
            listener.requests.remove(&id);
            listener.young -= u32::from(request.num_timeout == 0);
        }
        gone
    }

    /// Takes one out of the table, and its deadline with it.
    pub(crate) fn forget(&mut self, id: u32) -> Option<Sock> {
        self.wheel.disarm(id);
        let gone = self.table.remove(id);
        if let Some(Sock::Connection(tcb)) = &gone {
            let pages = i64::from(tcb.published_pages);
            self.net.add_pages(-pages, self.sysctl.tcp_mem);
            if tcb.orphan {
                self.net.orphan_gone();
            }
        }
        gone
    }

    /// Keeps the wheel true for one of the table.
    pub(crate) fn schedule(&mut self, now: Now, id: u32) {
        let next = match self.table.get(id) {
            Some(Sock::Connection(tcb)) => tcb.timers.next(&self.ticks),
            Some(Sock::Request(request)) => Some(Alarm::Tick(request.timer)),
            Some(Sock::TimeWait(timewait)) => Some(Alarm::Tick(timewait.timer)),
            None => None,
        };
        match next {
            Some(alarm) => self.wheel.arm(now.j, id, alarm),
            None => self.wheel.disarm(id),
        }
    }

    /// The next packet to send.
    pub fn poll_transmit(&mut self, _at: Instant) -> Option<Transmit> {
        self.outbox.as_mut()?.next_packet()
    }

    /// The next thing a timer did.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.outbox.as_mut()?.next_event()
    }

    /// When [`on_deadline`](Engine::on_deadline) is to be called next.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.wheel.next()
    }

    /// What poll(2) would say of a socket.
    pub fn readiness(&self, socket: SocketId) -> Readiness {
        match self.sockets.get(socket) {
            Some(Socket::Fresh(_)) => Readiness {
                writable: true,
                hangup: true,
                ..Readiness::default()
            },
            Some(Socket::Listener(listener)) => Readiness {
                readable: !listener.queue.is_empty(),
                ..Readiness::default()
            },
            Some(Socket::Connection(id)) => self
                .table
                .connection(*id)
                .map(|t| t.readiness())
                .unwrap_or_default(),
            None => Readiness::default(),
        }
    }

    /// State, counters and timers of a connection, orphans, requests and timewaits included.
    pub fn connection(&self, at: Instant, local: Addr, remote: Addr) -> Option<TcpInfo> {
        let now = self.now(at);
        let left_ms = |timer: &Armed| self.ticks.to_us(timer.expires().since(now.j)) / 1_000;
        let info = match self.table.get(self.table.find(local, remote)?)? {
            Sock::Connection(tcb) => tcb.info(now),
            Sock::Request(r) => TcpInfo {
                at,
                state: TcpState::SynRecv,
                timer: TimerKind::On,
                timer_ms: left_ms(&r.timer),
                timer_retrans: r.num_retrans,
                ..TcpInfo::default()
            },
            Sock::TimeWait(t) => TcpInfo {
                at,
                state: t.substate,
                timer: TimerKind::TimeWait,
                timer_ms: left_ms(&t.timer),
                ..TcpInfo::default()
            },
        };
        Some(info)
    }
}
