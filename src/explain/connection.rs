//! One connection: takes its packets in the order of the capture, explains each, and follows both ends.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::end::{End, IcmpError, Recovery};
use super::mechanism::Label;
use super::packet::{Numbers, Packet, Side};
use super::series::Series;
use crate::capture::IcmpSeen;

/// The longest time that a connection is believed to last, ns: ten years. Sums with longer ones could overflow.
pub(super) const LONGEST_NS: u64 = 315_000_000_000_000_000;
/// The most ICMP errors of a connection that are kept.
const MOST_ICMPS: usize = 1_000;

/// A packet and its explanation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The packet.
    pub packet: Packet,
    /// Why it was sent.
    pub label: Label,
}

/// A connection.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its number, from 0, as Wireshark counts.
    pub stream: u32,
    /// The addresses of client and server.
    pub addrs: [SocketAddr; 2],
    /// When its first packet was captured, nanoseconds since the Unix epoch.
    pub first_ns: u64,
    /// When its last packet was captured.
    pub last_ns: u64,
    /// Number of packets.
    pub packets: u64,
    /// Number of copies that the capture or the network made.
    pub copies: u64,
    /// Whether the handshake's SYN is in the capture.
    pub has_syn: bool,
    /// The explained packets, if they are kept: the first of them, as many as were asked for.
    pub kept: Option<Vec<Explained>>,
    pub(super) most_kept: usize,
    pub(super) ends: [End; 2],
    pub(super) numbers: [Numbers; 2],
    pub(super) recent: VecDeque<Packet>,
    /// The last packet, copies left out.
    pub(super) last: Option<Packet>,
    /// When the ACK of the handshake was captured, ns.
    pub(super) handshake_ack_ns: Option<u64>,
}

impl Connection {
    pub(super) fn new(
        stream: u32,
        client: SocketAddr,
        server: SocketAddr,
        most_kept: usize,
    ) -> Connection {
        Connection {
            stream,
            addrs: [client, server],
            first_ns: 0,
            last_ns: 0,
            packets: 0,
            copies: 0,
            has_syn: false,
            kept: (most_kept > 0).then(Vec::new),
            most_kept,
            ends: Default::default(),
            numbers: Default::default(),
            recent: VecDeque::new(),
            last: None,
            handshake_ack_ns: None,
        }
    }

    pub(super) fn end(&self, side: Side) -> &End {
        &self.ends[side.index()]
    }

    pub(super) fn end_mut(&mut self, side: Side) -> &mut End {
        &mut self.ends[side.index()]
    }

    /// The scale of an end's window: both SYNs must have the option.
    pub(super) fn scale_of(&self, from: Side) -> Option<u8> {
        let scale = |side: Side| self.end(side).syn.as_ref().and_then(|s| s.wscale);
        scale(from.other()).and(scale(from))
    }

    /// Ends the retransmissions by timer of an end: they have been answered, or the capture is over.
    pub(super) fn close_series(&mut self, side: Side) {
        let Some(series) = self.end_mut(side).series.take() else {
            return;
        };
        self.label_series(side, &series);
        let end = self.end_mut(side);
        let (rtos, until) = (series.rtos(), end.una_ns);
        let from = series.base_ns;
        if rtos > 0
            && end
                .outage
                .is_none_or(|o| o.1 - o.0 < until.saturating_sub(from))
        {
            end.outage = Some((from, until.max(from), rtos));
        }
        end.by_timer += series.len() as u64;
        if end.longest.as_ref().is_none_or(|l| l.len() < series.len()) {
            end.longest = Some(series);
        }
    }

    /// Writes the explanation of a series beside its packets.
    pub(super) fn label_series(&mut self, side: Side, series: &Series) {
        let may_probe = self.may_probe(side);
        let Some(kept) = &mut self.kept else { return };
        for (firing, label) in series.firings.iter().zip(series.labels(may_probe)) {
            if let Ok(place) = kept.binary_search_by_key(&firing.number, |e| e.packet.number) {
                kept[place].label = label;
            }
        }
    }

    /// Whether tail loss probes are possible: they need SACK (RFC 8985 section 7.1).
    pub(super) fn may_probe(&self, side: Side) -> bool {
        let has_sack = |s: Side| self.end(s).syn.as_ref().is_none_or(|syn| syn.sack);
        has_sack(side) && has_sack(side.other())
    }

    /// An ICMP error about one of its packets.
    pub(super) fn take_icmp(&mut self, seen: &IcmpSeen, at_ns: u64) {
        let at_ns = at_ns.clamp(self.first_ns, self.first_ns + LONGEST_NS);
        let side = match seen.src == self.addrs[0] {
            true => Side::Client,
            false => Side::Server,
        };
        let seq = self.numbers[side.index()].place(seen.seq);
        let error = IcmpError {
            kind: seen.kind,
            v6: seen.v6,
            at_ns,
            seq,
            reporter: Some(seen.reporter),
            mtu: seen.mtu,
        };
        let keeps = self.kept.is_some();
        let end = self.end_mut(side);
        end.icmp = Some(error);
        end.icmp_errors += 1;
        end.first_icmp_ns = end.first_icmp_ns.or(Some(at_ns));
        if keeps && end.icmps.len() < MOST_ICMPS {
            end.icmps.push(error);
        }
        self.last_ns = self.last_ns.max(at_ns);
    }

    /// Explains what was left open because a later packet could have decided it.
    pub(super) fn finish(&mut self) {
        for side in Side::BOTH {
            if let Some(series) = self.end(side).series.clone() {
                self.label_series(side, &series);
            }
        }
    }

    /// Begins or goes on with loss recovery.
    pub(super) fn recover(&mut self, side: Side, how: fn(i64) -> Recovery) {
        let end = self.end_mut(side);
        let until = how(end.snd_nxt);
        end.recovery = match end.recovery {
            // a timeout during fast recovery begins another episode, but not the other way round
            Some(already @ Recovery::Rto(_)) => Some(already),
            Some(already @ Recovery::Fast(_)) if matches!(until, Recovery::Fast(_)) => {
                Some(already)
            }
            _ => Some(until),
        };
    }
}

impl Connection {
    /// Whether both ends have closed it, or one has reset it.
    pub fn is_closed(&self) -> bool {
        let all_acked = |s: Side| {
            let end = self.end(s);
            end.fin
                .is_some_and(|fin| end.snd_una.is_some_and(|una| una > fin))
        };
        Side::BOTH.iter().any(|s| self.end(*s).rst.is_some())
            || Side::BOTH.into_iter().all(all_acked)
    }
}
