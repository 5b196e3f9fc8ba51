//! The clock of an end: how TSval counts, and whether its timers sit on the timer wheel of Linux.
//!
//! Since Linux 4.13 TSval counts milliseconds, before that jiffies. Since Linux 4.8 a timer on level n of the wheel fires at a
//! multiple of 8^n ticks, so the distances of retransmissions are multiples too. Linux counterpart: `calc_index()` in
//! kernel/time/timer.c.

use super::super::connection::Connection;
use super::super::mechanism::Sureness;
use super::super::packet::Side;
use super::super::series::Series;
use super::super::system::System;
use super::Inferred;
use crate::time::{TickSpan, Ticks};

/// The clock rates that kernels are built with.
const RATES: [u32; 4] = [100, 250, 300, 1_000];
/// How much later than its tick a packet may be captured, ns.
const JITTER_NS: u64 = 2_500_000;
/// The chance by which gaps may fit a wheel that is not there.
const MOST_CHANCE: f64 = 0.002;

/// How well retransmissions fit a wheel.
struct Fit {
    hz: u32,
    /// The chance that instants drawn at random fit as well.
    chance: f64,
}

impl Connection {
    /// How TSval counts.
    pub(super) fn clock(&self, side: Side) -> Option<Inferred> {
        let rate = self.end(side).clock?.per_second()?;
        let hz = self.ts_rate(side)?;
        let is_foreign = self.runs(side).is_some_and(|(s, _)| s != System::Linux);
        let why = format!("TSval grows by {rate:.1} per second");
        let value = match (hz, is_foreign) {
            (1_000, true) => "counts milliseconds".to_owned(),
            (1_000, false) => "counts milliseconds (Linux since 4.13 at any HZ, before that HZ 1000; other systems too)".to_owned(),
            (hz, true) => format!("counts {} ms", 1_000 / hz),
            (hz, false) => format!("counts {:.1} ms: a Linux before 4.13 has HZ {hz}", 1e3 / f64::from(hz)),
        };
        Some(Inferred::new(
            side,
            "timestamp clock",
            value,
            why,
            Sureness::Likely,
        ))
    }

    /// The rate of TSval, if it is one that kernels have.
    pub(in crate::explain) fn ts_rate(&self, side: Side) -> Option<u32> {
        let rate = self.end(side).clock?.per_second()?;
        RATES
            .into_iter()
            .find(|hz| (rate / f64::from(*hz) - 1.0).abs() < 0.03)
    }

    /// Whether the retransmissions sit on the timer wheel, and of which HZ.
    pub(super) fn wheel(&self, side: Side) -> Option<Inferred> {
        if self.runs(side).is_some_and(|(s, _)| s != System::Linux) {
            return None;
        }
        let series = self.longest_series(side).filter(|s| s.len() >= 4)?;
        let of_ts = self.ts_rate(side).filter(|hz| *hz != 1_000);
        let rates = RATES
            .into_iter()
            .filter(|hz| of_ts.is_none_or(|ts| ts == *hz));
        let step = self.ts_rate(side);
        let mut fits: Vec<Fit> = rates.filter_map(|hz| fit(series, hz, step)).collect();
        fits.sort_by(|a, b| a.chance.total_cmp(&b.chance));
        if let Some(best) = fits.first().filter(|f| f.chance < MOST_CHANCE) {
            let value = match of_ts {
                Some(hz) => format!("HZ {hz} with the timer wheel: Linux 4.8 to 4.12"),
                None => format!("HZ {} with the timer wheel: Linux since 4.8", best.hz),
            };
            let odds = match 1.0 / best.chance {
                odds if odds > 1e9 => "less than 1 in a billion".to_owned(),
                odds => format!("1 in {odds:.0}"),
            };
            let why = format!(
                "the distances of its retransmissions are multiples of the wheel's slots (by chance: {odds})"
            );
            let sureness = if best.chance < 1e-5 {
                Sureness::Certain
            } else {
                Sureness::Likely
            };
            return Some(Inferred::new(side, "clock tick", value, why, sureness));
        }
        let hz = of_ts.filter(|_| fits.is_empty() && doubles(series))?;
        Some(Inferred::new(
            side,
            "clock tick",
            format!("HZ {hz} without the timer wheel: Linux before 4.8"),
            "its retransmissions double their gaps and do not fall on the wheel's slots",
            Sureness::Likely,
        ))
    }
}

/// Whether later gaps are twice the ones before, within 3 %.
fn doubles(series: &Series) -> bool {
    let gaps = series.gaps_ns();
    let pairs = gaps
        .windows(2)
        .filter(|w| w[1] > 1_000_000_000 && w[1] < 100_000_000_000);
    let ratios: Vec<f64> = pairs.map(|w| w[1] as f64 / w[0] as f64).collect();
    ratios.len() >= 2 && ratios.iter().all(|r| (r - 2.0).abs() < 0.06)
}

/// Holds the instants of a series against the wheel of a clock rate; none if they do not fit.
fn fit(series: &Series, hz: u32, ts_rate: Option<u32>) -> Option<Fit> {
    let ticks = Ticks::at_hz(hz);
    let tick_ns = 1e9 / f64::from(hz);
    let gaps = series.gaps_ns();
    let (instants, jitter_ns) = instants(series, ts_rate);
    // (instant, slot in ns), the coarsest slots first: they tell the phase of the finer ones
    let mut marks: Vec<(f64, f64)> = Vec::new();
    for (at, gap) in instants.into_iter().zip(&gaps) {
        // armed for a little less: the wheel is late by up to an eighth
        let armed = (*gap as f64 * 0.97 / tick_ns) as u64;
        let level = ticks.level_of(TickSpan(armed));
        if level > 0 {
            marks.push((at, tick_ns * f64::from(1_u32 << (3 * level.min(8)))));
        }
    }
    marks.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut chance = 1.0;
    for (place, mark) in marks.iter().enumerate().skip(1) {
        let slot = mark.1;
        // a slot finer than the jitter says nothing
        let window = 2.0 * jitter_ns / slot;
        if window >= 1.0 {
            continue;
        }
        let distance = mark.0 - marks[place - 1].0;
        let off = (distance - (distance / slot).round() * slot).abs();
        if off > jitter_ns {
            return None;
        }
        chance *= window;
    }
    (marks.len() >= 3).then_some(Fit { hz, chance })
}

/// When the retransmissions left, ns from the first, and how much later than their tick that can be. TSval is the sender's
/// own clock, which no network delays.
fn instants(series: &Series, ts_rate: Option<u32>) -> (Vec<f64>, f64) {
    let stamps: Option<Vec<u32>> = series.firings.iter().map(|f| f.tsval).collect();
    match (stamps, ts_rate) {
        (Some(stamps), Some(rate)) => {
            let step_ns = 1e9 / f64::from(rate);
            let since = |ts: &u32| f64::from(ts.wrapping_sub(stamps[0])) * step_ns;
            (
                stamps.iter().map(since).collect(),
                step_ns.max(JITTER_NS as f64),
            )
        }
        _ => {
            let first = series.firings.first().map_or(0, |f| f.at_ns);
            let since = |at: u64| at.saturating_sub(first) as f64;
            let all = series.firings.iter().map(|f| since(f.at_ns)).collect();
            (all, JITTER_NS as f64)
        }
    }
}
