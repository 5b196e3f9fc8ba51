//! The verdict on a connection in which something was sent in vain.

use super::connection::Connection;
use super::pending::{Pending, Unanswered};
use super::span::{CaptureSpan, length};
use super::trouble::{IDLE_NS, Judged, Trouble};
use crate::nouns::count;

impl Connection {
    /// Who went silent, what was sent in vain, and whether the other end lives.
    pub(super) fn silence(&self, u: &Unanswered, span: &CaptureSpan) -> Judged {
        let dead = u.waits.other();
        let (waits, silent) = (self.who(u.waits), self.who(dead));
        let heard = self.end(dead).last_ns;
        let heard_s = span.at(heard);
        let tried = tries(&u.pending);
        let lasted = length(u.last_ns.saturating_sub(u.since_ns));
        let ends = match span.last_ns.saturating_sub(u.last_ns) {
            0..=IDLE_NS => "; the capture ends there",
            _ => "",
        };
        let tried = format!("{tried} of {waits} in {lasted}{ends}");
        let what = u.pending.what();
        let (trouble, text) = match u.pending {
            Pending::Keepalive { .. } => (
                Trouble::Keepalive,
                format!("{silent} went silent after {heard_s}: no answer to {tried}"),
            ),
            Pending::Window { .. } => (
                Trouble::Silent,
                format!(
                    "{silent} closed its window and went silent after {heard_s}: no answer to {tried}"
                ),
            ),
            _ if u.other_lives => {
                let text = format!(
                    "{silent} still sends, last at {heard_s}, but does not acknowledge what it should: {what}, {tried}. Packets are lost in \
                     one direction"
                );
                return (Trouble::OneWayLoss, text, None);
            }
            Pending::Syn { .. } | Pending::SynAck { .. } => (
                Trouble::NeverAnswered,
                format!("{silent} did not answer: {tried}"),
            ),
            Pending::Data { .. } if self.end(dead).fin.is_some() => (
                Trouble::CloseLost,
                format!("{silent} went silent after its FIN ({heard_s}): {what}, {tried}"),
            ),
            Pending::Data { .. } => (
                Trouble::Silent,
                format!("{silent} went silent after {heard_s}: {what}, {tried}"),
            ),
        };
        (trouble, text, Some((dead, heard)))
    }
}

/// What was sent in vain.
fn tries(pending: &Pending) -> String {
    match *pending {
        Pending::Syn { retries } => format!("{} of the SYN", count(retries, "retry")),
        Pending::SynAck { retries } => format!("{} of the SYN-ACK", count(retries, "retry")),
        Pending::Data { firings, rtos, .. } => match firings.saturating_sub(rtos as usize) {
            0 => count(rtos, "RTO retransmission"),
            n if rtos == 0 => count(n, "retransmission"),
            n => format!(
                "{} and {}",
                count(n, "loss probe"),
                count(rtos, "RTO retransmission")
            ),
        },
        Pending::Keepalive { probes } => count(probes, "keepalive probe"),
        Pending::Window { probes } => count(probes, "window probe"),
    }
}

impl Pending {
    /// What is not acknowledged.
    fn what(&self) -> String {
        match *self {
            Pending::Data {
                bytes: 1,
                fin: true,
                ..
            } => "a FIN is not acknowledged".to_owned(),
            Pending::Data {
                bytes, fin: true, ..
            } => {
                format!(
                    "{} and a FIN are not acknowledged",
                    count(bytes - 1, "byte")
                )
            }
            Pending::Data { bytes: 1, .. } => "1 byte is not acknowledged".to_owned(),
            Pending::Data { bytes, .. } => format!("{bytes} bytes are not acknowledged"),
            Pending::Syn { .. } | Pending::SynAck { .. } => {
                "the handshake is not completed".to_owned()
            }
            Pending::Keepalive { .. } | Pending::Window { .. } => {
                "the probes are not answered".to_owned()
            }
        }
    }
}
