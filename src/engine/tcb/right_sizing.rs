//! What the receiver measures to size its buffer.
//!
//! Linux counterpart: rcv_rtt_est, rcv_rtt_last_tsecr and rcvq_space of struct tcp_sock. What is done with it is in
//! `receive/rcvbuf.rs`.

use std::num::NonZeroU64;

use crate::engine::clock::now::Micros;
use crate::wire::Seq;

/// The receiver's own measurements.
#[derive(Clone, Debug, Default)]
pub(crate) struct RightSizing {
    /// Round trip as the receiver sees it, us times 8; none before the first sample.
    rcv_rtt8: Option<NonZeroU64>,
    /// Last TSecr that gave a sample.
    last_tsecr: u32,
    /// Without timestamps: a window that begins here takes a round trip to fill.
    window: Option<Box<(Seq, Micros)>>,
    /// Where the application's reading stood when this measurement began, and when that was.
    from: Seq,
    since_us: Micros,
}

impl RightSizing {
    /// A measurement begins: the application has read up to `copied_seq`.
    pub(crate) fn start(&mut self, copied_seq: Seq, now_us: Micros) {
        self.from = copied_seq;
        self.since_us = now_us;
    }

    /// Data arrived: a window's worth of it takes a round trip (Linux: tcp_rcv_rtt_measure).
    pub(crate) fn measure_by_window(&mut self, rcv_nxt: Seq, rcv_wnd: u32, now_us: Micros) {
        if let Some((end, since)) = self.window.as_deref().copied() {
            if rcv_nxt.before(end) {
                return;
            }
            self.sample((now_us - since).max(1), false);
        }
        self.window = Some(Box::new((rcv_nxt + rcv_wnd, now_us)));
    }

    /// Remembers the echo of our clock. False: it is the last one once more.
    pub(crate) fn note_tsecr(&mut self, tsecr: u32) -> bool {
        std::mem::replace(&mut self.last_tsecr, tsecr) != tsecr
    }

    /// A full segment echoed our clock (Linux: tcp_rcv_rtt_measure_ts). A sample that is not the smallest counts only
    /// while the application has read everything, since its delay would be part of the sample otherwise.
    pub(crate) fn sample_by_tsecr(&mut self, sample_us: u64, all_read: bool) {
        self.sample(sample_us, all_read);
    }

    fn sample(&mut self, sample_us: u64, may_rise: bool) {
        match self.rcv_rtt8.map(NonZeroU64::get) {
            Some(old) if sample_us << 3 >= old => {
                if may_rise {
                    self.rcv_rtt8 = NonZeroU64::new(old - (old >> 3) + sample_us);
                }
            }
            _ => self.rcv_rtt8 = NonZeroU64::new(sample_us << 3),
        }
    }

    /// Whether a round trip has passed since the measurement began; false before the first sample.
    pub(crate) fn round_is_over(&self, now_us: Micros) -> bool {
        self.rcv_rtt8
            .is_some_and(|rtt8| now_us - self.since_us >= rtt8.get() >> 3)
    }

    /// Bytes that the application has read since the measurement began.
    pub(crate) fn copied(&self, copied_seq: Seq) -> u32 {
        copied_seq - self.from
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_round_trip_ends_before_the_first_sample() {
        let mut sizing = RightSizing::default();
        sizing.start(Seq(0), Micros(1_000));
        assert!(!sizing.round_is_over(Micros(u64::MAX)));
        sizing.sample_by_tsecr(800, false);
        assert!(!sizing.round_is_over(Micros(1_799)));
        assert!(sizing.round_is_over(Micros(1_800)));
        sizing.sample_by_tsecr(1_600, false);
        assert!(
            sizing.round_is_over(Micros(1_800)),
            "the application is late"
        );
        sizing.sample_by_tsecr(1_600, true);
        assert!(!sizing.round_is_over(Micros(1_899)));
        assert!(sizing.round_is_over(Micros(1_900)), "an eighth of the way");
        sizing.measure_by_window(Seq(0), 100, Micros(5_000));
        sizing.measure_by_window(Seq(100), 100, Micros(5_400));
        assert!(sizing.round_is_over(Micros(1_400)));
    }

    #[test]
    fn an_echo_is_new_once() {
        let mut sizing = RightSizing::default();
        let new = [5, 5, 6].map(|tsecr| sizing.note_tsecr(tsecr));
        assert_eq!(new, [true, false, true]);
    }
}
