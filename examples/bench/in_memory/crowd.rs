//! A listening host and as many far ends as wanted, which are nothing but numbers.

use bytes::Bytes;
use halfopen::call::{Addr, Call, Outcome as Called, SocketId};
use halfopen::engine::{Config, Engine};
use halfopen::sockopt::{OptName, SockOpt};
use halfopen::time::Instant;
use halfopen::wire::{Datagram, Flags, Options, Payload, Segment, Seq, TcpOption, Timestamps};

use crate::measure::Outcome;

const HOST: Addr = Addr::v4([10, 77, 0, 2], 7_777);
/// Connections of one far address.
const PORTS: u32 = 50_000;
/// Where the far ends' numbers begin.
const FAR_ISN: Seq = Seq(1_000);
/// A listener's backlog: it is emptied after each handshake.
const BACKLOG: u32 = 64;

/// A far end: the two numbers that a stateless one needs, and the host's socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Far {
    pub(super) socket: SocketId,
    pub(super) index: u32,
    /// What it sends next.
    pub(super) seq: Seq,
    /// What it has heard.
    pub(super) ack: Seq,
    /// The host's last clock value.
    pub(super) tsecr: u32,
}

/// The host.
pub(super) struct Crowd {
    pub(super) engine: Engine,
    pub(super) now: Instant,
    listener: SocketId,
}

fn far_addr(index: u32) -> Addr {
    let [_, _, c, d] = (index / PORTS).to_be_bytes();
    Addr::v4([10, 78, c, d], (1_024 + index % PORTS) as u16)
}

/// Which far end a packet is for.
pub(super) fn index_of(datagram: &Datagram) -> u32 {
    let std::net::IpAddr::V4(ip) = datagram.dst else {
        return 0;
    };
    let [_, _, c, d] = ip.octets();
    let port = datagram.segment().map_or(0, |s| u32::from(s.dst_port));
    u32::from_be_bytes([0, 0, c, d]) * PORTS + port - 1_024
}

fn packet(index: u32, seq: Seq, ack: Seq, flags: Flags, options: Options, data: Bytes) -> Datagram {
    let from = far_addr(index);
    let segment = Segment {
        src_port: from.port,
        dst_port: HOST.port,
        seq,
        ack,
        flags,
        window: 64_000,
        options,
        payload: data,
        ..Segment::default()
    };
    Datagram::new(from.ip, HOST.ip, 0, Payload::Tcp(segment))
}

impl Far {
    /// A segment of this far end.
    pub(super) fn segment(&self, now: Instant, data: Bytes) -> Datagram {
        let tsval = (now.us() / 1_000) as u32 + 1;
        let options = Options::aligned_timestamps(Timestamps {
            tsval,
            tsecr: self.tsecr,
        });
        let push = if data.is_empty() {
            Flags::default()
        } else {
            Flags::PSH
        };
        packet(
            self.index,
            self.seq,
            self.ack,
            Flags::ACK | push,
            options,
            data,
        )
    }

    /// Takes in what the host sent.
    pub(super) fn hear(&mut self, segment: &Segment) {
        self.ack = segment.end_seq();
        if let Some(ts) = segment.timestamps() {
            self.tsecr = ts.tsval;
        }
    }
}

impl Crowd {
    /// A host that listens, with keepalive on its connections if wanted.
    pub(super) fn new(keepalive: bool) -> Outcome<Crowd> {
        let mut engine = Engine::new(Config::new([10, 77, 0, 2].into()));
        engine.explain(false);
        let now = Instant::from_ms(4);
        let Called::Socket(listener) = engine.call(now, Call::Socket) else {
            return Err("no socket".into());
        };
        if keepalive {
            let on = SockOpt::int(OptName::SO_KEEPALIVE, 1);
            engine.call(now, Call::Set(listener, on));
        }
        engine.call(now, Call::Bind(listener, HOST));
        engine.call(now, Call::Listen(listener, BACKLOG));
        Ok(Crowd {
            engine,
            now,
            listener,
        })
    }

    /// Connects one more far end.
    pub(super) fn connect(&mut self, index: u32) -> Outcome<Far> {
        let now = self.now;
        let offer = Options::from([
            TcpOption::Mss(1_460),
            TcpOption::SackPermitted,
            TcpOption::Timestamps(Timestamps { tsval: 1, tsecr: 0 }),
            TcpOption::Nop,
            TcpOption::WindowScale(7),
        ]);
        let syn = packet(index, FAR_ISN, Seq(0), Flags::SYN, offer, Bytes::new());
        self.engine.on_packet(now, &syn);
        let answer = self.engine.poll_transmit(now).ok_or("no SYN-ACK")?;
        let mut far = Far {
            socket: self.listener,
            index,
            seq: FAR_ISN + 1,
            ack: Seq(0),
            tsecr: 0,
        };
        far.hear(answer.datagram.segment().ok_or("no segment")?);
        let ack = far.segment(now, Bytes::new());
        self.engine.on_packet(now, &ack);
        match self.engine.call(now, Call::Accept(self.listener)) {
            Called::Socket(socket) => far.socket = socket,
            other => return Err(format!("connection {index} is not accepted: {other:?}").into()),
        }
        Ok(far)
    }
}
