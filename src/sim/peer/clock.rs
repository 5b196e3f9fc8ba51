//! The peer's timestamp clock: milliseconds from an arbitrary start (RFC 7323 5.4).

use crate::time::Instant;

/// A clock of 1 ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeerClock {
    /// TSval at time 0 of the run.
    pub base: u32,
    /// How much of that millisecond had passed at time 0, in ns.
    pub ns_into_ms: u64,
}

impl PeerClock {
    /// TSval at `now`.
    pub fn tsval(self, now: Instant) -> u32 {
        let ms = (now.ns() + self.ns_into_ms) / 1_000_000;
        self.base.wrapping_add(ms as u32)
    }
}
