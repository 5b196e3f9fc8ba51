//! A host in virtual time and a far end written by the test.

use std::net::IpAddr;
use std::time::Duration;

use crate::call::{Addr, Call, Errno, Outcome, SocketId, TcpInfo, TcpState, TimerKind};
use crate::engine::{Config, Engine};
use crate::sockopt::{OptName, SockOpt};
use crate::sysctl::Sysctl;
use crate::time::{Instant, Ticks};
use crate::wire::{Datagram, Flags, Payload, Segment, Seq, TcpOption, Timestamps};

pub(super) const HOST: [u8; 4] = [10, 77, 0, 1];
pub(super) const FAR: [u8; 4] = [10, 77, 0, 2];
pub(super) const HOST_PORT: u16 = 40_000;
pub(super) const FAR_PORT: u16 = 7_777;
/// When everything begins: at a tick, where none was cut short.
pub(super) const START: Instant = Instant::from_ms(4);
/// Initial sequence numbers, the host's close to the wrap.
pub(super) const ISN: Seq = Seq(u32::MAX - 700);
pub(super) const FAR_ISN: Seq = Seq(5_000);
/// The far end's clock, which stands still.
pub(super) const FAR_TS: u32 = 50_000;

pub(super) const A: Flags = Flags::ACK;
pub(super) const S: Flags = Flags::SYN;
pub(super) const F: Flags = Flags::FIN;
pub(super) const R: Flags = Flags::RST;
pub(super) const P: Flags = Flags::PSH;

/// What the far end offers in its SYN.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offer {
    pub(super) timestamps: bool,
    pub(super) sack: bool,
    pub(super) wscale: Option<u8>,
    pub(super) mss: u16,
    pub(super) window: u16,
}

impl Default for Offer {
    fn default() -> Self {
        Offer {
            timestamps: true,
            sack: true,
            wscale: Some(7),
            mss: 1_460,
            window: 64_000,
        }
    }
}

/// One packet of the host.
#[derive(Clone, Debug)]
pub(super) struct Out {
    pub(super) at: Instant,
    pub(super) segment: Segment,
    pub(super) flow_label: u32,
    pub(super) gso_size: u16,
    pub(super) cause: String,
}

/// The host, its one socket, and the far end's idea of the connection.
#[derive(Clone, Debug)]
pub(super) struct Lab {
    /// The host's address and the far end's.
    pub(super) ends: (IpAddr, IpAddr),
    pub(super) engine: Engine,
    pub(super) now: Instant,
    pub(super) socket: SocketId,
    pub(super) offer: Offer,
    /// The window field of what the far end sends after the handshake.
    pub(super) window: u16,
    /// The host's last TSval.
    pub(super) heard_tsval: u32,
    /// The far end's right to send ends here, relative.
    pub(super) right: u32,
    rcv_wscale: u8,
    pub(super) out: Vec<Out>,
}

/// A segment of the far end, sequence numbers relative.
#[derive(Clone, Debug)]
pub(super) struct Seg {
    pub(super) flags: Flags,
    pub(super) seq: i64,
    pub(super) ack: Option<i64>,
    pub(super) len: usize,
    /// TSval; none: no option.
    pub(super) ts: Option<u32>,
    pub(super) syn_options: bool,
}

/// A segment with these flags and numbers and no data; `ack` counts with ACK.
pub(super) fn seg(flags: Flags, seq: i64, ack: i64) -> Seg {
    Seg {
        flags,
        seq,
        ack: flags.has(A).then_some(ack),
        len: 0,
        ts: Some(FAR_TS),
        syn_options: false,
    }
}

impl Seg {
    pub(super) fn len(self, len: usize) -> Seg {
        Seg { len, ..self }
    }

    pub(super) fn ts(self, ts: Option<u32>) -> Seg {
        Seg { ts, ..self }
    }

    pub(super) fn with_syn_options(self) -> Seg {
        Seg {
            syn_options: true,
            ..self
        }
    }
}

fn plus(isn: Seq, n: i64) -> Seq {
    Seq(isn.0.wrapping_add(n as u32))
}

fn minus(seq: Seq, isn: Seq) -> i32 {
    seq.0.wrapping_sub(isn.0) as i32
}

impl Lab {
    /// A host with these knobs and ticks, and a socket.
    pub(super) fn new(sysctl: Sysctl, ticks: Ticks) -> Lab {
        Lab::between(HOST.into(), FAR.into(), sysctl, ticks, |_| {})
    }

    /// The same at these addresses, with a host made as `change` wants it.
    pub(super) fn between(
        host: IpAddr,
        far: IpAddr,
        sysctl: Sysctl,
        ticks: Ticks,
        change: impl FnOnce(&mut Config),
    ) -> Lab {
        let mut config = Config::new(host);
        config.sysctl = sysctl;
        config.ticks = ticks;
        config.drawn.isn = Some(ISN.0);
        change(&mut config);
        let mut engine = Engine::new(config);
        let now = START;
        let Outcome::Socket(socket) = engine.call(now, Call::Socket) else {
            panic!("no socket");
        };
        Lab {
            ends: (host, far),
            engine,
            now,
            socket,
            offer: Offer::default(),
            window: 500,
            heard_tsval: 0,
            right: 1,
            rcv_wscale: 0,
            out: Vec::new(),
        }
    }

    pub(super) fn local(&self) -> Addr {
        Addr::new(self.ends.0, HOST_PORT)
    }

    pub(super) fn remote(&self) -> Addr {
        Addr::new(self.ends.1, FAR_PORT)
    }

    pub(super) fn call(&mut self, call: Call) -> Outcome {
        let outcome = self.engine.call(self.now, call);
        self.drain();
        outcome
    }

    pub(super) fn set(&mut self, name: OptName, value: i64) {
        let call = Call::Set(self.socket, SockOpt::int(name, value));
        assert_eq!(self.call(call), Outcome::Done, "{}", name.name());
    }

    pub(super) fn send(&mut self, n: usize) {
        let call = Call::Send(self.socket, vec![7; n]);
        assert_eq!(self.call(call), Outcome::Bytes(n));
    }

    /// Reads all there is.
    pub(super) fn recv(&mut self) -> Outcome {
        self.call(Call::Recv(self.socket, 1 << 20))
    }

    pub(super) fn so_error(&mut self) -> Option<Errno> {
        match self.call(Call::SoError(self.socket)) {
            Outcome::SoError(errno) => errno,
            _ => None,
        }
    }

    /// Everything that the engine has to say now.
    fn drain(&mut self) {
        while let Some(t) = self.engine.poll_transmit(self.now) {
            let Payload::Tcp(segment) = &t.datagram.payload else {
                continue;
            };
            self.learn(segment);
            self.out.push(Out {
                at: self.now,
                segment: segment.clone(),
                flow_label: t.datagram.flow_label,
                gso_size: t.datagram.gso_size,
                cause: t.cause.to_string(),
            });
        }
        while self.engine.poll_event().is_some() {}
        let deadline = self.engine.next_deadline();
        assert!(
            deadline.is_none_or(|at| at > self.now),
            "a deadline that is not in the future: {deadline:?} at {:?}",
            self.now
        );
    }

    fn learn(&mut self, s: &Segment) {
        if let Some(ts) = s.timestamps() {
            self.heard_tsval = ts.tsval;
        }
        if s.flags.has(S) {
            self.rcv_wscale = s.window_scale().unwrap_or(0);
        }
        if s.flags.has(A) && !s.flags.has(R) {
            let shift = if s.flags.has(S) { 0 } else { self.rcv_wscale };
            self.right = (s.ack + (u32::from(s.window) << shift)) - FAR_ISN;
        }
    }

    /// The far end sends.
    pub(super) fn inject(&mut self, seg: Seg) {
        let mut options = Vec::new();
        if seg.syn_options {
            options.push(TcpOption::Mss(self.offer.mss));
            options.extend(self.offer.sack.then_some(TcpOption::SackPermitted));
            options.extend(self.offer.wscale.map(TcpOption::WindowScale));
        }
        let ts = seg.ts.filter(|_| self.offer.timestamps);
        options.extend(ts.map(|tsval| {
            let tsecr = if seg.flags.has(A) {
                self.heard_tsval
            } else {
                0
            };
            TcpOption::Timestamps(Timestamps { tsval, tsecr })
        }));
        if !seg.syn_options && ts.is_some() {
            options.splice(0..0, [TcpOption::Nop, TcpOption::Nop]);
        }
        let handshake = seg.flags.has(S);
        let window = if handshake {
            self.offer.window
        } else {
            self.window
        };
        self.inject_raw(Segment {
            src_port: FAR_PORT,
            dst_port: HOST_PORT,
            seq: plus(FAR_ISN, seg.seq),
            ack: seg.ack.map_or(Seq(0), |ack| plus(ISN, ack)),
            flags: seg.flags,
            window,
            urgent: 0,
            options: options.into(),
            payload: vec![9; seg.len].into(),
        });
    }

    /// This very segment arrives from the far end.
    pub(super) fn inject_raw(&mut self, segment: Segment) {
        let datagram = Datagram::new(self.ends.1, self.ends.0, 1, Payload::Tcp(segment));
        self.arrive(&datagram);
    }

    /// This very datagram arrives.
    pub(super) fn arrive(&mut self, datagram: &Datagram) {
        self.engine.on_packet(self.now, datagram);
        self.drain();
    }

    /// Lets time pass; every timer fires when it is due.
    pub(super) fn run_until(&mut self, end: Instant) {
        while let Some(at) = self.engine.next_deadline().filter(|at| *at <= end) {
            self.now = at;
            self.engine.on_deadline(at);
            self.drain();
        }
        self.now = end;
    }

    pub(super) fn run_for(&mut self, d: Duration) {
        self.run_until(self.now + d);
    }

    pub(super) fn run_ms(&mut self, ms: u64) {
        self.run_for(Duration::from_millis(ms));
    }

    /// Until `d` has passed without a packet.
    pub(super) fn run_until_quiet(&mut self, d: Duration) {
        loop {
            let before = self.out.len();
            self.run_for(d);
            if self.out.len() == before {
                return;
            }
        }
    }

    pub(super) fn take_out(&mut self) -> Vec<Out> {
        std::mem::take(&mut self.out)
    }

    pub(super) fn info(&self) -> Option<TcpInfo> {
        self.engine
            .connection(self.now, self.local(), self.remote())
    }

    /// The connection's state, `tw` behind it for a timewait sock in FIN_WAIT2.
    pub(super) fn state(&self) -> String {
        match self.info() {
            None => TcpState::Closed.name().to_owned(),
            Some(i) if i.timer == TimerKind::TimeWait && i.state == TcpState::FinWait2 => {
                "FIN_WAIT2 tw".to_owned()
            }
            Some(i) => i.state.name().to_owned(),
        }
    }

    /// The SYN leaves.
    pub(super) fn connect(&mut self) {
        assert_eq!(
            self.call(Call::Bind(self.socket, self.local())),
            Outcome::Done
        );
        let outcome = self.call(Call::Connect(self.socket, self.remote()));
        assert_eq!(outcome, Outcome::InProgress);
    }

    /// A connection made by the host; its peer answers at once.
    pub(super) fn open(&mut self) {
        self.connect();
        self.inject(seg(S | A, 0, 1).with_syn_options());
        assert_eq!(self.state(), "ESTABLISHED");
    }

    /// The same, with this round trip, us.
    pub(super) fn open_after(&mut self, rtt_us: u64) {
        self.connect();
        self.run_for(Duration::from_micros(rtt_us));
        self.inject(seg(S | A, 0, 1).with_syn_options());
        assert_eq!(self.state(), "ESTABLISHED");
        self.take_out();
    }

    /// Lets timers fire until the connection is gone; when, if it goes within `limit`.
    pub(super) fn run_until_gone(&mut self, limit: Duration) -> Option<Instant> {
        let end = self.now + limit;
        while self.info().is_some() {
            let at = self.engine.next_deadline().filter(|at| *at <= end)?;
            self.run_until(at);
        }
        Some(self.now)
    }

    /// The socket listens.
    pub(super) fn listen(&mut self) {
        assert_eq!(
            self.call(Call::Bind(self.socket, self.local())),
            Outcome::Done
        );
        assert_eq!(self.call(Call::Listen(self.socket, 5)), Outcome::Done);
    }
}

/// `A 1501 1001 sack 801:901`: flags, seq, length, ack, SACK blocks; numbers relative.
pub(super) fn text(s: &Segment) -> String {
    let mut line = if s.flags.has(R) && s.seq == Seq(0) {
        format!("{} 0abs", s.flags)
    } else {
        format!("{} {}", s.flags, minus(s.seq, ISN))
    };
    if !s.payload.is_empty() {
        line += &format!("+{}", s.payload.len());
    }
    if s.flags.has(A) {
        line += &format!(" {}", minus(s.ack, FAR_ISN));
    }
    let blocks: Vec<String> = s
        .sack_blocks()
        .iter()
        .map(|(l, r)| format!("{}:{}", minus(*l, FAR_ISN), minus(*r, FAR_ISN)))
        .collect();
    if !blocks.is_empty() {
        line += &format!(" sack {}", blocks.join(" "));
    }
    line
}
