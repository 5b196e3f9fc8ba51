//! What the peer's SACK blocks say of the segments that are out.
//!
//! RFC 2018 5, RFC 2883, RFC 6675. Linux counterpart: tcp_sacktag_write_queue, tcp_check_dsack, tcp_is_sackblock_valid.

use super::acked::{AckFlags, SackSample};
use super::clock::Now;
use super::tcb::{CaState, Tcb};
use crate::wire::Seq;

impl Tcb {
    /// Highest sequence number known to have arrived.
    fn highest_sacked(&self) -> Seq {
        self.queues
            .rtx
            .iter()
            .filter(|s| s.marks.sacked)
            .map(|s| s.end_seq)
            .fold(self.snd_una, Seq::max)
    }

    /// Goes through an ACK's blocks.
    pub(super) fn sacktag(
        &mut self,
        now: Now,
        blocks: &[(Seq, Seq)],
        prior_una: Seq,
        flag: &mut AckFlags,
        sample: &mut SackSample,
    ) {
        let prior_fack = self.highest_sacked();
        sample.prior_fack = Some(prior_fack);
        let first_is_dsack = self.check_dsack(blocks, prior_una, flag);
        let mut reord: Option<Seq> = None;
        for (i, block) in blocks.iter().enumerate() {
            let dsack = i == 0 && first_is_dsack;
            if !self.block_valid(dsack, *block, prior_una) || !block.1.after(self.snd_una) {
                continue;
            }
            self.tag_block(now, *block, dsack, flag, sample, &mut reord);
        }
        if let Some(reord) = reord.filter(|r| r.before(prior_fack)) {
            self.check_sack_reordering(reord, prior_fack);
        }
    }

    fn tag_block(
        &mut self,
        now: Now,
        (left, right): (Seq, Seq),
        dsack: bool,
        flag: &mut AckFlags,
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
                self.tag_one(now, i, dsack, flag, sample, reord);
            }
            i += 1;
        }
    }

    /// A burst that a block covers in part is cut at the block's edge, in whole segments.
    fn cut_at_block(&mut self, i: usize, left: Seq, right: Seq) {
        let skb = &self.queues.rtx[i];
        if skb.pcount <= 1 || !skb.seq.before(right) || !left.before(skb.end_seq) {
            return;
        }
        let mss = self.mss_cache.max(1);
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
            self.fragment_rtx(i, cut);
        }
    }

    fn tag_one(
        &mut self,
        now: Now,
        i: usize,
        dsack: bool,
        flag: &mut AckFlags,
        sample: &mut SackSample,
        reord: &mut Option<Seq>,
    ) {
        let marks = self.queues.rtx[i].marks;
        if dsack && (marks.retrans || marks.ever_retrans) {
            self.dsack_of_queued(i);
        }
        let skb = self.queues.rtx[i].clone();
        if skb.marks.sacked || !skb.end_seq.after(self.snd_una) {
            return;
        }
        self.rack_advance(now.us, &skb);
        let count = skb.pcount;
        if skb.marks.retrans {
            if skb.marks.lost {
                self.queues.rtx[i].marks.lost = false;
                self.queues.rtx[i].marks.retrans = false;
                self.lost_out -= count;
                self.retrans_out -= count;
            }
        } else {
            if !skb.marks.ever_retrans {
                if skb.seq.before(sample.prior_fack.unwrap_or(self.snd_una)) {
                    *reord = Some(reord.map_or(skb.seq, |r| r.min(skb.seq)));
                }
                if !skb.end_seq.after(self.high_seq) {
                    flag.orig_sack_acked = true;
                }
                sample.first_sackt = sample.first_sackt.or(Some(skb.sent_us));
                sample.last_sackt = Some(skb.sent_us);
            }
            if skb.marks.lost {
                self.queues.rtx[i].marks.lost = false;
                self.lost_out -= count;
            }
        }
        self.queues.rtx[i].marks.sacked = true;
        flag.data_sacked = true;
        self.sacked_out += count;
        self.delivered += count;
        sample.prior_delivered = sample.prior_delivered.max(Some(skb.delivered));
        if dsack {
            // a duplicate of something that was SACKed by the same block
            self.queues.rtx[i].marks.retrans = false;
        }
    }

    fn dsack_of_queued(&mut self, i: usize) {
        let skb = &self.queues.rtx[i];
        let (end_seq, count) = (skb.end_seq, skb.pcount);
        if let (Some(marker), Some(left)) = (self.undo_marker, self.undo_retrans)
            && end_seq.after(marker)
        {
            self.undo_retrans = Some(left.saturating_sub(count));
        }
    }

    /// Whether the first block reports a duplicate (RFC 2883 4).
    fn check_dsack(&mut self, blocks: &[(Seq, Seq)], prior_una: Seq, flag: &mut AckFlags) -> bool {
        let (left, right) = blocks[0];
        let below = left.before(self.snd_una);
        let inside = blocks
            .get(1)
            .is_some_and(|b| !right.after(b.1) && !left.before(b.0));
        if !below && !inside {
            return false;
        }
        let segments = (right - left).div_ceil(self.mss_cache.max(1)).max(1);
        if !self.block_valid(true, blocks[0], prior_una) {
            return false;
        }
        flag.dsacking = true;
        let tlp =
            self.tlp_high_seq.is_some() && self.tlp_retrans && self.tlp_high_seq == Some(right);
        if tlp {
            flag.dsack_tlp = true;
        } else {
            self.reord_seen += u32::from(self.reord_seen > 0);
        }
        self.rack.dsack_seen = true;
        if let (Some(_), Some(left_to_undo)) = (self.undo_marker, self.undo_retrans)
            && below
            && !right.after(prior_una)
            && right.after(self.undo_marker.unwrap_or(right))
        {
            self.undo_retrans = Some(left_to_undo.saturating_sub(segments));
        }
        true
    }

    fn block_valid(&self, dsack: bool, (left, right): (Seq, Seq), prior_una: Seq) -> bool {
        if right.after(self.snd_nxt) || !left.before(right) || !left.before(self.snd_nxt) {
            return false;
        }
        if left.after(self.snd_una) || left == self.snd_una {
            return true;
        }
        if !dsack {
            return false;
        }
        // old news is believed as far back as the largest window reaches
        let window = self.max_window.max(1);
        !right.after(prior_una.max(self.snd_una)) && !left.before(right - window.max(right - left))
    }

    /// A segment arrived after later ones: packets are reordered on this path.
    pub(super) fn check_sack_reordering(&mut self, low: Seq, fack: Seq) {
        let metric = (fack - low) / self.mss_cache.max(1);
        if self.ca_state == CaState::Loss && self.undo_marker.is_none() {
            return;
        }
        let by_metric = fack - low > self.reordering * self.mss_cache;
        if by_metric {
            self.reordering = (metric + 1).min(self.sysctl.tcp_max_reordering as u32);
        }
        self.reord_seen += 1;
    }

    /// Whether an ACK came too early to be of the retransmission.
    pub(super) fn spurious_retrans(&self, skb: &super::skb::Skb) -> bool {
        let echoed = self.rx.now.map(|ts| ts.tsecr);
        let Some(tsecr) = echoed.filter(|e| *e != 0) else {
            return false;
        };
        let sent = ((skb.sent_us / 1_000) as u32).wrapping_add(self.ts_offset);
        (skb.marks.retrans || skb.marks.ever_retrans) && (tsecr.wrapping_sub(sent) as i32) < 0
    }
}
