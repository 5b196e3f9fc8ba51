//! What must hold of every control block between two inputs.

use crate::call::TcpState;
use crate::engine::Engine;
use crate::engine::host::table::Sock;
use crate::engine::queues::forward_alloc::SKB_OVERHEAD;
use crate::engine::queues::skb::Skb;
use crate::engine::tcb::control_block::Tcb;
use crate::engine::tcb::timer_slots::Alarm;
use crate::time::TickSpan;
use crate::wire::{Flags, Seq};

fn taken(skb: &Skb) -> u32 {
    let control = skb.flags.has(Flags::SYN) as u32 + skb.flags.has(Flags::FIN) as u32;
    skb.len() + control
}

fn count(skbs: &std::collections::VecDeque<Skb>, of: impl Fn(&Skb) -> bool) -> u32 {
    skbs.iter().filter(|s| of(s)).map(|s| s.pcount).sum()
}

impl Tcb {
    /// Panics where the control block contradicts itself.
    pub(super) fn check(&self) {
        if matches!(self.state, TcpState::Closed | TcpState::Listen) {
            assert!(self.queues.rtx.is_empty() && self.queues.unsent.is_empty());
            assert!(
                self.timers.next(&self.sysctl.ticks).is_none(),
                "a dead timer"
            );
            return;
        }
        assert!(!self.snd_nxt.before(self.snd_una), "snd_una > snd_nxt");
        assert!(!self.write_seq.before(self.snd_nxt), "snd_nxt > write_seq");
        assert!(
            !self.rcv_nxt.before(self.copied_seq),
            "copied_seq > rcv_nxt"
        );
        assert!(!self.rcv_nxt.before(self.rcv_wup), "rcv_wup > rcv_nxt");
        let held = self.queues.received.truesize() + self.reassembly.truesize();
        assert_eq!(self.rmem_alloc, held, "memory of what came in");
        self.check_queues();
        self.check_counts();
        // an rto_max set in mid-backoff takes effect at the next doubling
        assert!(
            self.rto.get() > TickSpan::ZERO && self.rto.get() <= self.ms(120_000),
            "rto {:?}",
            self.rto.get()
        );
        assert!(self.w.snd_cwnd > 0, "no window");
        assert!(self.w.snd_ssthresh >= 2, "ssthresh");
        if self.packets_out > 0 {
            assert!(self.timers.xmit.is_some(), "out, and no timer watches");
        } else if !self.queues.unsent.is_empty() {
            assert!(self.timers.xmit.is_some(), "waits, and no timer watches");
        }
        assert!(
            !self.delack.is_armed() || self.timers.delack.is_some(),
            "a delayed ACK without its timer"
        );
    }

    fn check_queues(&self) {
        let mut next: Option<Seq> = None;
        for skb in &self.queues.rtx {
            assert!(next.is_none_or(|n| n == skb.seq), "a hole in the queue");
            assert_eq!(skb.end_seq - skb.seq, taken(skb), "length of a buffer");
            assert!(skb.pcount > 0, "a sent buffer of no segments");
            next = Some(skb.end_seq);
        }
        if let Some(head) = self.queues.rtx.front() {
            assert!(!head.seq.after(self.snd_una), "the head was lost");
            assert!(head.end_seq.after(self.snd_una), "an old head");
        }
        assert_eq!(next.unwrap_or(self.snd_nxt), self.snd_nxt, "end of rtx");
        let mut next = self.snd_nxt;
        for skb in &self.queues.unsent {
            assert_eq!(skb.seq, next, "a hole in what is unsent");
            assert_eq!(skb.end_seq - skb.seq, taken(skb), "length of a buffer");
            next = skb.end_seq;
        }
        assert_eq!(next, self.write_seq, "end of what is unsent");
        let all = self.queues.rtx.iter().chain(&self.queues.unsent);
        let held: u32 = all.map(|s| SKB_OVERHEAD + s.len()).sum();
        assert_eq!(self.wmem_queued(), held, "memory of what was written");
    }

    fn check_counts(&self) {
        let rtx = &self.queues.rtx;
        assert_eq!(self.packets_out, count(rtx, |_| true), "packets_out");
        assert_eq!(self.lost_out, count(rtx, |s| s.marks.lost), "lost_out");
        // Linux counts a retransmission twice whose loss was taken back and that is lost again: measured, 6.18.44
        let marked = count(rtx, |s| s.marks.retrans);
        assert!(
            self.retrans_out >= marked,
            "{} < {marked}",
            self.retrans_out
        );
        if self.rx.sack_ok {
            assert_eq!(
                self.sacked_out,
                count(rtx, |s| s.marks.sacked),
                "sacked_out"
            );
        }
        assert!(
            self.packets_out >= self.sacked_out + self.lost_out,
            "{} out, {} SACKed, {} lost",
            self.packets_out,
            self.sacked_out,
            self.lost_out
        );
    }
}

impl Engine {
    /// Panics where the host contradicts itself.
    pub(super) fn check(&self) {
        let mut reachable = 0;
        for (id, sock) in self.table.iter() {
            let (ends, alarm) = match sock {
                Sock::Connection(tcb) => {
                    tcb.check();
                    ((tcb.local, tcb.remote), tcb.timers.next(&self.ticks))
                }
                Sock::Request(r) => ((r.local, r.remote), Some(Alarm::Tick(r.timer))),
                Sock::TimeWait(t) => ((t.local, t.remote), Some(Alarm::Tick(t.timer))),
            };
            let alive = !matches!(sock, Sock::Connection(tcb) if tcb.state == TcpState::Closed);
            let found = self.table.find(ends.0, ends.1) == Some(id);
            assert_eq!(found, alive, "who gets segments");
            reachable += usize::from(found);
            let due = alarm.map(|a| a.instant(&self.ticks));
            assert_eq!(self.wheel.alarm(id), due, "when {id} is woken");
        }
        assert_eq!(self.table.reachable(), reachable);
        let sleepers = self
            .table
            .iter()
            .filter(|(id, _)| self.wheel.alarm(*id).is_some());
        assert_eq!(self.wheel.len(), sleepers.count());
    }
}
