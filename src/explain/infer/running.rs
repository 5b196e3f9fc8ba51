//! Which system an end runs: its timers say more than the options of its SYN.

use super::super::connection::Connection;
use super::super::packet::Side;
use super::super::reset::ResetReason;
use super::super::series::Series;
use super::super::span::length;
use super::super::system::System;

/// Where the RTO of BSD and of Apple's systems stops growing, ns: 64 s, with the slack of their timers.
const BSD_CAP_NS: std::ops::RangeInclusive<u64> = 61_000_000_000..=68_000_000_000;
/// The first RTO of a system that takes 3 s, the initial RTO of RFC 1122, although it has measured the handshake, ns.
const OLD_INITIAL_RTO_NS: std::ops::RangeInclusive<u64> = 2_700_000_000..=3_300_000_000;

impl Connection {
    /// The longest series of retransmissions by timer of an end.
    pub(in crate::explain) fn longest_series(&self, side: Side) -> Option<&Series> {
        let end = self.end(side);
        let open = end.series.as_ref();
        let longest = end.longest.as_ref();
        let all = [open, longest];
        all.into_iter()
            .flatten()
            .max_by_key(|s| s.len())
            .filter(|s| !s.is_empty())
    }

    /// Returns the system that an end seems to run, and what that rests on.
    pub(in crate::explain) fn runs(&self, side: Side) -> Option<(System, String)> {
        self.by_timers(side).or_else(|| {
            let syn = self.end(side).syn.as_ref()?;
            let system = syn.system()?;
            let kind = if syn.answers { "SYN-ACK" } else { "SYN" };
            let order = syn.options.join(", ");
            Some((
                system,
                format!(
                    "the options of its {kind} ({order}) and its TTL {}",
                    syn.ttl
                ),
            ))
        })
    }

    fn by_timers(&self, side: Side) -> Option<(System, String)> {
        let series = self.longest_series(side)?;
        let gaps = series.gaps_ns();
        let capped = gaps
            .iter()
            .rev()
            .take_while(|g| BSD_CAP_NS.contains(g))
            .count();
        if capped >= 2 {
            let what = format!(
                "the gaps between its retransmissions stop growing at {}; Linux doubles them up to 120 s",
                length(gaps[gaps.len() - 1])
            );
            return Some((System::MacOs, what));
        }
        let is_old_initial = series
            .rto_ns()
            .is_some_and(|rto| OLD_INITIAL_RTO_NS.contains(&rto));
        if is_old_initial && self.handshake_rtt_ns().is_some_and(|rtt| rtt < 800_000_000) {
            let what = "its first RTO is the initial 3 s, although the handshake had shown the round-trip time; so do old versions of \
                        Windows (2000, XP)";
            return Some((System::Windows, what.to_owned()));
        }
        let gave_up = self
            .end(side)
            .rst
            .is_some_and(|(_, why)| why == ResetReason::GaveUp);
        if gave_up && series.rtos() == 5 {
            let what = "it gave up with a RST after five retransmissions; Linux sends no RST then";
            return Some((System::Windows, what.to_owned()));
        }
        None
    }
}
