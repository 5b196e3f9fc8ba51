//! SYN and SYN-ACK: the first, and those that are sent again (RFC 9293 3.8.1).

use super::connection::Connection;
use super::mechanism::{Label, Mechanism};
use super::packet::Packet;
use crate::wire::Flags;

/// Explains a packet with SYN.
pub(super) fn explain(connection: &Connection, packet: &Packet) -> Label {
    match packet.has(Flags::ACK) {
        true => syn_ack(connection, packet),
        false => syn(connection, packet),
    }
}

fn syn(connection: &Connection, packet: &Packet) -> Label {
    let me = connection.end(packet.from);
    let other = connection.end(packet.from.other());
    match me.syn_retries {
        0 if other.syn.is_some() && me.packets == 1 => {
            Label::likely(Mechanism::Syn).remark("both ends open the connection at once")
        }
        0 => Label::certain(Mechanism::Syn),
        n if other.packets > 0 => Label::likely(Mechanism::SynRetry(n))
            .remark("the answer in the capture has not reached its sender, or was not accepted"),
        n => Label::certain(Mechanism::SynRetry(n)),
    }
}

fn syn_ack(connection: &Connection, packet: &Packet) -> Label {
    let me = connection.end(packet.from);
    if me.syn_retries == 0 {
        return match connection.end(packet.from.other()).syn {
            Some(_) => Label::certain(Mechanism::SynAck),
            None => Label::certain(Mechanism::SynAck).remark("its SYN is not in the capture"),
        };
    }
    let prompt = me
        .arrived
        .old_ns
        .is_some_and(|at| packet.at_ns.saturating_sub(at) <= me.prompt_ns());
    match prompt {
        true => Label::certain(Mechanism::SynAckRepeated),
        false => Label::certain(Mechanism::SynAckRetry(me.syn_retries)),
    }
}
