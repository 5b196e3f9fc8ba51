//! What became of a connection: its trouble, in a line; who went silent; what each application gets.

use super::connection::Connection;
use super::infer::Inferred;
use super::packet::Side;
use super::pending::Pending;
use super::rerun::Rerun;
use super::reset::ResetReason;
use super::span::{CaptureSpan, length};
use super::system::System;
use super::told::Told;
use super::trouble::{IDLE_NS, Judged, Trouble};
use crate::nouns::count;

/// A window that is closed for this long is worth a word, ns.
const CLOSED_NS: u64 = 200_000_000;

/// The story of a connection.
#[derive(Clone, Debug, PartialEq)]
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
    /// What the engine's runs have shown.
    pub reruns: Vec<Rerun>,
}

impl Connection {
    /// Returns the connection's story.
    ///
    /// If its packets are kept, the engine is run against them, and what that makes certain is written beside the packets.
    pub fn story(&mut self, span: &CaptureSpan) -> Story {
        let reruns = self.reruns(span);
        let (trouble, mut verdict, silent) = self.judged(span);
        if trouble != Trouble::Refused {
            verdict += &self.icmp_errors(span);
        }
        let mut inferred = self.inferred(span);
        let is_linux =
            |r: &&Rerun| r.is_whole() || self.runs(r.side).is_some_and(|(s, _)| s == System::Linux);
        inferred.extend(reruns.iter().filter(is_linux).map(Inferred::of_engine));
        let mut told = Side::BOTH.map(|s| self.told(s, span));
        for rerun in &reruns {
            told[rerun.side.index()].simulated(rerun, span);
        }
        Story {
            trouble,
            verdict,
            silent,
            sooner: self.sooner(span, &told),
            told,
            inferred,
            caveats: self.caveats(),
            reruns,
        }
    }

    /// Returns the address of an end, as it stands in sentences.
    pub fn who(&self, side: Side) -> String {
        format!("the {} ({})", side.name(), self.addrs[side.index()])
    }

    /// The ICMP errors, as a part of the verdict.
    fn icmp_errors(&self, span: &CaptureSpan) -> String {
        let of = |side: Side| {
            let end = self.end(side);
            let (last, first) = (end.icmp?, end.first_icmp_ns?);
            let from = last
                .reporter
                .map_or_else(String::new, |ip| format!(" from {ip}"));
            Some(format!(
                "; {} \"{}\"{from} about packets of the {}, the first at {}",
                count(end.icmp_errors, "ICMP error"),
                last.text(),
                side.name(),
                span.at(first),
            ))
        };
        Side::BOTH.into_iter().filter_map(of).collect()
    }

    /// Runs the engine against each end that had trouble, unless its timers are not Linux's.
    fn reruns(&mut self, span: &CaptureSpan) -> Vec<Rerun> {
        let is_worth_it = |s: &Side| {
            let end = self.end(*s);
            let has_timers =
                self.longest_series(*s).is_some() || end.probes_sent > 0 || end.syn_retries > 0;
            has_timers
                && self
                    .runs(*s)
                    .is_none_or(|(system, _)| system == System::Linux)
        };
        let sides: Vec<Side> = Side::BOTH.into_iter().filter(is_worth_it).collect();
        sides
            .into_iter()
            .filter_map(|s| self.rerun(s, span))
            .collect()
    }

    fn judged(&self, span: &CaptureSpan) -> Judged {
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

    fn one_sided(&self, seen: Side, span: &CaptureSpan) -> Judged {
        let end = self.end(seen);
        let other_lives = end.snd_una.is_some() || end.last_ack.is_some_and(|ack| ack > 1);
        if end.syn.is_some() && end.last_ack.is_none() {
            let retries = end.syn_retries;
            if let Some(icmp) = end.icmp {
                let text = format!(
                    "the SYN of {} was answered by the ICMP error \"{}\" at {}",
                    self.who(seen),
                    icmp.text(),
                    span.at(icmp.at_ns)
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
            true => "; the other end lived, because the acknowledgment numbers sent to it grew",
            false => "",
        };
        let again = end.by_timer + end.fast + end.series.as_ref().map_or(0, |s| s.len() as u64);
        let sent_again = match again {
            0 => String::new(),
            n => format!("; data was sent again {}", count(n, "time")),
        };
        let text = format!(
            "the capture has only packets of {}: whether the other end answers cannot be told{lives}{sent_again}",
            self.who(seen),
        );
        (Trouble::OneSided, text, None)
    }

    fn ended_by_reset(&self, side: Side, span: &CaptureSpan) -> Option<Judged> {
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
            ResetReason::NoConnection if self.was_lost(side, at) => {
                let since = self.end(side).heard_before_rst_ns;
                (
                    Trouble::HalfOpen,
                    format!(
                        "{who} was silent from {} to {at_s} ({}); it no longer has the connection (it rebooted, or its process or a timeout \
                         ended it) and answers with a RST",
                        span.at(since),
                        length(at.saturating_sub(since)),
                    ),
                    Some((side, since)),
                )
            }
            _ => {
                let idle = match at.saturating_sub(self.before_rst_ns(side, at)) {
                    ns if ns > IDLE_NS => format!(", after {} without a packet", length(ns)),
                    _ => String::new(),
                };
                (
                    Trouble::Reset,
                    format!("RST of {who} at {at_s}{idle}: {reason}"),
                    None,
                )
            }
        })
    }

    /// When the last packet before a RST was captured, ns.
    fn before_rst_ns(&self, side: Side, at: u64) -> u64 {
        let other = self.end(side.other()).last_ns;
        self.end(side)
            .heard_before_rst_ns
            .max(if other < at { other } else { 0 })
    }

    /// Whether the end that answers with a RST was silent before, in an open connection.
    fn was_lost(&self, side: Side, at: u64) -> bool {
        let end = self.end(side);
        let is_open = end.snd_una.is_some_and(|una| una > 0) || !self.has_syn;
        end.fin.is_none() && is_open && at.saturating_sub(end.heard_before_rst_ns) > IDLE_NS
    }

    /// No trouble at the end: was there some before?
    fn recovered(&self, span: &CaptureSpan) -> Judged {
        let outages = Side::BOTH.map(|s| self.end(s).outage.map(|o| (s, o)));
        let longest = outages
            .into_iter()
            .flatten()
            .max_by_key(|(_, o)| o.1.saturating_sub(o.0));
        let end = match self.is_closed() {
            true => "closed",
            false => "still open at the end of the capture",
        };
        if let Some((side, (from, until, rtos))) = longest
            && (rtos > 1 || until.saturating_sub(from) >= 1_000_000_000)
        {
            let text = format!(
                "{} did not answer from {} to {} ({}, {} of {}), then it went on; {end}",
                self.who(side.other()),
                span.at(from),
                span.at(until),
                length(until.saturating_sub(from)),
                count(rtos, "RTO retransmission"),
                self.who(side),
            );
            return (Trouble::Outage, text, None);
        }
        let closed = Side::BOTH.map(|s| self.end(s).was_closed.map(|c| (s, c)));
        let closed = closed
            .into_iter()
            .flatten()
            .max_by_key(|(_, c)| c.1.saturating_sub(c.0));
        if let Some((side, (from, until))) =
            closed.filter(|(_, c)| c.1.saturating_sub(c.0) >= CLOSED_NS)
        {
            let text = format!(
                "{} kept its window closed from {} to {} ({}), because its application did not read; {end}",
                self.who(side),
                span.at(from),
                span.at(until),
                length(until.saturating_sub(from)),
            );
            return (Trouble::ZeroWindow, text, None);
        }
        if let Some(found) = self.sent_again_for_nothing(span) {
            return found;
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

    /// An end sent again what the capture shows as acknowledged.
    fn sent_again_for_nothing(&self, span: &CaptureSpan) -> Option<Judged> {
        let (side, series) = Side::BOTH.into_iter().find_map(|s| {
            let series = self
                .end(s)
                .series
                .as_ref()
                .filter(|s| !s.is_empty() && s.was_acked())?;
            Some((s, series))
        })?;
        let other = self.who(side.other());
        let last = series.last_ns()?;
        let text = format!(
            "{} sent again {} what {other} had acknowledged, the last time at {}, {} after it was sent: no timer of a TCP that got the \
             acknowledgment does that. Either the acknowledgment was lost behind the place of the capture, or the capture is \
             synthetic. Nothing shows that {other} was silent",
            self.who(side),
            count(series.len(), "time"),
            span.at(last),
            length(last.saturating_sub(series.base_ns)),
        );
        let trouble = match series.len() {
            1 => Trouble::Retransmissions,
            _ => Trouble::OneWayLoss,
        };
        Some((trouble, text, None))
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
                || end.was_closed.is_some()
                || end.icmp.is_some()
                || end.syn_retries > 0
                || end.probes_sent > 0
                || self.unanswered(s).is_some()
        })
    }
}
