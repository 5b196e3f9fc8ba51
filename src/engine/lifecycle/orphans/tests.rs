//! Too many orphans, too little memory, a TIME_WAIT whose place is taken.

use std::time::Duration;

use crate::call::{Addr, Call, Errno, Outcome, SocketId};
use crate::engine::{Config, Counter, Engine};
use crate::sysctl::Sysctl;
use crate::time::Instant;
use crate::wire::{Datagram, Flags, Payload, Segment, Seq};

const HERE: [u8; 4] = [10, 9, 0, 1];
const THERE: [u8; 4] = [10, 9, 0, 2];

/// Two engines on a wire without delay.
struct Pair {
    here: Engine,
    there: Engine,
    listener: SocketId,
    at: Instant,
}

fn socket(engine: &mut Engine, at: Instant) -> SocketId {
    match engine.call(at, Call::Socket) {
        Outcome::Socket(socket) => socket,
        other => panic!("{other:?}"),
    }
}

impl Pair {
    fn new(sysctl: Sysctl) -> Pair {
        let mut config = Config::new(std::net::IpAddr::from(HERE));
        config.sysctl = sysctl;
        let mut there = Engine::new(Config::new(std::net::IpAddr::from(THERE)));
        let at = Instant::ZERO;
        let listener = socket(&mut there, at);
        there.call(at, Call::Bind(listener, Addr::v4(THERE, 80)));
        there.call(at, Call::Listen(listener, 1_000));
        Pair {
            here: Engine::new(config),
            there,
            listener,
            at,
        }
    }

    /// Delivers until nobody has anything to say; what left here.
    fn settle(&mut self) -> Vec<Segment> {
        let mut seen = Vec::new();
        loop {
            let mut quiet = true;
            while let Some(sent) = self.here.poll_transmit(self.at) {
                seen.extend(sent.datagram.segment().cloned());
                self.there.on_packet(self.at, &sent.datagram);
                quiet = false;
            }
            while let Some(sent) = self.there.poll_transmit(self.at) {
                self.here.on_packet(self.at, &sent.datagram);
                quiet = false;
            }
            if quiet {
                return seen;
            }
        }
    }

    /// An open connection: our socket and theirs.
    fn open(&mut self, port: u16) -> (SocketId, SocketId) {
        let ours = socket(&mut self.here, self.at);
        self.here
            .call(self.at, Call::Bind(ours, Addr::v4(HERE, port)));
        let connecting = self
            .here
            .call(self.at, Call::Connect(ours, Addr::v4(THERE, 80)));
        assert_eq!(connecting, Outcome::InProgress);
        self.settle();
        match self.there.call(self.at, Call::Accept(self.listener)) {
            Outcome::Socket(theirs) => (ours, theirs),
            other => panic!("{other:?}"),
        }
    }

    fn counted(&self, counter: Counter) -> u64 {
        self.here.counters().get(counter)
    }

    fn pass(&mut self, time: Duration) {
        self.at = self.at + time;
        self.here.on_deadline(self.at);
        self.there.on_deadline(self.at);
        self.settle();
    }
}

#[test]
fn one_orphan_too_many_is_reset() {
    let mut pair = Pair::new(Sysctl {
        tcp_max_orphans: 2,
        ..Sysctl::default()
    });
    let open: Vec<_> = (1..=3).map(|n| pair.open(5_000 + n)).collect();
    for (n, (ours, _)) in open.iter().enumerate() {
        // unheard, so that they stay orphans in FIN_WAIT1
        pair.here.call(pair.at, Call::Close(*ours));
        let mut sent = Vec::new();
        while let Some(packet) = pair.here.poll_transmit(pair.at) {
            sent.extend(packet.datagram.segment().map(|s| s.flags.has(Flags::RST)));
        }
        assert_eq!(
            sent,
            if n < 2 {
                vec![false]
            } else {
                vec![false, true]
            }
        );
    }
    assert_eq!(pair.counted(Counter::TCPAbortOnMemory), 1);
    // and the two that were let are forgotten in time, and make room
    for _ in 0..400 {
        pair.pass(Duration::from_secs(1));
    }
    let (ours, _) = pair.open(6_000);
    pair.here.call(pair.at, Call::Close(ours));
    assert_eq!(pair.counted(Counter::TCPAbortOnMemory), 1);
}

#[test]
fn memory_has_an_end_and_comes_back() {
    let mut pair = Pair::new(Sysctl {
        tcp_mem: [2, 4, 8],
        ..Sysctl::default()
    });
    let (ours, theirs) = pair.open(5_000);
    let mut sent = 0;
    for _ in 0..100 {
        let wrote = pair.there.call(pair.at, Call::Send(theirs, vec![7; 1_000]));
        if let Outcome::Bytes(n) = wrote {
            sent += n;
        }
        pair.settle();
    }
    assert!(
        pair.counted(Counter::TCPRcvQDrop) > 0,
        "what does not fit is dropped"
    );
    assert_eq!(pair.counted(Counter::TCPMemoryPressures), 1);
    assert!(
        pair.here.net.pages_held() <= 9,
        "{}",
        pair.here.net.pages_held()
    );
    let refused = pair.here.call(pair.at, Call::Send(ours, vec![1; 10_000]));
    assert_eq!(refused, Outcome::Failed(Errno::EAGAIN));
    // read it all: the peer sends again what was dropped
    let mut read = 0;
    for _ in 0..2_000 {
        while let Outcome::Data(data) = pair.here.call(pair.at, Call::Recv(ours, 1 << 16)) {
            read += data.len();
        }
        pair.pass(Duration::from_millis(100));
    }
    assert_eq!(read, sent);
    assert_eq!(
        pair.here.net.pages_held(),
        0,
        "an idle connection holds nothing"
    );
    let taken = pair.here.call(pair.at, Call::Send(ours, vec![1; 100]));
    assert_eq!(taken, Outcome::Bytes(100));
}

#[test]
fn too_many_in_time_wait_are_simply_gone() {
    let mut pair = Pair::new(Sysctl {
        tcp_max_tw_buckets: 1,
        ..Sysctl::default()
    });
    for n in 1..=2 {
        let (ours, theirs) = pair.open(5_000 + n);
        pair.here.call(pair.at, Call::Close(ours));
        pair.settle();
        pair.there.call(pair.at, Call::Close(theirs));
        pair.settle();
    }
    assert_eq!(pair.counted(Counter::TW), 1);
    assert_eq!(pair.counted(Counter::TCPTimeWaitOverflow), 1);
}

/// Opens and closes, waits, and connects from the same port again: what connect() said, and the SYN.
fn again(
    reuse: i64,
    timestamps: i64,
    wait_ms: u64,
    bound: bool,
) -> (Outcome, Option<Segment>, u32) {
    let mut sysctl = Sysctl {
        tcp_tw_reuse: reuse,
        tcp_timestamps: timestamps,
        ..Sysctl::default()
    };
    sysctl.ip_local_port_range = [5_000, 5_000];
    let mut pair = Pair::new(sysctl);
    let ours = socket(&mut pair.here, pair.at);
    pair.here
        .call(pair.at, Call::Connect(ours, Addr::v4(THERE, 80)));
    let isn = pair.settle().first().map_or(0, |syn| syn.seq.0);
    let Outcome::Socket(theirs) = pair.there.call(pair.at, Call::Accept(pair.listener)) else {
        panic!("open")
    };
    pair.here.call(pair.at, Call::Close(ours));
    pair.settle();
    pair.there.call(pair.at, Call::Close(theirs));
    pair.settle();
    assert_eq!(pair.counted(Counter::TW), 1);
    pair.pass(Duration::from_millis(wait_ms));
    let second = socket(&mut pair.here, pair.at);
    if bound {
        pair.here
            .call(pair.at, Call::Bind(second, Addr::v4(HERE, 5_000)));
    }
    let outcome = pair
        .here
        .call(pair.at, Call::Connect(second, Addr::v4(THERE, 80)));
    let syn = pair.settle().into_iter().find(|s| s.flags == Flags::SYN);
    assert_eq!(pair.counted(Counter::TWRecycled), u64::from(syn.is_some()));
    (outcome, syn, isn)
}

#[test]
fn a_timewait_makes_place_as_tcp_tw_reuse_says() {
    // tcp_tw_reuse, tcp_timestamps, waited ms, port by bind(), whether it works
    for (reuse, timestamps, wait_ms, bound, works) in [
        (1, 1, 1_100, false, true),
        (1, 1, 900, false, false),
        (1, 0, 1_100, false, false),
        (0, 1, 1_100, false, false),
        (2, 1, 1_100, false, false),
        (0, 1, 10, true, true),
        (0, 0, 1_100, true, false),
    ] {
        let row = format!("{reuse} {timestamps} {wait_ms} {bound}");
        let (outcome, syn, isn) = again(reuse, timestamps, wait_ms, bound);
        if works {
            assert_eq!(outcome, Outcome::InProgress, "{row}");
            // beyond the old one: SYN and FIN took a number each
            let syn = syn.expect("a SYN");
            assert_eq!(syn.seq, Seq(isn) + 2 + 65_535 + 2, "{row}");
            assert_ne!(syn.timestamps().map(|t| t.tsecr), Some(0), "{row}");
        } else {
            assert_eq!(outcome, Outcome::Failed(Errno::EADDRNOTAVAIL), "{row}");
        }
    }
}

#[test]
fn challenge_acks_have_a_limit_of_the_host() {
    let mut pair = Pair::new(Sysctl {
        tcp_challenge_ack_limit: 4,
        tcp_invalid_ratelimit: 0,
        ..Sysctl::default()
    });
    pair.open(5_000);
    let answered = (0..100).filter(|_| {
        let syn = Segment {
            src_port: 80,
            dst_port: 5_000,
            flags: Flags::SYN,
            ..Segment::default()
        };
        let there = std::net::IpAddr::from(THERE);
        let datagram = Datagram::new(there, HERE.into(), 1, Payload::Tcp(syn));
        pair.here.on_packet(pair.at, &datagram);
        pair.here.poll_transmit(pair.at).is_some()
    });
    assert!(
        (2..=5).contains(&answered.count()),
        "between 2 and 5 of them"
    );
    assert_eq!(pair.counted(Counter::TCPSYNChallenge), 100);
}
