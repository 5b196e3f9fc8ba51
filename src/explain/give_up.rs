//! When retransmissions that go on unanswered end, computed from those that the capture shows.
//!
//! Linux turns tcp_retries2 into a time that counts from the first RTO retransmission, and gives up at the first expiry after
//! it. Linux counterpart: `retransmits_timed_out()` in tcp_timer.c.

use super::mechanism::Mechanism;
use super::series::Series;
use crate::engine::model_timeout;
use crate::time::Ticks;

/// The longest RTO of Linux, ns.
const RTO_MAX_NS: u64 = 120_000_000_000;
/// The shortest RTO of Linux, on which the time of tcp_retries2 is built, us.
const RTO_MIN_US: u64 = 200_000;
/// tcp_retries2, if nobody changed it.
pub(super) const TCP_RETRIES2: u32 = 15;
/// Retries of a connection that the application has closed, if nobody changed tcp_orphan_retries.
pub(super) const ORPHAN_RETRIES: u32 = 8;

/// The time that a number of retries stands for, ns.
pub(super) fn model_ns(retries: u32) -> u64 {
    let ticks = Ticks::none();
    ticks.to_us(model_timeout(
        &ticks,
        retries,
        RTO_MIN_US,
        RTO_MAX_NS / 1_000,
    )) * 1_000
}

/// The first RTO of a series and the gap that comes after the last, ns.
fn first_and_next(series: &Series) -> Option<(u64, u64, u64)> {
    let labels = series.labels(true);
    let rtos = series.firings.iter().zip(&labels);
    let is_rto = |l: &Mechanism| {
        matches!(
            l,
            Mechanism::Rto(_) | Mechanism::AfterAck | Mechanism::WindowProbe(_)
        )
    };
    let (first, _) = rtos
        .clone()
        .find(|(_, l)| is_rto(&l.mechanism))
        .or_else(|| rtos.clone().next())?;
    let last = series.firings.last()?;
    let gap = *series.gaps_ns().last()?;
    let is_probe = labels.last().is_some_and(|l| {
        matches!(
            l.mechanism,
            Mechanism::TailLossProbe | Mechanism::ProbeOrRto
        )
    });
    let next = if is_probe { gap } else { gap.saturating_mul(2) };
    Some((first.at_ns, last.at_ns, next.min(RTO_MAX_NS)))
}

/// The instant at which Linux gives up with so many retries, ns.
pub(super) fn give_up_ns(series: &Series, retries: u32) -> Option<u64> {
    let (first, mut at, mut gap) = first_and_next(series)?;
    let model = model_ns(retries);
    // each round adds at least one gap
    for _ in 0..100_000 {
        at += gap.max(1_000_000);
        if at.saturating_sub(first) >= model {
            return Some(at);
        }
        gap = (2 * gap).min(RTO_MAX_NS);
    }
    None
}

/// When the next retransmission was due after the last one, ns.
pub(super) fn next_due_ns(series: &Series) -> Option<u64> {
    first_and_next(series).map(|(_, last, gap)| last + gap)
}

/// The values of tcp_retries2 with which Linux would have ended a series where it ends.
pub(super) fn retries2(series: &Series) -> Option<(u32, u32)> {
    let (first, last, gap) = first_and_next(series)?;
    // not over at the last retransmission, over when the next one was due; the wheel makes timers late by an eighth
    let (over_after, over_by) = (
        last.saturating_sub(first),
        (last + gap + gap / 8).saturating_sub(first),
    );
    let fits = |n: &u32| model_ns(*n) > over_after && model_ns(*n) <= over_by;
    let low = (0..=100).find(fits)?;
    let high = (0..=100).rev().find(fits)?;
    Some((low, high))
}

/// The TCP_USER_TIMEOUT or other limit with which a series would have ended where it ends: longer than this and no longer
/// than that, counted from the first retransmission, ns.
pub(super) fn limit_ns(series: &Series) -> Option<(u64, u64)> {
    let (first, last, gap) = first_and_next(series)?;
    Some((
        last.saturating_sub(first),
        (last + gap).saturating_sub(first),
    ))
}
