//! What became of a connection: its trouble, in a line; who went silent; what each application gets.

use super::connection::Connection;
use super::infer::Inferred;
use super::packet::Side;
use super::pending::{Pending, Unanswered};
use super::reset::ResetReason;
use super::span::{CaptureSpan, length};
use super::told::Told;
use crate::nouns::count;

/// What is wrong with a connection; the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// One end has become silent while the other sent data.
    Silent,
    /// One end sends but acknowledges nothing: the packets to it are lost.
    OneWayLoss,
    /// Keepalive probes are not answered.
    Keepalive,
    /// One end has lost the connection and answers with a RST.
    HalfOpen,
    /// A RST ended it.
    Reset,
    /// The SYN was refused, by a RST or an ICMP error.
    Refused,
    /// The SYN was never answered.
    NeverAnswered,
    /// A window stays closed.
    ZeroWindow,
    /// The last data or the FIN was not acknowledged, after the other end had closed.
    CloseLost,
    /// One end was silent for a while, and came back.
    Outage,
    /// Data was retransmitted.
    Retransmissions,
    /// The capture shows only one direction.
    OneSided,
    /// Nothing.
    None,
}

impl Trouble {
    /// Returns the words for it.
    pub const fn name(self) -> &'static str {
        match self {
            Trouble::Silent => "dead peer",
            Trouble::OneWayLoss => "one-way loss",
            Trouble::Keepalive => "keepalive unanswered",
            Trouble::HalfOpen => "half-open",
            Trouble::Reset => "reset",
            Trouble::Refused => "refused",
            Trouble::NeverAnswered => "never answered",
            Trouble::ZeroWindow => "zero window",
            Trouble::CloseLost => "close unanswered",
            Trouble::Outage => "outage, recovered",
            Trouble::Retransmissions => "retransmissions",
            Trouble::OneSided => "one direction only",
            Trouble::None => "healthy",
        }
    }
}

/// The story of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// What is wrong.
    pub trouble: Trouble,
    /// What happened, in one line.
    pub verdict: String,
    /// Which end went silent, and since when, nanoseconds since the Unix epoch.
    pub silent: Option<(Side, u64)>,
    /// What the applications get.
    pub told: [Told; 2],
    /// Which settings would have told it sooner.
    pub sooner: Vec<String>,
    /// What can be inferred.
    pub inferred: Vec<Inferred>,
    /// What the capture does not show.
    pub caveats: Vec<String>,
}

impl Connection {
    /// Returns the connection's story.
    pub fn story(&self, span: &CaptureSpan) -> Story {
        let (trouble, verdict, silent) = self.judged(span);
        Story {
            trouble,
            verdict,
            silent,
            told: Side::BOTH.map(|s| self.told(s, span)),
            sooner: self.sooner(span),
            inferred: self.inferred(span),
            caveats: self.caveats(),
        }
    }

    /// Returns the address of an end, as it stands in sentences.
    pub fn who(&self, side: Side) -> String {
        format!("the {} ({})", side.name(), self.addrs[side.index()])
    }

    fn judged(&self, span: &CaptureSpan) -> (Trouble, String, Option<(Side, u64)>) {
        let sides = Side::BOTH;
        if let Some(side) = sides.into_iter().find(|s| self.end(*s).packets == 0) {
            return self.one_sided(side.other(), span);
        }
        if let Some(found) = sides.into_iter().find_map(|s| self.ended_by_reset(s, span)) {
            return found;
        }
        let waits = sides.into_iter().filter_map(|s| self.unanswered(s));
        let worst = waits.max_by_key(|u| (is_again(&u.pending), u.last_ns));
        if let Some(unanswered) = worst.filter(|u| is_again(&u.pending)) {
            return self.silence(&unanswered, span);
        }
        if let Some(side) = sides
            .into_iter()
            .find(|s| self.end(*s).closed_ns.is_some() && !self.is_closed())
        {
            let since = self.end(side).closed_ns.unwrap_or_default();
            let text = format!(
                "{} has kept its window closed since {}: its application does not read",
                self.who(side),
                span.at(since)
            );
            return (Trouble::ZeroWindow, text, None);
        }
        self.recovered(span)
    }

    fn one_sided(&self, seen: Side, span: &CaptureSpan) -> (Trouble, String, Option<(Side, u64)>) {
        let end = self.end(seen);
        let other_lives = end.snd_una.is_some() || end.last_ack.is_some_and(|ack| ack > 1);
        if end.syn.is_some() && end.last_ack.is_none() {
            let retries = end.syn_retries;
            if let Some((kind, _, _, at)) = end.icmp {
                let text = format!(
                    "the SYN of {} was answered by an ICMP error (type {}, code {}) at {}",
                    self.who(seen),
                    kind.0,
                    kind.1,
                    span.at(at)
                );
                return (Trouble::Refused, text, None);
            }
            let text = format!(
                "the SYN of {} was never answered: {} in {}",
                self.who(seen),
                count(retries, "retry"),
                length(end.last_ns.saturating_sub(self.first_ns))
            );
            return (
                Trouble::NeverAnswered,
                text,
                Some((seen.other(), self.first_ns)),
            );
        }
        let lives = match other_lives {
            true => "; the other end lives, because its acknowledgment numbers grow",
            false => "",
        };
        let again = end.by_timer + end.fast + end.series.as_ref().map_or(0, |s| s.len() as u64);
        let text = format!(
            "the capture has only packets of {}: whether the other end answers cannot be told{lives}; data was sent again {}",
            self.who(seen),
            count(again, "time")
        );
        (Trouble::OneSided, text, None)
    }

    fn ended_by_reset(
        &self,
        side: Side,
        span: &CaptureSpan,
    ) -> Option<(Trouble, String, Option<(Side, u64)>)> {
        let (at, reason) = self.end(side).rst?;
        let (who, at_s) = (self.who(side), span.at(at));
        let other = self.end(side.other());
        let heard = other.last_ns.min(at);
        Some(match reason {
            ResetReason::Refused => (
                Trouble::Refused,
                format!("{who} refused the connection at {at_s}"),
                None,
            ),
            ResetReason::KeepaliveFailed => (
                Trouble::Keepalive,
                format!(
                    "{} went silent after {}; {} gave up after {} and sent a RST at {at_s}",
                    self.who(side.other()),
                    span.at(heard),
                    who,
                    count(self.end(side).keepalive.most, "keepalive probe"),
                ),
                Some((side.other(), heard)),
            ),
            ResetReason::GaveUp => (
                Trouble::Silent,
                format!(
                    "{} went silent after {}; {who} gave up with a RST at {at_s}",
                    self.who(side.other()),
                    span.at(heard)
                ),
                Some((side.other(), heard)),
            ),
            ResetReason::NoConnection if self.end(side).fin.is_none() => (
                Trouble::HalfOpen,
                format!(
                    "{who} does not have the connection any more (it rebooted, or its process or a timeout ended it): RST at {at_s}"
                ),
                None,
            ),
            _ => (
                Trouble::Reset,
                format!("RST of {who} at {at_s}: {reason}"),
                None,
            ),
        })
    }

    fn silence(
        &self,
        u: &Unanswered,
        span: &CaptureSpan,
    ) -> (Trouble, String, Option<(Side, u64)>) {
        let dead = u.waits.other();
        let (waits, silent) = (self.who(u.waits), self.who(dead));
        let heard = self.end(dead).last_ns;
        let lasted = length(u.last_ns.saturating_sub(u.since_ns));
        let closed = self.end(dead).fin.is_some();
        let tried = match u.pending {
            Pending::Syn { retries } => format!("{} of the SYN", count(retries, "retry")),
            Pending::SynAck { retries } => format!("{} of the SYN-ACK", count(retries, "retry")),
            Pending::Data { firings, rtos, .. } => match firings - rtos as usize {
                0 => count(rtos, "RTO retransmission"),
                n => format!(
                    "{} and {}",
                    count(n, "probe"),
                    count(rtos, "RTO retransmission")
                ),
            },
            Pending::Keepalive { probes } => count(probes, "keepalive probe"),
            Pending::Window { probes } => count(probes, "window probe"),
        };
        let what = match u.pending {
            Pending::Data {
                bytes: 1,
                fin: true,
                ..
            } => "its FIN is".to_owned(),
            Pending::Data {
                bytes, fin: true, ..
            } => format!("{} and its FIN are", count(bytes - 1, "byte")),
            Pending::Data { bytes, .. } => format!("{} are", count(bytes, "byte")),
            _ => "they are".to_owned(),
        };
        if u.other_lives
            && matches!(
                u.pending,
                Pending::Data { .. } | Pending::Syn { .. } | Pending::SynAck { .. }
            )
        {
            let text = format!(
                "{silent} still sends, last at {}, but does not acknowledge what {waits} sends ({tried} in {lasted}): packets are lost in \
                 one direction",
                span.at(heard)
            );
            return (Trouble::OneWayLoss, text, None);
        }
        let ends = match span.last_ns.saturating_sub(u.last_ns) {
            0..=1_000_000_000 => "; the capture ends there",
            _ => "",
        };
        let (trouble, text) = match u.pending {
            Pending::Keepalive { .. } => (
                Trouble::Keepalive,
                format!(
                    "{silent} went silent after {}: {tried} of {waits} in {lasted} without an answer{ends}",
                    span.at(heard)
                ),
            ),
            Pending::Window { .. } => (
                Trouble::Silent,
                format!(
                    "{silent} closed its window and went silent after {}: {tried} of {waits} in {lasted}{ends}",
                    span.at(heard)
                ),
            ),
            Pending::Syn { .. } | Pending::SynAck { .. } => (
                Trouble::NeverAnswered,
                format!("{waits} got no answer: {tried} in {lasted}{ends}"),
            ),
            Pending::Data { .. } if closed => (
                Trouble::CloseLost,
                format!(
                    "{silent} went silent after its FIN ({}): {what} not acknowledged, {tried} of {waits} in {lasted}{ends}",
                    span.at(heard)
                ),
            ),
            Pending::Data { .. } => (
                Trouble::Silent,
                format!(
                    "{silent} went silent after {}: {what} not acknowledged, {tried} of {waits} in {lasted}{ends}",
                    span.at(heard)
                ),
            ),
        };
        (trouble, text, Some((dead, heard)))
    }

    /// No trouble at the end: was there some before?
    fn recovered(&self, span: &CaptureSpan) -> (Trouble, String, Option<(Side, u64)>) {
        let outages = Side::BOTH.map(|s| self.end(s).outage.map(|o| (s, o)));
        let longest = outages.into_iter().flatten().max_by_key(|(_, o)| o.1 - o.0);
        let end = match self.is_closed() {
            true => "closed",
            false => "still open at the end of the capture",
        };
        if let Some((side, (from, until, rtos))) = longest
            && (rtos > 1 || until - from >= 1_000_000_000)
        {
            let text = format!(
                "{} did not answer from {} to {} ({}, {} of {}), then it went on; {end}",
                self.who(side.other()),
                span.at(from),
                span.at(until),
                length(until - from),
                count(rtos, "RTO retransmission"),
                self.who(side),
            );
            return (Trouble::Outage, text, None);
        }
        let again: u64 = Side::BOTH
            .iter()
            .map(|s| self.end(*s).retransmissions)
            .sum();
        match again {
            0 => (Trouble::None, format!("nothing was lost; {end}"), None),
            n => (
                Trouble::Retransmissions,
                format!(
                    "{} of {}; {end}",
                    count(n, "retransmission"),
                    count(self.packets, "packet")
                ),
                None,
            ),
        }
    }

    fn caveats(&self) -> Vec<String> {
        let mut found = Vec::new();
        if !self.has_syn {
            found.push(
                "the handshake is not in the capture: windows are shown unscaled, and the round-trip time is unknown".to_owned(),
            );
        }
        if self.copies > 0 {
            found.push(format!(
                "{} made by the capture or the network are no retransmissions (a mirror port or several interfaces)",
                count(self.copies, "copy")
            ));
        }
        for side in Side::BOTH {
            let end = self.end(side);
            let holes: i64 = end.holes.iter().map(|h| h.1 - h.0).sum();
            let missed = end.missed as i64 + holes;
            if missed > 0 {
                found.push(format!(
                    "{missed} bytes of {} are not in the capture",
                    self.who(side)
                ));
            }
        }
        found
    }
}

/// Whether it was sent more than once.
fn is_again(pending: &Pending) -> bool {
    match *pending {
        Pending::Syn { retries } | Pending::SynAck { retries } => retries > 0,
        Pending::Data { firings, .. } => firings > 0,
        Pending::Keepalive { .. } | Pending::Window { .. } => true,
    }
}

impl Connection {
    /// Returns whether anything was sent twice, reset or left unanswered. Without it there is no need for a story.
    pub fn may_be_in_trouble(&self) -> bool {
        Side::BOTH.into_iter().any(|s| {
            let end = self.end(s);
            end.retransmissions > 0
                || end.packets == 0
                || end.rst.is_some()
                || end.closed_ns.is_some()
                || end.icmp.is_some()
                || end.syn_retries > 0
                || end.probes_sent > 0
                || self.unanswered(s).is_some()
        })
    }
}
