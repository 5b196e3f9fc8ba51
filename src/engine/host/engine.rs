//! A host: its parts, its input and output, and its next timer.
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
use crate::engine::lifecycle::request::SynAckTimeout;
use crate::engine::lifecycle::timewait::TimeWait;
use crate::engine::netns::knobs::Knobs;
use crate::engine::netns::mib::{Counter, Mib};
use crate::engine::netns::net::{Net, Shared};
use crate::engine::netns::path_mtu::Device;
use crate::engine::netns::routes::Routes;
use crate::engine::netns::siphash::Secrets;
use crate::engine::tcb::cause::Text;
use crate::engine::tcb::control_block::Tcb;
use crate::engine::tcb::give_up_rule::GiveUpRule;
use crate::engine::tcb::outbox::{Event, Outbox, Transmit, Trigger};
use crate::engine::tcb::sockopts::Options;
use crate::engine::tcb::timer_slots::{Alarm, Armed};
use crate::rng::Stream;
use crate::sysctl::Sysctl;
use crate::time::{Instant, TickSpan, Ticks};
use crate::wire::{Datagram, Payload};

/// Numbers that a host draws at random. They can be given instead, to repeat a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drawn {
    /// Initial sequence number of every connection.
    pub isn: Option<u32>,
    /// Offset that is added to the millisecond clock for TSval.
    pub ts_offset: Option<u32>,
    /// IP identification of a connection's first packet.
    pub ip_id: Option<u16>,
}

/// The settings of a host.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its addresses, of both IP versions. Packets to other addresses are ignored.
    pub addrs: Vec<IpAddr>,
    /// MTU of its device, bytes. A value above 65535 counts as 65535.
    pub mtu: u32,
    /// Whether its device cuts bursts into segments itself: they are sent in one piece, with the segment size in
    /// [`Datagram::gso_size`](crate::wire::Datagram::gso_size). It is never set where packets are compared.
    pub gso: bool,
    /// Its sysctls.
    pub sysctl: Sysctl,
    /// Its clock tick.
    pub ticks: Ticks,
    /// The part of a millisecond that its timestamp clock had passed at time 0, in ns.
    pub ns_into_ms: u64,
    /// Seed of all that it draws, including its secret keys. If a peer may be hostile, nobody must be able to guess it.
    pub seed: u64,
    /// Numbers that are given instead of drawn.
    pub drawn: Drawn,
    /// Limit of connections and half-open connections together, orphans included. More are refused.
    pub max_connections: usize,
    /// Whether tcp_retries2 and similar sysctls count retransmissions, as before Linux 2.6.32, instead of meaning a time.
    pub retries_are_counted: bool,
}

impl Config {
    /// Returns the defaults of Linux 6.18 for this address: MTU 1500, HZ 250, phase 0, seed 0.
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

/// The TCP of a host.
#[derive(Debug)]
pub struct Engine {
    pub(crate) routes: Routes,
    pub(crate) sysctl: Arc<Knobs>,
    pub(crate) ticks: Ticks,
    pub(crate) ns_into_ms: u64,
    pub(crate) drawn: Drawn,
    pub(crate) retries_are_counted: bool,
    pub(crate) max_connections: usize,
    /// Options of a new socket. They are shared until one is set.
    pub(crate) opt: Arc<Options>,
    pub(crate) net: Arc<Net>,
    pub(crate) secrets: Secrets,
    pub(crate) ports: Ports,
    pub(crate) ip_ids: Stream,
    pub(crate) sockets: Descriptors,
    pub(crate) table: Table,
    pub(crate) listeners: BTreeMap<Addr, SocketId>,
    /// The next deadline of each entry of the table.
    pub(crate) wheel: Wheel,
    /// The packets to send. The active connection borrows this queue.
    pub(crate) outbox: Option<Box<Outbox>>,
    /// Sockets whose readiness may have changed, if the caller watches it.
    pub(crate) touched: Option<VecDeque<SocketId>>,
}

/// Clones the engine. The clone has counters of its own.
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
    /// Returns the counters of this host.
    pub fn counters(&self) -> &Mib {
        &self.net.mib
    }

    /// Creates a host without connections.
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

    /// Takes a datagram from the network. If a device has merged several into it, its `gso_size` says so.
    pub fn on_packet(&mut self, at: Instant, datagram: &Datagram) {
        if !self.routes.is_own(datagram.dst) {
            return;
        }
        match &datagram.payload {
            Payload::Tcp(segment) => self.on_segment(at, datagram, segment),
            Payload::Icmp(icmp) => self.on_icmp(at, datagram, icmp),
        }
    }

    /// Fires every timer that is due at `now`, which is the deadline or later.
    pub fn on_deadline(&mut self, at: Instant) {
        let now = self.now(at);
        while let Some(id) = self.wheel.pop_due(at) {
            match self.table.get(id) {
                Some(Sock::Connection(_)) => self.connection_deadline(now, id),
                Some(Sock::Request(_)) => self.request_deadline(now, id),
                Some(Sock::TimeWait(_)) => self.timewait_deadline(now, id),
                None => {}
            }
        }
    }

    fn timewait_deadline(&mut self, now: Now, id: u32) {
        if let Some(Sock::TimeWait(timewait)) = self.forget(id)
            && timewait.substate == TcpState::FinWait2
        {
            let rule = timewait.fin_rule;
            let text = Text::GivenUp { rule, errno: None };
            self.outbox().note(now.at, true, text);
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
        let most = listener.synack_retries();
        let follows = request.on_timer(now, &listener.template, most);
        if matches!(follows, SynAckTimeout::GiveUp) {
            let rule = GiveUpRule::SynAckRetries(most);
            self.outbox()
                .note(now.at, true, Text::GivenUp { rule, errno: None });
            self.forget_request(id);
            return;
        }
        if first {
            listener.young -= 1;
        }
        if let SynAckTimeout::Resend(syn_ack) = follows {
            self.net.mib.add(Counter::OutSegs, 1);
            self.outbox().packets.push_back(*syn_ack);
        }
        self.schedule(now, id);
    }

    /// Returns a connection that has something to do. The packets it sends go to the queue of the host. The caller must
    /// call `settle` afterwards.
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

    /// Sets whether [`poll_event`](Engine::poll_event) reports what timers do. It does so by default; turning it off
    /// saves time in bulk transfers.
    pub fn explain(&mut self, on: bool) {
        let outbox = self.outbox();
        outbox.mute = !on;
        if !on {
            outbox.events = VecDeque::new();
        }
    }

    /// Finishes work on a connection: takes what it sent, moves it to its next state, and notes its next deadline.
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

    /// Removes the full socket from the tables. What its owner can still query is kept until close().
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

    /// Returns whether one more TIME_WAIT socket is allowed. If not, the connection is simply removed.
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

    /// Removes a connection as [`forget`](Engine::forget) does, also from its listener.
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

    /// Removes an entry from the table, together with its deadline.
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

    /// Updates the timer wheel for an entry of the table.
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

    /// Returns the next packet to send.
    pub fn poll_transmit(&mut self, _at: Instant) -> Option<Transmit> {
        self.outbox.as_mut()?.next_packet()
    }

    /// Returns the next event of a timer.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.outbox.as_mut()?.next_event()
    }

    /// Returns when [`on_deadline`](Engine::on_deadline) has to be called next.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.wheel.next()
    }

    /// Returns what poll(2) would report for a socket.
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

    /// Returns the state, counters and timers of a connection, including orphans, requests and TIME_WAIT sockets.
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
