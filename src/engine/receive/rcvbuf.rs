//! The receive buffer grows with what the application reads in a round trip (dynamic right-sizing).
//!
//! Linux counterpart: tcp_rcv_space_adjust, tcp_rcvbuf_grow, tcp_rcv_rtt_measure, tcp_rcv_rtt_measure_ts.

use crate::engine::clock::now::Now;
use crate::engine::tcb::control_block::Tcb;
impl Tcb {
    /// The connection is up.
    pub(crate) fn start_right_sizing(&mut self, now: Now) {
        self.sizing.from = self.copied_seq;
        self.sizing.since_us = now.us;
    }

    /// Data arrived: a window's worth of it took a round trip.
    pub(crate) fn measure_rcv_rtt(&mut self, now: Now) {
        if let Some((end, since)) = self.sizing.window.as_deref().copied() {
            if self.rcv_nxt.before(end) {
                return;
            }
            let sample = (now.us - since).max(1);
            self.rcv_rtt_sample(sample, true);
        }
        self.sizing.window = Some(Box::new((self.rcv_nxt + self.rcv_wnd, now.us)));
    }

    /// A full segment echoes our clock.
    pub(crate) fn measure_rcv_rtt_by_ts(&mut self, now: Now, payload: u32) {
        let Some(ts) = self.rx.ts else { return };
        if ts.tsecr == self.sizing.last_tsecr {
            return;
        }
        self.sizing.last_tsecr = ts.tsecr;
        if payload < self.ack.rcv_mss {
            return;
        }
        let ms = self.tsval(now).wrapping_sub(ts.tsecr);
        if ms > 0 && ms < i32::MAX as u32 / 1_000 {
            self.rcv_rtt_sample(u64::from(ms) * 1_000, false);
        }
    }

    /// A pure ACK that was expected: its echo is not news for the data that follows.
    pub(crate) fn note_tsecr(&mut self) {
        if let Some(ts) = self.rx.ts {
            self.sizing.last_tsecr = ts.tsecr;
        }
    }

    fn rcv_rtt_sample(&mut self, sample_us: u64, by_window: bool) {
        let (old, new) = (self.sizing.rtt8, sample_us << 3);
        if old == 0 || new < old {
            self.sizing.rtt8 = new;
        } else if !by_window && self.rcv_nxt == self.copied_seq {
            self.sizing.rtt8 = old - (old >> 3) + sample_us;
        }
    }

    /// The application has read: once per round trip the buffer follows.
    pub(crate) fn adjust_rcv_space(&mut self, now: Now) {
        let rtt8 = self.sizing.rtt8;
        if rtt8 == 0 || now.us - self.sizing.since_us < rtt8 >> 3 {
            return;
        }
        let waiting = self.rcv_nxt - self.copied_seq;
        let copied = (self.copied_seq - self.sizing.from).saturating_sub(waiting);
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
