//! What RACK remembers: the segment sent last among those delivered, and how much reordering is tolerated.
//!
//! RFC 8985 5 and 6. Linux counterpart: struct tcp_rack. The detection itself is in `recovery/rack.rs`.

use crate::engine::clock::now::Micros;
use crate::engine::queues::skb::{Skb, sent_after};
use crate::wire::Seq;

/// Added to the reordering timer and to the probe timeout of several segments, us.
pub(crate) const TIMEOUT_MIN_US: u64 = 2_000;
/// Recoveries after which a widened reordering window narrows again.
const REO_WND_PERSIST: u8 = 16;

/// What RACK remembers.
#[derive(Clone, Debug)]
pub(crate) struct Rack {
    /// Send time of the segment sent last among those delivered.
    mstamp: Micros,
    end_seq: Seq,
    /// Its RTT, us.
    rtt_us: u32,
    /// Something was delivered since the last look.
    advanced: bool,
    /// The reordering window in quarters of the smallest RTT.
    reo_wnd_steps: u8,
    reo_wnd_persist: u8,
    dsack_seen: bool,
    /// `delivered` when the window was last widened.
    last_delivered: u32,
}

impl Default for Rack {
    fn default() -> Self {
        Rack {
            mstamp: Micros::default(),
            end_seq: Seq(0),
            rtt_us: 0,
            advanced: false,
            reo_wnd_steps: 1,
            reo_wnd_persist: 0,
            dsack_seen: false,
            last_delivered: 0,
        }
    }
}

impl Rack {
    /// A buffer was delivered (Linux: tcp_rack_advance).
    pub(crate) fn advance(&mut self, now_us: Micros, skb: &Skb, min_rtt_us: u64) {
        let rtt_us = now_us.since(skb.sent_us);
        let resent = skb.marks.retrans || skb.marks.ever_retrans;
        if rtt_us < min_rtt_us && resent {
            // too fast for the copy: it acknowledges the original
            return;
        }
        self.advanced = true;
        self.rtt_us = u32::try_from(rtt_us).unwrap_or(u32::MAX);
        if sent_after(skb.sent_us, skb.end_seq, self.mstamp, self.end_seq) {
            self.mstamp = skb.sent_us;
            self.end_seq = skb.end_seq;
        }
    }

    /// Whether something was delivered since the last call.
    pub(crate) fn take_advanced(&mut self) -> bool {
        std::mem::take(&mut self.advanced)
    }

    /// Losses are looked for at the next ACK, whether it delivers something or not.
    pub(crate) fn look_again(&mut self) {
        self.advanced = true;
    }

    /// Whether a buffer was sent before the segment that is known to have arrived, so that it may be lost.
    pub(crate) fn overtook(&self, skb: &Skb) -> bool {
        let newest = skb.sent_us == self.mstamp && skb.end_seq == self.end_seq;
        !(newest || skb.sent_after(self.mstamp, self.end_seq))
    }

    /// Time until a buffer counts as lost, us. If it is not positive, the buffer is lost.
    pub(crate) fn skb_timeout(&self, now_us: Micros, skb: &Skb, reo_wnd_us: u64) -> i64 {
        (u64::from(self.rtt_us) + reo_wnd_us) as i64 - (now_us - skb.sent_us) as i64
    }

    /// How long out-of-order delivery is tolerated where reordering is possible, us.
    pub(crate) fn reo_wnd_us(&self, min_rtt_us: u64, srtt_us: u64) -> u64 {
        ((min_rtt_us >> 2) * u64::from(self.reo_wnd_steps)).min(srtt_us)
    }

    /// A D-SACK has shown that a retransmission was needless.
    pub(crate) fn note_dsack(&mut self) {
        self.dsack_seen = true;
    }

    /// D-SACKs widen the reordering window, quiet recoveries narrow it (Linux: tcp_rack_update_reo_wnd).
    /// `prior_delivered` is what was delivered when the newest segment that is acknowledged was sent.
    pub(crate) fn update_reo_wnd(&mut self, prior_delivered: u32, delivered: u32) {
        if prior_delivered < self.last_delivered {
            self.dsack_seen = false;
        }
        if std::mem::take(&mut self.dsack_seen) {
            self.reo_wnd_steps = self.reo_wnd_steps.saturating_add(1);
            self.last_delivered = delivered;
            self.reo_wnd_persist = REO_WND_PERSIST;
        } else if self.reo_wnd_persist == 0 {
            self.reo_wnd_steps = 1;
        }
    }

    /// A D-SACK undid a recovery: keep the wide window for a while.
    pub(crate) fn keep_reo_wnd(&mut self) {
        self.reo_wnd_persist = (self.reo_wnd_persist + 1).min(REO_WND_PERSIST);
    }

    /// A recovery ended without an undo.
    pub(crate) fn recovery_over(&mut self) {
        self.reo_wnd_persist = self.reo_wnd_persist.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dsack_widens_the_window_for_sixteen_recoveries() {
        let mut rack = Rack::default();
        let wnd = |rack: &Rack| rack.reo_wnd_us(40_000, 100_000);
        assert_eq!(wnd(&rack), 10_000);
        rack.note_dsack();
        rack.update_reo_wnd(5, 10);
        assert_eq!(wnd(&rack), 20_000);
        rack.note_dsack();
        rack.update_reo_wnd(9, 12);
        assert_eq!(wnd(&rack), 20_000, "of the same round trip");
        for _ in 0..REO_WND_PERSIST {
            assert_eq!(wnd(&rack), 20_000);
            rack.recovery_over();
            rack.update_reo_wnd(20, 20);
        }
        assert_eq!(wnd(&rack), 10_000);
    }
}
