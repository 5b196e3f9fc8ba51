//! The comparison of two packets, field by field, in numbers relative to the first ones of the connection.
//!
//! RFC 9293 3.1 (header), RFC 7323 (timestamps), RFC 2018 (SACK), RFC 6864 (IP identification).

use serde::Serialize;

use crate::trace::{Dir, Packet};
use crate::wire::{Datagram, Flags, Payload, Segment, Seq, TcpOption};

/// A field in which two packets differ, with both values in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldDifference {
    /// The field: `flags`, `seq`, `ts.ecr`, `ip.ttl`, ...
    pub field: &'static str,
    /// Its value on the left side.
    pub left: String,
    /// Its value on the right side.
    pub right: String,
}

impl FieldDifference {
    /// Creates a difference in `field`.
    pub fn new(field: &'static str, left: impl ToString, right: impl ToString) -> Self {
        FieldDifference {
            field,
            left: left.to_string(),
            right: right.to_string(),
        }
    }
}

/// The first numbers of a connection, from which its other numbers are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The survivor's initial sequence number.
    pub isn: Seq,
    /// The peer's initial sequence number.
    pub peer_isn: Seq,
    /// The survivor's first TSval.
    pub tsval: u32,
    /// The peer's first TSval.
    pub peer_tsval: u32,
    /// The survivor's first IP identification that is not zero.
    pub ip_id: u16,
}

impl Origin {
    /// Returns the origin of a trace: from each side's first SYN, or from its first segment if no SYN was seen.
    pub fn of(packets: &[Packet]) -> Origin {
        let mut found = Found::default();
        for packet in packets {
            if let Ok(datagram) = Datagram::parse(&packet.bytes) {
                found.take(packet.dir, &datagram);
            }
        }
        found.origin()
    }

    /// Returns the same origin with the two sides exchanged, for the peer's packets.
    pub fn mirrored(&self) -> Origin {
        Origin {
            isn: self.peer_isn,
            peer_isn: self.isn,
            tsval: self.peer_tsval,
            peer_tsval: self.tsval,
            ip_id: 0,
        }
    }

    /// Returns the packet's fields, counted from this origin.
    pub fn relative(&self, datagram: &Datagram) -> Fields {
        let mut fields = Fields {
            ttl: datagram.ttl,
            dont_frag: datagram.dont_frag,
            tos: datagram.tos,
            ip_id: (datagram.ident != 0).then(|| datagram.ident.wrapping_sub(self.ip_id)),
            ..Fields::default()
        };
        match &datagram.payload {
            Payload::Tcp(segment) => self.segment(segment, &mut fields),
            Payload::Icmp(icmp) => {
                fields.icmp = Some((icmp.kind, icmp.code));
                fields.payload = icmp.body.clone();
            }
        }
        fields
    }

    fn segment(&self, s: &Segment, fields: &mut Fields) {
        fields.flags = s.flags;
        fields.ports = (s.src_port, s.dst_port);
        fields.seq = s.seq - self.isn;
        fields.ack = match s.flags.has(Flags::ACK) {
            true => s.ack - self.peer_isn,
            false => s.ack.0,
        };
        fields.window = s.window;
        fields.urgent = s.urgent;
        fields.payload = s.payload.to_vec();
        fields.options = s.options.iter().collect();
        for option in &mut fields.options {
            match option {
                TcpOption::Timestamps(ts) => {
                    ts.tsval = ts.tsval.wrapping_sub(self.tsval);
                    if ts.tsecr != 0 || s.flags.has(Flags::ACK) {
                        ts.tsecr = ts.tsecr.wrapping_sub(self.peer_tsval);
                    }
                }
                TcpOption::Sack(blocks) => {
                    for (left, right) in blocks.iter_mut() {
                        *left = Seq(*left - self.peer_isn);
                        *right = Seq(*right - self.peer_isn);
                    }
                }
                _ => {}
            }
        }
    }
}

/// The numbers of an origin that were found so far.
#[derive(Default)]
struct Found {
    syn: [Option<Segment>; 2],
    first: [Option<Segment>; 2],
    ip_id: Option<u16>,
}

impl Found {
    fn take(&mut self, dir: Dir, datagram: &Datagram) {
        let side = usize::from(dir == Dir::In);
        if dir == Dir::Out && datagram.ident != 0 {
            self.ip_id.get_or_insert(datagram.ident);
        }
        let Some(segment) = datagram.segment() else {
            return;
        };
        if segment.flags.has(Flags::SYN) {
            self.syn[side].get_or_insert_with(|| segment.clone());
        }
        self.first[side].get_or_insert_with(|| segment.clone());
    }

    fn origin(self) -> Origin {
        let [ours, peers] = [0, 1].map(|side| {
            let segment = self.syn[side].as_ref().or(self.first[side].as_ref());
            let seq = segment.map_or(Seq(0), |s| s.seq);
            let tsval = segment.and_then(Segment::timestamps).map_or(0, |t| t.tsval);
            (seq, tsval)
        });
        Origin {
            isn: ours.0,
            peer_isn: peers.0,
            tsval: ours.1,
            peer_tsval: peers.1,
            ip_id: self.ip_id.unwrap_or(0),
        }
    }
}

/// A packet's fields as they are compared, relative to an [`Origin`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// Type and code of an ICMP message, whose TCP fields are empty.
    pub icmp: Option<(u8, u8)>,
    /// Source and destination port.
    pub ports: (u16, u16),
    /// Control bits.
    pub flags: Flags,
    /// Sequence number from the initial one.
    pub seq: u32,
    /// Acknowledgment number from the peer's initial one, or the absolute field if ACK is not set.
    pub ack: u32,
    /// Window field.
    pub window: u16,
    /// Urgent pointer.
    pub urgent: u16,
    /// Options in their order, with relative timestamps and SACK blocks.
    pub options: Vec<TcpOption>,
    /// Data (or an ICMP message's body).
    pub payload: Vec<u8>,
    /// Time to live.
    pub ttl: u8,
    /// Don't-fragment bit.
    pub dont_frag: bool,
    /// TOS byte.
    pub tos: u8,
    /// IP identification from the first one that is not zero, or `None` for zero.
    pub ip_id: Option<u16>,
    /// How often the sender has changed its flow label so far. The labels themselves are random.
    pub label_changes: u32,
}

/// Counts the changes of one sender's flow label, packet by packet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LabelChanges {
    last: Option<u32>,
    changes: u32,
}

impl LabelChanges {
    /// Takes the sender's next packet, and returns the number of changes so far.
    pub(crate) fn take(&mut self, datagram: &Datagram) -> u32 {
        let label = datagram.flow_label;
        if self.last.replace(label).is_some_and(|last| last != label) {
            self.changes += 1;
        }
        self.changes
    }
}

/// What TSval must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TsvalRule {
    /// It must equal the left side's.
    Equal,
    /// It may be anything, because time is checked elsewhere.
    Any,
    /// It must be one of the millisecond clock's values from `first` to `last`, relative as the fields are.
    Within {
        /// Earliest value.
        first: u32,
        /// Latest value.
        last: u32,
    },
}

impl Fields {
    /// Returns the length of the data, bytes.
    pub fn len(&self) -> usize {
        self.payload.len()
    }

    /// Returns whether there is no data.
    pub fn is_empty(&self) -> bool {
        self.payload.is_empty()
    }

    /// Returns the relative TSval, or `None` without the option.
    pub fn tsval(&self) -> Option<u32> {
        self.options.iter().find_map(|o| match o {
            TcpOption::Timestamps(ts) => Some(ts.tsval),
            _ => None,
        })
    }

    /// Returns every field in which `right` differs from this packet.
    pub fn differences(&self, right: &Fields, tsval: TsvalRule) -> Vec<FieldDifference> {
        let mut found = Vec::new();
        {
            let mut differ = |field, left: String, right: String| {
                if left != right {
                    found.push(FieldDifference { field, left, right });
                }
            };
            let both = |f: fn(&Fields) -> String| (f(self), f(right));
            for (field, text) in PLAIN {
                let (l, r) = both(*text);
                differ(field, l, r);
            }
        }
        if self.payload != right.payload {
            let (l, r) = content(&self.payload, &right.payload);
            if self.len() == right.len() {
                found.push(FieldDifference::new("payload", l, r));
            }
        }
        options(&self.options, &right.options, tsval, &mut found);
        found
    }

    /// Displays enough to recognize the packet: `PA seq 1:103 ack 91 win 63`.
    pub fn brief(&self) -> String {
        if let Some((kind, code)) = self.icmp {
            return format!("ICMP type {kind} code {code}");
        }
        let mut text = format!("{} seq {}", self.flags, self.seq);
        if !self.is_empty() {
            text += &format!(":{}", self.seq.wrapping_add(self.len() as u32));
        }
        if self.flags.has(Flags::ACK) {
            text += &format!(" ack {}", self.ack);
        }
        text + &format!(" win {}", self.window)
    }
}

type AsText = fn(&Fields) -> String;

/// Returns the fields that are compared as they are displayed.
const PLAIN: &[(&str, AsText)] = &[
    ("protocol", |f| match f.icmp {
        Some((kind, code)) => format!("ICMP type {kind} code {code}"),
        None => "TCP".to_owned(),
    }),
    ("ports", |f| format!("{} > {}", f.ports.0, f.ports.1)),
    ("flags", |f| f.flags.to_string()),
    ("seq", |f| f.seq.to_string()),
    ("ack", |f| f.ack.to_string()),
    ("len", |f| f.len().to_string()),
    ("window", |f| f.window.to_string()),
    ("urgent", |f| f.urgent.to_string()),
    ("ip.ttl", |f| f.ttl.to_string()),
    ("ip.df", |f| f.dont_frag.to_string()),
    ("ip.tos", |f| f.tos.to_string()),
    ("ip.flow-label", |f| format!("change {}", f.label_changes)),
    ("ip.id", |f| match f.ip_id {
        None => "0".to_owned(),
        Some(n) => format!("first+{n}"),
    }),
];

/// Returns the first byte that differs, on both sides.
fn content(left: &[u8], right: &[u8]) -> (String, String) {
    let at = left
        .iter()
        .zip(right)
        .position(|(l, r)| l != r)
        .unwrap_or(0);
    let show = |bytes: &[u8]| format!("byte {at} is {:?}", bytes.get(at));
    (show(left), show(right))
}

fn options(
    left: &[TcpOption],
    right: &[TcpOption],
    tsval: TsvalRule,
    found: &mut Vec<FieldDifference>,
) {
    let names = |all: &[TcpOption]| {
        let names: Vec<_> = all.iter().map(TcpOption::name).collect();
        names.join(",")
    };
    if names(left) != names(right) {
        found.push(FieldDifference::new("options", names(left), names(right)));
        return;
    }
    for (l, r) in left.iter().zip(right) {
        match (l, r) {
            (TcpOption::Timestamps(l), TcpOption::Timestamps(r)) => {
                let (fits, wants) = match tsval {
                    TsvalRule::Any => (true, String::new()),
                    TsvalRule::Equal => (l.tsval == r.tsval, l.tsval.to_string()),
                    TsvalRule::Within { first, last } => (
                        Seq(r.tsval).between(Seq(first), Seq(last)),
                        match first == last {
                            true => first.to_string(),
                            false => format!("{first} to {last}"),
                        },
                    ),
                };
                if !fits {
                    found.push(FieldDifference::new("ts.val", wants, r.tsval));
                }
                if l.tsecr != r.tsecr {
                    found.push(FieldDifference::new("ts.ecr", l.tsecr, r.tsecr));
                }
            }
            _ if l != r => found.push(FieldDifference::new(value_name(l), value(l), value(r))),
            _ => {}
        }
    }
}

const fn value_name(option: &TcpOption) -> &'static str {
    match option {
        TcpOption::Mss(_) => "mss",
        TcpOption::WindowScale(_) => "wscale",
        TcpOption::Sack(_) => "sack",
        _ => "option",
    }
}

fn value(option: &TcpOption) -> String {
    match option {
        TcpOption::Mss(n) => n.to_string(),
        TcpOption::WindowScale(n) => n.to_string(),
        TcpOption::Sack(blocks) => {
            let blocks: Vec<_> = blocks.iter().map(|(l, r)| format!("{l}:{r}")).collect();
            blocks.join(" ")
        }
        TcpOption::Unknown(kind, body) => format!("kind {kind}: {body:02x?}"),
        other => other.name().to_owned(),
    }
}
