//! Traces side by side, packet by packet, for people.
//!
//! What a packet is stands once, on the left; each target has its time and the time since its previous packet.
//! A packet that a target sends otherwise is shown in its cell; letters say in which fields it differs.

mod render;

use std::time::Duration;

use super::Style;
use crate::nouns::count;
use crate::time::Instant;
use crate::trace::relative::{Body, Relative};
use crate::trace::{Dir, Meta};

/// A table: targets are its columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Who is shown.
    pub targets: Vec<Heading>,
    /// What is shown, in the order of time.
    pub rows: Vec<Row>,
}

/// A target's heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    /// `engine`, `linux 6.18.44`.
    pub name: String,
    /// Where its times come from: `simulated`, `measured`, `recorded`.
    pub times: String,
}

impl Heading {
    /// The heading of a run.
    pub fn of(meta: &Meta) -> Self {
        Heading {
            name: format!("{} {}", meta.target, meta.version),
            times: meta.provenance.name().to_owned(),
        }
    }
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// The same packet in each target; none where a target has no such packet.
    Packet(Vec<Option<Cell>>),
    /// Something that was done or told, across all targets.
    Event {
        /// When.
        at: Instant,
        /// What.
        text: String,
    },
    /// A text for each target under a common label: how it ended.
    Text {
        /// What it is about.
        label: String,
        /// The texts.
        cells: Vec<String>,
        /// Which of them differ from the first.
        differs: Vec<bool>,
    },
}

/// A packet of one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// When it was on the wire.
    pub at: Instant,
    /// Time since this target's previous packet, of either direction.
    pub since_previous: Option<Duration>,
    /// Which way.
    pub dir: Dir,
    /// Control bits in letters; `ICMP` for one.
    pub flags: String,
    /// Relative sequence number; none for ICMP.
    pub seq: Option<u32>,
    /// Data, bytes.
    pub len: usize,
    /// What it is: `retransmission 3`.
    pub what: String,
    /// In what it differs from the first target.
    pub marks: Vec<Mark>,
}

impl Cell {
    /// The cell of a packet that follows one sent at `previous`, nothing marked.
    pub fn of(packet: &Relative, previous: Option<Instant>) -> Cell {
        let (flags, seq, len) = match &packet.body {
            Body::Tcp(tcp) => (tcp.flags.to_string(), Some(tcp.seq), tcp.payload.len()),
            Body::Icmp { .. } => ("ICMP".to_owned(), None, 0),
            Body::Unreadable(_) => ("?".to_owned(), None, 0),
        };
        Cell {
            at: packet.at,
            since_previous: previous.map(|p| packet.at.since(p)),
            dir: packet.dir,
            flags,
            seq,
            len,
            what: what(packet),
            marks: Vec::new(),
        }
    }

    /// Whether the packet looks the same in all that is shown of it but the times.
    fn looks_like(&self, other: &Cell) -> bool {
        self.flags == other.flags && self.seq == other.seq && self.len == other.len
    }
}

/// The words for a packet: its kind, and what it quotes if it is ICMP.
pub(super) fn what(packet: &Relative) -> String {
    match &packet.body {
        Body::Tcp(_) => packet.kind.to_string(),
        Body::Icmp {
            kind: 3, code: 1, ..
        } => "host unreachable".to_owned(),
        Body::Icmp { kind, code, .. } => format!("type {kind} code {code}"),
        Body::Unreadable(why) => why.clone(),
    }
}

/// A field in which a packet differs from the first target's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mark {
    /// The instant, beyond what is allowed.
    Time,
    /// The packet itself: the first target has none here.
    Extra,
    /// Control bits.
    Flags,
    /// Sequence number.
    Seq,
    /// Acknowledgment number.
    Ack,
    /// Length of the data.
    Len,
    /// The data.
    Content,
    /// The window.
    Window,
    /// Options: which, their order, their values.
    Options,
    /// TTL, DF, TOS or identification.
    Ip,
    /// Protocol, ports or the urgent pointer.
    Other,
}

impl Mark {
    const ALL: [Mark; 11] = [
        Mark::Time,
        Mark::Extra,
        Mark::Flags,
        Mark::Seq,
        Mark::Ack,
        Mark::Len,
        Mark::Content,
        Mark::Window,
        Mark::Options,
        Mark::Ip,
        Mark::Other,
    ];

    /// Its letter in the table, and its word in the legend.
    const fn letter(self) -> (char, &'static str) {
        match self {
            Mark::Time => ('t', "time"),
            Mark::Extra => ('+', "a packet more"),
            Mark::Flags => ('f', "flags"),
            Mark::Seq => ('s', "sequence number"),
            Mark::Ack => ('a', "acknowledgment"),
            Mark::Len => ('l', "length"),
            Mark::Content => ('c', "content"),
            Mark::Window => ('w', "window"),
            Mark::Options => ('o', "options"),
            Mark::Ip => ('i', "IP header"),
            Mark::Other => ('x', "protocol, ports or urgent pointer"),
        }
    }

    /// Whether a reader looks for it packet by packet, so that such a row is never folded away. One that does not
    /// tell and that all of a target's packets have is said once, above its column.
    const fn is_telling(self) -> bool {
        !matches!(self, Mark::Window | Mark::Options | Mark::Ip)
    }
}

impl Table {
    /// A table of packets: `rows` has for each row each target's index into its packets, `marks` says in what
    /// the packet of a target (by row and column) differs from the first one's.
    pub fn new(
        targets: Vec<Heading>,
        packets: &[&[Relative]],
        rows: &[Vec<Option<usize>>],
        marks: impl Fn(usize, usize) -> Vec<Mark>,
    ) -> Table {
        let mut previous: Vec<Option<Instant>> = vec![None; packets.len()];
        let mut out = Vec::with_capacity(rows.len());
        for (n, row) in rows.iter().enumerate() {
            let mut cells = Vec::with_capacity(packets.len());
            for (column, packets) in packets.iter().enumerate() {
                let index = row.get(column).copied().flatten();
                let packet = index.and_then(|i| packets.get(i));
                cells.push(packet.map(|p| Cell {
                    marks: marks(n, column),
                    ..Cell::of(p, previous[column])
                }));
                previous[column] = packet.map(|p| p.at).or(previous[column]);
            }
            out.push(Row::Packet(cells));
        }
        Table { targets, rows: out }
    }

    /// Puts events between the packets, each before the first row that is later.
    pub fn put_events(&mut self, events: impl IntoIterator<Item = (Instant, String)>) {
        for (at, text) in events {
            let later = |row: &Row| row.at().is_some_and(|t| t > at);
            let place = self.rows.iter().position(later);
            let place = place.unwrap_or(self.rows.len());
            self.rows.insert(place, Row::Event { at, text });
        }
    }

    /// Adds a labelled line of texts; `differs` says which of them differ from the first target's.
    pub fn put_texts(&mut self, label: &str, cells: Vec<String>, differs: Vec<bool>) {
        self.rows.push(Row::Text {
            label: label.to_owned(),
            cells,
            differs,
        });
    }

    /// Leaves out the packets and events before `at`, and says how many packets that were.
    pub fn start_at(&mut self, at: Instant) {
        let is_early = |row: &Row| row.at().is_some_and(|t| t < at);
        let early: Vec<Row> = self.rows.extract_if(.., |row| is_early(row)).collect();
        let packets = early.iter().filter(|r| matches!(r, Row::Packet(_)));
        let dull = packets.clone().filter(|r| r.is_dull()).count();
        let text = format!(
            "not shown: {} before this, {dull} of them the same for all",
            count(packets.count(), "packet")
        );
        if !early.is_empty() {
            self.rows.insert(0, Row::Event { at, text });
        }
    }

    /// The table as text, a legend of its marks below it.
    pub fn render(&self, style: Style) -> String {
        render::render(self, style)
    }
}

impl Row {
    /// The instant by which it is placed: the first target's that has one.
    fn at(&self) -> Option<Instant> {
        match self {
            Row::Packet(cells) => cells.iter().flatten().next().map(|c| c.at),
            Row::Event { at, .. } => Some(*at),
            Row::Text { .. } => None,
        }
    }

    /// Whether it may be folded: a packet that all targets have, and no telling mark.
    fn is_dull(&self) -> bool {
        match self {
            Row::Packet(cells) => cells.iter().all(|c| {
                c.as_ref()
                    .is_some_and(|c| !c.marks.iter().any(|m| m.is_telling()))
            }),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
