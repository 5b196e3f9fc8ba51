//! Congestion control: the window, and the algorithms that move it, as values that know no clock.
//!
//! RFC 5681, RFC 9438. Linux counterpart: `struct tcp_congestion_ops` (`include/net/tcp.h`), `tcp_cong.c`,
//! `tcp_cubic.c`. The names of the calls are those of that structure; the order in which one ACK makes them
//! is Linux's too: [`Algorithm::pkts_acked`] when the segments are taken off the queue, then
//! [`Algorithm::cong_avoid`].

mod cubic;
mod reno;
pub(super) mod rtt;
pub(super) mod windowed_min;

pub use cubic::Cubic;
pub use reno::Reno;

use crate::sysctl::CongestionControl;
use crate::time::{Instant, Jiffies, TickSpan, Ticks};
use crate::wire::Seq;

/// `snd_ssthresh` while none was set: slow start has no end in sight.
pub const TCP_INFINITE_SSTHRESH: u32 = 0x7fff_ffff;

/// `snd_cwnd` of a new connection, segments (RFC 6928).
pub const TCP_INIT_CWND: u32 = 10;

/// The sender's window and what its growth depends on. All counts are segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Congestion window.
    pub snd_cwnd: u32,
    /// Slow start below, congestion avoidance from here on.
    pub snd_ssthresh: u32,
    /// Segments acknowledged since the window last grew by one.
    pub snd_cwnd_cnt: u32,
    /// The window never exceeds this.
    pub snd_cwnd_clamp: u32,
    /// Window before the last reduction, for undoing it.
    pub prior_cwnd: u32,
    /// Whether the window, and not the application, held back the last flight.
    pub is_cwnd_limited: bool,
    /// Most segments in flight during the last round trip.
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
    /// Whether the window is below its threshold.
    pub fn in_slow_start(&self) -> bool {
        self.snd_cwnd < self.snd_ssthresh
    }

    /// Whether the window is what limits sending; in slow start, whether more than half of it was used.
    pub fn is_cwnd_limited(&self) -> bool {
        self.is_cwnd_limited
            || (self.in_slow_start() && self.snd_cwnd < self.max_packets_out.saturating_mul(2))
    }

    /// Slow start: grows by `acked`, not past the threshold; returns what of `acked` was not used up.
    pub fn slow_start(&mut self, acked: u32) -> u32 {
        let room = self.snd_ssthresh.saturating_sub(self.snd_cwnd);
        let grows = acked.min(room);
        self.snd_cwnd = (self.snd_cwnd + grows).min(self.snd_cwnd_clamp);
        acked - grows
    }

    /// What both algorithms do first: nothing when the window was not what limited sending, then slow start;
    /// gives what is left of `acked` for congestion avoidance.
    fn left_for_avoidance(&mut self, acked: u32) -> Option<u32> {
        if !self.is_cwnd_limited() {
            return None;
        }
        if !self.in_slow_start() {
            return Some(acked);
        }
        Some(self.slow_start(acked)).filter(|left| *left > 0)
    }

    /// Additive increase: one segment for each `every` acknowledged (Linux: `tcp_cong_avoid_ai`).
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

    /// The threshold that a connection may slow-start back to after a pause: at least 3/4 of the window.
    pub fn current_ssthresh(&self) -> u32 {
        self.snd_ssthresh
            .max((self.snd_cwnd >> 1) + (self.snd_cwnd >> 2))
    }

    /// After `idle` ticks without sending (RFC 2861): halved for every `rto` ticks passed, not below
    /// `restart_cwnd`; the threshold remembers 3/4 of it.
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

/// What an ACK that took segments off the queue tells the algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AckSample {
    /// Round-trip time in us; none where only retransmitted segments were acknowledged.
    pub rtt_us: Option<u64>,
    /// First byte not acknowledged.
    pub snd_una: Seq,
    /// Next byte to send.
    pub snd_nxt: Seq,
    /// Linux's `sk_pacing_rate`, bytes per second; 0 while unknown.
    pub pacing_rate: u64,
}

/// A connection's congestion control.
#[derive(Clone, Debug)]
pub enum Algorithm {
    /// RFC 5681.
    Reno(Reno),
    /// RFC 9438.
    Cubic(Cubic),
}

impl Default for Algorithm {
    fn default() -> Self {
        Algorithm::new(CongestionControl::default())
    }
}

impl Algorithm {
    /// The algorithm of this name, not yet started.
    pub fn new(name: CongestionControl) -> Self {
        match name {
            CongestionControl::Reno => Algorithm::Reno(Reno),
            CongestionControl::Cubic => Algorithm::Cubic(Cubic::default()),
        }
    }

    /// Which one it is.
    pub fn name(&self) -> CongestionControl {
        match self {
            Algorithm::Reno(_) => CongestionControl::Reno,
            Algorithm::Cubic(_) => CongestionControl::Cubic,
        }
    }

    /// The connection is up (or the algorithm was changed).
    pub fn init(&mut self, snd_nxt: Seq, now: Instant) {
        if let Algorithm::Cubic(cubic) = self {
            cubic.reset(snd_nxt, now);
        }
    }

    /// A loss was found: the threshold to fall to, segments.
    pub fn ssthresh(&mut self, w: &Window) -> u32 {
        match self {
            Algorithm::Reno(reno) => reno.ssthresh(w),
            Algorithm::Cubic(cubic) => cubic.ssthresh(w),
        }
    }

    /// `acked` segments were newly delivered and the window may grow.
    pub fn cong_avoid(&mut self, w: &mut Window, acked: u32, now: Instant, ticks: &Ticks) {
        match self {
            Algorithm::Reno(reno) => reno.cong_avoid(w, acked),
            Algorithm::Cubic(cubic) => cubic.cong_avoid(w, acked, ticks.jiffies(now), ticks),
        }
    }

    /// Segments were taken off the queue. May end slow start by lowering the window's threshold.
    pub fn pkts_acked(&mut self, w: &mut Window, sample: &AckSample, now: Instant, ticks: &Ticks) {
        if let Algorithm::Cubic(cubic) = self {
            cubic.pkts_acked(w, sample, now, ticks);
        }
    }

    /// The connection goes to another state of congestion; `loss`: to the one that follows an RTO.
    pub fn set_state(&mut self, loss: bool, snd_nxt: Seq, now: Instant) {
        if let (Algorithm::Cubic(cubic), true) = (self, loss) {
            cubic.reset(snd_nxt, now);
        }
    }

    /// The first segment after a pause leaves now; `lsndtime` is the tick of the last one before it.
    pub fn cwnd_event_tx_start(&mut self, lsndtime: Jiffies, now: Instant, ticks: &Ticks) {
        if let Algorithm::Cubic(cubic) = self {
            cubic.skip_idle(lsndtime, ticks.jiffies(now));
        }
    }

    /// The window to go back to when the reduction was a mistake, segments.
    pub fn undo_cwnd(&self, w: &Window) -> u32 {
        w.snd_cwnd.max(w.prior_cwnd)
    }
}

#[cfg(test)]
mod tests;
