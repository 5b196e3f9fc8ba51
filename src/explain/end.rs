//! What the capture shows of one end of a connection: what it sent, what is out, what it announced and how fast it answers.

use std::net::IpAddr;

use super::flights::Flights;
use super::packet::Packet;
use super::reset::ResetReason;
use super::series::Series;
use super::system::SynFacts;

/// The most holes that are kept: ranges that the capture passed over.
const MOST_HOLES: usize = 64;

/// Why lost data is being sent again, until this number is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recovery {
    /// After a retransmission timeout.
    Rto(i64),
    /// After SACK blocks or duplicate ACKs.
    Fast(i64),
}

impl Recovery {
    pub(super) const fn until(self) -> i64 {
        match self {
            Recovery::Rto(until) | Recovery::Fast(until) => until,
        }
    }
}

/// What has arrived from the other end since this end's last packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Arrived {
    /// When the last data arrived that was next in order, ns.
    pub(super) in_order_ns: Option<u64>,
    /// Data after a gap.
    pub(super) out_of_order_ns: Option<u64>,
    /// Data, SYN or FIN that had come before.
    pub(super) old_ns: Option<u64>,
    /// A keepalive or window probe.
    pub(super) probe_ns: Option<u64>,
    /// A SYN in an open connection, or a RST that is not exact.
    pub(super) suspect_ns: Option<u64>,
}

impl Arrived {
    /// What arrived after an instant: the answers to it can still come.
    pub(super) fn since(self, ns: u64) -> Arrived {
        let later = |at: Option<u64>| at.filter(|at| *at > ns);
        Arrived {
            in_order_ns: later(self.in_order_ns),
            out_of_order_ns: later(self.out_of_order_ns),
            old_ns: later(self.old_ns),
            probe_ns: later(self.probe_ns),
            suspect_ns: later(self.suspect_ns),
        }
    }
}

/// A row of probes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Probes {
    /// Number of probes since the last answer.
    pub(super) unanswered: u32,
    /// When they were captured, ns: the most recent ones.
    pub(super) at_ns: Vec<u64>,
    /// When the idle time before the first began, ns.
    pub(super) since_ns: u64,
    /// Whether the peer's window is closed.
    pub(super) window_closed: bool,
}

/// What keepalive probes show of their settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Keepalive {
    /// Idle time before the first probe of a row, ns.
    pub(super) idle_ns: Option<u64>,
    /// Time between two probes of a row, ns.
    pub(super) interval_ns: Option<u64>,
    /// The most probes in a row without an answer.
    pub(super) most: u32,
}

/// An ICMP error about a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IcmpError {
    /// Type and code.
    pub(super) kind: (u8, u8),
    /// Whether `kind` is that of ICMPv6.
    pub(super) v6: bool,
    /// When it was captured, ns.
    pub(super) at_ns: u64,
    /// The sequence number of the packet that it quotes.
    pub(super) seq: i64,
    /// Who reports it.
    pub(super) reporter: Option<IpAddr>,
    /// MTU of the next hop, bytes, where the packet was too long.
    pub(super) mtu: Option<u32>,
}

impl IcmpError {
    /// What it says, in words.
    pub(super) fn text(&self) -> String {
        let words = match (self.v6, self.kind) {
            (false, (3, 0)) | (true, (1, 0)) => "network unreachable",
            (false, (3, 1)) | (true, (1, 3)) => "host unreachable",
            (false, (3, 3)) | (true, (1, 4)) => "port unreachable",
            (false, (3, 4)) | (true, (2, _)) => "packet too long for the path",
            (false, (3, 9 | 10 | 13)) | (true, (1, 1)) => "administratively prohibited",
            (false, (11, _)) | (true, (3, _)) => "time to live exceeded",
            _ => return format!("type {}, code {}", self.kind.0, self.kind.1),
        };
        words.to_owned()
    }

    /// Whether it says that the packet is too long for the path.
    pub(super) const fn is_too_big(&self) -> bool {
        matches!((self.kind, self.v6), ((3, 4), false) | ((2, _), true))
    }
}

/// How the TSval of an end counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    pub(super) first: (u64, u32),
    pub(super) last: (u64, u32),
}

impl Clock {
    /// TSval's ticks per second, if enough time has passed to tell.
    pub(super) fn per_second(&self) -> Option<f64> {
        let ns = self
            .last
            .0
            .checked_sub(self.first.0)
            .filter(|ns| *ns >= 400_000_000)?;
        let ticks = self.last.1.wrapping_sub(self.first.1);
        Some(f64::from(ticks) * 1e9 / ns as f64).filter(|_| ticks < 1 << 31)
    }
}

/// One end.
#[derive(Clone, Debug, Default)]
pub(super) struct End {
    /// Number of packets that it sent.
    pub(super) packets: u64,
    /// Bytes of data that it sent for the first time.
    pub(super) bytes: u64,
    /// Its SYN or SYN-ACK.
    pub(super) syn: Option<SynFacts>,
    /// When it sent its first SYN or SYN-ACK, ns.
    pub(super) syn_ns: Option<u64>,
    /// Number of SYNs or SYN-ACKs after the first.
    pub(super) syn_retries: u32,
    /// When each of them was captured, ns: the first of them.
    pub(super) syns_ns: Vec<u64>,
    /// The number after the last byte that was seen.
    pub(super) snd_nxt: i64,
    /// Whether any of its numbers is known.
    pub(super) is_numbered: bool,
    /// The number up to which the other end acknowledged, if it did.
    pub(super) snd_una: Option<i64>,
    /// When that was, ns.
    pub(super) una_ns: u64,
    /// What is out.
    pub(super) flights: Flights,
    /// Ranges below `snd_nxt` that the capture does not hold.
    pub(super) holes: Vec<(i64, i64, u64)>,
    /// Bytes that were acknowledged but never seen.
    pub(super) missed: u64,
    /// The place of its FIN.
    pub(super) fin: Option<i64>,
    /// When it sent its first FIN, ns.
    pub(super) fin_ns: Option<u64>,
    /// When it sent its first RST, ns, and why.
    pub(super) rst: Option<(u64, ResetReason)>,
    /// When its last packet before its RST was captured, ns.
    pub(super) heard_before_rst_ns: u64,
    /// The window that it announced last, bytes.
    pub(super) window: Option<u32>,
    /// Since when its window has been closed, ns.
    pub(super) closed_ns: Option<u64>,
    /// The longest time in which its window was closed, and then opened: ns, from and until.
    pub(super) was_closed: Option<(u64, u64)>,
    /// When its last packet was captured, ns.
    pub(super) last_ns: u64,
    /// When its last packet with data was captured, ns.
    pub(super) last_data_ns: u64,
    /// When it sent something for the first time or was acknowledged: since then its RTO has been running, ns.
    pub(super) restart_ns: u64,
    /// Its last acknowledgment number.
    pub(super) last_ack: Option<i64>,
    /// Its last TSval and TSecr.
    pub(super) last_ts: Option<(u32, u32)>,
    /// When it last showed the other end something new: an acknowledgment, SACK block or duplicate ACK, ns.
    pub(super) news_ns: u64,
    /// Duplicate ACKs that it sent since it last acknowledged something new.
    pub(super) duplicate_acks: u32,
    /// The number up to which its data is contiguous.
    pub(super) contiguous: i64,
    /// Data after a gap, ranges.
    pub(super) beyond: Vec<(i64, i64)>,
    /// The timer's retransmissions that are going on.
    pub(super) series: Option<Series>,
    /// Whether lost data is being sent again.
    pub(super) recovery: Option<Recovery>,
    /// Its probes that are going on.
    pub(super) probes: Probes,
    /// What arrived since its last packet.
    pub(super) arrived: Arrived,
    /// The shortest time from a packet to its answer, as seen at the capture: the round trip between the capture and this
    /// end, ns.
    pub(super) turnaround_ns: Option<u64>,
    /// The same of its packet of the handshake, which no timer holds back, ns.
    pub(super) handshake_turnaround_ns: Option<u64>,
    /// TTL of its packets, but RSTs.
    pub(super) ttl: Option<u8>,
    /// When it last sent new data that may have been a tail loss probe, ns.
    pub(super) may_have_probed_ns: Option<u64>,
    /// What its keepalive probes have shown.
    pub(super) keepalive: Keepalive,
    /// The first and the last TSval that it sent, and when, ns.
    pub(super) clock: Option<Clock>,
    /// Number of its segments that were sent again without a timer.
    pub(super) fast: u64,
    /// Number of tail loss probes and RTOs.
    pub(super) by_timer: u64,
    /// The longest silence of the other end that was over before the capture: from, until (ns), and the number of RTOs.
    pub(super) outage: Option<(u64, u64, u32)>,
    /// The last ICMP error about one of its packets.
    pub(super) icmp: Option<IcmpError>,
    /// Number of ICMP errors about its packets, and when the first was captured, ns.
    pub(super) icmp_errors: u64,
    pub(super) first_icmp_ns: Option<u64>,
    /// All of them, if its packets are kept.
    pub(super) icmps: Vec<IcmpError>,
    /// The longest series of RTOs.
    pub(super) longest: Option<Series>,
    /// Number of packets that it sent more than once, copies by the capture left out.
    pub(super) retransmissions: u64,
    /// Number of probes.
    pub(super) probes_sent: u64,
    /// Round-trip times from the capture to the other end and back: of the first data, the smallest, the sum and the count.
    pub(super) beyond_rtt: BeyondRtt,
}

/// Round-trip times between the capture and an end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct BeyondRtt {
    pub(super) least_ns: Option<u64>,
    pub(super) samples: u32,
}

impl BeyondRtt {
    pub(super) fn take(&mut self, ns: u64) {
        self.least_ns = Some(self.least_ns.map_or(ns, |least| least.min(ns)));
        self.samples = self.samples.saturating_add(1);
    }
}

impl End {
    /// What it takes at most until this end's answer is captured: 3 ms more than its shortest, or half as much again.
    pub(super) fn prompt_ns(&self) -> u64 {
        let turnaround = self.turnaround_ns.unwrap_or(0);
        turnaround + (turnaround / 2).max(3_000_000)
    }

    /// Whether an ACK that comes so long after what it acknowledges was sent at once. An end whose ACKs were all held back would
    /// look the same if only its data told how far away it is.
    pub(super) fn is_at_once(&self, after_ns: u64) -> bool {
        /// An ACK that is later than this can be that of a timer that was about to expire, ns.
        const AT_ONCE_NS: u64 = 500_000;
        let turnaround = self.handshake_turnaround_ns.unwrap_or(0);
        after_ns.abs_diff(turnaround) <= AT_ONCE_NS
    }

    /// Notes the window that it announces. Returns whether that opens a closed one.
    pub(super) fn take_window(&mut self, packet: &Packet) -> bool {
        let closed_ns = self.closed_ns;
        self.window = Some(packet.window);
        self.closed_ns = match packet.window {
            0 => closed_ns.or(Some(packet.at_ns)),
            _ => None,
        };
        let Some(from) = closed_ns.filter(|_| packet.window > 0) else {
            return false;
        };
        let lasted_ns = packet.at_ns.saturating_sub(from);
        if self.was_closed.is_none_or(|(a, b)| b - a < lasted_ns) {
            self.was_closed = Some((from, from + lasted_ns));
        }
        true
    }

    pub(super) fn take_turnaround(&mut self, ns: u64) {
        self.turnaround_ns = Some(self.turnaround_ns.map_or(ns, |least| least.min(ns)));
    }

    /// Whether new data can be a tail loss probe or window probe: time enough has passed, and there is a reason for one.
    pub(super) fn may_be_probe(&self, packet: &Packet, window: Option<u32>) -> bool {
        let waited = packet
            .at_ns
            .saturating_sub(self.restart_ns.max(self.last_data_ns));
        let rtt = self.beyond_rtt.least_ns.unwrap_or(0) + self.turnaround_ns.unwrap_or(0);
        let fills_window = match (window, self.snd_una) {
            (Some(window), Some(una)) => packet.end() >= una + i64::from(window),
            _ => false,
        };
        match self.flights.is_empty() {
            true => fills_window && waited >= 100_000_000,
            false => waited >= 2 * rtt,
        }
    }

    /// Notes a range that the capture passed over.
    pub(super) fn passed_over(&mut self, from: i64, to: i64, at_ns: u64) {
        if self.holes.len() == MOST_HOLES {
            self.holes.remove(0);
        }
        self.holes.push((from, to, at_ns));
    }

    /// Takes a segment out of the holes. Returns since when there was a hole, if there was one.
    pub(super) fn fill_hole(&mut self, seq: i64, end: i64) -> Option<u64> {
        let place = self.holes.iter().position(|h| seq < h.1 && end > h.0)?;
        let (from, to, since) = self.holes.remove(place);
        if from < seq {
            self.holes.push((from, seq, since));
        }
        if end < to {
            self.holes.push((end, to, since));
        }
        Some(since)
    }

    /// Follows which of its data is contiguous. Returns whether the segment was the next in order.
    pub(super) fn takes_in_order(&mut self, packet: &Packet) -> bool {
        let end = packet.end();
        if packet.seq > self.contiguous {
            if self.beyond.len() < MOST_HOLES {
                self.beyond.push((packet.seq, end));
            }
            return false;
        }
        let is_next = end > self.contiguous;
        self.contiguous = self.contiguous.max(end);
        // each round takes at least one off
        while let Some(place) = self.beyond.iter().position(|b| b.0 <= self.contiguous) {
            let (_, end) = self.beyond.swap_remove(place);
            self.contiguous = self.contiguous.max(end);
        }
        is_next
    }
}
