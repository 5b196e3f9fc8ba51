//! Two engines, and a link between them that loses, repeats and reorders: every byte arrives, once and in order.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::call::{Addr, Call, Errno, Outcome, SocketId, TcpInfo};
use crate::engine::{Config, Engine};
use crate::rng::Stream;
use crate::sockopt::{OptName, SockOpt};
use crate::sysctl::{CongestionControl, Sysctl};
use crate::time::{Instant, Jiffies, Ticks};
use crate::wire::Datagram;

const HOSTS: [[u8; 4]; 2] = [[10, 77, 0, 1], [10, 77, 0, 2]];
const PORTS: [u16; 2] = [40_000, 7_777];
/// Everything must be over by then: many times what 15 doublings of the RTO take.
const LIMIT: Instant = Instant::from_ms(20_000_000);

/// How an application ends its side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// shutdown() once all is written, close() after the other's end of stream.
    Shutdown,
    /// shutdown() and close() only after the other's end of stream.
    Second,
    /// close() once all is written and all that was expected is read.
    Close,
}

/// One pair's setting, drawn from its seed.
#[derive(Clone, Debug)]
struct Setting {
    loss: u32,
    repeat: u32,
    jitter_us: u32,
    delay_us: u32,
    /// Bytes that each side sends.
    bytes: [usize; 2],
    endings: [Ending; 2],
    /// Both connect, nobody listens.
    crossing: bool,
    /// Time between two looks of each application, us.
    pause_us: [u32; 2],
    /// Most bytes of one recv().
    read: [usize; 2],
    sysctls: [Sysctl; 2],
    options: [Vec<SockOpt>; 2],
}

struct Dice(Stream);

impl Dice {
    fn below(&mut self, n: u32) -> u32 {
        self.0.next_u32() % n
    }

    fn once_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }
}

fn sysctl(dice: &mut Dice) -> Sysctl {
    let on = |dice: &mut Dice| i64::from(!dice.once_in(4));
    Sysctl {
        // an orphan without SACK gives up early when a fifth of the packets is lost, as in Linux
        tcp_orphan_retries: 15,
        tcp_sack: on(dice),
        tcp_timestamps: on(dice),
        tcp_window_scaling: on(dice),
        tcp_dsack: on(dice),
        tcp_frto: on(dice) * 2,
        tcp_early_retrans: on(dice) * 3,
        tcp_retrans_collapse: on(dice),
        tcp_slow_start_after_idle: on(dice),
        tcp_recovery: [1, 1, 3, 5][dice.below(4) as usize],
        tcp_congestion_control: if dice.once_in(2) {
            CongestionControl::Reno
        } else {
            CongestionControl::Cubic
        },
        ..Sysctl::default()
    }
}

fn options(dice: &mut Dice) -> Vec<SockOpt> {
    let mut options = Vec::new();
    let mut maybe = |dice: &mut Dice, n, name, value| {
        if dice.once_in(n) {
            options.push(SockOpt::int(name, value));
        }
    };
    maybe(dice, 4, OptName::SO_RCVBUF, 0);
    maybe(dice, 6, OptName::SO_RCVBUF, 8_000);
    maybe(dice, 4, OptName::SO_SNDBUF, 0);
    maybe(dice, 3, OptName::TCP_NODELAY, 1);
    maybe(dice, 8, OptName::TCP_MAXSEG, 88);
    maybe(dice, 8, OptName::TCP_MAXSEG, 536);
    maybe(dice, 6, OptName::TCP_QUICKACK, 0);
    maybe(dice, 6, OptName::TCP_THIN_LINEAR_TIMEOUTS, 1);
    maybe(dice, 6, OptName::SO_KEEPALIVE, 1);
    options
}

fn ending(dice: &mut Dice) -> Ending {
    [Ending::Shutdown, Ending::Second, Ending::Close][dice.below(3) as usize]
}

impl Setting {
    fn drawn(seed: u64) -> Setting {
        let dice = &mut Dice(Stream::new(seed, "pair"));
        let size = |dice: &mut Dice| [0, 1, 100, 5_000, 40_000][dice.below(5) as usize];
        let mut endings = [ending(dice), ending(dice)];
        if endings == [Ending::Second; 2] {
            endings[0] = Ending::Shutdown;
        }
        let pause = |dice: &mut Dice| [100, 5_000, 70_000][dice.below(3) as usize];
        let read = |dice: &mut Dice| [10, 700, 100_000][dice.below(3) as usize];
        let mut read = [read(dice), read(dice)];
        let bytes = [size(dice), size(dice)];
        for side in 0..2 {
            if bytes[1 - side] > 5_000 {
                read[side] = read[side].max(700);
            }
        }
        let crossing = dice.once_in(8);
        let mut sysctls = [sysctl(dice), sysctl(dice)];
        if crossing {
            // Linux scales its window even if the SYN that crossed did not offer it, and hardly a byte fits
            sysctls[1].tcp_window_scaling = sysctls[0].tcp_window_scaling;
        }
        // without SACK a loss episode may outlast the time for retransmissions, as in Linux
        let loss = [0, 2, 10, 20][dice.below(4) as usize];
        let sack = sysctls.iter().all(|s| s.tcp_sack != 0);
        Setting {
            loss: loss.min(if sack { 20 } else { 10 }),
            repeat: [0, 5][dice.below(2) as usize],
            jitter_us: [0, 500, 30_000][dice.below(3) as usize],
            delay_us: [10, 1_000, 50_000][dice.below(3) as usize],
            bytes,
            endings,
            crossing,
            pause_us: [pause(dice), pause(dice)],
            read,
            sysctls,
            options: [options(dice), options(dice)],
        }
    }
}

fn byte(side: usize, at: usize) -> u8 {
    (at * 31 + at / 251 + side * 7) as u8
}

/// An application: writes its bytes, reads the other's, ends.
#[derive(Debug)]
struct App {
    side: usize,
    socket: Option<SocketId>,
    listener: Option<SocketId>,
    to_write: usize,
    written: usize,
    expected: usize,
    read: usize,
    read_size: usize,
    eof: bool,
    shut: bool,
    closed: bool,
    ending: Ending,
    /// When it looks again; none: when something has happened.
    next: Option<Instant>,
    pause: Duration,
}

impl App {
    fn look(&mut self, now: Instant, engine: &mut Engine) {
        let before = (self.socket, self.written, self.read, self.eof, self.shut);
        self.act(now, engine);
        let after = (self.socket, self.written, self.read, self.eof, self.shut);
        self.next = (before != after).then(|| now + self.pause);
    }

    fn act(&mut self, now: Instant, engine: &mut Engine) {
        if let (None, Some(listener)) = (self.socket, self.listener)
            && let Outcome::Socket(socket) = engine.call(now, Call::Accept(listener))
        {
            self.socket = Some(socket);
            engine.call(now, Call::Close(listener));
            self.listener = None;
        }
        let Some(socket) = self.socket else { return };
        if self.closed {
            return;
        }
        self.write(now, engine, socket);
        self.receive(now, engine, socket);
        self.end(now, engine, socket);
    }

    fn write(&mut self, now: Instant, engine: &mut Engine, socket: SocketId) {
        if self.written == self.to_write {
            return;
        }
        let data = (self.written..self.to_write)
            .map(|at| byte(self.side, at))
            .collect();
        match engine.call(now, Call::Send(socket, data)) {
            Outcome::Bytes(n) => self.written += n,
            Outcome::Failed(Errno::EAGAIN) => {}
            other => panic!("send: {other:?} {self:?}"),
        }
    }

    fn receive(&mut self, now: Instant, engine: &mut Engine, socket: SocketId) {
        match engine.call(now, Call::Recv(socket, self.read_size)) {
            Outcome::Data(data) if data.is_empty() => {
                assert_eq!(self.read, self.expected, "end of stream: {self:?}");
                self.eof = true;
            }
            Outcome::Data(data) => {
                for got in data {
                    assert_eq!(got, byte(1 - self.side, self.read), "at {}", self.read);
                    self.read += 1;
                }
            }
            Outcome::Failed(Errno::EAGAIN) => {}
            other => panic!("recv: {other:?} {self:?}"),
        }
    }

    fn end(&mut self, now: Instant, engine: &mut Engine, socket: SocketId) {
        if self.written < self.to_write || !engine.readiness(socket).writable {
            return;
        }
        let early = self.ending == Ending::Shutdown;
        if early && !self.shut {
            assert_eq!(engine.call(now, Call::ShutdownWrite(socket)), Outcome::Done);
            self.shut = true;
        }
        let all = self.ending == Ending::Close && self.read == self.expected;
        if self.eof || all {
            assert_eq!(engine.call(now, Call::Close(socket)), Outcome::Done);
            self.closed = true;
        }
    }
}

struct Pair {
    now: Instant,
    engines: [Engine; 2],
    apps: [App; 2],
    link: BTreeMap<(Instant, u64), Datagram>,
    entered: u64,
    dice: Dice,
    setting: Setting,
}

impl Pair {
    fn new(seed: u64, setting: Setting) -> Pair {
        let ticks = |side: usize| Ticks {
            jiffies_at_t0: Jiffies(seed * 37 + side as u64 * 11),
            ns_into_tick: seed * 7_919 % 4_000_000,
            ..Ticks::default()
        };
        let engine = |side: usize| {
            let mut config = Config::new(HOSTS[side].into());
            config.sysctl = setting.sysctls[side].clone();
            config.ticks = ticks(side);
            config.seed = seed * 2 + side as u64;
            Engine::new(config)
        };
        let app = |side: usize| App {
            side,
            socket: None,
            listener: None,
            to_write: setting.bytes[side],
            written: 0,
            expected: setting.bytes[1 - side],
            read: 0,
            read_size: setting.read[side],
            eof: false,
            shut: false,
            closed: false,
            ending: setting.endings[side],
            next: None,
            pause: Duration::from_micros(setting.pause_us[side].into()),
        };
        let mut pair = Pair {
            now: Instant::ZERO,
            engines: [engine(0), engine(1)],
            apps: [app(0), app(1)],
            link: BTreeMap::new(),
            entered: 0,
            dice: Dice(Stream::new(seed, "link")),
            setting,
        };
        pair.begin();
        pair
    }

    fn begin(&mut self) {
        for side in [1, 0] {
            let (own, other) = (
                Addr::v4(HOSTS[side], PORTS[side]),
                Addr::v4(HOSTS[1 - side], PORTS[1 - side]),
            );
            let engine = &mut self.engines[side];
            let Outcome::Socket(socket) = engine.call(self.now, Call::Socket) else {
                panic!("no socket");
            };
            for option in &self.setting.options[side] {
                engine.call(self.now, Call::Set(socket, option.clone()));
            }
            assert_eq!(
                engine.call(self.now, Call::Bind(socket, own)),
                Outcome::Done
            );
            if side == 1 && !self.setting.crossing {
                engine.call(self.now, Call::Listen(socket, 1));
                self.apps[side].listener = Some(socket);
            } else {
                engine.call(self.now, Call::Connect(socket, other));
                self.apps[side].socket = Some(socket);
            }
        }
        self.drain();
    }

    fn drain(&mut self) {
        for side in 0..2 {
            while let Some(transmit) = self.engines[side].poll_transmit(self.now) {
                self.enter(transmit.datagram);
            }
            while self.engines[side].poll_event().is_some() {}
            let deadline = self.engines[side].next_deadline();
            assert!(deadline.is_none_or(|at| at > self.now), "{deadline:?}");
            self.engines[side].check();
        }
    }

    fn enter(&mut self, datagram: Datagram) {
        if datagram.segment().is_none() {
            return;
        }
        assert!(datagram.wire_len() <= 1_500);
        let copies = 1 + u32::from(self.dice.below(100) < self.setting.repeat);
        for _ in 0..copies {
            if self.dice.below(100) < self.setting.loss {
                continue;
            }
            let jitter = self.dice.below(self.setting.jitter_us + 1);
            let delay = Duration::from_micros(u64::from(self.setting.delay_us + jitter));
            self.link
                .insert((self.now + delay, self.entered), datagram.clone());
            self.entered += 1;
        }
    }

    /// When something happens next; none once all is over.
    fn next(&self) -> Option<Instant> {
        let link = self.link.keys().next().map(|k| k.0);
        let engines = self.engines.iter().filter_map(Engine::next_deadline);
        let apps = self.apps.iter().filter_map(|a| a.next);
        link.into_iter().chain(engines).chain(apps).min()
    }

    fn step(&mut self, at: Instant) {
        self.now = at;
        if let Some(first) = self.link.first_entry().filter(|e| e.key().0 <= at) {
            let datagram = first.remove();
            let side = usize::from(datagram.dst == std::net::IpAddr::from(HOSTS[1]));
            self.engines[side].on_packet(at, &datagram);
            self.wake(side);
        }
        for side in 0..2 {
            if self.engines[side].next_deadline().is_some_and(|d| d <= at) {
                self.engines[side].on_deadline(at);
                self.wake(side);
            }
            if self.apps[side].next.is_some_and(|next| next <= at) {
                self.apps[side].look(at, &mut self.engines[side]);
            }
        }
        self.drain();
    }

    /// What the two hosts say of the connection.
    fn infos(&self) -> [Option<TcpInfo>; 2] {
        [0, 1].map(|side| {
            let own = Addr::v4(HOSTS[side], PORTS[side]);
            let other = Addr::v4(HOSTS[1 - side], PORTS[1 - side]);
            self.engines[side].connection(self.now, own, other)
        })
    }

    fn wake(&mut self, side: usize) {
        let app = &mut self.apps[side];
        if !app.closed && app.next.is_none() {
            app.next = Some(self.now + app.pause);
        }
    }

    fn run(&mut self) {
        while let Some(at) = self.next() {
            assert!(at < LIMIT, "no end: {:?}", self.apps);
            self.step(at);
        }
        for app in &self.apps {
            assert!(
                app.closed,
                "stuck at {:?}: {app:?}, {:?}",
                self.now,
                self.infos()
            );
            assert_eq!((app.written, app.read), (app.to_write, app.expected));
        }
        for engine in &self.engines {
            assert_eq!(engine.table.iter().count(), 0);
        }
    }
}

#[test]
fn every_byte_arrives_once_and_in_order() {
    // PROPTEST_CASES multiplies here too
    let seeds = 4 * u64::from(proptest::test_runner::Config::default().cases);
    for seed in 0..seeds {
        let setting = Setting::drawn(seed);
        let told = format!("seed {seed}: {setting:?}");
        let run = std::panic::AssertUnwindSafe(|| Pair::new(seed, setting).run());
        if let Err(why) = std::panic::catch_unwind(run) {
            eprintln!("{told}");
            std::panic::resume_unwind(why);
        }
    }
}
