//! The comparison of TCP_INFO lines: what the kernel reports about its connection and what the engine reports.
//!
//! Linux counterpart: `tcp_get_info`, `inet_diag`. Counters, states, windows and queues must be equal. Ages and the time
//! left on a timer are in whole ticks and are read between [`ALLOWANCE`] before the line's stamp and `ASKED_WITHIN` after
//! it. If a tick began in that time, the value of either tick is right. The kernel's RTT includes the recorder's
//! lateness, by which every sample may differ. So the mean of the samples (`rtt`) may differ by [`ALLOWANCE`], and their
//! deviation from the mean (`rttvar`) by twice that.

use std::time::Duration;

use crate::call::TcpInfo;
use crate::compare::fields::FieldDifference;
use crate::compare::timing::ALLOWANCE;
use crate::time::Ticks;

/// A recorder stamps a line and then asks the kernel. The answer is at most this much later.
const ASKED_WITHIN: Duration = Duration::from_micros(100);

type Value = fn(&TcpInfo) -> u64;

/// The values that must be equal. The kernel shows no TCP_INFO of a request or a TIME_WAIT socket: all of it is zero on
/// both sides, and a side on which it is not has a full socket there.
const EXACT: &[(&str, Value)] = &[
    ("ca_state", |i| i.ca_state.into()),
    ("retransmits", |i| i.retransmits.into()),
    ("probes", |i| i.probes.into()),
    ("backoff", |i| i.backoff.into()),
    ("rto_us", |i| i.rto_us),
    ("ato_us", |i| i.ato_us),
    ("snd_mss", |i| i.snd_mss.into()),
    ("rcv_mss", |i| i.rcv_mss.into()),
    ("unacked", |i| i.unacked.into()),
    ("sacked", |i| i.sacked.into()),
    ("lost", |i| i.lost.into()),
    ("retrans", |i| i.retrans.into()),
    ("snd_ssthresh", |i| i.snd_ssthresh.into()),
    ("snd_cwnd", |i| i.snd_cwnd.into()),
    ("rcv_space", |i| i.rcv_space.into()),
    ("total_retrans", |i| i.total_retrans.into()),
    ("notsent", |i| i.notsent.into()),
    ("snd_wnd", |i| i.snd_wnd.into()),
    ("timer_retrans", |i| i.timer_retrans.into()),
    ("rqueue", |i| i.rqueue.into()),
    ("wqueue", |i| i.wqueue.into()),
];

/// Returns every value in which the engine differs from a recorded line, both read at `recorded.at`. `straddled`: a tick
/// began while the kernel did what the engine did last, so that the times that it noted may be of either tick.
pub fn differences(
    engine: &TcpInfo,
    recorded: &TcpInfo,
    ticks: &Ticks,
    straddled: bool,
) -> Vec<FieldDifference> {
    let mut found = Vec::new();
    if engine.state != recorded.state {
        let names = (engine.state.name(), recorded.state.name());
        return vec![FieldDifference::new("state", names.0, names.1)];
    }
    for (name, value) in EXACT {
        let (l, r) = (value(engine), value(recorded));
        if l != r && !is_assumed(name, engine, recorded) {
            found.push(FieldDifference::new(name, l, r));
        }
    }
    let tick_ms = ticks.tick_ns / 1_000_000;
    let slack = Slack {
        read: if read_in_two(recorded, ticks) {
            tick_ms
        } else {
            0
        },
        asked: if asked_later(recorded, ticks) {
            tick_ms
        } else {
            0
        },
        noted: if straddled { tick_ms } else { 0 },
    };
    timer(engine, recorded, slack, &mut found);
    ages(engine, recorded, slack, &mut found);
    near(engine, recorded, &mut found);
    found
}

/// Returns by how much the right line's RTO is longer than the left one's, us, if both are right: each follows from its
/// own RTT, and the RTTs differ by no more than the machine's lateness. It returns `None` if that does not explain the
/// difference.
///
/// RFC 6298 2.2 and 2.3 as in Linux: the RTO is the RTT plus 200 ms (`tcp_rto_min_us`), or after the first sample three
/// times the RTT, rounded up to a tick and doubled `backoff` times. A simulated RTT of whole ticks lies exactly on the
/// edge of a tick, a real one a little behind it, so that its RTO is a tick longer.
pub fn rto_by_rtt(left: &TcpInfo, right: &TcpInfo, ticks: &Ticks, rto_min_us: u64) -> Option<i64> {
    let allowance_us = ALLOWANCE.as_micros() as u64;
    if left.backoff != right.backoff || left.rtt_us.abs_diff(right.rtt_us) > allowance_us {
        return None;
    }
    let formulas: [fn(u64, u64) -> u64; 2] = [
        |rtt_us, rto_min_us| rtt_us.saturating_add(rto_min_us),
        |rtt_us, _| rtt_us.saturating_mul(3),
    ];
    let is_by = |formula: fn(u64, u64) -> u64, info: &TcpInfo| {
        let rto_us = ticks.to_us(ticks.from_us(formula(info.rtt_us, rto_min_us)));
        rto_us.checked_shl(info.backoff) == Some(info.rto_us)
    };
    let explains = |formula: &fn(u64, u64) -> u64| is_by(*formula, left) && is_by(*formula, right);
    let explained = formulas.iter().any(explains);
    explained.then(|| right.rto_us as i64 - left.rto_us as i64)
}

/// Returns every value in which two lines of different runs differ, except those that change with time.
pub fn lasting_differences(left: &TcpInfo, right: &TcpInfo) -> Vec<FieldDifference> {
    let mut found = Vec::new();
    if left.state != right.state {
        let names = (left.state.name(), right.state.name());
        found.push(FieldDifference::new("state", names.0, names.1));
    }
    for (name, value) in EXACT {
        if value(left) != value(right) && !is_assumed(name, left, right) {
            found.push(FieldDifference::new(name, value(left), value(right)));
        }
    }
    if left.timer != right.timer {
        found.push(FieldDifference::new(
            "timer",
            left.timer.name(),
            right.timer.name(),
        ));
    }
    found
}

/// Whether this is the window of a sock of which neither side has TCP_INFO (a full socket's MSS is never 0). Earlier
/// recordings have 65535 there, which the recorder assumed and the kernel did not show.
fn is_assumed(name: &str, left: &TcpInfo, right: &TcpInfo) -> bool {
    name == "snd_wnd" && left.snd_mss == 0 && right.snd_mss == 0
}

/// By how much a value in ticks may differ, ms.
#[derive(Clone, Copy)]
struct Slack {
    /// The line may have been read a tick before its stamp.
    read: u64,
    /// The line may have been read a tick after its stamp.
    asked: u64,
    /// The instant from which the value counts may have been noted a tick before or after.
    noted: u64,
}

/// Returns whether a tick began in the time in which the line may have been read.
fn read_in_two(recorded: &TcpInfo, ticks: &Ticks) -> bool {
    let read_from = recorded.at.saturating_sub(ALLOWANCE);
    ticks.jiffies(read_from) != ticks.jiffies(recorded.at)
}

/// Returns whether a tick began while the kernel was asked.
fn asked_later(recorded: &TcpInfo, ticks: &Ticks) -> bool {
    ticks.jiffies(recorded.at) != ticks.jiffies(recorded.at + ASKED_WITHIN)
}

fn timer(engine: &TcpInfo, recorded: &TcpInfo, slack: Slack, found: &mut Vec<FieldDifference>) {
    if engine.timer != recorded.timer {
        let names = (engine.timer.name(), recorded.timer.name());
        found.push(FieldDifference::new("timer", names.0, names.1));
        return;
    }
    let earliest = engine.timer_ms.saturating_sub(slack.asked + slack.noted);
    let latest = engine.timer_ms + slack.read + slack.noted;
    if !(earliest..=latest).contains(&recorded.timer_ms) {
        found.push(FieldDifference::new(
            "timer_ms",
            engine.timer_ms,
            recorded.timer_ms,
        ));
    }
}

fn ages(engine: &TcpInfo, recorded: &TcpInfo, slack: Slack, found: &mut Vec<FieldDifference>) {
    let rows: [(&str, Value); 2] = [
        ("last_data_sent_ms", |i| i.last_data_sent_ms),
        ("last_ack_recv_ms", |i| i.last_ack_recv_ms),
    ];
    for (name, value) in rows {
        let (l, r) = (value(engine), value(recorded));
        let latest = l + slack.asked + slack.noted;
        if !(l.saturating_sub(slack.read + slack.noted)..=latest).contains(&r) {
            found.push(FieldDifference::new(name, l, r));
        }
    }
}

fn near(engine: &TcpInfo, recorded: &TcpInfo, found: &mut Vec<FieldDifference>) {
    let allowance_us = ALLOWANCE.as_micros() as u64;
    let rows = [
        ("rtt_us", engine.rtt_us, recorded.rtt_us, allowance_us),
        (
            "rttvar_us",
            engine.rttvar_us,
            recorded.rttvar_us,
            2 * allowance_us,
        ),
    ];
    for (name, l, r, most) in rows {
        if l.abs_diff(r) > most {
            found.push(FieldDifference::new(name, l, r));
        }
    }
}

#[cfg(test)]
mod tests;
