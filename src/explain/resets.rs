//! RST: which packet or timer it answers (RFC 9293 3.5.2).

use super::connection::Connection;
use super::mechanism::{Label, Mechanism};
use super::packet::Packet;
use super::reset::ResetReason;
use crate::wire::Flags;

/// Explains a RST.
pub(super) fn explain(connection: &Connection, packet: &Packet) -> Label {
    let me = connection.end(packet.from);
    let label = reason(connection, packet);
    let is_foreign = me.ttl.is_some_and(|ttl| ttl != packet.ttl);
    if let (true, Some(ttl)) = (is_foreign, me.ttl) {
        return Label::likely(Mechanism::Reset(ResetReason::Middlebox)).remark(format!(
            "its TTL is {}, that of the other packets from this address is {ttl}",
            packet.ttl
        ));
    }
    label
}

fn reason(connection: &Connection, packet: &Packet) -> Label {
    let side = packet.from;
    let (me, other) = (connection.end(side), connection.end(side.other()));
    let label = |sure: fn(Mechanism) -> Label, reason| sure(Mechanism::Reset(reason));
    let Some(last) = connection.last.as_ref() else {
        return label(Label::unclear, ResetReason::Unexpected)
            .remark("what it answers is not in the capture");
    };
    let last_of_other = (last.from != side).then_some(last);
    let never_opened = me.syn.is_none() && me.packets <= 1;
    if let (true, Some(syn)) = (never_opened, &other.syn)
        && !syn.answers
        && other.bytes == 0
    {
        let sure = match packet.ack == Some(1) {
            true => Label::certain,
            false => Label::likely,
        };
        return label(sure, ResetReason::Refused);
    }
    let prompt = packet.at_ns.saturating_sub(other.last_ns) <= me.prompt_ns();
    if !packet.has(Flags::ACK) {
        // the number is the one that the answered segment acknowledges
        let answers = last_of_other.filter(|l| l.ack == Some(packet.seq) || l.has(Flags::SYN));
        let sure = if answers.is_some() && prompt {
            Label::certain
        } else {
            Label::likely
        };
        let unread = other.bytes > 0 && me.fin.is_some();
        return match last_of_other {
            Some(l) if l.has(Flags::SYN | Flags::ACK) => label(sure, ResetReason::Unexpected),
            Some(l) if me.fin.is_some() && l.takes_space() && unread => {
                label(sure, ResetReason::DataAfterClose)
            }
            Some(_) if prompt || answers.is_some() => label(sure, ResetReason::NoConnection),
            _ => label(Label::unclear, ResetReason::Abort),
        };
    }
    if me.probes.unanswered > 0 && !me.probes.window_closed {
        return label(Label::likely, ResetReason::KeepaliveFailed)
            .remark(format!("{} of them", me.probes.unanswered));
    }
    if me.series.as_ref().is_some_and(|s| s.len() > 1) && !prompt {
        return label(Label::likely, ResetReason::GaveUp)
            .remark("Linux sends no RST when it gives up");
    }
    if me.fin.is_some() && last_of_other.is_some_and(|l| l.len > 0) {
        return label(Label::likely, ResetReason::DataAfterClose);
    }
    label(Label::likely, ResetReason::Abort)
}
