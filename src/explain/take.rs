//! Takes the packets of a connection in the order of the capture: explains each, and notes what it changes at both ends.

use super::connection::{Connection, Explained, LONGEST_NS};
use super::end::Clock;
use super::mechanism::{Label, Mechanism};
use super::packet::{Packet, Side, packet};
use super::system::SynFacts;
use super::{acks, data, opening, resets};
use crate::capture::TcpSeen;
use crate::wire::Flags;

/// Number of the last packets among which copies are looked for.
const COPIES_AMONG: usize = 16;

/// The most instants of SYNs that are kept.
const MOST_SYNS: usize = 64;

/// A packet that comes again after more than this, with the same IP identification, is no copy, ns.
const COPY_WITHIN_NS: u64 = 300_000_000;

/// The same for packets without an IP identification.
const COPY_WITHOUT_ID_WITHIN_NS: u64 = 1_000_000;

/// The latest instant that is believed: the year 2116, ns since the Unix epoch.
const LATEST_NS: u64 = 4_600_000_000_000_000_000;

impl Connection {
    /// Returns whether a SYN with this number belongs to another, later connection between the same addresses.
    pub(super) fn is_replaced_by(&mut self, seen: &TcpSeen) -> bool {
        let side = self.side_of(seen);
        let (end, other) = (self.end(side), self.end(side.other()));
        if seen.flags.has(Flags::ACK) {
            return false;
        }
        let is_over =
            end.rst.is_some() || other.rst.is_some() || end.fin.is_some() && other.fin.is_some();
        match self.has_syn {
            true => {
                self.numbers[side.index()].seq(0) != seen.seq
                    && (is_over || end.syn.is_some() || other.syn.is_some())
            }
            false => is_over || self.packets > 0,
        }
    }

    fn side_of(&self, seen: &TcpSeen) -> Side {
        match seen.src == self.addrs[0] {
            true => Side::Client,
            false => Side::Server,
        }
    }

    /// Takes the next packet of the connection.
    pub(super) fn take(&mut self, seen: &TcpSeen, number: u64, at_ns: u64) {
        let from = self.side_of(seen);
        if self.packets == 0 {
            self.first_ns = at_ns.min(LATEST_NS);
        }
        // a stamp further away is damaged, and sums with it must not overflow
        let at_ns = at_ns.clamp(self.first_ns, self.first_ns + LONGEST_NS);
        self.packets += 1;
        self.last_ns = self.last_ns.max(at_ns);
        if seen.flags.has(Flags::SYN) && !self.end(from).is_numbered {
            self.numbers[from.index()].start(seen.seq);
        }
        let scale = self.scale_of(from);
        let packet = packet(seen, number, at_ns, from, &mut self.numbers, scale);
        if let Some(original) = self.original_of(&packet) {
            self.copies += 1;
            let label = Label::likely(Mechanism::Copy(original)).remark(match packet.ip_id {
                Some(_) => "same IP identification: made by the capture or the network, not by the sender",
                None => "nothing differs and it comes at once: made by the capture or the network, not by the sender",
            });
            self.keep(packet, label);
            return;
        }
        self.ends[from.index()].packets += 1;
        if packet.has(Flags::SYN) {
            self.note_syn(seen, &packet);
        }
        let label = self.explain(&packet);
        self.apply(&packet, &label);
        if self.recent.len() == COPIES_AMONG {
            self.recent.pop_front();
        }
        self.recent.push_back(packet.clone());
        self.last = Some(packet.clone());
        self.keep(packet, label);
    }

    fn keep(&mut self, packet: Packet, label: Label) {
        if let Some(kept) = &mut self.kept
            && kept.len() < self.most_kept
        {
            kept.push(Explained { packet, label });
        }
    }

    fn original_of(&self, packet: &Packet) -> Option<u64> {
        // without an identification of its own it must follow at once: a host answers equal packets with equal ones
        let (within, among) = match packet.ip_id {
            Some(id) if id != 0 => (COPY_WITHIN_NS, COPIES_AMONG),
            _ => (COPY_WITHOUT_ID_WITHIN_NS, 1),
        };
        let is_it =
            |p: &&Packet| packet.is_copy_of(p) && packet.at_ns.saturating_sub(p.at_ns) <= within;
        self.recent
            .iter()
            .rev()
            .take(among)
            .find(is_it)
            .map(|p| p.number)
    }

    fn note_syn(&mut self, seen: &TcpSeen, packet: &Packet) {
        self.has_syn = true;
        let answers = packet.has(Flags::ACK);
        let end = self.end_mut(packet.from);
        match end.syn {
            Some(_) => {
                end.syn_retries += 1;
                if end.syns_ns.len() < MOST_SYNS {
                    end.syns_ns.push(packet.at_ns);
                }
            }
            None => {
                end.syn = Some(SynFacts::of(seen, answers));
                end.syn_ns = Some(packet.at_ns);
                end.syns_ns.push(packet.at_ns);
            }
        }
    }

    fn explain(&mut self, packet: &Packet) -> Label {
        if packet.has(Flags::RST) {
            return resets::explain(self, packet);
        }
        if packet.has(Flags::SYN) {
            return opening::explain(self, packet);
        }
        if let Some(label) = acks::probe(self, packet) {
            return label;
        }
        match packet.takes_space() {
            true => data::explain(self, packet),
            false => acks::explain(self, packet),
        }
    }

    /// Notes what the packet changes at both ends.
    fn apply(&mut self, packet: &Packet, label: &Label) {
        self.apply_ack(packet);
        let from = packet.from;
        let is_probe = matches!(
            label.mechanism,
            Mechanism::KeepaliveProbe(_) | Mechanism::WindowProbe(_) | Mechanism::Probe(_)
        );
        self.note_arrival(packet, is_probe);
        let (at_ns, end) = (packet.at_ns, packet.end());
        let me = self.end_mut(from);
        let heard_ns = me.last_ns;
        me.last_ns = at_ns;
        me.arrived = me
            .arrived
            .since(at_ns.saturating_sub(me.turnaround_ns.unwrap_or(0) / 10 * 9));
        me.last_ts = packet.ts.map(|ts| (ts.tsval, ts.tsecr)).or(me.last_ts);
        match packet.has(Flags::RST) {
            true => {
                if let Mechanism::Reset(reason) = label.mechanism {
                    if me.rst.is_none() {
                        me.heard_before_rst_ns = heard_ns;
                    }
                    me.rst = me.rst.or(Some((at_ns, reason)));
                }
            }
            false => me.ttl = Some(packet.ttl),
        }
        if let Some(ts) = packet.ts {
            let now = (at_ns, ts.tsval);
            let first = me.clock.map_or(now, |c| c.first);
            me.clock = Some(Clock { first, last: now });
        }
        let is_first_ack = packet.ack.is_some() && !packet.has(Flags::SYN) && from == Side::Client;
        if is_first_ack && self.handshake_ack_ns.is_none() {
            self.handshake_ack_ns = Some(at_ns);
        }
        let me = self.end_mut(from);
        me.fast += u64::from(matches!(
            label.mechanism,
            Mechanism::FastRetransmit | Mechanism::ReorderingTimer
        ));
        me.probes_sent += u64::from(is_probe);
        me.retransmissions +=
            u64::from(label.mechanism.is_trouble() && packet.takes_space() && !is_probe);
        if packet.has(Flags::FIN) && me.fin.is_none() {
            me.fin = Some(end - 1);
            me.fin_ns = Some(at_ns);
        }
        let is_new =
            packet.takes_space() && !is_probe && !packet.has(Flags::RST) && end > me.snd_nxt;
        if is_new || !me.is_numbered {
            self.apply_new(packet);
        }
        // whoever sends an answer ends the row of probes of the other end
        let other = self.end_mut(from.other());
        if !is_probe && other.probes.unanswered > 0 {
            other.probes.unanswered = 0;
            other.probes.at_ns.clear();
        }
    }

    /// Numbers that were not seen before.
    fn apply_new(&mut self, packet: &Packet) {
        let (at_ns, end) = (packet.at_ns, packet.end());
        let me = self.end_mut(packet.from);
        if me.is_numbered && packet.seq > me.snd_nxt {
            me.passed_over(me.snd_nxt, packet.seq, at_ns);
        }
        me.is_numbered = true;
        if packet.takes_space() && end > me.snd_nxt {
            let seq = packet.seq.max(me.snd_nxt);
            let was_empty = me.flights.is_empty();
            me.flights.push(seq, end, at_ns);
            if was_empty {
                me.restart_ns = at_ns;
            }
            me.bytes += u64::from(packet.len);
            me.last_data_ns = at_ns;
        }
        me.snd_nxt = me.snd_nxt.max(end);
    }

    /// What the packet's acknowledgment says to the other end.
    fn apply_ack(&mut self, packet: &Packet) {
        let from = packet.from;
        let me = self.end_mut(from);
        if packet.has(Flags::RST) {
            return;
        }
        let opened = me.take_window(packet);
        let Some(ack) = packet.ack else { return };
        let is_repeated = me.last_ack == Some(ack);
        let is_first = me.last_ack.is_none() && me.syn_retries == 0 && me.syn.is_some();
        me.last_ack = Some(me.last_ack.map_or(ack, |last| last.max(ack)));
        let answers = me.arrived.in_order_ns;
        if let Some(arrived) = answers.filter(|_| !is_repeated) {
            let turnaround = packet.at_ns.saturating_sub(arrived);
            me.take_turnaround(turnaround);
            if is_first {
                me.handshake_turnaround_ns = Some(turnaround);
            }
        }
        let is_pure = !packet.takes_space();
        let other = self.end_mut(from.other());
        if ack > other.snd_nxt && other.is_numbered {
            other.missed += (ack - other.snd_nxt) as u64;
            other.snd_nxt = ack;
            other.contiguous = other.contiguous.max(ack);
        }
        let advances = other.snd_una.is_none_or(|una| ack > una);
        let mut news = false;
        if advances {
            let acked = other.flights.acknowledge(ack, packet.at_ns);
            if let Some(rtt) = acked.rtt_ns {
                other.beyond_rtt.take(rtt);
            }
            other.snd_una = Some(ack);
            other.una_ns = packet.at_ns;
            other.restart_ns = packet.at_ns;
            other.holes.retain(|h| h.1 > ack);
            news = true;
        }
        for &(left, right) in &packet.sack {
            news |= other.flights.sack(left, right);
        }
        let me = self.end_mut(from);
        match (advances, is_repeated && is_pure && !opened) {
            (true, _) => me.duplicate_acks = 0,
            (false, true) => {
                me.duplicate_acks += 1;
                news = true;
            }
            (false, false) => {}
        }
        if news || opened {
            me.news_ns = packet.at_ns;
        }
        if advances {
            self.close_series(from.other());
            let other = self.end_mut(from.other());
            if other.recovery.is_some_and(|r| ack >= r.until()) {
                other.recovery = None;
            }
        }
    }

    /// What the packet is to the end that gets it.
    fn note_arrival(&mut self, packet: &Packet, is_probe: bool) {
        let at = Some(packet.at_ns);
        let me = self.end_mut(packet.from);
        if !me.is_numbered {
            me.contiguous = packet.seq;
        }
        let in_order = packet.takes_space() && !is_probe && me.takes_in_order(packet);
        let is_old = packet.takes_space() && packet.end() <= me.contiguous;
        let is_open = me.snd_una.is_some_and(|una| una > 0);
        let other = self.end_mut(packet.from.other());
        let arrived = &mut other.arrived;
        if is_probe {
            arrived.probe_ns = at;
        } else if packet.has(Flags::SYN) && !packet.has(Flags::ACK) && is_open
            || packet.has(Flags::RST)
        {
            arrived.suspect_ns = at;
        } else if in_order {
            arrived.in_order_ns = at;
        } else if is_old {
            arrived.old_ns = at;
        } else if packet.takes_space() {
            arrived.out_of_order_ns = at;
        }
    }
}
