//! How much of the congestion window is used, and since when.
//!
//! RFC 2861, RFC 7661. Linux counterpart: cwnd_usage_seq, snd_cwnd_used and snd_cwnd_stamp of struct tcp_sock. What
//! follows from it is in `send/output.rs`.

use crate::time::{Jiffies, TickSpan};
use crate::wire::Seq;

/// How much of the congestion window is used.
#[derive(Clone, Debug, Default)]
pub(crate) struct CwndUsage {
    /// `snd_nxt` at the beginning of the round trip that is being measured.
    usage_seq: Seq,
    /// The most segments out while the window was not what limited sending.
    used: u32,
    /// When the window was last changed or used in full.
    stamp: Jiffies,
}

impl CwndUsage {
    /// Whether everything that was sent when the round trip began is acknowledged.
    pub(crate) fn round_is_over(&self, snd_una: Seq) -> bool {
        !snd_una.before(self.usage_seq)
    }

    /// A round trip begins.
    pub(crate) fn begin_round(&mut self, snd_nxt: Seq) {
        self.usage_seq = snd_nxt;
    }

    /// The window was changed, or its use was judged.
    pub(crate) fn stamp(&mut self, j: Jiffies) {
        self.stamp = j;
    }

    /// The window is used in full, or begins anew.
    pub(crate) fn reset(&mut self, j: Jiffies) {
        self.used = 0;
        self.stamp = j;
    }

    /// The application limits sending, with `packets_out` segments out.
    pub(crate) fn used_in_part(&mut self, packets_out: u32) {
        self.used = self.used.max(packets_out);
    }

    /// The most segments out while the application limited sending; the count begins anew.
    pub(crate) fn take_used(&mut self) -> u32 {
        std::mem::take(&mut self.used)
    }

    /// Ticks since the window was last changed or used in full.
    pub(crate) fn elapsed(&self, j: Jiffies) -> TickSpan {
        j.since(self.stamp)
    }
}
