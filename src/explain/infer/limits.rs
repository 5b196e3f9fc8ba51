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
