//! Tail loss probe: before the RTO the last segment is sent again, or a new one is sent, so that the peer answers with an
//! ACK.
//!
//! RFC 8985 7. Linux counterpart: tcp_schedule_loss_probe, tcp_send_loss_probe, tcp_process_tlp_ack.

use crate::engine::clock::now::Now;
use crate::engine::netns::mib::Counter;
use crate::engine::recovery::ack_flags::AckFlags;
use crate::engine::send::output::Push;
use crate::engine::tcb::control_block::{CaState, Tcb};
use crate::engine::tcb::outbox::Trigger;
use crate::engine::tcb::rack_state::TIMEOUT_MIN_US;
use crate::engine::tcb::timer_slots::Xmit;
use crate::engine::tcb::tlp_state::Tlp;
use crate::wire::Seq;

/// Returns how long a probe waits, us, before that is limited to the RTO. `twice_srtt_us` is `None` while no RTT was
/// measured.
pub(crate) fn pto_us(twice_srtt_us: Option<u64>, packets_out: u32, rto_min_us: u64) -> u64 {
    match (twice_srtt_us, packets_out) {
        (None, _) => crate::engine::congestion::rtt::TIMEOUT_INIT_US,
        // the ACK of a lone segment may be delayed
        (Some(twice_srtt_us), 1) => twice_srtt_us + rto_min_us,
        (Some(twice_srtt_us), _) => twice_srtt_us + TIMEOUT_MIN_US,
    }
}

impl Tcb {
    /// Arms the probe if one is allowed, and returns whether it did. With `full_rto` the RTO would start now, otherwise when
    /// the head of the queue was sent.
    pub(crate) fn schedule_loss_probe(&mut self, now: Now, full_rto: bool) -> bool {
        let enabled = matches!(self.sysctl.tcp_early_retrans, 3 | 4);
        let calm = matches!(self.ca_state, CaState::Open | CaState::Cwr);
        if !enabled || self.packets_out == 0 || !self.rx.sack_ok || !calm {
            return false;
        }
        let rto_min_us = self.sysctl.ticks.to_us(self.rto.min());
        let twice_srtt_us = self.rtt.srtt8_us().map(|srtt8| srtt8 >> 2);
        let pto_us = pto_us(twice_srtt_us, self.packets_out, rto_min_us);
        let mut pto = self.sysctl.ticks.from_us(pto_us);
        let rto_us = if full_rto {
            self.sysctl.ticks.to_us(self.rto.get()) as i64
        } else {
            self.rto_left_us(now)
        };
        if rto_us > 0 {
            pto = pto.min(self.sysctl.ticks.from_us(rto_us as u64));
        }
        self.arm_xmit(now, Xmit::LossProbe, pto, "the tail may be lost");
        true
    }

    /// Handles the expiry of the probe's timer.
    pub(crate) fn on_loss_probe(&mut self, now: Now, why: Trigger) {
        self.outbox().trigger = why;
        if !self.tlp.is_out() {
            self.tlp = self.send_loss_probe(now);
            if self.tlp.is_out() {
                self.net.count(Counter::TCPLossProbes);
                // so that the RTO runs in full from now on
                self.timers.xmit = None;
            }
        }
        self.rearm_rto(now, "after the loss probe");
    }

    /// Sends new data if some fits the window, otherwise the last segment again.
    fn send_loss_probe(&mut self, now: Now) -> Tlp {
        let mss = self.current_mss();
        let fits = self
            .queues
            .unsent
            .front()
            .is_some_and(|s| self.snd_wnd_test(s.seq, s.end_seq, s.len(), mss));
        if fits {
            let before = self.packets_out;
            self.write_xmit(now, mss, Push::LossProbe);
            return match self.packets_out > before {
                true => Tlp::NewData(self.snd_nxt),
                false => Tlp::None,
            };
        }
        let Some(last) = self.queues.rtx.back_mut() else {
            return Tlp::None;
        };
        let count = last.pcount;
        if count > 1 && last.len() > (count - 1) * mss {
            self.fragment_rtx(self.queues.rtx.len() - 1, (count - 1) * mss, mss);
        }
        let at = self.queues.rtx.len() - 1;
        match self.retransmit_one(now, at, 1, "tail loss probe") {
            true => Tlp::Retransmission(self.snd_nxt),
            false => Tlp::None,
        }
    }

    /// Learns from an ACK whether the probe repaired a loss.
    pub(crate) fn process_tlp_ack(&mut self, now: Now, ack: Seq, flags: AckFlags) {
        let Some(high) = self.tlp.high_seq() else {
            return;
        };
        if ack.before(high) {
            return;
        }
        if !self.tlp.is_retransmission() || flags.dsack_tlp {
            self.tlp.clear();
        } else if ack.after(high) {
            // only the probe can have repaired it: a loss
            self.net.count(Counter::TCPLossProbeRecovery);
            self.init_cwnd_reduction();
            self.set_ca_state(now, CaState::Cwr);
            self.end_cwnd_reduction(now);
            self.try_keep_open(now);
        } else if !(flags.snd_una_advanced || flags.not_dup() || flags.data_sacked) {
            self.tlp.clear();
        }
    }
}
