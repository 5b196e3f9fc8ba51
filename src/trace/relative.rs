//! The packets of a trace as people and comparisons look at them: numbers relative to the first one of each end, windows
//! in bytes, and the kind of each packet.
//!
//! The rules are those of the recordings' summary.json. A trace has one connection.

use std::collections::BTreeMap;
use std::fmt;

use super::{Dir, Packet};
use crate::time::Instant;
use crate::wire::{Datagram, Flags, Payload, Segment, Seq, TcpOption, Timestamps};

/// A packet with relative numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relative {
    /// When it left, or when it was handed over.
    pub at: Instant,
    /// Its direction.
    pub dir: Dir,
    /// Why it was sent, if the target reports it.
    pub cause: Option<String>,
    /// Its kind.
    pub kind: Kind,
    /// Its content.
    pub body: Body,
}

/// The content of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A segment.
    Tcp(Box<Tcp>),
    /// An ICMP message.
    Icmp {
        /// Its type.
        kind: u8,
        /// Its code.
        code: u8,
        /// The relative sequence number of the TCP segment that it quotes, if it quotes one.
        quoted_seq: Option<u32>,
    },
    /// Bytes that cannot be parsed as a packet, with the reason.
    Unreadable(String),
}

/// A segment, with the fields of its IP header that a comparison looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// Control bits.
    pub flags: Flags,
    /// Sequence number relative to the sender's initial one.
    pub seq: u32,
    /// Acknowledgment number relative to the receiver's initial one, or `None` without ACK.
    pub ack: Option<u32>,
    /// The data.
    pub payload: Vec<u8>,
    /// The window field, unscaled.
    pub window: u16,
    /// The window in bytes. It is `None` in a SYN and as long as not both SYNs were seen.
    pub window_bytes: Option<u32>,
    /// Urgent pointer.
    pub urgent: u16,
    /// The options in their order. Timestamps are relative to the first one of their clock, SACK edges to the initial
    /// sequence number.
    pub options: Vec<TcpOption>,
    /// IP identification, absolute.
    pub ident: u16,
    /// Don't-fragment bit.
    pub dont_frag: bool,
    /// Time to live.
    pub ttl: u8,
    /// TOS byte.
    pub tos: u8,
}

/// The kind of a packet, as far as the trace alone shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The first SYN.
    Syn,
    /// The first SYN with ACK.
    SynAck,
    /// Data that was not sent before.
    Data,
    /// A FIN that was not sent before, with or without data.
    Fin,
    /// Sequence space that was sent before, with the number of repetitions so far: 1 is the first one.
    Retransmission(u32),
    /// A keepalive probe: no data, and a sequence number one below the next one. The number counts them in a row.
    KeepaliveProbe(u32),
    /// A window probe: no data, and a sequence number one below the next one, while the peer's window is zero. The number
    /// counts them in a row.
    WindowProbe(u32),
    /// A pure acknowledgment.
    Ack,
    /// A RST.
    Rst,
    /// An ICMP message.
    Icmp,
    /// Bytes that cannot be parsed as a packet.
    Unreadable,
}

impl Kind {
    /// Returns the word of summary.json, which has three: `new`, `retransmission`, `probe`.
    pub const fn summary_word(self) -> Option<&'static str> {
        match self {
            Kind::Syn | Kind::SynAck | Kind::Data | Kind::Fin => Some("new"),
            Kind::Retransmission(_) => Some("retransmission"),
            Kind::KeepaliveProbe(_) | Kind::WindowProbe(_) => Some("probe"),
            Kind::Ack | Kind::Rst | Kind::Icmp | Kind::Unreadable => None,
        }
    }
}

/// Displays the kind for people: `new data`, `retransmission 3`.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, n) = match self {
            Kind::Syn => ("SYN", None),
            Kind::SynAck => ("SYN-ACK", None),
            Kind::Data => ("new data", None),
            Kind::Fin => ("FIN", None),
            Kind::Retransmission(n) => ("retransmission", Some(n)),
            Kind::KeepaliveProbe(n) => ("keepalive probe", Some(n)),
            Kind::WindowProbe(n) => ("window probe", Some(n)),
            Kind::Ack => ("ACK", None),
            Kind::Rst => ("RST", None),
            Kind::Icmp => ("ICMP", None),
            Kind::Unreadable => ("unreadable", None),
        };
        match n {
            Some(n) => f.pad(&format!("{word} {n}")),
            None => f.pad(word),
        }
    }
}

impl Relative {
    /// Returns the segment, if this is one.
    pub fn tcp(&self) -> Option<&Tcp> {
        match &self.body {
            Body::Tcp(tcp) => Some(tcp),
            _ => None,
        }
    }
}

/// Where the numbers of one end begin, and what it has sent so far.
#[derive(Clone, Debug, Default)]
struct End {
    isn: Seq,
    first_tsval: u32,
    /// The window shift of its SYN: `None` until the SYN was seen, `Some(None)` if it has no such option.
    wscale: Option<Option<u8>>,
    /// The relative end of what was sent.
    sent_to: u32,
    /// Whether the last window that it advertised is zero.
    window_is_zero: bool,
    /// How often each piece was sent, by its relative start.
    times_sent: BTreeMap<u32, u32>,
    probes_in_a_row: u32,
}

/// Returns the packets of a trace with relative numbers. It never fails: bytes that are not a packet are shown as such.
pub fn relative(packets: &[Packet]) -> Vec<Relative> {
    let parsed: Vec<_> = packets.iter().map(|p| Datagram::parse(&p.bytes)).collect();
    let segments = |dir| {
        packets.iter().zip(&parsed).filter_map(move |(p, d)| {
            let segment = d.as_ref().ok()?.segment()?;
            (p.dir == dir).then_some(segment)
        })
    };
    let end = |own: Dir, other: Dir| End {
        isn: initial_seq(segments(own), segments(other)),
        first_tsval: segments(own)
            .find_map(Segment::timestamps)
            .map_or(0, |ts| ts.tsval),
        // what lies below the first byte of a trace that begins later was sent before the trace began
        sent_to: u32::from(!segments(own).any(|s| s.flags.has(Flags::SYN))),
        ..End::default()
    };
    let mut survivor = end(Dir::Out, Dir::In);
    let mut peer = end(Dir::In, Dir::Out);
    let mut out = Vec::with_capacity(packets.len());
    for (p, datagram) in packets.iter().zip(&parsed) {
        let (own, other) = match p.dir {
            Dir::Out => (&mut survivor, &mut peer),
            Dir::In => (&mut peer, &mut survivor),
        };
        let (kind, body) = match datagram {
            Ok(d) => match &d.payload {
                Payload::Tcp(s) => tcp(d, s, own, other),
                Payload::Icmp(icmp) => {
                    let quoted = Datagram::parse_quoted(&icmp.body).ok();
                    let quoted = quoted.as_ref().and_then(Datagram::segment);
                    let body = Body::Icmp {
                        kind: icmp.kind,
                        code: icmp.code,
                        quoted_seq: quoted.map(|s| s.seq - other.isn),
                    };
                    (Kind::Icmp, body)
                }
            },
            Err(e) => (Kind::Unreadable, Body::Unreadable(e.to_string())),
        };
        out.push(Relative {
            at: p.at,
            dir: p.dir,
            cause: p.cause.clone(),
            kind,
            body,
        });
    }
    out
}

/// Returns the initial sequence number of an end. That is the number of its SYN, in a trace that begins later the one
/// that makes its first byte number 1, and for an end that only sent a RST the number of that RST.
fn initial_seq<'a>(
    own: impl Iterator<Item = &'a Segment> + Clone,
    mut other: impl Iterator<Item = &'a Segment>,
) -> Seq {
    let syn = own.clone().find(|s| s.flags.has(Flags::SYN));
    if let Some(syn) = syn {
        return syn.seq;
    }
    let mut not_rst = own.clone().filter(|s| !s.flags.has(Flags::RST));
    if let Some(first) = not_rst.next() {
        return first.seq - 1;
    }
    let acked = other.find(|s| s.flags.has(Flags::ACK) && !s.flags.has(Flags::RST));
    if let Some(acked) = acked {
        return acked.ack - 1;
    }
    own.clone().next().map_or(Seq(0), |s| s.seq)
}

fn tcp(d: &Datagram, s: &Segment, own: &mut End, other: &mut End) -> (Kind, Body) {
    let syn = s.flags.has(Flags::SYN);
    if syn {
        own.wscale = Some(s.window_scale());
    }
    let window_bytes = match (own.wscale, other.wscale) {
        (Some(own), Some(other)) if !syn => {
            // a shift counts only if both ends sent one; 14 is the largest (RFC 7323 2.3)
            let shift = own.and_then(|own| other.map(|_| own.min(14))).unwrap_or(0);
            Some(u32::from(s.window) << shift)
        }
        _ => None,
    };
    let kind = kind(s, own, other);
    let tcp = Tcp {
        flags: s.flags,
        seq: s.seq - own.isn,
        ack: s.flags.has(Flags::ACK).then(|| s.ack - other.isn),
        payload: s.payload.to_vec(),
        window: s.window,
        window_bytes,
        urgent: s.urgent,
        options: s.options.iter().map(|o| option(&o, own, other)).collect(),
        ident: d.ident,
        dont_frag: d.dont_frag,
        ttl: d.ttl,
        tos: d.tos,
    };
    (kind, Body::Tcp(Box::new(tcp)))
}

fn option(o: &TcpOption, own: &End, other: &End) -> TcpOption {
    match o {
        TcpOption::Timestamps(ts) => TcpOption::Timestamps(Timestamps {
            tsval: ts.tsval.wrapping_sub(own.first_tsval),
            // nothing is echoed yet: the field is zero and not a time
            tsecr: match ts.tsecr {
                0 => 0,
                tsecr => tsecr.wrapping_sub(other.first_tsval),
            },
        }),
        TcpOption::Sack(blocks) => TcpOption::Sack(
            blocks
                .iter()
                .map(|(l, r)| (Seq(*l - other.isn), Seq(*r - other.isn)))
                .collect(),
        ),
        other => *other,
    }
}

/// Returns the kind of the segment, and notes that it was sent.
fn kind(s: &Segment, own: &mut End, other: &mut End) -> Kind {
    if s.flags.has(Flags::RST) {
        return Kind::Rst;
    }
    own.window_is_zero = s.window == 0;
    // an answer of the other end restarts its count of probes
    other.probes_in_a_row = 0;
    let (seq, end) = (s.seq - own.isn, s.end_seq() - own.isn);
    let before_end = |n: u32| Seq(n).before(Seq(own.sent_to));
    if s.seq_len() == 0 {
        if !before_end(seq) {
            return Kind::Ack;
        }
        own.probes_in_a_row += 1;
        return match other.window_is_zero {
            true => Kind::WindowProbe(own.probes_in_a_row),
            false => Kind::KeepaliveProbe(own.probes_in_a_row),
        };
    }
    own.probes_in_a_row = 0;
    let times = own.times_sent.entry(seq).or_default();
    *times += 1;
    let again = !Seq(end).after(Seq(own.sent_to));
    own.sent_to = Seq(own.sent_to).max(Seq(end)).0;
    if again {
        return Kind::Retransmission((*times - 1).max(1));
    }
    match (s.flags.has(Flags::SYN), s.flags.has(Flags::ACK)) {
        (true, false) => Kind::Syn,
        (true, true) => Kind::SynAck,
        _ if s.flags.has(Flags::FIN) => Kind::Fin,
        _ => Kind::Data,
    }
}

#[cfg(test)]
mod tests;
