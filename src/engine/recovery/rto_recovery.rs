//! After a retransmission timeout: everything is considered lost, until F-RTO or undo proves that wrong.
//!
//! RFC 5681 3.1, RFC 5682, RFC 3522. Linux counterpart: tcp_enter_loss, tcp_process_loss, tcp_try_undo_*.

use crate::engine::clock::now::Now;
use crate::engine::netns::mib::Counter;
use crate::engine::recovery::ack_flags::{AckFlags, Episode, LostMarks, Proof, Retransmit};
use crate::engine::tcb::control_block::{CaState, Tcb};

impl Tcb {
    /// Handles the expiry of the RTO.
    pub(crate) fn enter_loss(&mut self, now: Now) {
        let new_recovery = self.ca_state < CaState::Recovery;
        self.timeout_mark_lost(now);
        let again_in_loss = self.ca_state == CaState::Loss && self.rto.retransmits() == 0;
        if self.ca_state <= CaState::Disorder || !self.high_seq.after(self.snd_una) || again_in_loss
        {
            self.undo.set_prior_ssthresh(self.current_ssthresh());
            self.w.prior_cwnd = self.w.snd_cwnd;
            self.w.snd_ssthresh = self.cc.ssthresh(&self.w);
            self.init_undo();
        }
        self.w.snd_cwnd = self.packets_in_flight() + 1;
        self.w.snd_cwnd_cnt = 0;
        self.cwnd_usage.stamp(now.j);
        let assumed = self.sysctl.tcp_reordering as u32;
        if self.ca_state <= CaState::Disorder && self.sacked_out >= assumed {
            self.reordering.limit(assumed);
        }
        self.set_ca_state(now, CaState::Loss);
        self.high_seq = self.snd_nxt;
        self.tlp.clear();
        self.frto = self.sysctl.tcp_frto != 0 && (new_recovery || self.rto.retransmits() > 0);
    }

    /// Marks all that is in flight as lost, except what is SACKed or was sent a moment ago.
    fn timeout_mark_lost(&mut self, now: Now) {
        let reneged = self.queues.rtx.front().is_some_and(|s| s.marks.sacked);
        if reneged {
            self.net.count(Counter::TCPSACKReneging);
            log::debug!("the peer took back what it had SACKed");
        } else if !self.rx.sack_ok {
            self.sacked_out = 0;
        }
        for i in 0..self.queues.rtx.len() {
            if reneged && self.queues.rtx[i].marks.sacked {
                self.queues.rtx[i].marks.sacked = false;
                self.sacked_out -= self.queues.rtx[i].pcount;
            }
            let young = !reneged
                && i > 0
                && self.rx.sack_ok
                && self.rack.skb_timeout(now.us, &self.queues.rtx[i], 0) > 0;
            if !young {
                self.mark_skb_lost(i);
            }
        }
    }

    /// Marks a buffer as lost. A retransmission of it that was in flight is lost too.
    pub(crate) fn mark_skb_lost(&mut self, i: usize) {
        let skb = &mut self.queues.rtx[i];
        if skb.marks.sacked {
            return;
        }
        let count = skb.pcount;
        if !skb.marks.lost {
            skb.marks.lost = true;
            self.lost_out += count;
            self.lost += count;
        } else if skb.marks.retrans {
            skb.marks.retrans = false;
            self.retrans_out -= count;
            self.lost += count;
            self.net.count_by(Counter::TCPLostRetransmit, count);
        }
    }

    /// Handles an ACK in the Loss state, and returns what is to be sent.
    pub(crate) fn process_loss(&mut self, now: Now, flags: &AckFlags, dup: u32) -> Retransmit {
        let recovered = !self.snd_una.before(self.high_seq);
        if flags.snd_una_advanced && self.try_undo_loss(now, Proof::TimestampOrDsack) {
            return Retransmit::None;
        }
        if self.frto {
            if flags.orig_sack_acked && self.try_undo_loss(now, Proof::Frto) {
                return Retransmit::None;
            }
            if self.snd_nxt.after(self.high_seq) {
                if flags.data_sacked || dup > 0 {
                    self.frto = false;
                }
            } else if flags.snd_una_advanced && !recovered {
                self.high_seq = self.snd_nxt;
                if !self.queues.unsent.is_empty() && self.wnd_end().after(self.snd_nxt) {
                    return Retransmit::New;
                }
                self.frto = false;
            }
        }
        if recovered {
            self.try_undo_recovery(now);
            return Retransmit::None;
        }
        if !self.rx.sack_ok {
            if self.snd_nxt.after(self.high_seq) && dup > 0 {
                self.add_reno_sack(dup);
            } else if flags.snd_una_advanced {
                self.sacked_out = 0;
            }
        }
        Retransmit::Lost
    }

    pub(crate) fn init_undo(&mut self) {
        let probe = u32::from(self.tlp.is_retransmission());
        self.undo.mark(self.snd_una, self.retrans_out + probe);
    }

    /// Returns whether the echoed timestamp is older than the first retransmission, so that the original arrived.
    fn packet_delayed(&self) -> bool {
        match self.rto.retrans_stamp() {
            Some(stamp) => {
                let stamp = stamp.tsval(self.ts_offset);
                self.rx
                    .ts
                    .is_some_and(|ts| ts.tsecr != 0 && (ts.tsecr.wrapping_sub(stamp) as i32) < 0)
            }
            // nothing was retransmitted, so it was merely late; but without SACK the stamp is also cleared at the
            // episode's end, and the handshake clears it too
            None => {
                let ended = !self.rx.sack_ok && !self.snd_una.before(self.high_seq);
                !ended && self.state != crate::call::TcpState::SynSent
            }
        }
    }

    fn may_undo(&self) -> bool {
        self.undo.all_dsacked() || (self.undo.is_marked() && self.packet_delayed())
    }

    /// Restores the window if the timeout is shown to be spurious, and returns whether it is.
    fn try_undo_loss(&mut self, now: Now, proof: Proof) -> bool {
        let by_frto = proof == Proof::Frto;
        if !by_frto && !self.may_undo() {
            return false;
        }
        self.note(
            now,
            false,
            "the timeout was spurious: the window is restored",
        );
        self.undo_cwnd_reduction(now, LostMarks::Remove);
        self.net.count(Counter::TCPLossUndo);
        if by_frto {
            self.net.count(Counter::TCPSpuriousRTOs);
        }
        self.rto.acked();
        if self.end_episode() == Episode::Over && (by_frto || self.rx.sack_ok) {
            self.set_ca_state(now, CaState::Open);
        }
        true
    }

    /// Handles the acknowledgment of all that was in flight when recovery began.
    pub(crate) fn try_undo_recovery(&mut self, now: Now) -> Episode {
        if self.may_undo() {
            let undo = if self.ca_state == CaState::Loss {
                Counter::TCPLossUndo
            } else {
                Counter::TCPFullUndo
            };
            self.net.count(undo);
            self.undo_cwnd_reduction(now, LostMarks::Keep);
        } else {
            self.rack.recovery_over();
        }
        let episode = self.end_episode();
        if episode == Episode::Over {
            self.set_ca_state(now, CaState::Open);
        }
        episode
    }

    /// Returns whether the episode can end now (Linux: tcp_is_non_sack_preventing_reopen).
    fn end_episode(&mut self) -> Episode {
        if self.snd_una != self.high_seq || self.rx.sack_ok {
            return Episode::Over;
        }
        if !self.any_retrans_done() {
            self.rto.clear_retrans_stamp();
        }
        Episode::Kept
    }

    /// Restores the window if D-SACKs have shown that every retransmission was needless, and returns whether it did.
    pub(crate) fn try_undo_dsack(&mut self, now: Now) -> bool {
        if !self.undo.all_dsacked() {
            return false;
        }
        self.rack.keep_reo_wnd();
        self.net.count(Counter::TCPDSACKUndo);
        self.undo_cwnd_reduction(now, LostMarks::Keep);
        true
    }

    /// Returns whether a partial ACK shows that the original arrived late, so that nothing is to be retransmitted. It
    /// restores the window if no retransmission is in flight.
    pub(crate) fn try_undo_partial(&mut self, now: Now) -> bool {
        if !self.undo.is_marked() || !self.packet_delayed() {
            return false;
        }
        if self.retrans_out > 0 {
            return true;
        }
        if !self.any_retrans_done() {
            self.rto.clear_retrans_stamp();
        }
        self.undo_cwnd_reduction(now, LostMarks::Remove);
        self.net.count(Counter::TCPPartialUndo);
        self.try_keep_open(now);
        true
    }

    fn undo_cwnd_reduction(&mut self, now: Now, marks: LostMarks) {
        if marks == LostMarks::Remove {
            self.queues
                .rtx
                .iter_mut()
                .for_each(|s| s.marks.lost = false);
            self.lost_out = 0;
        }
        if let Some(prior) = self.undo.prior_ssthresh() {
            self.w.snd_cwnd = self.cc.undo_cwnd(&self.w);
            self.w.snd_ssthresh = self.w.snd_ssthresh.max(prior);
        }
        self.cwnd_usage.stamp(now.j);
        self.undo.clear();
        self.rack.look_again();
    }

    pub(crate) fn any_retrans_done(&self) -> bool {
        self.retrans_out > 0
            || self
                .queues
                .rtx
                .front()
                .is_some_and(|s| s.marks.ever_retrans)
    }
}
