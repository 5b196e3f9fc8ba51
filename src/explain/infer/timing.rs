//! Round-trip time, the place of the capture, and the RTO.

use super::super::connection::Connection;
use super::super::mechanism::{Mechanism, Sureness};
use super::super::packet::Side;
use super::super::span::length;
use super::super::system::System;
use super::Inferred;

/// New data this long before a series may have been its tail loss probe, ns.
const PROBED_NS: u64 = 5_000_000_000;

impl Connection {
    /// SYN to the ACK of the handshake at the capture: the whole round trip, ns; only if none of them came twice.
    pub(in crate::explain) fn handshake_rtt_ns(&self) -> Option<u64> {
        let (client, server) = (self.end(Side::Client), self.end(Side::Server));
        if client.syn_retries > 0 || server.syn_retries > 0 {
            return None;
        }
        let (to_server, to_client) = self.handshake_halves_ns()?;
        let (syn, answer) = (client.syn_ns?, server.syn_ns?);
        (answer >= syn).then_some(to_server + to_client)
    }

    /// From the SYN to the SYN-ACK, and from there to the ACK, ns.
    fn handshake_halves_ns(&self) -> Option<(u64, u64)> {
        let (syn, answer) = (
            self.end(Side::Client).syn_ns?,
            self.end(Side::Server).syn_ns?,
        );
        let ack = self.handshake_ack_ns?;
        Some((answer.checked_sub(syn)?, ack.checked_sub(answer)?))
    }

    /// RTT and the place of the capture.
    pub(super) fn path(&self) -> Vec<Inferred> {
        let mut found = Vec::new();
        let halves = self.handshake_halves_ns();
        if let (Some(rtt), Some((to_server, to_client))) = (self.handshake_rtt_ns(), halves) {
            let halves = format!(
                "the handshake: SYN to SYN-ACK {}, SYN-ACK to ACK {}",
                length(to_server),
                length(to_client)
            );
            found.push(Inferred::new(
                None,
                "round-trip time",
                length(rtt),
                halves,
                Sureness::Certain,
            ));
            let place = match (to_server, to_client) {
                (s, c) if c * 8 <= s => "at the client or near it",
                (s, c) if s * 8 <= c => "at the server or near it",
                _ => "between the two ends",
            };
            let rests_on = "where the answers come at once";
            found.push(Inferred::new(
                None,
                "place of the capture",
                place,
                rests_on,
                Sureness::Likely,
            ));
        }
        found
    }

    /// The RTO and the tail loss probe of an end.
    pub(super) fn rto(&self, side: Side) -> Vec<Inferred> {
        let mut found = Vec::new();
        let may = self.may_probe(side);
        let Some(series) = self.longest_series(side) else {
            return found;
        };
        let labels = series.labels(may);
        let gaps = series.gaps_ns();
        let is_foreign = self.runs(side).is_some_and(|(s, _)| s != System::Linux);
        let first = labels.first().map(|l| (l.mechanism, l.sureness));
        if let Some((Mechanism::TailLossProbe, sureness)) = first {
            let value = format!("on: one after {}", length(gaps[0]));
            let why = "the first retransmission, and the gap that follows it";
            found.push(Inferred::new(side, "tail loss probe", value, why, sureness));
        }
        if let (Some(rto), true) = (series.rto_ns(), series.rtos() >= 1) {
            let shown: Vec<String> = gaps
                .iter()
                .take(16)
                .map(|g| format!("{:.3}", *g as f64 / 1e9))
                .collect();
            let why = format!("the gaps of its retransmissions: {} s", shown.join(", "));
            let why = match self.as_linux_computes(rto) {
                Some(how) => format!("{why}; {how}"),
                None => why,
            };
            let sureness = if series.rtos() >= 2 {
                Sureness::Certain
            } else {
                Sureness::Likely
            };
            found.push(Inferred::new(
                side,
                "RTO before backoff",
                length(rto),
                why,
                sureness,
            ));
        }
        let may_have_probed = self
            .end(side)
            .may_have_probed_ns
            .is_some_and(|at| at + PROBED_NS > series.base_ns);
        if let (Some((Mechanism::Rto(1), Sureness::Certain)), true, false) =
            (first, may && !may_have_probed, is_foreign)
        {
            let why = "the first retransmission is an RTO, although SACK is permitted";
            let value =
                "off or not there (Linux before 3.10, tcp_early_retrans = 0, or another system)";
            found.push(Inferred::new(
                side,
                "tail loss probe",
                value,
                why,
                Sureness::Likely,
            ));
        }
        found
    }

    /// How Linux would compute this RTO from the round-trip time of the handshake (RFC 6298 2.2, with a variance of 200 ms at
    /// least).
    fn as_linux_computes(&self, rto_ns: u64) -> Option<String> {
        /// What ticks and the wheel add at most.
        const ROUNDING_NS: u64 = 32_000_000;
        let rtt = self.handshake_rtt_ns()?;
        let is = |wanted: u64| {
            rto_ns + wanted / 16 >= wanted && rto_ns <= wanted + wanted / 16 + ROUNDING_NS
        };
        match rtt > 100_000_000 {
            true if is(3 * rtt) => Some(format!(
                "3 times the round-trip time of {}, as after a first sample",
                length(rtt)
            )),
            _ if is(rtt + 200_000_000) => {
                Some(format!("the round-trip time of {} and 200 ms", length(rtt)))
            }
            _ => None,
        }
    }
}
