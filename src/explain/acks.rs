//! Segments without data: acknowledgments and probes.

use super::connection::Connection;
use super::mechanism::{Label, Mechanism};
use super::packet::Packet;
use crate::wire::Flags;

/// An ACK that comes this much later than its end can answer was held back, ns. Linux holds it back for 40 ms at least,
/// others for 100 or 200 ms.
const HELD_BACK_NS: u64 = 30_000_000;
/// The most instants of probes that are kept.
const MOST_PROBES: usize = 128;

/// Explains a keepalive probe or window probe; none if the packet is neither.
///
/// Both carry the number before the next one, so that they draw an answer (RFC 9293 3.8.4, 3.8.6.1).
pub(super) fn probe(connection: &mut Connection, packet: &Packet) -> Option<Label> {
    let me = connection.end(packet.from);
    let other = connection.end(packet.from.other());
    if packet.flags.any(Flags::SYN | Flags::FIN) || packet.len > 1 || !me.is_numbered {
        return None;
    }
    let una = me.snd_una?;
    let is_before = packet.seq == una - 1 && packet.end() <= una;
    // data that is out and not acknowledged is sent again instead
    if !is_before || packet.len == 1 && me.snd_nxt > una {
        return None;
    }
    let closed = other.window == Some(0);
    // an end that waits for data of its own sends no keepalive probes; its data tells
    let is_out = me.snd_nxt > una;
    let last_heard = other.last_ns.max(me.last_ns);
    let me = connection.end_mut(packet.from);
    if me.probes.unanswered == 0 {
        me.probes.since_ns = last_heard;
    }
    me.probes.unanswered += 1;
    me.probes.window_closed = closed;
    if me.probes.at_ns.len() < MOST_PROBES {
        me.probes.at_ns.push(packet.at_ns);
    }
    let n = me.probes.unanswered;
    if !closed && !is_out {
        match n {
            1 => me.keepalive.idle_ns = Some(packet.at_ns.saturating_sub(me.probes.since_ns)),
            _ => me.keepalive.interval_ns = Some(packet.at_ns.saturating_sub(me.last_ns)),
        }
        me.keepalive.most = me.keepalive.most.max(n);
    }
    let label = match (closed, is_out) {
        (false, false) => Label::certain(Mechanism::KeepaliveProbe(n)),
        (false, true) => Label::likely(Mechanism::KeepaliveProbe(n)),
        (true, _) => Label::likely(Mechanism::WindowProbe(n)),
    };
    Some(match packet.len {
        1 => label.remark("with one byte that was acknowledged before"),
        _ => label,
    })
}

/// Explains a segment without data, SYN, FIN or RST.
pub(super) fn explain(connection: &Connection, packet: &Packet) -> Label {
    let me = connection.end(packet.from);
    let other = connection.end(packet.from.other());
    let Some(ack) = packet.ack else {
        return Label::unclear(Mechanism::Odd).remark("neither ACK nor SYN nor RST");
    };
    let arrived = &me.arrived;
    let since = |at: Option<u64>| at.map(|at| packet.at_ns.saturating_sub(at));
    let prompt = |at: Option<u64>| since(at).is_some_and(|d| d <= me.prompt_ns());
    let is_handshake = me.syn.as_ref().is_some_and(|s| !s.answers) && me.last_ack.is_none();
    if is_handshake && other.syn.is_some() {
        return Label::certain(Mechanism::HandshakeAck);
    }
    if me.last_ack.is_none_or(|last| ack > last) {
        // the copy that was acknowledged may be a later one, if it had the time to get there
        let had_time =
            |at: &u64| packet.at_ns.saturating_sub(*at) >= me.turnaround_ns.unwrap_or(0) / 10 * 9;
        let last = arrived.in_order_ns.max(arrived.old_ns.filter(had_time));
        let held_back = since(last).map(|d| d.saturating_sub(me.turnaround_ns.unwrap_or(0)));
        return match held_back {
            None if ack > other.snd_nxt => Label::certain(Mechanism::Ack)
                .remark("acknowledges data that is not in the capture"),
            None => Label::likely(Mechanism::Ack),
            Some(late) if late >= HELD_BACK_NS => Label::likely(Mechanism::DelayedAck)
                .remark(format!("held back for {:.1} ms", late as f64 / 1e6)),
            Some(_) if since(last).is_some_and(|d| me.is_at_once(d)) => {
                Label::certain(Mechanism::Ack)
            }
            Some(_) => Label::likely(Mechanism::Ack),
        };
    }
    if prompt(arrived.probe_ns) {
        return Label::certain(Mechanism::ProbeAnswer);
    }
    if prompt(arrived.suspect_ns) {
        return Label::likely(Mechanism::ChallengeAck);
    }
    if let Some(&(left, right)) = packet.sack.first() {
        // RFC 2883: a first block of what was acknowledged before is a D-SACK
        return match right <= ack {
            true => Label::certain(Mechanism::DuplicateAck)
                .remark(format!("D-SACK: {left} to {right} arrived twice")),
            false => Label::certain(Mechanism::DuplicateAck),
        };
    }
    if prompt(arrived.out_of_order_ns) || prompt(arrived.old_ns) {
        return Label::certain(Mechanism::DuplicateAck);
    }
    let grows = me.window.is_some_and(|w| packet.window > w);
    match grows {
        true => Label::certain(Mechanism::WindowUpdate),
        false if me.window.is_some_and(|w| packet.window < w) => {
            Label::likely(Mechanism::WindowUpdate).remark("the window shrinks")
        }
        false if arrived.out_of_order_ns.is_some() || arrived.old_ns.is_some() => {
            Label::likely(Mechanism::DuplicateAck)
        }
        false if arrived.probe_ns.is_some() => Label::likely(Mechanism::ProbeAnswer),
        false => Label::unclear(Mechanism::AckUnclear),
    }
}
