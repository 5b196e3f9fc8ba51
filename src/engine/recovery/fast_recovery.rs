//! Loss recovery without a timeout, and the changes of the window that belong to it.
//!
//! RFC 6675, RFC 6937 (proportional rate reduction), RFC 6582. Linux counterpart: tcp_fastretrans_alert,
//! tcp_cwnd_reduction, tcp_cong_control.

use crate::engine::clock::now::Now;
use crate::engine::congestion::TCP_INFINITE_SSTHRESH;
use crate::engine::netns::mib::Counter;
use crate::engine::recovery::ack_flags::{AckFlags, Episode, Retransmit};
use crate::engine::tcb::control_block::{CaState, Tcb};

impl Tcb {
    /// Handles an ACK that is a duplicate, brings SACKs, or arrives during recovery, and returns what is to be sent.
    pub(crate) fn fastretrans_alert(
        &mut self,
        now: Now,
        dup: u32,
        flags: &mut AckFlags,
    ) -> Retransmit {
        if self.packets_out == 0 {
            self.sacked_out = 0;
        }
        if flags.sack_reneging && flags.snd_una_advanced {
            // the peer gets half an RTT to SACK the data again
            let delta = self
                .sysctl
                .ticks
                .from_us((self.rtt.srtt_us() >> 1).max(10_000))
                .min(self.rto.get());
            self.arm_xmit(
                now,
                crate::engine::tcb::timer_slots::Xmit::Rto,
                delta,
                "SACKed data at the head",
            );
            flags.set_xmit_timer = false;
            return Retransmit::None;
        }
        if self.ca_state == CaState::Open {
            self.rto.clear_retrans_stamp();
        } else if !self.snd_una.before(self.high_seq) && self.reached_high_seq(now) == Episode::Kept
        {
            return Retransmit::None;
        }
        match self.ca_state {
            CaState::Recovery => self.alert_in_recovery(now, dup, flags),
            CaState::Loss => {
                let after_timeout = self.process_loss(now, flags, dup);
                self.identify_packet_loss(now, flags);
                if !(self.ca_state == CaState::Open || flags.lost_retrans) {
                    return after_timeout;
                }
                match self.alert_otherwise(now, dup, flags) {
                    Retransmit::None => after_timeout,
                    retransmit => retransmit,
                }
            }
            _ => self.alert_otherwise(now, dup, flags),
        }
    }

    /// Ends the episode, if it can end, when all that was in flight at its beginning is acknowledged.
    fn reached_high_seq(&mut self, now: Now) -> Episode {
        match self.ca_state {
            CaState::Cwr if self.snd_una != self.high_seq => {
                self.end_cwnd_reduction(now);
                self.set_ca_state(now, CaState::Open);
            }
            CaState::Recovery => {
                if !self.rx.sack_ok {
                    self.sacked_out = 0;
                }
                if self.try_undo_recovery(now) == Episode::Kept {
                    return Episode::Kept;
                }
                self.end_cwnd_reduction(now);
            }
            _ => {}
        }
        Episode::Over
    }

    fn alert_in_recovery(&mut self, now: Now, dup: u32, flags: &mut AckFlags) -> Retransmit {
        if !flags.snd_una_advanced {
            if !self.rx.sack_ok {
                self.add_reno_sack(dup);
            }
        } else if self.try_undo_partial(now) {
            return Retransmit::None;
        }
        if self.try_undo_dsack(now) {
            self.try_to_open(now);
        }
        self.identify_packet_loss(now, flags);
        if self.ca_state != CaState::Recovery {
            if self.lost_out == 0 {
                return Retransmit::None;
            }
            self.enter_recovery(now);
        }
        Retransmit::Lost
    }

    fn alert_otherwise(&mut self, now: Now, dup: u32, flags: &mut AckFlags) -> Retransmit {
        if !self.rx.sack_ok {
            if flags.snd_una_advanced {
                self.sacked_out = 0;
            }
            self.add_reno_sack(dup);
        }
        if self.ca_state <= CaState::Disorder {
            self.try_undo_dsack(now);
        }
        self.identify_packet_loss(now, flags);
        if self.lost_out == 0 {
            self.try_to_open(now);
            return Retransmit::None;
        }
        self.enter_recovery(now);
        Retransmit::Lost
    }

    fn identify_packet_loss(&mut self, now: Now, flags: &mut AckFlags) {
        if self.queues.rtx.is_empty() {
            return;
        }
        if !self.rx.sack_ok {
            return self.newreno_mark_lost(flags.snd_una_advanced);
        }
        let before = self.retrans_out;
        if self.rack_mark_lost(now) {
            flags.set_xmit_timer = false;
        }
        if before > self.retrans_out {
            flags.lost_retrans = true;
        }
    }

    /// Marks the head lost without SACK, on the third duplicate ACK or a partial ACK.
    fn newreno_mark_lost(&mut self, advanced: bool) {
        let dupacks =
            self.ca_state < CaState::Recovery && self.sacked_out >= self.reordering.metric();
        let partial = self.ca_state == CaState::Recovery && advanced;
        if !(dupacks || partial) || self.queues.rtx[0].marks.lost {
            return;
        }
        let mss = self.queues.rtx[0].seg_size;
        if self.queues.rtx[0].pcount > 1 && self.queues.rtx[0].len() > mss {
            self.fragment_rtx(0, mss, mss);
        }
        self.mark_skb_lost(0);
    }

    /// Counts a duplicate ACK as one segment received (NewReno).
    pub(crate) fn add_reno_sack(&mut self, dup: u32) {
        if dup == 0 {
            return;
        }
        let before = self.sacked_out;
        self.sacked_out += dup;
        self.check_reno_reordering(0);
        self.delivered += self.sacked_out.saturating_sub(before);
    }

    pub(crate) fn remove_reno_sacks(&mut self, acked: u32) {
        if acked > 0 {
            self.delivered += acked.saturating_sub(self.sacked_out).max(1);
            self.sacked_out = self.sacked_out.saturating_sub(acked - 1);
        }
        self.check_reno_reordering(acked);
    }

    /// Handles more duplicate ACKs than segments beyond the hole: the path reorders packets.
    fn check_reno_reordering(&mut self, addend: u32) {
        let holes = self.lost_out.max(1).min(self.packets_out);
        if self.sacked_out + holes <= self.packets_out {
            return;
        }
        self.sacked_out = self.packets_out - holes;
        let most = self.sysctl.tcp_max_reordering as u32;
        self.reordering.by_dup_acks(self.packets_out + addend, most);
        self.net.count(Counter::TCPRenoReorder);
    }

    pub(crate) fn enter_recovery(&mut self, now: Now) {
        self.net.count(if self.rx.sack_ok {
            Counter::TCPSackRecovery
        } else {
            Counter::TCPRenoRecovery
        });
        self.rto.clear_retrans_stamp();
        self.init_undo();
        if !self.in_cwnd_reduction() {
            self.undo.set_prior_ssthresh(self.current_ssthresh());
            self.init_cwnd_reduction();
        }
        self.set_ca_state(now, CaState::Recovery);
        self.note(now, false, "fast recovery begins");
    }

    fn try_to_open(&mut self, now: Now) {
        if !self.any_retrans_done() {
            self.rto.clear_retrans_stamp();
        }
        if self.ca_state != CaState::Cwr {
            self.try_keep_open(now);
        }
    }

    pub(crate) fn try_keep_open(&mut self, now: Now) {
        let calm = self.left_out() == 0 && !self.any_retrans_done();
        let to = if calm {
            CaState::Open
        } else {
            CaState::Disorder
        };
        if self.ca_state != to {
            self.set_ca_state(now, to);
            self.high_seq = self.snd_nxt;
        }
    }

    pub(crate) fn current_ssthresh(&self) -> u32 {
        if self.in_cwnd_reduction() {
            self.w.snd_ssthresh
        } else {
            self.w.current_ssthresh()
        }
    }

    pub(crate) fn init_cwnd_reduction(&mut self) {
        self.high_seq = self.snd_nxt;
        self.tlp.clear();
        self.w.snd_cwnd_cnt = 0;
        self.w.prior_cwnd = self.w.snd_cwnd;
        self.prr.init();
        self.w.snd_ssthresh = self.cc.ssthresh(&self.w);
    }

    /// Reduces the window proportionally (RFC 6937).
    pub(crate) fn cwnd_reduction(&mut self, delivered: u32, lost: u32, advanced: bool) {
        if delivered == 0 || self.w.prior_cwnd == 0 {
            return;
        }
        let in_flight = self.packets_in_flight();
        let safe_ack = advanced && lost == 0;
        let count = self.prr.update(&self.w, in_flight, delivered, safe_ack);
        self.w.snd_cwnd = in_flight + count;
    }

    pub(crate) fn end_cwnd_reduction(&mut self, now: Now) {
        let reduced = self.ca_state == CaState::Cwr || self.undo.is_marked();
        if self.w.snd_ssthresh < TCP_INFINITE_SSTHRESH && reduced {
            self.w.snd_cwnd = self.w.snd_ssthresh;
            self.cwnd_usage.stamp(now.j);
        }
    }

    /// Updates the window after an ACK.
    pub(crate) fn cong_control(&mut self, now: Now, delivered: u32, lost: u32, flags: AckFlags) {
        if self.in_cwnd_reduction() {
            self.cwnd_reduction(delivered, lost, flags.snd_una_advanced);
        } else if self.may_raise_cwnd(flags) {
            self.cc
                .cong_avoid(&mut self.w, delivered, now.at, &self.sysctl.ticks);
            self.cwnd_usage.stamp(now.j);
        }
        self.update_pacing_rate();
    }

    fn may_raise_cwnd(&self, flags: AckFlags) -> bool {
        if i64::from(self.reordering.metric()) > self.sysctl.tcp_reordering {
            flags.acked() || flags.data_sacked
        } else {
            flags.data_acked
        }
    }

    /// Returns the bytes per second that the window stands for, doubled in slow start. Bursts are sized by it.
    pub(crate) fn update_pacing_rate(&mut self) {
        let ratio: u64 = if self.w.snd_cwnd < self.w.snd_ssthresh / 2 {
            200
        } else {
            120
        };
        let packets = u64::from(self.w.snd_cwnd.max(self.packets_out));
        let rate = u64::from(self.mss_cache) * (10_000 << 3) * ratio * packets;
        self.pacing_rate = self.rtt.srtt8_us().map_or(rate, |srtt8| rate / srtt8);
    }
}
