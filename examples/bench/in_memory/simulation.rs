//! Two hosts joined in memory, in virtual time: a packet now and then, recorded, and as much as goes, with checksums.

use std::collections::VecDeque;

use bytes::Bytes;
use halfopen::call::{Addr, Call, Outcome as Called, SocketId};
use halfopen::engine::{Cause, Config, Engine, Event};
use halfopen::sockopt::{OptName, SockOpt};
use halfopen::time::Instant;
use halfopen::wire::Datagram;

use super::{Clock, of_five};
use crate::measure::{Outcome, Settings};

/// One way, us.
const DELAY_US: u64 = 10_000;
/// The paced sender writes this often, us.
const PACE_US: u64 = 1_000;
/// And so much, bytes: a short message, each its own packet, and a nearly full one.
const WRITES_OF: [usize; 2] = [100, 1_000];
const WRITES: u64 = 100_000;
/// Data of one bulk run, bytes.
const BULK: usize = 1 << 30;
const CHUNK: usize = 16_384;

/// One packet of a recording.
struct Recorded {
    at: Instant,
    end: usize,
    datagram: Datagram,
    cause: Cause,
}

/// A list that grows without being moved.
struct Chunks<T>(Vec<Vec<T>>);

impl<T> Chunks<T> {
    const LEN: usize = 256;

    fn push(&mut self, item: T) {
        match self.0.last_mut() {
            Some(last) if last.len() < Self::LEN => last.push(item),
            _ => {
                let mut next = Vec::with_capacity(Self::LEN);
                next.push(item);
                self.0.push(next);
            }
        }
    }

    fn len(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }
}

/// All that was sent and said.
struct Recording {
    packets: Chunks<Recorded>,
    events: Chunks<Event>,
}

/// Two hosts and the wire.
struct Pair {
    hosts: [Engine; 2],
    sockets: [SocketId; 2],
    now: Instant,
    delay_us: u64,
    /// Under way to each host.
    wires: [VecDeque<(Instant, Packet)>; 2],
    /// As bytes, with checksums, or as values.
    as_bytes: bool,
    recording: Option<Recording>,
    carried: u64,
}

enum Packet {
    Value(Datagram),
    Bytes(Bytes),
}

fn socket(called: Called) -> Outcome<SocketId> {
    match called {
        Called::Socket(id) => Ok(id),
        other => Err(format!("no socket: {other:?}").into()),
    }
}

impl Pair {
    fn connected(delay_us: u64, as_bytes: bool, recorded: bool) -> Outcome<Pair> {
        let host = |last| Engine::new(Config::new([10, 77, 0, last].into()));
        let mut hosts = [host(1), host(2)];
        hosts.iter_mut().for_each(|h| h.explain(recorded));
        let now = Instant::from_ms(4);
        let listener = socket(hosts[1].call(now, Call::Socket))?;
        let to = Addr::v4([10, 77, 0, 2], 7_777);
        hosts[1].call(now, Call::Bind(listener, to));
        hosts[1].call(now, Call::Listen(listener, 8));
        let client = socket(hosts[0].call(now, Call::Socket))?;
        hosts[0].call(now, Call::Connect(client, to));
        let mut pair = Pair {
            hosts,
            sockets: [client, listener],
            now,
            delay_us,
            wires: [VecDeque::new(), VecDeque::new()],
            as_bytes,
            recording: recorded.then(|| Recording {
                packets: Chunks(Vec::new()),
                events: Chunks(Vec::new()),
            }),
            carried: 0,
        };
        pair.drain();
        for _ in 0..3 {
            pair.advance(None);
        }
        pair.sockets[1] = socket(pair.hosts[1].call(pair.now, Call::Accept(listener)))?;
        Ok(pair)
    }

    /// Takes what the hosts have to send, and records it.
    fn drain(&mut self) {
        for end in 0..2 {
            let due = Instant::from_us(self.now.us() + self.delay_us);
            while let Some(sent) = self.hosts[end].poll_transmit(self.now) {
                self.carried += 1;
                let packet = match self.as_bytes {
                    true => Packet::Bytes(Bytes::from(sent.datagram.emit())),
                    false => Packet::Value(sent.datagram.clone()),
                };
                if let Some(recording) = &mut self.recording {
                    let (datagram, cause) = (sent.datagram, sent.cause);
                    recording.packets.push(Recorded {
                        at: self.now,
                        end,
                        datagram,
                        cause,
                    });
                }
                self.wires[1 - end].push_back((due, packet));
            }
            if let Some(recording) = &mut self.recording {
                while let Some(event) = self.hosts[end].poll_event() {
                    recording.events.push(event);
                }
            }
        }
    }

    /// Goes to the next thing that happens, not beyond `until`, and does it. False: nothing happens before.
    fn advance(&mut self, until: Option<Instant>) -> bool {
        let arrivals = self
            .wires
            .iter()
            .filter_map(|w| w.front().map(|(at, _)| *at));
        let deadlines = self.hosts.iter().filter_map(Engine::next_deadline);
        let Some(next) = arrivals.chain(deadlines).min() else {
            return false;
        };
        if until.is_some_and(|until| next > until) {
            self.now = until.unwrap_or(self.now);
            return false;
        }
        self.now = next.max(self.now);
        for end in 0..2 {
            while self.wires[end]
                .front()
                .is_some_and(|(at, _)| *at <= self.now)
            {
                match self.wires[end].pop_front() {
                    Some((_, Packet::Value(datagram))) => {
                        self.hosts[end].on_packet(self.now, &datagram);
                    }
                    Some((_, Packet::Bytes(bytes))) => {
                        if let Ok(datagram) = Datagram::parse_bytes(&bytes) {
                            self.hosts[end].on_packet(self.now, &datagram);
                        }
                    }
                    None => {}
                }
            }
            if self.hosts[end]
                .next_deadline()
                .is_some_and(|at| at <= self.now)
            {
                self.hosts[end].on_deadline(self.now);
            }
        }
        self.drain();
        true
    }

    /// Reads all that there is; bytes.
    fn read(&mut self) -> usize {
        let mut read = 0;
        while let Called::Data(data) =
            self.hosts[1].call(self.now, Call::Recv(self.sockets[1], CHUNK))
        {
            read += data.len();
            if data.is_empty() {
                break;
            }
        }
        read
    }
}

/// Nanoseconds a packet, and what was recorded: packets and events.
fn paced(writes: u64, bytes: usize, recorded: bool) -> Outcome<(f64, usize, usize)> {
    let mut pair = Pair::connected(DELAY_US, false, recorded)?;
    let nodelay = SockOpt::int(OptName::TCP_NODELAY, 1);
    pair.hosts[0].call(pair.now, Call::Set(pair.sockets[0], nodelay));
    let began = Clock::now();
    let before = pair.carried;
    let mut read = 0;
    for _ in 0..writes {
        let until = Instant::from_us(pair.now.us() + PACE_US);
        while pair.advance(Some(until)) {
            read += pair.read();
            pair.drain();
        }
        pair.hosts[0].call(pair.now, Call::Send(pair.sockets[0], vec![7; bytes]));
        pair.drain();
    }
    let ns = began.elapsed().as_nanos() as f64 / (pair.carried - before) as f64;
    let expected =
        (writes as usize).saturating_sub(DELAY_US.div_ceil(PACE_US) as usize + 1) * bytes;
    if read < expected {
        return Err(format!("{read} bytes arrived, at least {expected} were expected").into());
    }
    let (packets, events) = pair.recording.map_or((0, 0), |recording| {
        // read, so that nobody can leave them out
        let last = recording.packets.0.last().and_then(|chunk| chunk.last());
        let words = last.map(|p| (p.at, p.end, p.datagram.ttl, p.cause.to_string()));
        assert!(words.is_some());
        (recording.packets.len(), recording.events.len())
    });
    Ok((ns, packets, events))
}

/// Gigabytes a second.
fn bulk(total: usize) -> Outcome<f64> {
    let mut pair = Pair::connected(100, true, false)?;
    let began = Clock::now();
    let (mut written, mut read) = (0, 0);
    while read < total {
        while written < total && pair.hosts[0].readiness(pair.sockets[0]).writable {
            let data = vec![7; CHUNK.min(total - written)];
            match pair.hosts[0].call(pair.now, Call::Send(pair.sockets[0], data)) {
                Called::Bytes(n) => written += n,
                _ => break,
            }
        }
        pair.drain();
        if !pair.advance(None) {
            return Err("the transfer stands still".into());
        }
        read += pair.read();
        pair.drain();
    }
    Ok(total as f64 / began.elapsed().as_nanos() as f64)
}

pub(crate) fn run(settings: Settings) -> Outcome<()> {
    let writes = if settings.quick { 1_000 } else { WRITES };
    for bytes in WRITES_OF {
        let mut recorded = (0, 0);
        let with = of_five(settings, || {
            let (ns, packets, events) = paced(writes, bytes, true)?;
            recorded = (packets, events);
            Ok(ns)
        })?;
        let without = of_five(settings, || Ok(paced(writes, bytes, false)?.0))?;
        println!(
            "  paced: {bytes} bytes every {PACE_US} us, {DELAY_US} us one way: {with:.0} ns a packet, both ends, {} packets \
             and {} events recorded; {without:.0} ns without recording (CPU time, measured, medians of 5; wanted: at most 700)",
            recorded.0, recorded.1
        );
    }
    let total = if settings.quick { BULK >> 6 } else { BULK };
    let rate = of_five(settings, || bulk(total))?;
    println!(
        "  bulk: {} MB through bytes with checksums, both ends: {rate:.2} GB/s (CPU time, measured, median of 5; wanted: at least 1.5)",
        total >> 20
    );
    Ok(())
}
