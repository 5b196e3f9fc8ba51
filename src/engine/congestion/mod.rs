//! Congestion control: the window and the algorithms that change it, as values that know no clock.
//!
//! RFC 5681, RFC 9438. Linux counterpart: `struct tcp_congestion_ops` (`include/net/tcp.h`), `tcp_cong.c`, `tcp_cubic.c`.
//! The calls have the names of that structure, and one ACK makes them in Linux's order: [`Algorithm::pkts_acked`] when
//! the segments are removed from the queue, then [`Algorithm::cong_avoid`].

mod cubic;
mod reno;
pub(super) mod rtt;
pub(super) mod windowed_min;

pub use cubic::Cubic;
pub use reno::Reno;

use crate::sysctl::CongestionControl;
use crate::time::{Instant, Jiffies, TickSpan, Ticks};
use crate::wire::Seq;

/// `snd_ssthresh` before it is set: slow start has no limit.
pub const TCP_INFINITE_SSTHRESH: u32 = 0x7fff_ffff;

/// `snd_cwnd` of a new connection, segments (RFC 6928).
pub const TCP_INIT_CWND: u32 = 10;

/// The sender's window and what its growth depends on. All counts are segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Congestion window.
    pub snd_cwnd: u32,
    /// Below this window slow start applies, from here on congestion avoidance.
    pub snd_ssthresh: u32,
    /// Segments acknowledged since the window last grew by one.
    pub snd_cwnd_cnt: u32,
    /// Upper limit of the window.
    pub snd_cwnd_clamp: u32,
    /// The window before the last reduction, to undo it.
    pub prior_cwnd: u32,
    /// Whether the window, and not the application, limited the last flight.
    pub is_cwnd_limited: bool,
    /// Largest number of segments in flight during the last round trip.
    pub max_packets_out: u32,
}

impl Default for Window {
    fn default() -> Self {
        Window {
            snd_cwnd: TCP_INIT_CWND,
            snd_ssthresh: TCP_INFINITE_SSTHRESH,
            snd_cwnd_cnt: 0,
            snd_cwnd_clamp: u32::MAX,
            prior_cwnd: 0,
            is_cwnd_limited: false,
            max_packets_out: 0,
        }
    }
}

impl Window {
    /// Returns whether the window is below its threshold.
    pub fn in_slow_start(&self) -> bool {
        self.snd_cwnd < self.snd_ssthresh
    }

    /// Returns whether the window is what limits sending. In slow start: whether more than half of it was used.
    pub fn is_cwnd_limited(&self) -> bool {
        self.is_cwnd_limited
            || (self.in_slow_start() && self.snd_cwnd < self.max_packets_out.saturating_mul(2))
    }

    /// Grows the window in slow start by `acked`, up to the threshold, and returns the part of `acked` that was not used.
    pub fn slow_start(&mut self, acked: u32) -> u32 {
        let room = self.snd_ssthresh.saturating_sub(self.snd_cwnd);
        let grows = acked.min(room);
        self.snd_cwnd = (self.snd_cwnd + grows).min(self.snd_cwnd_clamp);
        acked - grows
    }

    /// Does what both algorithms do first: nothing if the window does not limit sending, otherwise slow start. It returns
    /// the part of `acked` that is left for congestion avoidance.
    fn left_for_avoidance(&mut self, acked: u32) -> Option<u32> {
        if !self.is_cwnd_limited() {
            return None;
        }
        if !self.in_slow_start() {
            return Some(acked);
        }
        Some(self.slow_start(acked)).filter(|left| *left > 0)
    }

    /// Grows the window by one segment for each `every` acknowledged (Linux: `tcp_cong_avoid_ai`).
    pub fn additive_increase(&mut self, every: u32, acked: u32) {
        // credit gathered under a larger `every` is worth one segment, however much it is
        if self.snd_cwnd_cnt >= every {
            self.snd_cwnd_cnt = 0;
            self.snd_cwnd += 1;
        }
        self.snd_cwnd_cnt = self.snd_cwnd_cnt.saturating_add(acked);
        if self.snd_cwnd_cnt >= every {
            self.snd_cwnd += self.snd_cwnd_cnt / every;
            self.snd_cwnd_cnt %= every;
        }
        self.snd_cwnd = self.snd_cwnd.min(self.snd_cwnd_clamp);
    }

    /// Returns the threshold up to which a connection may slow-start after a pause: at least 3/4 of the window.
    pub fn current_ssthresh(&self) -> u32 {
        self.snd_ssthresh
            .max((self.snd_cwnd >> 1) + (self.snd_cwnd >> 2))
    }

    /// Reduces the window after `idle` ticks without sending (RFC 2861): it is halved for every `rto` ticks, but not
    /// below `restart_cwnd`. The threshold remembers 3/4 of it.
    pub fn restart_after_idle(&mut self, restart_cwnd: u32, idle: TickSpan, rto: TickSpan) {
        let floor = restart_cwnd.min(self.snd_cwnd);
        self.snd_ssthresh = self.current_ssthresh();
        let mut left = idle;
        while left > rto && self.snd_cwnd > floor {
            left -= rto;
            self.snd_cwnd >>= 1;
        }
        self.snd_cwnd = self.snd_cwnd.max(floor);
    }
}

/// What an ACK that removed segments from the queue means for the algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AckSample {
    /// Round-trip time in us, or `None` if only retransmitted segments were acknowledged.
    pub rtt_us: Option<u64>,
    /// First byte that is not acknowledged.
    pub snd_una: Seq,
    /// Next byte to send.
    pub snd_nxt: Seq,
    /// Linux's `sk_pacing_rate`, bytes per second, or 0 while it is unknown.
    pub pacing_rate: u64,
}

/// A connection's congestion control.
#[derive(Clone, Debug)]
pub enum Algorithm {
    /// Reno (RFC 5681).
    Reno(Reno),
    /// CUBIC (RFC 9438).
    Cubic(Cubic),
}

impl Default for Algorithm {
    fn default() -> Self {
        Algorithm::new(CongestionControl::default())
    }
}

impl Algorithm {
    /// Returns the algorithm with this name, not yet started.
    pub fn new(name: CongestionControl) -> Self {
        match name {
            CongestionControl::Reno => Algorithm::Reno(Reno),
            CongestionControl::Cubic => Algorithm::Cubic(Cubic::default()),
        }
    }

    /// Returns which algorithm this is.
    pub fn name(&self) -> CongestionControl {
        match self {
            Algorithm::Reno(_) => CongestionControl::Reno,
            Algorithm::Cubic(_) => CongestionControl::Cubic,
        }
    }

    /// Starts the algorithm when the connection is established or the algorithm is changed.
    pub fn init(&mut self, snd_nxt: Seq, now: Instant) {
        if let Algorithm::Cubic(cubic) = self {
            cubic.reset(snd_nxt, now);
        }
    }

    /// Returns the threshold, in segments, to which the window falls after a loss.
    pub fn ssthresh(&mut self, w: &Window) -> u32 {
        match self {
            Algorithm::Reno(reno) => reno.ssthresh(w),
            Algorithm::Cubic(cubic) => cubic.ssthresh(w),
        }
    }

    /// Handles `acked` segments that were newly delivered while the window may grow.
    pub fn cong_avoid(&mut self, w: &mut Window, acked: u32, now: Instant, ticks: &Ticks) {
        match self {
            Algorithm::Reno(reno) => reno.cong_avoid(w, acked),
            Algorithm::Cubic(cubic) => cubic.cong_avoid(w, acked, ticks.jiffies(now), ticks),
        }
    }

    /// Handles segments that were removed from the queue. It may end slow start by lowering the threshold.
    pub fn pkts_acked(&mut self, w: &mut Window, sample: &AckSample, now: Instant, ticks: &Ticks) {
        if let Algorithm::Cubic(cubic) = self {
            cubic.pkts_acked(w, sample, now, ticks);
        }
    }

    /// Handles a change of the congestion state; `loss` means the state that follows an RTO.
    pub fn set_state(&mut self, loss: bool, snd_nxt: Seq, now: Instant) {
        if let (Algorithm::Cubic(cubic), true) = (self, loss) {
            cubic.reset(snd_nxt, now);
        }
    }

    /// Handles the first segment after a pause, which is sent now; `lsndtime` is the tick of the last one before it.
    pub fn cwnd_event_tx_start(&mut self, lsndtime: Jiffies, now: Instant, ticks: &Ticks) {
        if let Algorithm::Cubic(cubic) = self {
            cubic.skip_idle(lsndtime, ticks.jiffies(now));
        }
    }

    /// Returns the window, in segments, to which an unnecessary reduction is undone.
    pub fn undo_cwnd(&self, w: &Window) -> u32 {
        w.snd_cwnd.max(w.prior_cwnd)
    }
}

#[cfg(test)]
mod tests;
