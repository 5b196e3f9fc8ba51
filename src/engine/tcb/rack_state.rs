//! What RACK remembers: the segment sent last among those delivered, and how much reordering is tolerated.
//!
//! RFC 8985 5 and 6. Linux counterpart: struct tcp_rack. The detection itself is in `recovery/rack.rs`.

use crate::engine::clock::now::Micros;
use crate::wire::Seq;

/// Added to the reordering timer and to the probe timeout of several segments, us.
pub(crate) const TIMEOUT_MIN_US: u64 = 2_000;
/// Recoveries after which a widened reordering window narrows again.
pub(crate) const REO_WND_PERSIST: u8 = 16;

/// What RACK remembers.
#[derive(Clone, Debug)]
pub(crate) struct Rack {
    /// Send time of the segment sent last among those delivered.
    pub(crate) mstamp: Micros,
    pub(crate) end_seq: Seq,
    /// Its RTT, us.
    pub(crate) rtt_us: u32,
    /// Something was delivered since the last look.
    pub(crate) advanced: bool,
    pub(crate) steps: u8,
    pub(crate) persist: u8,
    pub(crate) dsack_seen: bool,
    pub(crate) last_delivered: u32,
}

impl Default for Rack {
    fn default() -> Self {
        Rack {
            mstamp: Micros::default(),
            end_seq: Seq(0),
            rtt_us: 0,
            advanced: false,
            steps: 1,
            persist: 0,
            dsack_seen: false,
            last_delivered: 0,
        }
    }
}

impl Rack {
    /// A D-SACK undid a recovery: keep the wide window for a while.
    pub(crate) fn keep_reo_wnd(&mut self) {
        self.persist = (self.persist + 1).min(REO_WND_PERSIST);
    }

    /// A recovery ended without an undo.
    pub(crate) fn recovery_over(&mut self) {
        self.persist = self.persist.saturating_sub(1);
    }
}
