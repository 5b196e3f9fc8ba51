//! Which setting would have told the application sooner.

use super::connection::Connection;
use super::packet::Side;
use super::pending::Pending;
use super::span::{CaptureSpan, length};
use super::system::System;
use super::told::Told;

/// The detection time of the example, s.
const EXAMPLE_S: u64 = 30;

impl Connection {
    /// Returns the settings that tell the end that waits sooner, or tell the other end at all.
    pub(super) fn sooner(&self, span: &CaptureSpan, told: &[Told; 2]) -> Vec<String> {
        let mut found = Vec::new();
        let waits = Side::BOTH.into_iter().filter_map(|s| self.unanswered(s));
        for u in waits {
            let is_foreign = self.runs(u.waits).is_some_and(|(s, _)| s != System::Linux);
            if is_foreign {
                continue;
            }
            let name = u.waits.name();
            let first_again = self
                .end(u.waits)
                .series
                .as_ref()
                .and_then(|s| s.firings.first());
            match u.pending {
                Pending::Data { firings: 1.., fin, .. } => {
                    let from = first_again.map_or(u.since_ns, |f| f.at_ns);
                    let at_ns = from + EXAMPLE_S * 1_000_000_000;
                    let at = span.at(at_ns);
                    let is_sooner = told[u.waits.index()].at_ns.is_none_or(|told| at_ns < told);
                    if is_sooner {
                    found.push(format!(
                        "{name}: TCP_USER_TIMEOUT = {EXAMPLE_S} s ends it {EXAMPLE_S} s after the first retransmission, at about {at} \
                         (computed); keepalive does not help, because no probe is sent while data is not acknowledged"
                    ));
                    }
                    if fin {
                        found.push(format!(
                            "{name}: after close() only an answer of the peer's application, or SO_LINGER with a time, tells whether \
                             the data arrived"
                        ));
                    }
                }
                Pending::Syn { .. } => found.push(format!(
                    "{name}: a lower TCP_SYNCNT or tcp_syn_retries, or a timeout of its own around connect(), ends the attempt sooner"
                )),
                Pending::Keepalive { .. } | Pending::Window { .. } => {
                    found.push(format!(
                        "{name}: TCP_USER_TIMEOUT = {EXAMPLE_S} s, or with keepalive a lower TCP_KEEPIDLE, TCP_KEEPINTVL and TCP_KEEPCNT, \
                         ends it sooner"
                    ));
                }
                Pending::Data { .. } | Pending::SynAck { .. } => {}
            }
            let dead = u.waits.other();
            if matches!(u.pending, Pending::Data { firings: 1.., .. })
                && self.end(dead).fin.is_none()
            {
                found.push(format!(
                    "{}: if it is alive but cut off and only reads, it never hears of this; keepalive (TCP_KEEPIDLE, TCP_KEEPINTVL, \
                     TCP_KEEPCNT) tells it",
                    dead.name()
                ));
            }
        }
        let outage = Side::BOTH
            .into_iter()
            .find_map(|s| Some((s, self.end(s).outage?)));
        if let (true, Some((side, (from, until, _)))) = (found.is_empty(), outage)
            && until.saturating_sub(from) > 5_000_000_000
        {
            found.push(format!(
                "{}: a TCP_USER_TIMEOUT below {} would have ended the connection, which survived the outage",
                side.name(),
                length(until.saturating_sub(from))
            ));
        }
        found
    }
}
