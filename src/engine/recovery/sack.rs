//! What the peer's SACK blocks say about the segments in flight.
//!
//! RFC 2018 5, RFC 2883, RFC 6675. Linux counterpart: tcp_sacktag_write_queue, tcp_check_dsack, tcp_is_sackblock_valid.

use crate::engine::clock::now::Now;
use crate::engine::netns::mib::Counter;
use crate::engine::queues::skb::Skb;
use crate::engine::recovery::ack_flags::{AckFlags, SackSample};
use crate::engine::tcb::control_block::{CaState, Tcb};
use crate::wire::Seq;

impl Tcb {
    /// Returns the highest sequence number known to have arrived.
    fn highest_sacked(&self) -> Seq {
        self.queues
            .rtx
            .iter()
            .filter(|s| s.marks.sacked)
            .map(|s| s.end_seq)
            .fold(self.snd_una, Seq::max)
    }

    /// Processes the SACK blocks of an ACK.
    pub(crate) fn sacktag(
        &mut self,
        now: Now,
        blocks: &[(Seq, Seq)],
        (ack, prior_una): (Seq, Seq),
        flags: &mut AckFlags,
        sample: &mut SackSample,
    ) {
        let prior_fack = self.highest_sacked();
        sample.prior_fack = Some(prior_fack);
        let first_is_dsack = self.check_dsack(blocks, prior_una, flags);
        let mut reord: Option<Seq> = None;
        for (i, block) in blocks.iter().enumerate() {
            let dsack = i == 0 && first_is_dsack;
            if !self.block_valid(dsack, *block) {
                self.count_invalid(dsack, *block, ack);
                continue;
            }
            if !block.1.after(prior_una) {
                continue;
            }
            self.tag_block(now, *block, dsack, flags, sample, &mut reord);
        }
        if let Some(reord) = reord
            && (self.ca_state != CaState::Loss || self.undo.is_marked())
        {
            self.check_sack_reordering(reord);
        }
    }

    fn count_invalid(&self, dsack: bool, block: (Seq, Seq), ack: Seq) {
        let counter = match (dsack, self.undo.marker()) {
            (true, None) => Counter::TCPDSACKIgnoredNoUndo,
            (true, Some(_)) => Counter::TCPDSACKIgnoredOld,
            // an ACK that was overtaken has old information
            (false, _) if ack != self.snd_una && !block.1.after(self.snd_una) => return,
            (false, _) => Counter::TCPSACKDiscard,
        };
        self.net.count(counter);
    }

    fn tag_block(
        &mut self,
        now: Now,
        (left, right): (Seq, Seq),
        dsack: bool,
        flags: &mut AckFlags,
        sample: &mut SackSample,
        reord: &mut Option<Seq>,
    ) {
        let mut i = 0;
        while i < self.queues.rtx.len() {
            self.cut_at_block(i, left, right);
            let skb = &self.queues.rtx[i];
            if !skb.seq.before(right) {
                break;
            }
            let inside = !skb.seq.before(left) && !skb.end_seq.after(right);
            if inside {
                self.tag_one(now, i, dsack, flags, sample, reord);
            }
            i += 1;
        }
    }

    /// Cuts a burst that a block covers in part at the block's edge, in whole segments.
    fn cut_at_block(&mut self, i: usize, left: Seq, right: Seq) {
        let skb = &self.queues.rtx[i];
        if skb.pcount <= 1 || !skb.seq.before(right) || !left.before(skb.end_seq) {
            return;
        }
        let mss = skb.seg_size.max(1);
        let (seq, len) = (skb.seq, skb.len());
        let cut = if seq.before(left) {
            let before = left - seq;
            before.div_ceil(mss) * mss
        } else if skb.end_seq.after(right) {
            (right - seq) / mss * mss
        } else {
            return;
        };
        if cut > 0 && cut < len {
            self.fragment_rtx(i, cut, mss);
        }
    }

    fn tag_one(
        &mut self,
        now: Now,
        i: usize,
        dsack: bool,
        flags: &mut AckFlags,
        sample: &mut SackSample,
        reord: &mut Option<Seq>,
    ) {
        let skb = self.queues.rtx[i].clone();
        let (marks, count) = (skb.marks, skb.pcount);
        if dsack && (marks.retrans || marks.ever_retrans) {
            self.undo.dsacked(skb.end_seq, skb.pcount);
            if marks.sacked {
                *reord = Some(reord.map_or(skb.seq, |r| r.min(skb.seq)));
            }
        }
        if !skb.end_seq.after(self.snd_una) {
            return;
        }
        if !marks.sacked {
            let min_rtt_us = self.min_rtt_us();
            self.rack.advance(now.us, &skb, min_rtt_us);
            self.tag_new(i, &skb, flags, sample, reord);
        }
        if dsack && self.queues.rtx[i].marks.retrans {
            // the copy arrived and was unnecessary
            self.queues.rtx[i].marks.retrans = false;
            self.retrans_out -= count;
        }
    }

    /// Handles a buffer that is SACKed for the first time.
    fn tag_new(
        &mut self,
        i: usize,
        skb: &Skb,
        flags: &mut AckFlags,
        sample: &mut SackSample,
        reord: &mut Option<Seq>,
    ) {
        let (marks, count) = (skb.marks, skb.pcount);
        let mut now = marks;
        if marks.retrans {
            // it is not marked lost: the retransmission is considered to be in flight
            if marks.lost {
                (now.lost, now.retrans) = (false, false);
                self.lost_out -= count;
                self.retrans_out -= count;
            }
        } else {
            if !marks.ever_retrans {
                if skb.seq.before(sample.prior_fack.unwrap_or(self.snd_una)) {
                    *reord = Some(reord.map_or(skb.seq, |r| r.min(skb.seq)));
                }
                if !skb.end_seq.after(self.high_seq) {
                    flags.orig_sack_acked = true;
                }
                sample.first_sackt = sample.first_sackt.or(Some(skb.sent_us));
                sample.last_sackt = Some(skb.sent_us);
            }
            if marks.lost {
                now.lost = false;
                self.lost_out -= count;
            }
        }
        now.sacked = true;
        self.queues.rtx[i].marks = now;
        flags.data_sacked = true;
        self.sacked_out += count;
        self.delivered += count;
        sample.prior_delivered = sample.prior_delivered.max(Some(skb.delivered));
    }

    /// Returns whether the first block reports a duplicate (RFC 2883 4).
    fn check_dsack(&mut self, blocks: &[(Seq, Seq)], prior_una: Seq, flags: &mut AckFlags) -> bool {
        let (left, right) = blocks[0];
        let below = left.before(self.snd_una);
        let inside = blocks
            .get(1)
            .is_some_and(|b| !right.after(b.1) && !left.before(b.0));
        if !(below || inside) {
            return false;
        }
        self.net.count(if below {
            Counter::TCPDSACKRecv
        } else {
            Counter::TCPDSACKOfoRecv
        });
        let segments = self.dsack_seen(left, right, flags);
        if segments == 0 {
            self.net.count(Counter::TCPDSACKIgnoredDubious);
            return false;
        }
        self.net.count_by(Counter::TCPDSACKRecvSegs, segments);
        if !right.after(prior_una) {
            self.undo.dsacked(right, segments);
        }
        true
    }

    /// Counts the segments that a D-SACK reports, or returns `None` if they cannot be retransmissions of this host.
    fn dsack_seen(&mut self, left: Seq, right: Seq, flags: &mut AckFlags) -> u32 {
        if !left.before(right) || right - left > self.max_window {
            return 0;
        }
        let len = right - left;
        let mut segments = 1;
        let mut of_probe = false;
        if len > self.mss_cache {
            segments = len.div_ceil(self.mss_cache.max(1));
        } else {
            of_probe = self.tlp.high_seq() == Some(right);
        }
        self.dsack_dups += segments;
        if self.dsack_dups > self.total_retrans {
            return 0;
        }
        flags.dsack_tlp |= of_probe;
        if self.reordering.is_seen() && !of_probe {
            self.rack.note_dsack();
        }
        flags.dsacking = true;
        // the unnecessary copy was delivered all the same
        self.delivered += segments;
        segments
    }

    fn block_valid(&self, dsack: bool, (left, right): (Seq, Seq)) -> bool {
        if right.after(self.snd_nxt) || !left.before(right) || !left.before(self.snd_nxt) {
            return false;
        }
        if left.after(self.snd_una) {
            return true;
        }
        let Some(marker) = self.undo.marker().filter(|_| dsack) else {
            return false;
        };
        if right.after(self.snd_una) {
            return false;
        }
        // an old block is accepted as far back as the episode or the largest window reaches
        !left.before(marker) || (right.after(marker) && !left.before(right - self.max_window))
    }

    /// Handles a segment that arrived after later ones: packets are reordered on this path.
    pub(crate) fn check_sack_reordering(&mut self, low: Seq) {
        let fack = self.highest_sacked();
        if !low.before(fack) {
            return;
        }
        let most = self.sysctl.tcp_max_reordering as u32;
        self.reordering.by_sack(fack - low, self.mss_cache, most);
        self.net.count(Counter::TCPSACKReorder);
    }

    /// Returns whether an ACK came too early to be that of the retransmission.
    pub(crate) fn spurious_retrans(&self, skb: &Skb) -> bool {
        let echoed = self.rx.ts.map(|ts| ts.tsecr);
        let Some(tsecr) = echoed.filter(|e| *e != 0) else {
            return false;
        };
        let sent = skb.sent_us.ms().tsval(self.ts_offset);
        (skb.marks.retrans || skb.marks.ever_retrans) && (tsecr.wrapping_sub(sent) as i32) < 0
    }
}
