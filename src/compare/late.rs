//! Whether the machine on which a trace was measured was too late for its times to say anything about its TCP. The trace
//! alone shows that.
//!
//! There are two signs. The loop notes how late it was with a step or a delivery. And the TSval of a packet names the
//! millisecond in which the packet was made: if its stamp is much later, the stamp was late.

use crate::compare::timing::{ALLOWANCE, MsClock};
use crate::time::Instant;
use crate::trace::{BUSY, Dir, Late, Provenance, Trace};
use crate::wire::{Datagram, Segment};

/// Returns why the times of this trace cannot be relied on, in words. It returns `None` for a simulated trace and for one
/// that was on time.
pub fn why_late(trace: &Trace) -> Option<String> {
    if trace.meta.provenance == Provenance::Simulated {
        return None;
    }
    let noted = trace.meta.late.first().map(Late::to_string);
    noted.or_else(|| late_stamp(trace))
}

/// Returns the packet of the survivor whose stamp is furthest behind its own TSval.
fn late_stamp(trace: &Trace) -> Option<String> {
    let tsval = |bytes: &[u8]| -> Option<u32> {
        let datagram = Datagram::parse(bytes).ok()?;
        let timestamps = datagram.segment().and_then(Segment::timestamps)?;
        Some(timestamps.tsval)
    };
    let out = trace.packets.iter().filter(|p| p.dir == Dir::Out);
    let stamps: Vec<(Instant, u32)> = out.filter_map(|p| Some((p.at, tsval(&p.bytes)?))).collect();
    let phase = trace.meta.ticks.map(|t| t.ns_into_tick % 1_000_000);
    let clock = MsClock::estimate(&stamps, phase)?;
    let behind = |&(at, tsval): &(Instant, u32)| {
        let over = clock.start_of(tsval.wrapping_add(1), at);
        (at.since(over), at)
    };
    let (by, at) = stamps.iter().map(behind).max()?;
    (by > ALLOWANCE).then(|| {
        format!(
            "the packet at {:.6} s was stamped {:.1} ms after the millisecond that its TSval names (measured): {BUSY}",
            at.secs_f64(),
            by.as_secs_f64() * 1e3
        )
    })
}

#[cfg(test)]
mod tests;
