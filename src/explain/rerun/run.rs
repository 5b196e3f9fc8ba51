//! One run of the engine.

use super::hypothesis::Hypothesis;
use super::script::{Act, Script, echo, instant};
use crate::call::{Call, Errno, Outcome, SocketId};
use crate::engine::{Config, Drawn, Engine, Text};
use crate::sockopt::{OptName, SockOpt};
use crate::time::Instant;
use crate::wire::{Flags, Payload, Segment};

/// Firings of timers after the capture that are run through to find out when the engine gives up.
const MOST_FIRINGS: usize = 400;
/// Longest time after the capture, ns.
const MOST_AFTER_NS: u64 = 30 * 86_400 * 1_000_000_000;

/// A packet of the engine.
#[derive(Clone, Debug)]
pub(super) struct Emitted {
    pub(super) at_ns: u64,
    pub(super) seq: i64,
    pub(super) end: i64,
    pub(super) flags: Flags,
    /// Why it was sent, in the engine's words.
    pub(super) cause: String,
}

/// What the engine did.
#[derive(Clone, Debug, Default)]
pub(super) struct Run {
    /// What it sent until the end of the capture, ACKs without data left out.
    pub(super) sent: Vec<Emitted>,
    /// When it gives up if nothing more arrives, ns, and the error.
    pub(super) gave_up: Option<(u64, &'static str)>,
}

struct Player<'a> {
    engine: Engine,
    script: &'a Script,
    socket: Option<SocketId>,
    listener: Option<SocketId>,
    /// Bytes that wait for the send buffer.
    unwritten: usize,
    closes: bool,
    /// The last TSval that the engine sent.
    last_tsval: u32,
    sent: Vec<Emitted>,
    gave_up: Option<(u64, &'static str)>,
}

/// Runs the script under a hypothesis.
pub(super) fn run(script: &Script, hypothesis: &Hypothesis) -> Run {
    let mut config = Config::new(script.local.ip);
    config.ticks = hypothesis.ticks;
    config.mtu = script.mtu.max(576);
    config.drawn = Drawn {
        isn: Some(0),
        ts_offset: Some(0),
        ip_id: Some(0),
    };
    config.sysctl.tcp_early_retrans = if hypothesis.tail_loss_probe { 3 } else { 0 };
    config.sysctl.tcp_rto_min_us = hypothesis.bounds.rto_min_us as i64;
    config.sysctl.tcp_rto_max_ms = hypothesis.bounds.rto_max_ms as i64;
    config.sysctl.tcp_syn_linear_timeouts = i64::from(hypothesis.bounds.syn_linear);
    let mut player = Player {
        engine: Engine::new(config),
        script,
        socket: None,
        listener: None,
        unwritten: 0,
        closes: false,
        last_tsval: 0,
        sent: Vec::new(),
        gave_up: None,
    };
    for (at_ns, act) in &script.acts {
        player.advance(*at_ns);
        player.perform(*at_ns, act, hypothesis);
    }
    player.advance(script.until_ns);
    let sent = std::mem::take(&mut player.sent);
    player.after(script.until_ns);
    Run {
        gave_up: player.gave_up,
        sent,
    }
}

impl Player<'_> {
    /// Lets the timers fire that are due until an instant.
    fn advance(&mut self, until_ns: u64) {
        let mut last = Instant::ZERO;
        // a deadline that stays where it is after it fired would be a fault of the engine
        for _ in 0..100_000 {
            let Some(deadline) = self.engine.next_deadline().filter(|d| d.ns() <= until_ns) else {
                return;
            };
            last = last.max(deadline);
            self.engine.on_deadline(last);
            self.drain(last.ns());
        }
    }

    /// Goes on after the capture until the engine gives up.
    fn after(&mut self, until_ns: u64) {
        for _ in 0..MOST_FIRINGS {
            let deadline = self.engine.next_deadline();
            let Some(deadline) = deadline.filter(|d| d.ns() < until_ns + MOST_AFTER_NS) else {
                return;
            };
            self.engine.on_deadline(deadline);
            self.drain(deadline.ns());
            if self.gave_up.is_some() {
                return;
            }
        }
    }

    fn drain(&mut self, at_ns: u64) {
        while let Some(transmit) = self.engine.poll_transmit(instant(at_ns)) {
            let Payload::Tcp(segment) = &transmit.datagram.payload else {
                continue;
            };
            if let Some(ts) = segment.timestamps() {
                self.last_tsval = ts.tsval;
            }
            let cause = transmit.cause.to_string();
            let is_probe =
                cause.starts_with("keepalive probe") || cause.starts_with("window probe");
            if segment.seq_len() > 0 || is_probe || segment.flags.has(Flags::RST) {
                self.sent.push(self.emitted(at_ns, segment, cause));
            }
        }
        while let Some(event) = self.engine.poll_event() {
            if let Text::GivenUp { errno, .. } = event.text {
                let name = errno.map_or("", Errno::name);
                self.gave_up = self.gave_up.or(Some((event.at.ns(), name)));
            }
        }
    }

    fn emitted(&self, at_ns: u64, segment: &Segment, cause: String) -> Emitted {
        // relative numbers are small enough, but the one before the first byte is not
        let seq = i64::from(segment.seq.0 as i32);
        Emitted {
            at_ns,
            seq,
            end: seq + i64::from(segment.seq_len()),
            flags: segment.flags,
            cause,
        }
    }

    fn perform(&mut self, at_ns: u64, act: &Act, hypothesis: &Hypothesis) {
        match act {
            Act::Connect => self.open(at_ns, hypothesis, true),
            Act::Listen => self.open(at_ns, hypothesis, false),
            Act::Deliver(datagram, echoed) => {
                let mut datagram = datagram.clone();
                let left = echoed.and_then(|e| self.script.left_ns(e, at_ns));
                if let Some(left_ns) = left {
                    // never a stamp that was not sent
                    echo(
                        &mut datagram,
                        self.last_tsval.min((left_ns / 1_000_000) as u32),
                    );
                }
                self.engine.on_packet(instant(at_ns), &datagram);
                self.drain(at_ns);
                self.read(at_ns);
            }
            Act::Write { bytes, corked } => {
                if let (true, Some(socket)) = (*corked, self.socket) {
                    let cork = SockOpt::int(OptName::TCP_CORK, 1);
                    self.engine.call(instant(at_ns), Call::Set(socket, cork));
                }
                self.unwritten += bytes;
                self.write(at_ns);
            }
            Act::Close => {
                self.closes = true;
                self.write(at_ns);
            }
        }
        self.drain(at_ns);
    }

    fn open(&mut self, at_ns: u64, hypothesis: &Hypothesis, connects: bool) {
        let now = instant(at_ns);
        let Outcome::Socket(socket) = self.engine.call(now, Call::Socket) else {
            return;
        };
        let count = self.script.keepalive_count;
        let mut set = |name, value| {
            self.engine
                .call(now, Call::Set(socket, SockOpt::int(name, value)))
        };
        set(OptName::TCP_NODELAY, 1);
        if let Some((idle, interval)) = hypothesis.keepalive {
            if let Some(count) = count {
                set(OptName::TCP_KEEPCNT, i64::from(count));
            }
            set(OptName::SO_KEEPALIVE, 1);
            set(OptName::TCP_KEEPIDLE, idle as i64);
            set(OptName::TCP_KEEPINTVL, interval as i64);
        }
        self.engine.call(now, Call::Bind(socket, self.script.local));
        match connects {
            true => {
                self.engine
                    .call(now, Call::Connect(socket, self.script.remote));
                self.socket = Some(socket);
            }
            false => {
                self.engine.call(now, Call::Listen(socket, 16));
                self.listener = Some(socket);
            }
        }
    }

    /// Accepts, reads all there is, and writes what waits.
    fn read(&mut self, at_ns: u64) {
        let now = instant(at_ns);
        if let (None, Some(listener)) = (self.socket, self.listener)
            && let Outcome::Socket(id) = self.engine.call(now, Call::Accept(listener))
        {
            self.socket = Some(id);
        }
        let Some(socket) = self.socket else { return };
        while let Outcome::Data(data) = self.engine.call(now, Call::Recv(socket, 1 << 16)) {
            self.drain(at_ns);
            if data.is_empty() {
                break;
            }
        }
        self.write(at_ns);
    }

    fn write(&mut self, at_ns: u64) {
        let now = instant(at_ns);
        let Some(socket) = self.socket else { return };
        while self.unwritten > 0 {
            let data = vec![0; self.unwritten.min(1 << 20)];
            let Outcome::Bytes(taken) = self.engine.call(now, Call::Send(socket, data)) else {
                return;
            };
            self.unwritten -= taken.min(self.unwritten);
            if taken == 0 {
                return;
            }
        }
        if self.closes {
            self.closes = false;
            self.engine.call(now, Call::ShutdownWrite(socket));
        }
    }
}
