//! Backlogs and cookies. The rows of letters and counters were seen the same on Linux 6.18, packet for packet.

use super::*;
use crate::call::{Call, Outcome};
use crate::engine::Config;
use crate::sysctl::Sysctl;
use crate::time::Instant;
use crate::wire::{Options, Payload, TcpOption, Timestamps};

const HOST: [u8; 4] = [10, 9, 0, 1];

struct Server {
    engine: Engine,
    listener: SocketId,
    at: Instant,
}

/// The n-th client.
fn client(n: u32) -> Addr {
    let [_, b, c, d] = n.to_be_bytes();
    Addr::v4([11, b, c, d], 4_000)
}

fn options(timestamp: Option<u32>) -> Options {
    let mut list = vec![TcpOption::Mss(1460), TcpOption::SackPermitted];
    list.extend(timestamp.map(|tsval| TcpOption::Timestamps(Timestamps { tsval, tsecr: 0 })));
    list.push(TcpOption::WindowScale(7));
    Options::from_iter(list)
}

impl Server {
    fn new(backlog: u32, sysctl: Sysctl) -> Server {
        let mut config = Config::new(std::net::IpAddr::from(HOST));
        config.sysctl = sysctl;
        let mut engine = Engine::new(config);
        let at = Instant::ZERO;
        let Outcome::Socket(listener) = engine.call(at, Call::Socket) else {
            panic!("a socket")
        };
        engine.call(at, Call::Bind(listener, Addr::v4(HOST, 7000)));
        engine.call(at, Call::Listen(listener, backlog));
        Server {
            engine,
            listener,
            at,
        }
    }

    /// Delivers a segment of the n-th client and returns the answer.
    fn hear(&mut self, n: u32, segment: Segment) -> Option<Segment> {
        let segment = Segment {
            src_port: client(n).port,
            dst_port: 7000,
            window: 500,
            ..segment
        };
        let host = std::net::IpAddr::from(HOST);
        let datagram = Datagram::new(client(n).ip, host, 1, Payload::Tcp(segment));
        self.engine.on_packet(self.at, &datagram);
        let answer = self.engine.poll_transmit(self.at)?;
        answer.datagram.segment().cloned()
    }

    fn syn(&mut self, n: u32) -> Option<Segment> {
        let syn = Segment {
            seq: Seq(1_000),
            flags: Flags::SYN,
            options: options(None),
            ..Segment::default()
        };
        self.hear(n, syn)
    }

    /// The n-th client's ACK of this SYN-ACK.
    fn ack(&mut self, n: u32, syn_ack: &Segment) -> Option<Segment> {
        let ack = Segment {
            seq: Seq(1_001),
            ack: syn_ack.seq + 1,
            flags: Flags::ACK,
            ..Segment::default()
        };
        self.hear(n, ack)
    }

    fn counted(&self, counter: Counter) -> u64 {
        self.engine.counters().get(counter)
    }

    /// What becomes of that many SYNs: S a half-open connection, C a cookie, - nothing.
    fn syns(&mut self, count: u32) -> String {
        let answer = |n| {
            let before = self.counted(Counter::SyncookiesSent);
            let answered = self.syn(n).is_some();
            match (answered, self.counted(Counter::SyncookiesSent) > before) {
                (true, true) => 'C',
                (true, false) => 'S',
                _ => '-',
            }
        };
        (1..=count).map(answer).collect()
    }

    fn run_until(&mut self, end: Instant) {
        while let Some(deadline) = self.engine.next_deadline().filter(|at| *at <= end) {
            self.at = deadline;
            self.engine.on_deadline(deadline);
            while self.engine.poll_transmit(deadline).is_some() {}
            while self.engine.poll_event().is_some() {}
        }
        self.at = end;
    }

    fn accept(&mut self) -> bool {
        let outcome = self.engine.call(self.at, Call::Accept(self.listener));
        matches!(outcome, Outcome::Socket(_))
    }
}

fn knobs(cookies: i64, syn_backlog: i64) -> Sysctl {
    Sysctl {
        tcp_syncookies: cookies,
        tcp_max_syn_backlog: syn_backlog,
        ..Sysctl::default()
    }
}

#[test]
fn the_syn_queue_ends_as_linux_s() {
    // backlog, tcp_syncookies, tcp_max_syn_backlog, what becomes of the SYNs
    for (backlog, cookies, most, row) in [
        (1, 1, 2048, "SSCCCC"),
        (4, 1, 2048, "SSSSSCCCCC"),
        (4, 0, 2048, "SSSSS-----"),
        (100, 0, 8, "SSSSSSS-------"),
        (100, 0, 16, "SSSSSSSSSSSSS-------"),
        (4, 2, 2048, "CCCC"),
        (0, 1, 2048, "SCCC"),
    ] {
        let mut server = Server::new(backlog, knobs(cookies, most));
        assert_eq!(
            server.syns(row.len() as u32),
            row,
            "backlog {backlog}, {cookies}, {most}"
        );
        let dropped = row.matches('-').count() as u64;
        assert_eq!(server.counted(Counter::ListenDrops), dropped);
        let full = if most < 2048 { 0 } else { dropped };
        assert_eq!(server.counted(Counter::TCPReqQFullDrop), full);
        let baked = row.matches('C').count() as u64;
        assert_eq!(server.counted(Counter::TCPReqQFullDoCookies), baked);
    }
}

#[test]
fn somaxconn_is_the_largest_backlog() {
    let sysctl = Sysctl {
        somaxconn: 1,
        ..Sysctl::default()
    };
    assert_eq!(Server::new(100, sysctl).syns(4), "SSCC");
}

#[test]
fn a_full_accept_queue_drops_syns_until_accept() {
    for (cookies, baked) in [(0, 0), (1, 0), (2, 6)] {
        let mut server = Server::new(2, knobs(cookies, 2048));
        let answers: Vec<Segment> = (1..=3).map(|n| server.syn(n).expect("an answer")).collect();
        for (n, syn_ack) in answers.iter().enumerate() {
            assert!(server.ack(n as u32 + 1, syn_ack).is_none());
        }
        assert!(
            (4..=6).all(|n| server.syn(n).is_none()),
            "cookies {cookies}"
        );
        for (counter, count) in [
            (Counter::ListenOverflows, 3),
            (Counter::ListenDrops, 3),
            (Counter::TCPReqQFullDoCookies, baked),
            (Counter::PassiveOpens, 3),
            (Counter::CurrEstab, 3),
            (Counter::InSegs, 9),
            (Counter::OutSegs, 3),
        ] {
            assert_eq!(server.counted(counter), count, "{}", counter.name());
        }
        assert!(server.accept());
        assert!(server.syn(7).is_some());
    }
}

#[test]
fn the_ack_of_a_full_accept_queue_is_dropped_or_refused() {
    for (abort, flags) in [(0, None), (1, Some(Flags::RST))] {
        let sysctl = Sysctl {
            tcp_abort_on_overflow: abort,
            ..Sysctl::default()
        };
        let mut server = Server::new(2, sysctl);
        let answers: Vec<Segment> = (1..=3).map(|n| server.syn(n).expect("an answer")).collect();
        // three cookies fill the accept queue, the three half-open ones are too late
        let baked: Vec<Segment> = (4..=6).map(|n| server.syn(n).expect("a cookie")).collect();
        for (n, syn_ack) in baked.iter().enumerate() {
            assert!(server.ack(n as u32 + 4, syn_ack).is_none());
        }
        for (n, syn_ack) in answers.iter().enumerate() {
            let answer = server.ack(n as u32 + 1, syn_ack);
            assert_eq!(answer.map(|s| s.flags), flags);
        }
        assert_eq!(server.counted(Counter::ListenOverflows), 3);
        assert_eq!(server.counted(Counter::EmbryonicRsts), 3 * abort as u64);
    }
}

#[test]
fn a_cookie_that_comes_back_is_a_connection_and_a_wrong_one_is_refused() {
    let mut server = Server::new(4, knobs(2, 2048));
    let cookie = server.syn(1).expect("a cookie");
    assert_eq!(cookie.window, 64_240);
    assert!(!cookie.sack_permitted() && cookie.window_scale().is_none());
    let wrong = Segment {
        seq: cookie.seq + 1,
        ..cookie.clone()
    };
    assert!(server.ack(1, &wrong).expect("a RST").flags.has(Flags::RST));
    assert_eq!(server.counted(Counter::SyncookiesFailed), 1);
    assert!(server.ack(1, &cookie).is_none());
    assert_eq!(server.counted(Counter::SyncookiesRecv), 1);
    assert!(server.accept());
}

#[test]
fn a_cookie_with_a_timestamp_keeps_window_scale_and_sack() {
    let mut server = Server::new(4, knobs(2, 2048));
    let syn = Segment {
        seq: Seq(1_000),
        flags: Flags::SYN,
        options: options(Some(1_000)),
        ..Segment::default()
    };
    let cookie = server.hear(1, syn).expect("a cookie");
    assert!(cookie.sack_permitted());
    assert_eq!((cookie.window, cookie.window_scale()), (65_160, Some(10)));
    let tsecr = cookie.timestamps().expect("a timestamp").tsval;
    let ack = Segment {
        seq: Seq(1_001),
        ack: cookie.seq + 1,
        flags: Flags::ACK,
        options: Options::aligned_timestamps(Timestamps {
            tsval: 2_000,
            tsecr,
        }),
        ..Segment::default()
    };
    assert!(server.hear(1, ack).is_none());
    let id = server.engine.table.find(Addr::v4(HOST, 7000), client(1));
    let tcb = server
        .engine
        .table
        .connection(id.expect("it is there"))
        .expect("open");
    assert!(tcb.rx.sack_ok && tcb.rx.wscale_ok && tcb.rx.tstamp_ok);
    assert_eq!(
        (tcb.rx.snd_wscale, tcb.rx.mss_clamp, tcb.mss_cache),
        (7, 1460, 1448)
    );
}

#[test]
fn an_ack_that_echoes_what_was_never_sent_draws_an_ack() {
    // by how much the echo is off, none: there is none; whether the connection opens
    for (n, (off, opens)) in [
        (Some(0), true),
        (Some(-1), false),
        (Some(1), false),
        (None, true),
    ]
    .into_iter()
    .enumerate()
    {
        let (n, mut server) = (n as u32, Server::new(4, Sysctl::default()));
        let syn = Segment {
            seq: Seq(1_000),
            flags: Flags::SYN,
            options: options(Some(1_000)),
            ..Segment::default()
        };
        let syn_ack = server.hear(n, syn).expect("a SYN-ACK");
        let tsval = syn_ack.timestamps().expect("a timestamp").tsval;
        let tsecr = off.map_or(0, |off| tsval.wrapping_add_signed(off));
        let ack = Segment {
            seq: Seq(1_001),
            ack: syn_ack.seq + 1,
            flags: Flags::ACK,
            options: Options::aligned_timestamps(Timestamps {
                tsval: 2_000,
                tsecr,
            }),
            ..Segment::default()
        };
        let answer = server.hear(n, ack).map(|s| (s.flags, s.seq, s.ack));
        let expected = (Flags::ACK, syn_ack.seq + 1, Seq(1_001));
        assert_eq!(answer, (!opens).then_some(expected), "{off:?}");
        assert_eq!(server.counted(Counter::TSEcrRejected), u64::from(!opens));
        assert_eq!(server.accept(), opens);
    }
}

#[test]
fn without_cookies_out_an_ack_is_refused() {
    let mut server = Server::new(4, knobs(1, 2048));
    let ack = Segment {
        seq: Seq(77),
        ..Segment::default()
    };
    assert!(server.ack(1, &ack).expect("a RST").flags.has(Flags::RST));
    assert_eq!(server.counted(Counter::SyncookiesFailed), 0);
}

#[test]
fn a_flood_leaves_the_host_small_and_a_client_still_gets_in() {
    let mut server = Server::new(4_096, Sysctl::default());
    for n in 1..=100_000 {
        assert!(server.syn(n).is_some(), "the {n}th SYN is answered");
    }
    assert_eq!(server.engine.table.connections_and_requests(), 4_097);
    assert_eq!(server.counted(Counter::SyncookiesSent), 100_000 - 4_097);
    let cookie = server.syn(200_000).expect("a cookie");
    assert!(server.ack(200_000, &cookie).is_none());
    assert!(server.accept());
    // old half-open ones are given up after two repetitions, as long as they fill half of the queue
    let half_open = |server: &Server| server.engine.table.connections_and_requests() - 1;
    server.run_until(Instant::from_ms(6_900));
    assert_eq!(half_open(&server), 4_097);
    server.run_until(Instant::from_ms(8_000));
    assert_eq!(half_open(&server), 2_048);
    server.run_until(Instant::from_ms(70_000));
    assert_eq!(half_open(&server), 0);
}

#[test]
fn the_limit_of_connections_refuses_both_ways() {
    let mut config = Config::new(std::net::IpAddr::from(HOST));
    config.max_connections = 2;
    let mut server = Server::new(10, Sysctl::default());
    server.engine.max_connections = config.max_connections;
    assert_eq!(server.syns(3), "SS-");
    assert_eq!(server.counted(Counter::ListenDrops), 1);
    let Outcome::Socket(socket) = server.engine.call(server.at, Call::Socket) else {
        panic!("a socket")
    };
    let refused = server
        .engine
        .call(server.at, Call::Connect(socket, client(9)));
    assert_eq!(refused, Outcome::Failed(crate::call::Errno::ENOBUFS));
}
