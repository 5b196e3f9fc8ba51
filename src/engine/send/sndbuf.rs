//! The send buffer: how much may be written ahead, and how this limit grows with the congestion window.
//!
//! Linux counterpart: tcp_sndbuf_expand, tcp_check_space, tcp_new_space, sk_stream_memory_free.

use crate::engine::clock::now::Now;
use crate::engine::queues::forward_alloc::SKB_OVERHEAD;
use crate::engine::queues::skb::Skb;
use crate::engine::queues::truesize::{DESCRIPTOR, SHARED_INFO};
use crate::engine::send::output::MAX_TCP_HEADER;
use crate::engine::tcb::control_block::Tcb;
use crate::wire::Flags;

impl Tcb {
    /// Returns the memory of the data that is written and not acknowledged, bytes. The buffers follow each other without
    /// gaps.
    pub(crate) fn wmem_queued(&self) -> u32 {
        let (sent, unsent) = (&self.queues.rtx, &self.queues.unsent);
        let (Some(first), Some(last)) = (
            sent.front().or(unsent.front()),
            unsent.back().or(sent.back()),
        ) else {
            return 0;
        };
        let control = |skb: &Skb, flag| u32::from(skb.flags.has(flag));
        let taken = control(first, Flags::SYN) + control(last, Flags::FIN);
        let buffers = (sent.len() + unsent.len()) as u32;
        buffers * SKB_OVERHEAD + (last.end_seq - first.seq) - taken
    }

    /// Returns whether poll(2) reports the socket as writable: a third of the buffer is free.
    pub(crate) fn is_writeable(&self) -> bool {
        let queued = self.wmem_queued();
        self.sndbuf.saturating_sub(queued) >= queued >> 1
    }

    /// Handles data that was sent or acknowledged while the application waits for space: the buffer may grow.
    pub(crate) fn check_space(&mut self, now: Now) {
        if !self.no_space.get() || self.orphan {
            return;
        }
        if !self.opt.sndbuf_locked && self.packets_in_flight() < self.w.snd_cwnd {
            self.expand_sndbuf();
            self.cwnd_usage.stamp(now.j);
        }
        self.no_space.set(!self.is_writeable());
    }

    /// Grows the buffer to hold two windows of the largest segments.
    pub(crate) fn expand_sndbuf(&mut self) {
        if self.opt.sndbuf_locked {
            return;
        }
        let per_mss = (self.rx.mss_clamp.max(self.mss_cache) + MAX_TCP_HEADER + SHARED_INFO)
            .next_power_of_two()
            + DESCRIPTOR;
        let segments = self
            .w
            .snd_cwnd
            .max(crate::engine::congestion::TCP_INIT_CWND)
            .max(self.reordering.metric() + 1);
        let wanted = 2 * segments * per_mss;
        if self.sndbuf < wanted {
            self.sndbuf = wanted.min(self.sysctl.tcp_wmem[2] as u32);
        }
    }
}
