//! How late timers can be, by arithmetic: where the search for settings begins. What it finds is then simulated.

use std::time::Duration;

use super::choice::KeepaliveTimes;
use crate::time::Ticks;

/// Returns the longest time that a timer of so many seconds takes: it fires up to 8^n ticks late on level n of the wheel.
pub(super) fn at_most(ticks: &Ticks, seconds: u64) -> Duration {
    let wait = ticks.from_ms(seconds.saturating_mul(1_000));
    let late = 1_u64 << (3 * ticks.level_of(wait));
    Duration::from_nanos((wait.0.saturating_add(late)).saturating_mul(ticks.tick_ns))
}

/// Returns the longest time from the last packet of a dead peer until its connection is given up after so many probes.
pub fn keepalive_ends(ticks: &Ticks, times: KeepaliveTimes) -> Duration {
    let probes = u32::try_from(times.probes).unwrap_or(u32::MAX);
    at_most(ticks, times.idle_s)
        .saturating_add(at_most(ticks, times.interval_s).saturating_mul(probes))
}

/// Returns the longest time between two packets of an idle connection whose peer answers. After an answer the timer waits
/// for the interval, and then for the rest of the idle time.
pub(super) fn longest_silence(ticks: &Ticks, times: KeepaliveTimes) -> Duration {
    let rest = times.idle_s.saturating_sub(times.interval_s);
    match rest {
        0 => at_most(ticks, times.idle_s).max(at_most(ticks, times.interval_s)),
        rest => at_most(ticks, times.interval_s) + at_most(ticks, rest),
    }
    .max(at_most(ticks, times.idle_s))
}
