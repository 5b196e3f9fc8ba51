//! What is tried: clock ticks, their phase, the timer wheel, tail loss probes, keepalive's settings.
//!
//! A timer on level n of the wheel fires at a multiple of 8^n ticks. So the instant of a retransmission tells the phase, if
//! it was one on a coarse level; every such instant is tried.

use super::super::connection::Connection;
use super::super::packet::Side;
use super::bounds::{self, Bounds};
use super::script::Script;
use crate::time::{Jiffies, TickSpan, Ticks};

/// The clock rates that kernels are built with.
pub(super) const RATES: [u32; 4] = [100, 250, 300, 1_000];
/// A multiple of the slots of all levels that matter, ticks.
const ALIGNED: u64 = 1 << 24;
/// From the tick to the packet in the capture, ns.
const LATENCY_NS: u64 = 60_000;
/// Phases that are tried where no retransmission tells.
const PHASES: u64 = 8;

/// What a run assumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hypothesis {
    pub(super) ticks: Ticks,
    pub(super) tail_loss_probe: bool,
    /// TCP_KEEPIDLE and TCP_KEEPINTVL, s, if keepalive is on.
    pub(super) keepalive: Option<(u64, u64)>,
    /// The sysctls that differ from the defaults.
    pub(super) bounds: Bounds,
}

/// All that the capture allows.
pub(super) fn all(connection: &Connection, side: Side, script: &Script) -> Vec<Hypothesis> {
    let of_ts = connection.ts_rate(side);
    let bounds = bounds::all(connection, side);
    let mut found = Vec::new();
    for hz in RATES {
        if of_ts.is_some_and(|ts| ts != 1_000 && ts != hz) {
            continue;
        }
        let wheels: &[bool] = match of_ts {
            // since 4.13 TSval counts milliseconds, and since 4.8 there is the wheel
            Some(1_000) if hz != 1_000 => &[true],
            _ => &[true, false],
        };
        for &wheel in wheels {
            for ticks in phases(script, hz, wheel) {
                for tail_loss_probe in [true, false] {
                    for keepalive in settings(script) {
                        found.extend(bounds.iter().map(|bounds| Hypothesis {
                            ticks,
                            tail_loss_probe,
                            keepalive,
                            bounds: *bounds,
                        }));
                    }
                }
            }
        }
    }
    found
}

/// The keepalive settings that fit the first probes: whole seconds, and the wheel makes them up to an eighth longer.
fn settings(script: &Script) -> Vec<Option<(u64, u64)>> {
    let Some(idle_ns) = script.keepalive.idle_ns else {
        return vec![None];
    };
    let seconds = |ns: u64| {
        let most = (ns + 20_000_000) / 1_000_000_000;
        let least = (ns / 1_000_000_000 * 8 / 9).max(1);
        // a round number first: people choose these
        let round = (least..=most).rev().find(|s| s % 60 == 0 || s % 10 == 0);
        let mut all = vec![most.max(1)];
        all.extend(round.filter(|r| *r != most));
        all
    };
    let intervals = script
        .keepalive
        .interval_ns
        .map_or_else(|| vec![75], seconds);
    let idles = seconds(idle_ns);
    idles
        .iter()
        .flat_map(|i| intervals.iter().map(|n| Some((*i, *n))))
        .collect()
}

fn phases(script: &Script, hz: u32, wheel: bool) -> Vec<Ticks> {
    let tick_ns = Ticks::at_hz(hz).tick_ns;
    let mut all: Vec<Ticks> = Vec::new();
    let mut push = |at_ns: u64| {
        // ticks before this instant, the last one whole
        let before = at_ns.div_ceil(tick_ns);
        let ticks = Ticks {
            tick_ns,
            jiffies_at_t0: Jiffies(ALIGNED).saturating_sub(TickSpan(before)),
            ns_into_tick: before * tick_ns - at_ns,
            wheel,
        };
        let is_new = |t: &Ticks| {
            (t.jiffies_at_t0, t.ns_into_tick) != (ticks.jiffies_at_t0, ticks.ns_into_tick)
        };
        if all.iter().all(is_new) {
            all.push(ticks);
        }
    };
    let gaps = script
        .sent
        .windows(2)
        .map(|w| (w[1].at_ns.saturating_sub(w[0].at_ns), w[1].at_ns));
    let mut waits: Vec<(u64, u64)> = gaps.filter(|g| g.0 > 150_000_000).collect();
    waits.sort_by_key(|g| std::cmp::Reverse(g.0));
    for (_, at_ns) in waits.iter().take(4) {
        push(at_ns.saturating_sub(LATENCY_NS));
    }
    if waits.len() < 3 {
        for n in 0..PHASES {
            push(script.until_ns + n * tick_ns + n * tick_ns / PHASES);
        }
    }
    all
}
