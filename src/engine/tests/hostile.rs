//! Whatever arrives, in whatever order: nothing panics, and every control block stays in one piece.
//!
//! `PROPTEST_CASES=100000 cargo test --release hostile` looks longer.

use std::time::Duration;

use proptest::prelude::*;

use super::lab::*;
use crate::call::{Addr, Call, SocketId};
use crate::engine::{Config, Engine};
use crate::sockopt::{OptName, SockOpt};
use crate::sysctl::{CongestionControl, Sysctl};
use crate::time::{Instant, Jiffies, Ticks};
use crate::wire::{Datagram, Flags, Icmp, Payload, Segment, Seq, TcpOption, Timestamps};

/// A sequence number near something that the host knows.
#[derive(Clone, Copy, Debug)]
enum Near {
    /// The initial number, plus this.
    Isn(i32),
    /// What the host's last packet said, plus this.
    Last(i32),
    Anything(u32),
}

/// One thing that happens to the host.
#[derive(Clone, Debug)]
enum Step {
    Segment {
        flags: u8,
        seq: Near,
        ack: Near,
        len: usize,
        window: u16,
        ts: Option<u32>,
        sack: Vec<(Near, u16)>,
        syn_options: Option<(u16, u8)>,
    },
    /// One of the host's own packets comes back as the far end's, with this bit of its header flipped.
    Mirror(usize, u8),
    /// What a real far end would send: in order, acknowledging all but this many bytes.
    Sensible {
        len: usize,
        unacked: u32,
        fin: bool,
    },
    Icmp(u8, u8, usize),
    Send(usize),
    Recv(usize),
    Shutdown,
    Close,
    Accept,
    Connect,
    Option(usize, i64),
    SoError,
    Kill,
    /// Time passes, us; deadlines on time.
    Wait(u64),
    /// The next deadline fires this much late, us.
    Late(u64),
}

fn near() -> impl Strategy<Value = Near> {
    prop_oneof![
        4 => (-3i32..3).prop_map(Near::Last),
        4 => (-3_000i32..3_000).prop_map(Near::Last),
        2 => (-70_000i32..70_000).prop_map(Near::Isn),
        1 => any::<u32>().prop_map(Near::Anything),
    ]
}

fn flags() -> impl Strategy<Value = u8> {
    prop_oneof![
        6 => Just((A | P).0),
        4 => Just(A.0),
        2 => Just((A | F).0),
        1 => Just(S.0),
        1 => Just((S | A).0),
        1 => Just(R.0),
        1 => any::<u8>(),
    ]
}

fn segment() -> impl Strategy<Value = Step> {
    let len = prop_oneof![3 => Just(0usize), 2 => 0usize..3_000, 1 => Just(1_448usize)];
    let window = prop_oneof![3 => Just(500u16), 1 => Just(0u16), 1 => any::<u16>()];
    let ts = proptest::option::weighted(0.7, prop_oneof![3 => Just(FAR_TS), 1 => any::<u32>()]);
    let sack = proptest::collection::vec((near(), 0u16..6_000), 0..4);
    let sack = prop_oneof![2 => Just(Vec::new()), 1 => sack];
    let options = proptest::option::weighted(0.1, (any::<u16>(), any::<u8>()));
    (flags(), near(), near(), len, window, ts, sack, options).prop_map(
        |(flags, seq, ack, len, window, ts, sack, syn_options)| Step::Segment {
            flags,
            seq,
            ack,
            len,
            window,
            ts,
            sack,
            syn_options,
        },
    )
}

fn call() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop_oneof![1usize..200, 1usize..70_000].prop_map(Step::Send),
        4 => prop_oneof![Just(1usize), Just(100_000usize)].prop_map(Step::Recv),
        1 => Just(Step::Shutdown),
        1 => Just(Step::Close),
        2 => Just(Step::Accept),
        1 => Just(Step::Connect),
        3 => (0..OptName::ALL.len(), prop_oneof![-2i64..3, 0i64..200_000, any::<i32>().prop_map(i64::from)])
            .prop_map(|(name, value)| Step::Option(name, value)),
        1 => Just(Step::SoError),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let sensible = (
        prop_oneof![Just(0usize), 1usize..1_449],
        0u32..3_000,
        0u32..20,
    )
        .prop_map(|(len, unacked, fin)| Step::Sensible {
            len,
            unacked: unacked.saturating_sub(1_500),
            fin: fin == 0,
        });
    let wait = prop_oneof![
        0u64..5_000,
        0u64..300_000,
        0u64..3_000_000,
        0u64..200_000_000
    ];
    prop_oneof![
        8 => segment(),
        8 => sensible,
        2 => (0usize..8, any::<u8>()).prop_map(|(i, bit)| Step::Mirror(i, bit)),
        1 => (prop_oneof![Just(3u8), Just(11), Just(12), any::<u8>()], 0u8..16, 0usize..8)
            .prop_map(|(kind, code, of)| Step::Icmp(kind, code, of)),
        8 => call(),
        8 => wait.prop_map(Step::Wait),
        3 => (0u64..50_000).prop_map(Step::Late),
    ]
}

fn sysctl() -> impl Strategy<Value = Sysctl> {
    let bits = any::<u16>();
    let counts = (0i64..16, 0i64..8, 1i64..8, 0i64..8);
    (bits, counts).prop_map(|(bits, (retries2, orphans, syn, synack))| {
        let bit = |n: u16| i64::from(bits >> n & 1);
        Sysctl {
            tcp_sack: bit(0),
            tcp_timestamps: bit(1),
            tcp_window_scaling: bit(2),
            tcp_dsack: bit(3),
            tcp_frto: bit(4),
            tcp_early_retrans: 3 * bit(5),
            tcp_retrans_collapse: bit(6),
            tcp_recovery: 1 + 2 * bit(7) + 4 * bit(8),
            tcp_rfc1337: bit(9),
            tcp_congestion_control: if bit(10) == 0 {
                CongestionControl::Reno
            } else {
                CongestionControl::Cubic
            },
            tcp_rto_max_ms: [120_000, 1_000][usize::from(bits >> 11 & 1)],
            tcp_rto_min_us: [200_000, 1_000][usize::from(bits >> 12 & 1)],
            tcp_fin_timeout: [60, 63][usize::from(bits >> 13 & 1)],
            tcp_invalid_ratelimit: 500 * bit(14),
            tcp_thin_linear_timeouts: bit(15),
            tcp_retries2: retries2,
            tcp_orphan_retries: orphans,
            tcp_syn_retries: syn,
            tcp_synack_retries: synack,
            ..Sysctl::default()
        }
    })
}

/// How a run begins.
#[derive(Clone, Copy, Debug)]
enum Start {
    Connected,
    Connecting,
    Listening,
    Fresh,
}

fn start() -> impl Strategy<Value = Start> {
    prop_oneof![
        6 => Just(Start::Connected),
        1 => Just(Start::Connecting),
        2 => Just(Start::Listening),
        1 => Just(Start::Fresh),
    ]
}

struct Victim {
    engine: Engine,
    now: Instant,
    sockets: Vec<SocketId>,
    heard: Vec<Segment>,
    /// What the far end has sent so far, relative.
    sent: i64,
}

impl Victim {
    fn new(sysctl: Sysctl, ticks: Ticks, start: Start) -> Victim {
        let mut config = Config::new(HOST.into());
        config.sysctl = sysctl;
        config.ticks = ticks;
        config.drawn.isn = Some(ISN.0);
        let mut victim = Victim {
            engine: Engine::new(config),
            now: Instant::from_us(1),
            sockets: Vec::new(),
            heard: Vec::new(),
            sent: 1,
        };
        if let crate::call::Outcome::Socket(s) = victim.engine.call(victim.now, Call::Socket) {
            victim.sockets.push(s);
        }
        let socket = victim.sockets[0];
        if !matches!(start, Start::Fresh) {
            victim.call(Call::Bind(socket, Addr::v4(HOST, HOST_PORT)));
        }
        match start {
            Start::Connected | Start::Connecting => {
                victim.call(Call::Connect(socket, Addr::v4(FAR, FAR_PORT)))
            }
            Start::Listening => victim.call(Call::Listen(socket, 2)),
            Start::Fresh => {}
        }
        if matches!(start, Start::Connected) {
            victim.arrive(Segment {
                seq: FAR_ISN,
                ack: ISN + 1,
                flags: S | A,
                window: 64_000,
                options: vec![
                    TcpOption::Mss(1_460),
                    TcpOption::SackPermitted,
                    TcpOption::WindowScale(7),
                    victim.timestamps(FAR_TS),
                ]
                .into(),
                ..victim.blank()
            });
        }
        victim
    }

    fn blank(&self) -> Segment {
        Segment {
            src_port: FAR_PORT,
            dst_port: HOST_PORT,
            ..Segment::default()
        }
    }

    fn timestamps(&self, tsval: u32) -> TcpOption {
        let heard = self.heard.iter().rev();
        let tsecr = heard
            .filter_map(Segment::timestamps)
            .map(|t| t.tsval)
            .next();
        TcpOption::Timestamps(Timestamps {
            tsval,
            tsecr: tsecr.unwrap_or(0),
        })
    }

    fn call(&mut self, call: Call) {
        if let crate::call::Outcome::Socket(s) = self.engine.call(self.now, call) {
            self.sockets.push(s);
        }
        self.drain();
    }

    fn arrive(&mut self, segment: Segment) {
        let datagram = Datagram::new(FAR.into(), HOST.into(), 1, Payload::Tcp(segment));
        self.engine.on_packet(self.now, &datagram);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(t) = self.engine.poll_transmit(self.now) {
            let bytes = t.datagram.emit();
            assert!(bytes.len() <= 1_500, "{} bytes", bytes.len());
            assert_eq!(Datagram::parse(&bytes).as_ref(), Ok(&t.datagram));
            if let Payload::Tcp(segment) = t.datagram.payload {
                self.heard.push(segment);
            }
        }
        while self.engine.poll_event().is_some() {}
        let next = self.engine.next_deadline();
        assert!(next.is_none_or(|at| at > self.now), "{next:?}");
        for socket in &self.sockets {
            self.engine.readiness(*socket);
        }
        self.engine
            .connection(self.now, Addr::v4(HOST, HOST_PORT), Addr::v4(FAR, FAR_PORT));
        self.engine.check();
    }

    fn seq(&self, near: Near) -> Seq {
        let last = self.heard.iter().rev().find(|s| s.flags.has(A));
        match near {
            Near::Isn(n) => FAR_ISN + n as u32,
            Near::Last(n) => last.map_or(FAR_ISN, |s| s.ack) + n as u32,
            Near::Anything(n) => Seq(n),
        }
    }

    fn ack(&self, near: Near) -> Seq {
        match near {
            Near::Isn(n) => ISN + n as u32,
            Near::Last(n) => self.highest() + n as u32,
            Near::Anything(n) => Seq(n),
        }
    }

    /// The end of what the host has sent.
    fn highest(&self) -> Seq {
        let ends = self.heard.iter().filter(|s| !s.flags.has(R));
        ends.map(Segment::end_seq).fold(ISN, Seq::max)
    }

    fn step(&mut self, step: &Step) {
        let socket = self.sockets[self.sockets.len() - 1];
        match step {
            Step::Segment { .. } => self.segment(step),
            Step::Mirror(i, bit) => self.mirror(*i, *bit),
            Step::Sensible { len, unacked, fin } => self.sensible(*len, *unacked, *fin),
            Step::Icmp(kind, code, of) => self.icmp(*kind, *code, *of),
            Step::Send(n) => self.call(Call::Send(socket, vec![1; *n])),
            Step::Recv(n) => self.call(Call::Recv(socket, *n)),
            Step::Shutdown => self.call(Call::ShutdownWrite(socket)),
            Step::Close => self.call(Call::Close(socket)),
            Step::Accept => self.call(Call::Accept(self.sockets[0])),
            Step::Connect => self.call(Call::Connect(socket, Addr::v4(FAR, FAR_PORT))),
            Step::Option(name, value) => {
                let option = SockOpt::int(OptName::ALL[*name], *value);
                self.call(Call::Set(socket, option));
            }
            Step::SoError => self.call(Call::SoError(socket)),
            Step::Kill => self.call(Call::Kill),
            Step::Wait(us) => self.wait(Duration::from_micros(*us)),
            Step::Late(us) => {
                if let Some(at) = self.engine.next_deadline() {
                    self.now = at + Duration::from_micros(*us);
                    self.engine.on_deadline(self.now);
                    self.drain();
                }
            }
        }
    }

    fn wait(&mut self, d: Duration) {
        let end = self.now + d;
        while let Some(at) = self.engine.next_deadline().filter(|at| *at <= end) {
            self.now = at;
            self.engine.on_deadline(at);
            self.drain();
        }
        self.now = end;
    }

    fn segment(&mut self, step: &Step) {
        let Step::Segment {
            flags,
            seq,
            ack,
            len,
            window,
            ts,
            sack,
            syn_options,
        } = step
        else {
            return;
        };
        let mut options = Vec::new();
        if let Some((mss, shift)) = syn_options {
            options.extend([TcpOption::Mss(*mss), TcpOption::WindowScale(*shift)]);
            options.push(TcpOption::SackPermitted);
        }
        if let Some(tsval) = ts {
            options.extend([TcpOption::Nop, TcpOption::Nop, self.timestamps(*tsval)]);
        }
        if !sack.is_empty() {
            let blocks = sack.iter().map(|(left, n)| {
                let left = self.ack(*left);
                (left, left + u32::from(*n))
            });
            options.push(TcpOption::Sack(blocks.collect()));
        }
        self.arrive(Segment {
            seq: self.seq(*seq),
            ack: self.ack(*ack),
            flags: Flags(*flags),
            window: *window,
            options: options.into(),
            payload: vec![3; *len].into(),
            ..self.blank()
        });
    }

    fn mirror(&mut self, i: usize, bit: u8) {
        let Some(heard) = self.heard.iter().rev().nth(i).cloned() else {
            return;
        };
        let segment = Segment {
            src_port: FAR_PORT,
            dst_port: HOST_PORT,
            seq: heard.ack,
            ack: heard.seq,
            flags: Flags(heard.flags.0 ^ (1 << (bit & 7))),
            ..heard
        };
        self.arrive(segment);
    }

    fn sensible(&mut self, len: usize, unacked: u32, fin: bool) {
        let flags = if fin { A | F } else { A };
        let seq = FAR_ISN + self.sent as u32;
        self.sent += len as i64 + i64::from(fin);
        let ts = self.timestamps(FAR_TS);
        self.arrive(Segment {
            seq,
            ack: Seq(self.highest().0.wrapping_sub(unacked)),
            flags,
            window: 500,
            options: [TcpOption::Nop, TcpOption::Nop, ts].into(),
            payload: vec![2; len].into(),
            ..self.blank()
        });
    }

    fn icmp(&mut self, kind: u8, code: u8, of: usize) {
        let Some(quoted) = self.heard.iter().rev().nth(of).cloned() else {
            return;
        };
        let quoted = Datagram::new(HOST.into(), FAR.into(), 1, Payload::Tcp(quoted));
        let icmp = Icmp {
            kind,
            code,
            rest: [0; 4],
            body: quoted.emit(),
        };
        let datagram = Datagram::new(FAR.into(), HOST.into(), 1, Payload::Icmp(icmp));
        self.engine.on_packet(self.now, &datagram);
        self.drain();
    }
}

proptest! {
    #![proptest_config(proptest::test_runner::Config::with_failure_persistence(proptest::test_runner::FileFailurePersistence::WithSource("regressions")))]

    #[test]
    fn nothing_panics_and_every_invariant_holds(
        sysctl in sysctl(),
        jiffies in 0u64..40_000,
        wheel in any::<bool>(),
        start in start(),
        steps in proptest::collection::vec(step(), 1..80),
    ) {
        let ticks = Ticks { jiffies_at_t0: Jiffies(jiffies), wheel, ..Ticks::default() };
        let mut victim = Victim::new(sysctl, ticks, start);
        for step in &steps {
            victim.step(step);
        }
        victim.step(&Step::Kill);
        victim.wait(Duration::from_secs(4_000));
        // without options that say otherwise, all of the host's own timers come to an end
        if !steps.iter().any(|s| matches!(s, Step::Option(..))) {
            prop_assert_eq!(victim.engine.next_deadline(), None);
        }
    }
}
