//! Retransmission: which buffer, how much of it, and which small ones are merged into it.
//!
//! RFC 9293 3.8.1. Linux counterpart: __tcp_retransmit_skb, tcp_retrans_try_collapse, tcp_xmit_retransmit_queue.

use crate::engine::clock::now::Now;
use crate::engine::netns::mib::Counter;
use crate::engine::queues::skb::Skb;
use crate::engine::recovery::ack_flags::Retransmit;
use crate::engine::send::output::Push;
use crate::engine::tcb::control_block::{CaState, Tcb};
use crate::engine::tcb::timer_slots::Xmit;
use crate::wire::{Flags, Seq};

impl Tcb {
    /// Cuts a sent buffer after `len` bytes, counts its parts in segments of `mss`, and updates the totals.
    pub(crate) fn fragment_rtx(&mut self, i: usize, len: u32, mss: u32) {
        let skb = &mut self.queues.rtx[i];
        let before = skb.pcount;
        let mut rest = skb.split(len, mss);
        rest.sent_us = skb.sent_us;
        let after = skb.pcount + rest.pcount;
        let marks = skb.marks;
        self.queues.rtx.insert(i + 1, rest);
        self.forward_alloc
            .charge(crate::engine::queues::forward_alloc::SKB_OVERHEAD);
        self.recount(marks, i64::from(after) - i64::from(before));
    }

    /// Updates the totals when a buffer with these marks consists of `by` more (or fewer) segments.
    fn recount(&mut self, marks: crate::engine::queues::skb::Marks, by: i64) {
        let add = |n: &mut u32| *n = (i64::from(*n) + by).max(0) as u32;
        add(&mut self.packets_out);
        if marks.sacked {
            add(&mut self.sacked_out);
        }
        if marks.retrans {
            add(&mut self.retrans_out);
        }
        if marks.lost {
            add(&mut self.lost_out);
        }
        if !self.rx.sack_ok && by < 0 {
            self.sacked_out = self.sacked_out.saturating_sub((-by) as u32);
        }
    }

    /// Retransmits a buffer, at most `segs` segments of it. It returns false if it could not be sent.
    pub(crate) fn retransmit_one(
        &mut self,
        now: Now,
        i: usize,
        segs: u32,
        what: &'static str,
    ) -> bool {
        self.trim_to_una(i);
        self.refresh_path(now);
        let mss = self.current_mss();
        let seq = self.queues.rtx[i].seq;
        let end = self.wnd_end();
        let mut room = if seq.before(end) { end - seq } else { 0 };
        if room == 0 {
            if seq != self.snd_una {
                return false;
            }
            // the retransmission serves as a window probe
            room = mss;
        }
        let mut len = mss * segs;
        if len > room {
            len = match room / mss * mss {
                0 => room,
                whole => whole,
            };
        }
        if self.queues.rtx[i].len() > len {
            self.fragment_rtx(i, len, mss);
        } else {
            let skb = &mut self.queues.rtx[i];
            let (before, marks) = (skb.pcount, skb.marks);
            let after = skb.set_tso_segs(mss);
            self.recount(marks, i64::from(after) - i64::from(before));
            let room = room.min(mss);
            if self.queues.rtx[i].len() < room {
                self.collapse(i, room);
            }
        }
        let mut skb = self.queues.rtx[i].clone();
        self.total_retrans += skb.pcount;
        self.net.count_by(Counter::RetransSegs, skb.pcount);
        if skb.flags.has(Flags::SYN) {
            self.net.count(Counter::TCPSynRetrans);
        }
        self.transmit(now, &mut skb, what);
        skb.marks.ever_retrans = true;
        self.queues.rtx[i] = skb;
        true
    }

    fn trim_to_una(&mut self, i: usize) {
        let una = self.snd_una;
        let skb = &mut self.queues.rtx[i];
        if skb.seq.before(una) && !skb.flags.has(Flags::SYN) {
            let cut = ((una - skb.seq) as usize).min(skb.data.len());
            skb.data.advance(cut);
            self.forward_alloc.uncharge(cut as u32);
            skb.seq = una;
        }
    }

    /// Merges the small buffers that follow into buffer `i` as long as the whole fits into `space` bytes.
    fn collapse(&mut self, i: usize, space: u32) {
        if self.sysctl.tcp_retrans_collapse == 0 || self.queues.rtx[i].flags.has(Flags::SYN) {
            return;
        }
        if !mergeable(&self.queues.rtx[i]) {
            return;
        }
        let mut left = space.saturating_sub(self.queues.rtx[i].len());
        while let Some(next) = self.queues.rtx.get(i + 1) {
            if !mergeable(next) || next.len() > left || next.end_seq.after(self.wnd_end()) {
                break;
            }
            left -= next.len();
            let Some(next) = self.queues.rtx.remove(i + 1) else {
                break;
            };
            self.recount(next.marks, -i64::from(next.pcount));
            let skb = &mut self.queues.rtx[i];
            self.forward_alloc
                .uncharge(crate::engine::queues::forward_alloc::SKB_OVERHEAD);
            skb.data.extend_from_slice(&next.data);
            skb.end_seq = next.end_seq;
            skb.flags |= next.flags;
            skb.marks.ever_retrans |= next.marks.ever_retrans;
        }
    }

    /// Retransmits a buffer and counts that as a retransmission of this episode.
    pub(crate) fn retransmit_skb(
        &mut self,
        now: Now,
        i: usize,
        segs: u32,
        what: &'static str,
    ) -> bool {
        let sent = self.retransmit_one(now, i, segs, what);
        let skb = &mut self.queues.rtx[i];
        if sent {
            skb.marks.retrans = true;
            self.retrans_out += skb.pcount;
        }
        let (stamp, count) = (skb.sent_us.ms(), skb.pcount);
        self.rto.stamp_retrans(stamp);
        self.undo.retransmitted(count);
        sent
    }

    /// Sends what an ACK permits: new data (F-RTO) or lost segments.
    pub(crate) fn xmit_recovery(&mut self, now: Now, retransmit: Retransmit) {
        if retransmit == Retransmit::None || self.state == crate::call::TcpState::SynSent {
            return;
        }
        if retransmit == Retransmit::New {
            self.push_pending_frames(now, Push::NagleOff);
            if self.snd_nxt.after(self.high_seq) {
                return;
            }
            self.frto = false;
        }
        self.xmit_retransmit_queue(now);
    }

    /// Retransmits lost segments, as far as the window allows.
    pub(crate) fn xmit_retransmit_queue(&mut self, now: Now) {
        if self.packets_out == 0 {
            return;
        }
        let counter = if self.ca_state == CaState::Loss {
            Counter::TCPSlowStartRetrans
        } else {
            Counter::TCPFastRetrans
        };
        let mut rearm = false;
        let mut at: Option<Seq> = None;
        while let Some(i) = self.next_lost(at) {
            let room = self.w.snd_cwnd.saturating_sub(self.packets_in_flight());
            if room == 0 || self.retrans_out >= self.lost_out {
                break;
            }
            let segs = room.min(self.tso_segs());
            if !self.retransmit_skb(now, i, segs, "retransmission of a lost segment") {
                break;
            }
            let pcount = self.queues.rtx[i].pcount;
            self.net.count_by(counter, pcount);
            if self.in_cwnd_reduction() {
                self.prr.sent(pcount);
            }
            rearm |= i == 0 && !self.timers.xmit_pending(Xmit::Reo);
            at = Some(self.queues.rtx[i].seq);
        }
        if rearm {
            self.arm_xmit(now, Xmit::Rto, self.rto.get(), "the head was sent again");
        }
    }

    fn next_lost(&self, after: Option<Seq>) -> Option<usize> {
        self.queues.rtx.iter().position(|s| {
            let new = after.is_none_or(|a| s.seq.after(a));
            new && s.marks.lost && !s.marks.sacked && !s.marks.retrans
        })
    }
}

/// Returns whether a buffer may be merged: it is a single segment that the peer does not have.
fn mergeable(skb: &Skb) -> bool {
    skb.pcount <= 1 && !skb.marks.sacked
}
