//! RACK: a segment is lost when a later one has arrived and a reordering window has passed.
//!
//! RFC 8985 6. Linux counterpart: tcp_recovery.c.

use crate::engine::clock::now::Now;
use crate::engine::tcb::control_block::{CaState, Tcb};
use crate::engine::tcb::outbox::Trigger;
use crate::engine::tcb::rack_state::TIMEOUT_MIN_US;
use crate::engine::tcb::timer_slots::Xmit;

/// Flag of tcp_recovery: the reordering window does not adapt.
const STATIC_REO_WND: i64 = 0x2;
/// Flag of tcp_recovery: duplicate ACKs do not close the reordering window.
const NO_DUPTHRESH: i64 = 0x4;

impl Tcb {
    /// Returns how long out-of-order delivery is tolerated, us.
    fn rack_reo_wnd(&self) -> u64 {
        if !self.reordering.is_seen() {
            if self.ca_state >= CaState::Recovery {
                return 0;
            }
            if self.sacked_out >= self.reordering.metric()
                && self.sysctl.tcp_recovery & NO_DUPTHRESH == 0
            {
                return 0;
            }
        }
        self.rack.reo_wnd_us(self.min_rtt_us(), self.rtt.srtt_us())
    }

    /// Marks lost segments, and returns the longest wait of those that may still be lost, us.
    fn rack_detect_loss(&mut self, now: Now) -> Option<u64> {
        let reo_wnd = self.rack_reo_wnd();
        let mut wait = None;
        let mut order: Vec<usize> = (0..self.queues.rtx.len())
            .filter(|i| !self.queues.rtx[*i].marks.sacked)
            .collect();
        order.sort_by_key(|i| self.queues.rtx[*i].sent_order);
        for i in order {
            let skb = &self.queues.rtx[i];
            if skb.marks.lost && !skb.marks.retrans {
                continue;
            }
            if !self.rack.overtook(skb) {
                break;
            }
            let left = self.rack.skb_timeout(now.us, skb, reo_wnd);
            if left <= 0 {
                self.mark_skb_lost(i);
            } else {
                wait = wait.max(Some(left as u64));
            }
        }
        wait
    }

    /// Looks for losses after an ACK, and returns whether the reordering timer was armed.
    pub(crate) fn rack_mark_lost(&mut self, now: Now) -> bool {
        if !self.rack.take_advanced() {
            return false;
        }
        let Some(wait_us) = self.rack_detect_loss(now) else {
            return false;
        };
        let delta = self
            .sysctl
            .ticks
            .from_us(wait_us + TIMEOUT_MIN_US)
            .min(self.rto.get());
        self.arm_xmit(now, Xmit::Reo, delta, "a segment may be out of order");
        true
    }

    /// Handles the expiry of the reordering timer.
    pub(crate) fn on_reo_timeout(&mut self, now: Now, why: Trigger) {
        self.outbox().trigger = why;
        let before = self.packets_in_flight();
        let lost = self.lost;
        self.rack_detect_loss(now);
        if before != self.packets_in_flight() {
            if self.ca_state != CaState::Recovery {
                self.enter_recovery(now);
                self.cwnd_reduction(1, self.lost - lost, false);
            }
            self.xmit_retransmit_queue(now);
        }
        if !self.timers.xmit_pending(Xmit::Rto) {
            self.rearm_rto(now, "after the reordering window");
        }
    }

    /// Adapts the reordering window: D-SACKs widen it, quiet recoveries narrow it.
    pub(crate) fn rack_update_reo_wnd(&mut self, prior_delivered: Option<u32>) {
        let Some(prior) = prior_delivered.filter(|p| *p > 0) else {
            return;
        };
        if self.sysctl.tcp_recovery & STATIC_REO_WND != 0 {
            return;
        }
        self.rack.update_reo_wnd(prior, self.delivered);
    }
}
