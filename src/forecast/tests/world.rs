//! Two hosts in memory, joined by a wire that can be cut.

use std::time::Duration;

use super::super::*;
use crate::sockopt::SockOpt;

const US: [u8; 4] = [10, 77, 0, 1];
const THEM: [u8; 4] = [10, 77, 0, 2];
const PORT: u16 = 7_777;

/// Two hosts joined by a wire of a fixed delay, until it is cut.
#[derive(Clone)]
pub(super) struct World {
    pub(super) us: Engine,
    pub(super) them: Engine,
    pub(super) socket: SocketId,
    pub(super) far: Option<SocketId>,
    pub(super) now: Instant,
    pub(super) delay: Duration,
    pub(super) cut: bool,
    /// On the way: when it arrives, and whether at us.
    pub(super) wire: Vec<(Instant, bool, crate::wire::Datagram)>,
}

impl World {
    pub(super) fn new(sysctl: Sysctl, delay_ms: u64, options: &[SockOpt]) -> World {
        let host = |addr: [u8; 4], sysctl: Sysctl| {
            Engine::new(Config {
                sysctl,
                ..Config::new(addr.into())
            })
        };
        let mut world = World {
            us: host(US, sysctl),
            them: host(THEM, Sysctl::default()),
            socket: SocketId(0),
            far: None,
            now: Instant::from_ms(100),
            delay: Duration::from_millis(delay_ms),
            cut: false,
            wire: Vec::new(),
        };
        let now = world.now;
        let Outcome::Socket(listener) = world.them.call(now, Call::Socket) else {
            panic!("a socket");
        };
        world
            .them
            .call(now, Call::Bind(listener, Addr::v4(THEM, PORT)));
        world.them.call(now, Call::Listen(listener, 8));
        let Outcome::Socket(socket) = world.us.call(now, Call::Socket) else {
            panic!("a socket");
        };
        world.socket = socket;
        for option in options {
            let done = world.us.call(now, Call::Set(socket, option.clone()));
            assert_eq!(done, Outcome::Done, "{option:?}");
        }
        world
            .us
            .call(now, Call::Bind(socket, Addr::v4([0; 4], 40_000)));
        world
            .us
            .call(now, Call::Connect(socket, Addr::v4(THEM, PORT)));
        world
    }

    /// The SYN is lost.
    pub(super) fn connecting(sysctl: Sysctl, delay_ms: u64, options: &[SockOpt]) -> World {
        let mut world = World::new(sysctl, delay_ms, options);
        world.cut = true;
        world
    }

    pub(super) fn connected(sysctl: Sysctl, delay_ms: u64, options: &[SockOpt]) -> World {
        let mut world = World::new(sysctl, delay_ms, options);
        world.run_ms(1_000);
        let listener = SocketId(1);
        let Outcome::Socket(far) = world.them.call(world.now, Call::Accept(listener)) else {
            panic!("no connection");
        };
        world.far = Some(far);
        world
    }

    pub(super) fn addrs(&self) -> (Addr, Addr) {
        (Addr::v4(US, 40_000), Addr::v4(THEM, PORT))
    }

    pub(super) fn drain(&mut self) {
        let at = self.now + self.delay;
        while let Some(sent) = self.us.poll_transmit(self.now) {
            self.wire.push((at, false, sent.datagram));
        }
        while let Some(sent) = self.them.poll_transmit(self.now) {
            self.wire.push((at, true, sent.datagram));
        }
        while self.us.poll_event().is_some() {}
        while self.them.poll_event().is_some() {}
        if self.cut {
            self.wire.clear();
        }
    }

    /// One step; false: nothing happens before `until`.
    pub(super) fn step(&mut self, until: Instant) -> bool {
        self.drain();
        let arrival = self.wire.iter().map(|w| w.0).min();
        let next = [arrival, self.us.next_deadline(), self.them.next_deadline()];
        let Some(next) = next.into_iter().flatten().min().filter(|n| *n <= until) else {
            self.now = until;
            return false;
        };
        self.now = next;
        let arrived = self.wire.iter().position(|w| w.0 == next);
        if let Some((_, at_us, datagram)) = arrived.map(|i| self.wire.remove(i)) {
            let host = if at_us { &mut self.us } else { &mut self.them };
            host.on_packet(next, &datagram);
        } else {
            self.us.on_deadline(next);
            self.them.on_deadline(next);
        }
        self.drain();
        true
    }

    pub(super) fn run_ms(&mut self, ms: u64) {
        let until = self.now + Duration::from_millis(ms);
        while self.step(until) {}
    }

    pub(super) fn send(&mut self, bytes: usize) {
        self.us
            .call(self.now, Call::Send(self.socket, vec![7; bytes]));
        self.drain();
    }

    pub(super) fn cut(&mut self) {
        self.cut = true;
        self.wire.clear();
    }

    pub(super) fn info(&self) -> Option<TcpInfo> {
        let (local, remote) = self.addrs();
        self.us.connection(self.now, local, remote)
    }

    /// The same of the far end.
    pub(super) fn info_there(&self) -> Option<TcpInfo> {
        let (local, remote) = self.addrs();
        self.them.connection(self.now, remote, local)
    }

    pub(super) fn seen(&self, orphan: bool, options: &[SockOpt]) -> Option<Seen> {
        Some(Seen {
            info: self.info()?,
            orphan,
            options: Some(options.to_vec()),
            ..Seen::default()
        })
    }

    /// What really becomes of it: when, and the error.
    pub(super) fn fate(mut self, orphan: bool) -> Option<(Instant, Option<Errno>)> {
        let end = Instant::from_ms(30_000_000);
        loop {
            if !self.step(end) {
                return None;
            }
            if self.us.readiness(self.socket).error {
                let Outcome::SoError(errno) = self.us.call(self.now, Call::SoError(self.socket))
                else {
                    panic!("SO_ERROR");
                };
                return Some((self.now, errno));
            }
            if orphan && self.info().is_none() {
                return Some((self.now, None));
            }
        }
    }
}
