//! A packet of a connection, its numbers counted from the first of its sender as Wireshark does.

use crate::capture::TcpSeen;
use crate::wire::{Flags, Options, Seq, Timestamps};

/// One of the two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The end that opened the connection; without a handshake in the capture, the end that sent the first packet.
    Client,
    /// The other one.
    Server,
}

impl Side {
    /// Both ends.
    pub const BOTH: [Side; 2] = [Side::Client, Side::Server];

    /// Returns the end at the other side of the link.
    pub const fn other(self) -> Side {
        match self {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        }
    }

    pub(super) const fn index(self) -> usize {
        self as usize
    }

    /// Returns the word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Side::Client => "client",
            Side::Server => "server",
        }
    }
}

/// A packet as the explanation sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Its frame number in the file, from 1.
    pub number: u64,
    /// When it was captured, nanoseconds since the Unix epoch.
    pub at_ns: u64,
    /// Its sender.
    pub from: Side,
    /// Its flags.
    pub flags: Flags,
    /// Its sequence number; the SYN has 0.
    pub seq: i64,
    /// Its acknowledgment number, if ACK is among the flags.
    pub ack: Option<i64>,
    /// The window that it announces, bytes, scaled where the handshake is known.
    pub window: u32,
    /// Length of its data, bytes.
    pub len: u32,
    /// Its timestamps.
    pub ts: Option<Timestamps>,
    /// Its SACK blocks.
    pub sack: Vec<(i64, i64)>,
    /// The identification field of IPv4.
    pub ip_id: Option<u16>,
    /// TTL or hop limit.
    pub ttl: u8,
    /// Hash of its captured data.
    pub data_hash: u64,
    /// Its options, as far as they were captured.
    pub options: Options,
    /// The window field, not scaled.
    pub window_field: u16,
}

impl Packet {
    /// Returns the number behind its last byte; SYN and FIN count one each.
    pub fn end(&self) -> i64 {
        self.seq
            + i64::from(self.len)
            + i64::from(self.has(Flags::SYN))
            + i64::from(self.has(Flags::FIN))
    }

    /// Returns whether it has these flags.
    pub fn has(&self, flags: Flags) -> bool {
        self.flags.has(flags)
    }

    /// Returns whether it takes up sequence numbers.
    pub fn takes_space(&self) -> bool {
        self.end() > self.seq
    }

    /// Returns whether two captured packets are the same packet: nothing that a sender chooses anew differs.
    pub(super) fn is_copy_of(&self, other: &Packet) -> bool {
        self.from == other.from
            && self.flags == other.flags
            && (self.seq, self.ack, self.len) == (other.seq, other.ack, other.len)
            && (self.window, self.ip_id, self.ts) == (other.window, other.ip_id, other.ts)
            && self.data_hash == other.data_hash
            && self.sack == other.sack
    }
}

/// Sequence numbers of one end, unwrapped and counted from its first.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Numbers {
    /// The number that counts as 0.
    base: Option<Seq>,
    /// The last place that was asked for: the next one is near it.
    near: i64,
}

impl Numbers {
    /// Starts the count at the SYN's number.
    pub(super) fn start(&mut self, isn: Seq) {
        *self = Numbers {
            base: Some(isn),
            near: 0,
        };
    }

    /// Returns the place of a number. Without a SYN the first number counts as 1, the first byte of data.
    pub(super) fn place(&mut self, seq: Seq) -> i64 {
        let base = *self.base.get_or_insert(seq - 1);
        let near = base + (self.near as u32);
        let place = self.near + i64::from(seq.0.wrapping_sub(near.0) as i32);
        self.near = self.near.max(place);
        place
    }

    /// Returns the number at a place.
    pub(super) fn seq(&self, place: i64) -> Seq {
        self.base.unwrap_or_default() + (place as u32)
    }
}

/// Turns a captured segment into a packet of its connection.
pub(super) fn packet(
    seen: &TcpSeen,
    number: u64,
    at_ns: u64,
    from: Side,
    numbers: &mut [Numbers; 2],
    scale: Option<u8>,
) -> Packet {
    let is_syn = seen.flags.has(Flags::SYN);
    let seq = numbers[from.index()].place(seen.seq);
    let of_other = &mut numbers[from.other().index()];
    let ack = seen.flags.has(Flags::ACK).then(|| of_other.place(seen.ack));
    let mut sack = Vec::new();
    for (left, right) in seen.options.sack_blocks() {
        sack.push((of_other.place(left), of_other.place(right)));
    }
    // the window of a SYN is never scaled
    let shift = if is_syn { 0 } else { scale.unwrap_or(0) };
    Packet {
        number,
        at_ns,
        from,
        flags: seen.flags,
        seq,
        ack,
        window: u32::from(seen.window) << shift.min(14),
        len: seen.len,
        ts: seen.options.timestamps(),
        sack,
        ip_id: seen.ip_id,
        ttl: seen.ttl,
        data_hash: seen.data_hash,
        options: seen.options,
        window_field: seen.window,
    }
}
