//! Timers through the whole engine against worked rows: how often, and when it ends.
//!
//! Two clocks: without the wheel a row has one answer; with it, the phase of jiffies decides, and all phases are swept.

mod closing;
mod data;
mod handshake;
mod idle;

use std::time::Duration;

use super::lab::*;
use crate::sysctl::Sysctl;
use crate::time::{Instant, Jiffies, Ticks};

/// Phases of the wheel that are tried: jiffies at time 0.
const PHASES: [u64; 12] = [
    0, 1, 7, 63, 511, 1_000, 4_000, 12_345, 20_011, 30_000, 32_767, 262_000,
];

/// HZ 250 without the wheel: what is asked for is what comes.
fn ideal() -> Ticks {
    Ticks {
        wheel: false,
        ..Ticks::default()
    }
}

/// HZ 250 with the wheel, at every phase.
fn wheel() -> impl Iterator<Item = Ticks> {
    PHASES.into_iter().map(|jiffies| Ticks {
        jiffies_at_t0: Jiffies(jiffies),
        ns_into_tick: jiffies * 997 % 4_000_000,
        ..Ticks::default()
    })
}

fn without_probe() -> Sysctl {
    Sysctl {
        tcp_early_retrans: 0,
        ..Sysctl::default()
    }
}

/// How a silence ended.
#[derive(Clone, Debug)]
struct End {
    /// Retransmissions by RTO.
    rtos: usize,
    /// Tail loss probes.
    probes: usize,
    /// From the start to the end, s.
    total: f64,
    /// When each packet left, s from the start.
    times: Vec<f64>,
    out: Vec<Out>,
}

/// Runs until the connection is gone.
fn end_of(lab: &mut Lab, start: Instant) -> End {
    let gone = lab.run_until_gone(Duration::from_secs(20_000));
    let gone = gone.expect("an end");
    let out = lab.take_out();
    let count = |what: &str| out.iter().filter(|o| o.cause.starts_with(what)).count();
    End {
        rtos: count("retransmission"),
        probes: count("tail loss probe"),
        total: gone.since(start).as_secs_f64(),
        times: out
            .iter()
            .map(|o| o.at.since(start).as_secs_f64())
            .collect(),
        out,
    }
}

/// When the last of these waits may end on the wheel, each later by up to a slot of its level (fact sheet 2.2), s.
fn latest(ideal: &End) -> f64 {
    let ends = || ideal.times.iter().copied().chain([ideal.total]);
    let waits = ends().zip(ends().skip(1)).map(|(a, b)| b - a);
    let slots = waits.map(|wait| {
        let ticks = (wait / 0.004).round() as u64;
        let level = (0..8).find(|n| ticks < 63 << (3 * n)).unwrap_or(8);
        0.004 * f64::from(1 << (3 * level))
    });
    ideal.total + slots.sum::<f64>() + 0.004
}

/// The smallest and the largest of some totals.
fn range(totals: &[f64]) -> (f64, f64) {
    let low = totals.iter().copied().fold(f64::INFINITY, f64::min);
    let high = totals.iter().copied().fold(0.0, f64::max);
    (low, high)
}

/// A sweep's totals lie inside a row's interval, to the row's own rounding.
fn within(what: &str, totals: &[f64], low: f64, high: f64) {
    let (least, most) = range(totals);
    assert!(
        least >= low && most <= high,
        "{what}: {least:.3} to {most:.3} s, the row says {low} to {high} s"
    );
}
