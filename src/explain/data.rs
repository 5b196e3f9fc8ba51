//! Data and FIN: sent for the first time, or again and why.
//!
//! What sends old data at once after an acknowledgment is loss recovery: RFC 6675, RFC 8985, RFC 5682, or the go-back after a
//! timeout. What sends it without one is a timer: [`series`](super::series) tells which.

use super::connection::Connection;
use super::end::{End, Recovery};
use super::mechanism::{Label, Mechanism};
use super::packet::Packet;
use super::series::{Firing, Series};
use crate::wire::Flags;

/// What comes this soon after an ACK could be answered, no timer has sent, ns.
const AT_ONCE_NS: u64 = 1_000_000;

/// Explains a packet with data or FIN that is no probe.
pub(super) fn explain(connection: &mut Connection, packet: &Packet) -> Label {
    let me = connection.end(packet.from);
    if !me.is_numbered {
        return fresh(packet).remark("the first packet of this end in the capture");
    }
    if packet.seq >= me.snd_nxt {
        return new(connection, packet);
    }
    if packet.has(Flags::FIN) && packet.seq == 0 && me.syn.is_some() {
        return at_the_syn(packet);
    }
    if let Some(label) = hole(connection, packet) {
        return label;
    }
    old(connection, packet)
}

fn fresh(packet: &Packet) -> Label {
    match packet.has(Flags::FIN) {
        true => Label::certain(Mechanism::Fin),
        false => Label::certain(Mechanism::NewData),
    }
}

/// A FIN with the sequence number of the SYN, which a FIN follows elsewhere.
fn at_the_syn(packet: &Packet) -> Label {
    let label = Label::likely(Mechanism::Fin);
    match packet.has(Flags::ACK) {
        false => label.remark(
            "without ACK, and its sequence number 0 is that of the SYN: the application closed before the handshake was complete",
        ),
        true => label.remark(
            "its sequence number 0 is that of the SYN, not the next one: the close() of before the handshake, now with ACK",
        ),
    }
}

/// Data that was not seen before.
fn new(connection: &mut Connection, packet: &Packet) -> Label {
    let me = connection.end(packet.from);
    let other = connection.end(packet.from.other());
    if packet.seq > me.snd_nxt {
        let missing = packet.seq - me.snd_nxt;
        return fresh(packet).remark(format!("{missing} bytes before it are not in the capture"));
    }
    if packet.has(Flags::FIN) {
        let first = match me.syn_ns.is_some() && me.snd_una.is_none() && me.packets <= 3 {
            true => "sent before the handshake was complete",
            false if packet.len > 0 => "with the last data",
            false => return fresh(packet),
        };
        return fresh(packet).remark(first);
    }
    if other.window == Some(0) && packet.len == 1 {
        let n = me.probes.unanswered + 1;
        return Label::likely(Mechanism::WindowProbe(n))
            .remark("one byte of new data, as Windows and BSD probe");
    }
    let answers = packet.at_ns.saturating_sub(other.news_ns) <= me.prompt_ns() && other.news_ns > 0;
    match me.recovery {
        Some(Recovery::Rto(until)) if answers && !me.flights.is_empty() && packet.seq >= until => {
            Label::likely(Mechanism::FrtoNewData)
        }
        _ if !answers && me.may_be_probe(packet, other.window) => {
            connection.end_mut(packet.from).may_have_probed_ns = Some(packet.at_ns);
            Label::likely(Mechanism::NewData).remark("or a probe that carries new data")
        }
        _ => fresh(packet),
    }
}

/// Data that the capture passed over: it comes late, or it is sent again and its first copy is missing.
fn hole(connection: &mut Connection, packet: &Packet) -> Option<Label> {
    let me = connection.end_mut(packet.from);
    let since = me.fill_hole(packet.seq, packet.end())?;
    let after = packet.at_ns.saturating_sub(since);
    let label = match after {
        0..=3_000_000 => Label::likely(Mechanism::OutOfOrder),
        _ => Label::unclear(Mechanism::OutOfOrder),
    };
    let after_ms = after as f64 / 1e6;
    Some(label.remark(format!("{after_ms:.3} ms after a packet behind it")))
}

/// Data that was sent before.
fn old(connection: &mut Connection, packet: &Packet) -> Label {
    let side = packet.from;
    let (me, other) = (connection.end(side), connection.end(side.other()));
    let una = me.snd_una.unwrap_or(0);
    let was_acked = packet.end() <= una;
    let since_news = packet.at_ns.saturating_sub(other.news_ns);
    let answers = other.news_ns > 0 && since_news <= me.prompt_ns();
    if let Some(icmp) = me.icmp
        && icmp.is_too_big()
        && packet.at_ns.saturating_sub(icmp.at_ns) <= me.prompt_ns()
    {
        connection
            .end_mut(side)
            .flights
            .again(packet.seq, packet.end(), packet.at_ns);
        return Label::likely(Mechanism::PathMtu);
    }
    if was_acked && answers && packet.at_ns.saturating_sub(me.una_ns) <= me.prompt_ns() {
        let label = by_timer(connection, packet, true);
        return label.remark("the acknowledgment was under way to its sender");
    }
    if was_acked || !answers {
        return match reordering(connection.end(side), connection.end(side.other()), packet) {
            true if !was_acked => again(
                connection,
                packet,
                Recovery::Fast,
                Label::likely(Mechanism::ReorderingTimer),
            ),
            _ => by_timer(connection, packet, was_acked),
        };
    }
    on_arrival(connection, packet)
}

/// Whether the reordering timer of RACK fits: a quarter of the round-trip time after a SACK block, for data below it.
fn reordering(me: &End, other: &End, packet: &Packet) -> bool {
    let rtt = me.beyond_rtt.least_ns.unwrap_or(0) + me.turnaround_ns.unwrap_or(0);
    let since = packet.at_ns.saturating_sub(other.news_ns);
    // armed for a quarter of the RTT, and late by two ticks of 10 ms at most
    let most = me.prompt_ns() + rtt / 4 + 20_000_000;
    me.flights.is_sacked_above(packet.end()) && since <= most && me.series.is_none()
}

/// Sent at once after an acknowledgment.
fn on_arrival(connection: &mut Connection, packet: &Packet) -> Label {
    let side = packet.from;
    let (me, other) = (connection.end(side), connection.end(side.other()));
    let sacked_above = me.flights.is_sacked_above(packet.end());
    let is_first = me.flights.first().is_some_and(|f| f.times == 1);
    // a little later it may be the reordering timer, which waits for a part of the round-trip time
    let since = packet.at_ns.saturating_sub(other.news_ns);
    let sure = match since <= me.turnaround_ns.unwrap_or(0) + AT_ONCE_NS {
        true => Label::certain,
        false => Label::likely,
    };
    let fast = |label: fn(Mechanism) -> Label| {
        (
            Recovery::Fast as fn(i64) -> Recovery,
            label(Mechanism::FastRetransmit),
        )
    };
    let (how, label) = match me.recovery {
        Some(Recovery::Rto(until)) if packet.seq < until => (
            Recovery::Rto as fn(i64) -> Recovery,
            sure(Mechanism::GoBack),
        ),
        Some(Recovery::Fast(until)) if packet.seq < until => fast(sure),
        _ if sacked_above || other.duplicate_acks >= 3 => fast(sure),
        _ if other.duplicate_acks > 0 && is_first => fast(Label::likely),
        _ => (
            Recovery::Fast as fn(i64) -> Recovery,
            Label::unclear(Mechanism::Retransmission),
        ),
    };
    again(connection, packet, how, label)
}

fn again(
    connection: &mut Connection,
    packet: &Packet,
    how: fn(i64) -> Recovery,
    label: Label,
) -> Label {
    connection.recover(packet.from, how);
    let me = connection.end_mut(packet.from);
    me.flights.again(packet.seq, packet.end(), packet.at_ns);
    label
}

/// Sent by a timer: the explanation is final when the series is over.
fn by_timer(connection: &mut Connection, packet: &Packet, was_acked: bool) -> Label {
    let side = packet.from;
    let may_probe = connection.may_probe(side);
    let other = connection.end(side.other());
    let window_closed = other.window == Some(0);
    let is_one_sided = other.packets == 0;
    let me = connection.end_mut(side);
    let una = me
        .snd_una
        .unwrap_or_else(|| me.flights.first().map_or(0, |f| f.seq));
    let (first, last) = (me.flights.first().copied(), me.flights.last().copied());
    let is_tail = packet.end() >= me.snd_nxt;
    let out = me.flights.len();
    let out = if is_one_sided { 1 } else { out };
    let (holds, before) = me.flights.again(packet.seq, packet.end(), packet.at_ns);
    let firing = Firing {
        number: packet.number,
        at_ns: packet.at_ns,
        tsval: packet.ts.map(|ts| ts.tsval),
        // without the other end's acknowledgments nobody knows what is out
        is_head: is_one_sided || packet.seq <= una.max(first.map_or(0, |f| f.seq)),
        is_tail: is_one_sided || is_tail && last.is_none_or(|l| packet.seq >= l.seq || holds > 0),
        out,
        holds,
        window_closed,
        was_acked,
    };
    let base = before.unwrap_or(me.last_data_ns).max(me.restart_ns);
    let series = me.series.get_or_insert_with(|| Series::begin(base));
    series.push(firing);
    let label = series.labels(may_probe).pop();
    let is_rto = label
        .as_ref()
        .is_some_and(|l| matches!(l.mechanism, Mechanism::Rto(_)));
    if is_rto {
        connection.recover(side, Recovery::Rto);
    }
    label.unwrap_or_else(|| Label::unclear(Mechanism::Retransmission))
}
