//! One connection: a request, a response, and what goes wrong.

use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use halfopen::wire::{Datagram, Flags, Options, Payload, Segment, Seq, TcpOption, Timestamps};

const MSS: u32 = 1_448;
const REQUEST: u32 = 300;
/// Segments of a round trip.
const FLIGHT: u32 = 10;
const MS: u64 = 1_000_000;
const S: u64 = 1_000 * MS;
const ETHERNET_HEADER: [u8; 14] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
const PATTERN: [u8; 256] = {
    let mut bytes = [0; 256];
    let mut n = 0;
    while n < 256 {
        bytes[n] = (n as u8).wrapping_mul(37) ^ 0x5a;
        n += 1;
    }
    bytes
};

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The response arrives and both sides close.
    EndsWell,
    /// A segment in the middle is lost and sent again after three duplicate ACKs.
    Loss,
    /// The server answers nothing more after the response; the client's next request is sent again and again.
    Silent,
    /// The client resets the connection in the middle of the response.
    Reset,
    /// The client sends keepalive probes; the server answers some, and then none.
    KeepaliveUnanswered,
    /// The server does not answer the SYN.
    NoAnswer,
    /// The client's window is closed in the middle of the response for a while.
    ZeroWindow,
    /// The connection is idle when the capture ends.
    StaysOpen,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Syn(u32),
    SynAck,
    HandshakeAck,
    Request,
    Response,
    Ack,
    RetransmittedHole,
    ZeroWindowAck,
    WindowProbe(u32),
    WindowProbeAnswer(u32),
    Fin,
    FinAck,
    LastAck,
    Rst,
    SecondRequest(u32),
    KeepaliveProbe(u32),
    KeepaliveAnswer(u32),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    Client,
    Server,
}

/// A connection and how far it has got.
pub(crate) struct Connection {
    client: (IpAddr, u16),
    fate: Fate,
    rtt_ns: u64,
    next_ns: u64,
    phase: Phase,
    client_seq: Seq,
    server_seq: Seq,
    /// What is left of the response, bytes.
    left: u64,
    /// Number of full segments that have been sent.
    segments: u32,
    /// At which segment something goes wrong.
    trouble_at: u32,
    /// The lost segment, while it is missing.
    hole: Option<Seq>,
    duplicates: u32,
    ident: u16,
    data: Bytes,
}

impl Connection {
    pub(crate) fn new(
        number: u32,
        begins_ns: u64,
        response: u64,
        fate: Fate,
        rtt_us: u32,
        isn: [u32; 2],
    ) -> Connection {
        let [high, middle, low] = [16, 8, 0].map(|shift| (number >> shift) as u8);
        let segments = u32::try_from(response / u64::from(MSS)).unwrap_or(u32::MAX);
        Connection {
            client: (
                Ipv4Addr::new(10, high, middle, low).into(),
                32_768 + (number % 28_000) as u16,
            ),
            fate,
            rtt_ns: u64::from(rtt_us) * 1_000,
            next_ns: begins_ns,
            phase: Phase::Syn(0),
            client_seq: Seq(isn[0]),
            server_seq: Seq(isn[1]),
            left: response.max(1),
            segments: 0,
            trouble_at: segments / 2,
            hole: None,
            duplicates: 0,
            ident: 0,
            data: Bytes::from(PATTERN.repeat(7)),
        }
    }

    /// When the next packet comes.
    pub(crate) fn next_ns(&self) -> u64 {
        self.next_ns
    }

    /// Appends the packet that is due, if one is captured, and says whether more will come.
    pub(crate) fn step(&mut self, frame: &mut Vec<u8>) -> bool {
        let rtt = self.rtt_ns;
        let next = match self.phase {
            Phase::Syn(n) => {
                self.emit(frame, From::Client, Flags::SYN, 0, 64_240);
                match (self.fate, n) {
                    (Fate::NoAnswer, 6..) => None,
                    (Fate::NoAnswer, _) => Some((Phase::Syn(n + 1), S << n)),
                    _ => Some((Phase::SynAck, rtt)),
                }
            }
            Phase::SynAck => {
                self.client_seq += 1;
                self.emit(frame, From::Server, Flags::SYN | Flags::ACK, 0, 65_160);
                self.server_seq += 1;
                Some((Phase::HandshakeAck, 20_000))
            }
            Phase::HandshakeAck => {
                self.emit(frame, From::Client, Flags::ACK, 0, 502);
                Some((Phase::Request, 50_000))
            }
            Phase::Request => {
                self.emit(frame, From::Client, Flags::ACK | Flags::PSH, REQUEST, 502);
                self.client_seq += REQUEST;
                Some((Phase::Response, rtt))
            }
            Phase::Response => Some(self.response(frame)),
            Phase::Ack => self.ack(frame),
            Phase::RetransmittedHole => {
                let hole = self.hole.take().expect("a segment is missing");
                let newest = std::mem::replace(&mut self.server_seq, hole);
                self.emit(frame, From::Server, Flags::ACK, MSS, 502);
                self.server_seq = newest;
                Some((Phase::Ack, 10_000))
            }
            Phase::ZeroWindowAck | Phase::WindowProbe(_) | Phase::WindowProbeAnswer(_) => {
                Some(self.zero_window(frame))
            }
            Phase::Fin | Phase::FinAck | Phase::LastAck | Phase::Rst => self.close(frame),
            Phase::SecondRequest(n) => {
                self.emit(frame, From::Client, Flags::ACK | Flags::PSH, REQUEST, 502);
                let rto = (rtt + 200 * MS) << n;
                (n < 9).then_some((Phase::SecondRequest(n + 1), rto))
            }
            Phase::KeepaliveProbe(n) => {
                self.client_seq = self.client_seq - 1;
                self.emit(frame, From::Client, Flags::ACK, 0, 502);
                self.client_seq += 1;
                match n {
                    0..3 => Some((Phase::KeepaliveAnswer(n), rtt)),
                    3..9 => Some((Phase::KeepaliveProbe(n + 1), 10 * S)),
                    _ => Some((Phase::Rst, 10 * S)),
                }
            }
            Phase::KeepaliveAnswer(n) => {
                self.emit(frame, From::Server, Flags::ACK, 0, 502);
                Some((Phase::KeepaliveProbe(n + 1), 60 * S))
            }
        };
        if let Some((phase, after)) = next {
            self.phase = phase;
            self.next_ns += after;
        }
        next.is_some()
    }

    /// A segment of the response; the lost one is not captured.
    fn response(&mut self, frame: &mut Vec<u8>) -> (Phase, u64) {
        let len = self.left.min(u64::from(MSS)) as u32;
        let middle = self.segments == self.trouble_at && self.left > u64::from(8 * MSS);
        self.segments += 1;
        if middle && self.fate == Fate::Loss {
            self.hole = Some(self.server_seq);
        } else {
            self.emit(frame, From::Server, Flags::ACK, len, 502);
        }
        self.server_seq += len;
        self.left -= u64::from(len);
        match self.fate {
            Fate::Reset if middle => (Phase::Rst, MS),
            Fate::ZeroWindow if middle => (Phase::ZeroWindowAck, 10_000),
            _ if self.hole.is_some() || self.left == 0 => (Phase::Ack, 5_000),
            _ if self.segments.is_multiple_of(2) => (Phase::Ack, 5_000),
            _ => (Phase::Response, 12_000),
        }
    }

    /// What the client acknowledges, and what follows.
    fn ack(&mut self, frame: &mut Vec<u8>) -> Option<(Phase, u64)> {
        self.emit(frame, From::Client, Flags::ACK, 0, 502);
        if self.hole.is_some() {
            self.duplicates += 1;
            if self.duplicates > 3 {
                return Some((Phase::RetransmittedHole, self.rtt_ns));
            }
        }
        let after = match self.segments % FLIGHT {
            0 => self.rtt_ns,
            _ => 12_000,
        };
        match self.fate {
            _ if self.left > 0 => Some((Phase::Response, after)),
            Fate::Silent => Some((Phase::SecondRequest(0), S)),
            Fate::KeepaliveUnanswered => Some((Phase::KeepaliveProbe(0), 60 * S)),
            Fate::StaysOpen => None,
            _ => Some((Phase::Fin, MS)),
        }
    }

    /// Three probes of a closed window before it opens.
    fn zero_window(&mut self, frame: &mut Vec<u8>) -> (Phase, u64) {
        match self.phase {
            Phase::WindowProbe(n) => {
                self.server_seq = self.server_seq - 1;
                self.emit(frame, From::Server, Flags::ACK, 0, 502);
                self.server_seq += 1;
                (Phase::WindowProbeAnswer(n), 30_000)
            }
            Phase::WindowProbeAnswer(3) => {
                self.emit(frame, From::Client, Flags::ACK, 0, 502);
                (Phase::Response, self.rtt_ns)
            }
            Phase::WindowProbeAnswer(n) => {
                self.emit(frame, From::Client, Flags::ACK, 0, 0);
                (Phase::WindowProbe(n + 1), (200 * MS) << n)
            }
            _ => {
                self.emit(frame, From::Client, Flags::ACK, 0, 0);
                (Phase::WindowProbe(0), 200 * MS)
            }
        }
    }

    fn close(&mut self, frame: &mut Vec<u8>) -> Option<(Phase, u64)> {
        match self.phase {
            Phase::Fin => {
                self.emit(frame, From::Server, Flags::ACK | Flags::FIN, 0, 502);
                self.server_seq += 1;
                Some((Phase::FinAck, 100_000))
            }
            Phase::FinAck => {
                self.emit(frame, From::Client, Flags::ACK | Flags::FIN, 0, 502);
                self.client_seq += 1;
                Some((Phase::LastAck, self.rtt_ns))
            }
            Phase::LastAck => {
                self.emit(frame, From::Server, Flags::ACK, 0, 502);
                None
            }
            _ => {
                self.emit(frame, From::Client, Flags::ACK | Flags::RST, 0, 0);
                None
            }
        }
    }

    fn options(&self, from: From, flags: Flags) -> Options {
        let clock = (self.next_ns / MS) as u32;
        let ts = match from {
            From::Client => Timestamps {
                tsval: clock,
                tsecr: clock.wrapping_add(77),
            },
            From::Server => Timestamps {
                tsval: clock.wrapping_add(77),
                tsecr: clock,
            },
        };
        let mut options = Options::aligned_timestamps(ts);
        if flags.has(Flags::SYN) {
            options = [
                TcpOption::Mss(1_460),
                TcpOption::SackPermitted,
                TcpOption::Timestamps(ts),
                TcpOption::Nop,
                TcpOption::WindowScale(7),
            ]
            .into();
        }
        if let (Some(hole), From::Client) = (self.hole, from) {
            let block = (hole + MSS, self.server_seq);
            if block.0 != block.1 {
                options.extend([TcpOption::Nop, TcpOption::Nop]);
                options.push(TcpOption::Sack([block].into_iter().collect()));
            }
        }
        options
    }

    fn emit(&mut self, frame: &mut Vec<u8>, from: From, flags: Flags, len: u32, window: u16) {
        let server = (IpAddr::from(Ipv4Addr::new(192, 0, 2, 1)), 443);
        let (src, dst) = match from {
            From::Client => (self.client, server),
            From::Server => (server, self.client),
        };
        let (seq, ack) = match from {
            From::Client => (self.client_seq, self.hole.unwrap_or(self.server_seq)),
            From::Server => (self.server_seq, self.client_seq),
        };
        // another stretch of the pattern for each place in the stream
        let at = (seq.0 % 256) as usize;
        let segment = Segment {
            src_port: src.1,
            dst_port: dst.1,
            seq,
            ack: if flags.has(Flags::ACK) { ack } else { Seq(0) },
            flags,
            window,
            options: self.options(from, flags),
            payload: self.data.slice(at..at + len as usize),
            ..Segment::default()
        };
        self.ident = self.ident.wrapping_add(1);
        frame.extend(ETHERNET_HEADER);
        Datagram::new(src.0, dst.0, self.ident, Payload::Tcp(segment)).emit_into(frame);
    }
}
