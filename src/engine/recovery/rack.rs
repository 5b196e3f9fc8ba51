//! RACK: a segment is lost when one sent later has arrived and a reordering window has passed.
//!
//! RFC 8985 6. Linux counterpart: tcp_recovery.c.

use crate::engine::clock::now::{Micros, Now};
use crate::engine::queues::skb::{Skb, sent_after};
use crate::engine::tcb::control_block::{CaState, Tcb};
use crate::engine::tcb::outbox::Trigger;
use crate::engine::tcb::rack_state::{REO_WND_PERSIST, TIMEOUT_MIN_US};
use crate::engine::tcb::timer_slots::Xmit;

/// tcp_recovery: the reordering window does not adapt.
const STATIC_REO_WND: i64 = 0x2;
/// tcp_recovery: duplicate ACKs do not close the reordering window.
const NO_DUPTHRESH: i64 = 0x4;

impl Tcb {
    /// A buffer was delivered.
    pub(crate) fn rack_advance(&mut self, now_us: Micros, skb: &Skb) {
        let rtt_us = now_us.since(skb.sent_us);
        let resent = skb.marks.retrans || skb.marks.ever_retrans;
        if rtt_us < self.min_rtt_us() && resent {
            // too fast for the copy: it acknowledges the original
            return;
        }
        self.rack.advanced = true;
        self.rack.rtt_us = u32::try_from(rtt_us).unwrap_or(u32::MAX);
        if sent_after(
            skb.sent_us,
            skb.end_seq,
            self.rack.mstamp,
            self.rack.end_seq,
        ) {
            self.rack.mstamp = skb.sent_us;
            self.rack.end_seq = skb.end_seq;
        }
    }

    /// How long out-of-order delivery is tolerated, us.
    fn rack_reo_wnd(&self) -> u64 {
        if self.reord_seen == 0 {
            if self.ca_state >= CaState::Recovery {
                return 0;
            }
            if self.sacked_out >= self.reordering && self.sysctl.tcp_recovery & NO_DUPTHRESH == 0 {
                return 0;
            }
        }
        ((self.min_rtt_us() >> 2) * u64::from(self.rack.steps)).min(self.rtt.srtt_us())
    }

    /// Time until a buffer counts as lost, us; not positive: it does.
    pub(crate) fn rack_skb_timeout(&self, now: Now, skb: &Skb, reo_wnd: u64) -> i64 {
        (u64::from(self.rack.rtt_us) + reo_wnd) as i64 - (now.us - skb.sent_us) as i64
    }

    /// Marks what is lost; the longest wait of what may yet be, us.
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
            if skb.sent_after(self.rack.mstamp, self.rack.end_seq)
                || (skb.sent_us == self.rack.mstamp && skb.end_seq == self.rack.end_seq)
            {
                break;
            }
            let left = self.rack_skb_timeout(now, skb, reo_wnd);
            if left <= 0 {
                self.mark_skb_lost(i);
            } else {
                wait = wait.max(Some(left as u64));
            }
        }
        wait
    }

    /// Looks for losses after an ACK; whether the reordering timer was armed.
    pub(crate) fn rack_mark_lost(&mut self, now: Now) -> bool {
        if !std::mem::take(&mut self.rack.advanced) {
            return false;
        }
        let Some(wait_us) = self.rack_detect_loss(now) else {
            return false;
        };
        let delta = self
            .sysctl
            .ticks
            .from_us(wait_us + TIMEOUT_MIN_US)
            .min(self.rto);
        self.arm_xmit(now, Xmit::Reo, delta, "a segment may be out of order");
        true
    }

    /// The reordering timer fired.
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

    /// D-SACKs widen the reordering window, quiet recoveries narrow it.
    pub(crate) fn rack_update_reo_wnd(&mut self, prior_delivered: Option<u32>) {
        let Some(prior) = prior_delivered.filter(|p| *p > 0) else {
            return;
        };
        if self.sysctl.tcp_recovery & STATIC_REO_WND != 0 {
            return;
        }
        if prior < self.rack.last_delivered {
            self.rack.dsack_seen = false;
        }
        if std::mem::take(&mut self.rack.dsack_seen) {
            self.rack.steps = self.rack.steps.saturating_add(1);
            self.rack.last_delivered = self.delivered;
            self.rack.persist = REO_WND_PERSIST;
        } else if self.rack.persist == 0 {
            self.rack.steps = 1;
        }
    }
}
