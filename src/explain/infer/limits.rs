//! Where retransmissions and probes end: the range of tcp_retries2, TCP_USER_TIMEOUT, the three numbers of keepalive.

use super::super::connection::Connection;
use super::super::give_up::{limit_ns, next_due_ns, retries2};
use super::super::mechanism::Sureness;
use super::super::packet::Side;
use super::super::span::{CaptureSpan, length};
use super::super::system::System;
use super::Inferred;

impl Connection {
    /// Whether and why the retransmissions of an end have ended.
    pub(super) fn limit(&self, side: Side, span: &CaptureSpan) -> Option<Inferred> {
        let end = self.end(side);
        let series = end.series.as_ref().filter(|s| s.rtos() > 0)?;
        let due = next_due_ns(series)?;
        let late = due + (due - series.last_ns()?) / 4;
        if end.rst.is_some() || span.last_ns <= late {
            return None;
        }
        let (over, by) = limit_ns(series)?;
        let rtos = series.rtos();
        let why = format!(
            "none came when the next was due at {}, although the capture goes on until {}",
            span.at(due),
            span.at(span.last_ns)
        );
        let is_foreign = self.runs(side).is_some_and(|(s, _)| s != System::Linux);
        let value = match retries2(series).filter(|_| !is_foreign) {
            Some((low, high)) if low == high => {
                format!("it gave up after {rtos} RTOs: tcp_retries2 = {low}")
            }
            Some((low, high)) => {
                format!("it gave up after {rtos} RTOs: tcp_retries2 from {low} to {high}")
            }
            None => format!("it gave up after {rtos} RTOs"),
        };
        let value = format!(
            "{value}; as TCP_USER_TIMEOUT more than {} and at most {} after the first RTO",
            length(over),
            length(by)
        );
        Some(Inferred::new(
            side,
            "end of the retransmissions",
            value,
            why,
            Sureness::Likely,
        ))
    }

    /// The state of an end that waits for the acknowledgment of its FIN (RFC 9293 3.3.2).
    pub(super) fn state(&self, side: Side) -> Option<Inferred> {
        let (me, other) = (self.end(side), self.end(side.other()));
        let fin = me.fin.filter(|fin| *fin > 0)?;
        let is_acked = me.snd_una.is_some_and(|una| una > fin);
        let has_its = other
            .fin
            .is_some_and(|f| other.snd_una.is_some_and(|una| una > f));
        let came_first = has_its && other.fin_ns < me.fin_ns;
        let state = match (is_acked, has_its, came_first) {
            (true, ..) => return None,
            (false, true, true) => "LAST_ACK",
            (false, true, false) => "CLOSING",
            (false, false, _) => "FIN_WAIT1",
        };
        let why =
            "its FIN is not acknowledged, and the other end's FIN was or was not there before";
        Some(Inferred::new(
            side,
            "state at the end",
            state,
            why,
            Sureness::Likely,
        ))
    }

    /// Keepalive's settings.
    pub(super) fn keepalive(&self, side: Side) -> Option<Inferred> {
        let keepalive = self.end(side).keepalive;
        let idle = keepalive.idle_ns?;
        let mut value = format!("on: the first probe after {} of idleness", length(idle));
        if let Some(interval) = keepalive.interval_ns {
            value += &format!(", then every {}", length(interval));
        }
        if keepalive.most > 1 {
            value += &format!("; {} in a row without an answer", keepalive.most);
        }
        let why = "the distances of its probes (TCP_KEEPIDLE, TCP_KEEPINTVL; the timer wheel makes them up to 1/8 longer)";
        Some(Inferred::new(
            side,
            "keepalive",
            value,
            why,
            Sureness::Certain,
        ))
    }
}
