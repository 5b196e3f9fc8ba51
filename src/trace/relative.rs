//! A trace's packets as people and comparisons look at them: numbers relative to where each end began, windows
//! in bytes, and what each packet is.
//!
//! The rules are those of the recordings' summary.json. One connection a trace.

use std::collections::BTreeMap;
use std::fmt;

use super::{Dir, Packet};
use crate::time::Instant;
use crate::wire::{Datagram, Flags, Payload, Segment, Seq, TcpOption, Timestamps};

/// A packet, its numbers relative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relative {
    /// When it left, or was handed over.
    pub at: Instant,
    /// Which way.
    pub dir: Dir,
    /// Why it was sent, where the target told.
    pub cause: Option<String>,
    /// What it is.
    pub kind: Kind,
    /// What it carries.
    pub body: Body,
}

/// What a packet carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A segment.
    Tcp(Box<Tcp>),
    /// An ICMP message.
    Icmp {
        /// Type.
        kind: u8,
        /// Code.
        code: u8,
        /// Sequence number of the segment that it quotes, relative, if it quotes one of TCP.
        quoted_seq: Option<u32>,
    },
    /// Bytes that are not a packet we read, and why.
    Unreadable(String),
}

/// A segment and the fields of its IP header that a comparison looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// Control bits.
    pub flags: Flags,
    /// Sequence number relative to the sender's initial one.
    pub seq: u32,
    /// Acknowledgment number relative to the receiver's initial one; none without ACK.
    pub ack: Option<u32>,
    /// Data.
    pub payload: Vec<u8>,
    /// Window field as it stands.
    pub window: u16,
    /// Window in bytes; none in a SYN and before both SYNs were seen.
    pub window_bytes: Option<u32>,
    /// Urgent pointer.
    pub urgent: u16,
    /// Options in their order. Timestamps are relative to the first of their clock, SACK edges to the initial
    /// sequence number.
    pub options: Vec<TcpOption>,
    /// IP identification as it stands.
    pub ident: u16,
    /// Don't-fragment bit.
    pub dont_frag: bool,
    /// Time to live.
    pub ttl: u8,
    /// TOS byte.
    pub tos: u8,
}

/// What a packet is, as far as the trace alone tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// SYN, the first one.
    Syn,
    /// SYN with ACK, the first one.
    SynAck,
    /// Data not sent before.
    Data,
    /// FIN not sent before, with data or without.
    Fin,
    /// Sequence space that was sent before, and how often so far: 1 is the first repetition.
    Retransmission(u32),
    /// No data, one below what was sent: keepalive, and how many in a row.
    KeepaliveProbe(u32),
    /// No data, one below what was sent, while the peer's window is zero, and how many in a row.
    WindowProbe(u32),
    /// An acknowledgment and no more.
    Ack,
    /// RST.
    Rst,
    /// ICMP.
    Icmp,
    /// Not a packet we read.
    Unreadable,
}

impl Kind {
    /// The word of summary.json, which knows three: `new`, `retransmission`, `probe`.
    pub const fn summary_word(self) -> Option<&'static str> {
        match self {
            Kind::Syn | Kind::SynAck | Kind::Data | Kind::Fin => Some("new"),
            Kind::Retransmission(_) => Some("retransmission"),
            Kind::KeepaliveProbe(_) | Kind::WindowProbe(_) => Some("probe"),
            Kind::Ack | Kind::Rst | Kind::Icmp | Kind::Unreadable => None,
        }
    }
}

/// For people: `new data`, `retransmission 3`.
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
    /// The segment, if it is one.
    pub fn tcp(&self) -> Option<&Tcp> {
        match &self.body {
            Body::Tcp(tcp) => Some(tcp),
            _ => None,
        }
    }
}

/// Where one end's numbers begin, and what it has sent so far.
#[derive(Clone, Debug, Default)]
struct End {
    isn: Seq,
    first_tsval: u32,
    /// Window shift of its SYN; none until the SYN was seen, `Some(None)` without the option.
    wscale: Option<Option<u8>>,
    /// The end of what was sent, relative.
    sent_to: u32,
    /// Last window it advertised is zero.
    window_is_zero: bool,
    /// How often each piece was sent, by its relative start.
    times_sent: BTreeMap<u32, u32>,
    probes_in_a_row: u32,
}

/// The packets of a trace, relative. Never fails: what is not a packet is shown as such.
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
        // what lies below the first byte of a trace that begins later was sent before it began
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

/// The initial sequence number of an end: of its SYN; of a trace that begins later, such that its first byte
/// is number 1; of an end that only ever sent RST, that RST's own number.
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

/// What the segment is; notes down that it was sent.
fn kind(s: &Segment, own: &mut End, other: &mut End) -> Kind {
    if s.flags.has(Flags::RST) {
        return Kind::Rst;
    }
    own.window_is_zero = s.window == 0;
    // an answer of the other end starts its count of probes anew
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
