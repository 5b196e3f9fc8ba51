//! The limits of the values in a trace's files. Each value is checked when it is read, before anything is computed from
//! it.
//!
//! A trace comes from others and may be damaged. Without these limits a changed digit could cause an allocation of
//! gigabytes, an overflow, or a replay that never ends.

use std::time::Duration;

use crate::time::{Instant, Jiffies, Ticks};

/// The longest file that is read, bytes. The largest recording in the repository has 2 MB.
pub(super) const MAX_FILE: u64 = 256 << 20;

/// The most bytes that one call can move on Linux: `MAX_RW_COUNT`, INT_MAX rounded down to a page.
pub(super) const MAX_CALL_BYTES: usize = 0x7fff_f000;

/// The latest instant of a trace, counted from its start. A scenario lasts at most 720 h.
pub(super) const MAX_LASTS: Duration = Duration::from_secs(366 * 24 * 3_600);

/// The shortest and the longest tick, ns: that of [`Ticks::none`], and that of a kernel with HZ 10.
const TICK_NS: std::ops::RangeInclusive<u64> = 1_000..=100_000_000;

/// The most ticks that a machine can have counted when a trace begins: 8900 years at HZ 1000.
const MAX_JIFFIES: Jiffies = Jiffies(1 << 48);

/// Checks that these can be the ticks of a kernel. `keys` are the names of the tick's length, of the phase and of the
/// count.
pub(super) fn checked(ticks: Ticks, keys: [&str; 3]) -> Result<Ticks, String> {
    let [tick_ns, ns_into_tick, jiffies] = keys;
    if !TICK_NS.contains(&ticks.tick_ns) {
        let (least, most) = (TICK_NS.start(), TICK_NS.end());
        return Err(format!(
            "\"{tick_ns}\" is {} ns; a tick lasts {least} to {most} ns",
            ticks.tick_ns
        ));
    }
    if ticks.ns_into_tick >= ticks.tick_ns {
        return Err(format!(
            "\"{ns_into_tick}\" must be less than \"{tick_ns}\""
        ));
    }
    if ticks.jiffies_at_t0 > MAX_JIFFIES {
        return Err(format!(
            "\"{jiffies}\" is {}; at most {MAX_JIFFIES} ticks have passed since a machine started",
            ticks.jiffies_at_t0
        ));
    }
    Ok(ticks)
}

/// Returns whether a trace can last until this instant.
pub(super) fn lasts_until(at: Instant) -> bool {
    at.since(Instant::ZERO) <= MAX_LASTS
}
