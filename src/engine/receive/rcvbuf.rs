//! The receive buffer grows with what the application reads in a round trip (dynamic right-sizing).
//!
//! Linux counterpart: tcp_rcv_space_adjust, tcp_rcvbuf_grow, tcp_rcv_rtt_measure, tcp_rcv_rtt_measure_ts.

use crate::engine::clock::now::Now;
use crate::engine::tcb::control_block::Tcb;

impl Tcb {
    /// The connection is up.
    pub(crate) fn start_right_sizing(&mut self, now: Now) {
        self.sizing.start(self.copied_seq, now.us);
    }

    /// Data arrived: a window's worth of it took a round trip.
    pub(crate) fn measure_rcv_rtt(&mut self, now: Now) {
        self.sizing
            .measure_by_window(self.rcv_nxt, self.rcv_wnd, now.us);
    }

    /// A full segment echoes our clock.
    pub(crate) fn measure_rcv_rtt_by_ts(&mut self, now: Now, payload: u32) {
        let Some(ts) = self.rx.ts else { return };
        if !self.sizing.note_tsecr(ts.tsecr) || payload < self.delack.rcv_mss() {
            return;
        }
        let ms = self.tsval(now).wrapping_sub(ts.tsecr);
        if ms > 0 && ms < i32::MAX as u32 / 1_000 {
            let all_read = self.rcv_nxt == self.copied_seq;
            self.sizing.sample_by_tsecr(u64::from(ms) * 1_000, all_read);
        }
    }

    /// A pure ACK that was expected: its echo is not news for the data that follows.
    pub(crate) fn note_tsecr(&mut self) {
        if let Some(ts) = self.rx.ts {
            self.sizing.note_tsecr(ts.tsecr);
        }
    }

    /// The application has read: once per round trip the buffer follows.
    pub(crate) fn adjust_rcv_space(&mut self, now: Now) {
        if !self.sizing.round_is_over(now.us) {
            return;
        }
        let waiting = self.rcv_nxt - self.copied_seq;
        let copied = self.sizing.copied(self.copied_seq).saturating_sub(waiting);
        if copied > self.rcv_space {
            self.grow_rcvbuf(copied);
        }
        self.start_right_sizing(now);
    }

    fn grow_rcvbuf(&mut self, copied: u32) {
        let old = u64::from(std::mem::replace(&mut self.rcv_space, copied));
        if self.sysctl.tcp_moderate_rcvbuf == 0 || self.opt.rcvbuf_locked {
            return;
        }
        // a round trip late, and the sender may double its rate meanwhile
        let copied = u64::from(copied);
        let mut window = copied << 1;
        window += (window * (copied - old) / old.max(1)) << 1;
        let space = (window << 8) / u64::from(self.scaling_ratio.max(1));
        let rcvbuf = space.min(self.sysctl.tcp_rmem[2] as u64) as u32;
        if rcvbuf > self.rcvbuf {
            self.rcvbuf = rcvbuf;
            self.window_clamp = self.full_space();
        }
    }
}
