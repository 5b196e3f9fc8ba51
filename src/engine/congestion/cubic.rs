//! CUBIC with HyStart (RFC 9438), in Linux's integers.
//!
//! Linux counterpart: `tcp_cubic.c`. The window follows C (t - K)^3 around the window at which the last loss occurred.
//! Time is counted in 1/1024 s from the tick at which an epoch begins, C = 410/1024 (0.4), beta = 717/1024 (0.7). Every
//! division rounds as in the kernel, because the resulting window is compared segment by segment.

use std::num::NonZeroU64;

use super::{AckSample, Window};
use crate::engine::clock::stamp::Stamp;
use crate::time::{Instant, Jiffies, TickSpan, Ticks};
use crate::wire::Seq;

/// At a loss the window is reduced to 717/1024 of its size.
const BETA: u32 = 717;
const BETA_ONE: u32 = 1024;
/// Bits of a second in CUBIC's unit of time.
const TIME_BITS: u32 = 10;
/// C times 1024: 41/1024 per tenth, so 410.
const C_SCALED: u64 = 41 * 10;
/// The factor from segments below the last maximum to K cubed, in cubed units of time: 2^40 / 410.
const CUBE_FACTOR: u64 = (1 << (10 + 3 * TIME_BITS)) / C_SCALED;
/// The number of ACKs, in eighths of a window, after which Reno with the same beta would have grown by one: 8 (1+b) / 3
/// (1-b).
const RENO_EIGHTHS: u32 = 8 * (BETA_ONE + BETA) / 3 / (BETA_ONE - BETA);
/// Before the first loss the window grows by at least one segment for every 20 acknowledged.
const CNT_BEFORE_FIRST_LOSS: u32 = 20;

/// HyStart is inactive below this window, segments.
const LOW_WINDOW: u32 = 16;
/// ACKs closer than this belong to one train, us.
const TRAIN_GAP_US: u64 = 2_000;
/// Number of samples in a round before its RTT is judged.
const MIN_SAMPLES: u32 = 8;
/// How far the RTT of a round may exceed the smallest one: an eighth of it, within these limits, us.
const DELAY_MARGIN_US: (u64, u64) = (4_000, 16_000);
/// Largest allowance for bursts of offloaded segments, us.
const BURST_US: u64 = 1_000;
/// Largest burst that Linux passes to a device without limits of its own, bytes (`sk_gso_max_size`: 65536 minus the
/// largest header and one).
const GSO_MAX_SIZE: u64 = 65_536 - 320 - 1;

/// The state of CUBIC for one connection.
#[derive(Clone, Debug, Default)]
pub struct Cubic {
    /// The window grows by one segment for this number of acknowledged ones.
    cnt: u32,
    /// Window at the last loss, segments, or 0 before the first one.
    last_max_cwnd: u32,
    /// Window and tick of the last computation.
    last_cwnd: u32,
    last_time: Jiffies,
    /// The window at which the curve is flat, segments.
    origin_point: u32,
    /// How long after the start of the epoch the curve is flat, 1/1024 s.
    k: u64,
    /// Smallest RTT, us.
    delay_min_us: Option<NonZeroU64>,
    /// Tick at which the window began to grow after the last loss.
    epoch_start: Stamp<Jiffies>,
    /// Segments acknowledged in the epoch and not yet counted in `tcp_cwnd`.
    ack_cnt: u32,
    /// The window that Reno would have.
    tcp_cwnd: u32,
    hystart: HyStart,
}

/// HyStart: detects the end of slow start before a loss does.
#[derive(Clone, Debug, Default)]
struct HyStart {
    found: bool,
    sample_cnt: u32,
    round_start_us: u64,
    /// The round ends when this sequence number is acknowledged.
    end_seq: Seq,
    last_ack_us: u64,
    /// Smallest RTT of the round, us.
    curr_rtt_us: u32,
}

impl HyStart {
    fn start_round(&mut self, snd_nxt: Seq, now_us: u64) {
        *self = HyStart {
            found: self.found,
            sample_cnt: 0,
            round_start_us: now_us,
            end_seq: snd_nxt,
            last_ack_us: now_us,
            curr_rtt_us: u32::MAX,
        };
    }

    /// Returns whether ACKs have arrived in one train for longer than half the delay of the path.
    fn train_is_long(&mut self, delay_min_us: u64, pacing_rate: u64, now_us: u64) -> bool {
        if now_us.saturating_sub(self.last_ack_us) > TRAIN_GAP_US {
            return false;
        }
        self.last_ack_us = now_us;
        let burst_us = (GSO_MAX_SIZE * 4 * 1_000_000)
            .checked_div(pacing_rate)
            .map_or(0, |us| us.min(BURST_US));
        now_us.saturating_sub(self.round_start_us) > (delay_min_us + burst_us) >> 1
    }

    /// Returns whether the round's RTT has grown.
    fn delay_has_grown(&mut self, delay_min_us: u64, rtt_us: u64) -> bool {
        self.curr_rtt_us = self
            .curr_rtt_us
            .min(u32::try_from(rtt_us).unwrap_or(u32::MAX));
        if self.sample_cnt < MIN_SAMPLES {
            self.sample_cnt += 1;
            return false;
        }
        let margin = (delay_min_us >> 3).clamp(DELAY_MARGIN_US.0, DELAY_MARGIN_US.1);
        u64::from(self.curr_rtt_us) > delay_min_us + margin
    }
}

impl Cubic {
    /// Resets the state, as at the start and after an RTO.
    pub(crate) fn reset(&mut self, snd_nxt: Seq, now: Instant) {
        *self = Cubic::default();
        self.hystart.start_round(snd_nxt, now.us());
    }

    pub(crate) fn ssthresh(&mut self, w: &Window) -> u32 {
        self.epoch_start = Stamp::NONE;
        // fast convergence: a loss below the last maximum means that another flow has joined, which gets space
        self.last_max_cwnd = if w.snd_cwnd < self.last_max_cwnd {
            scaled(w.snd_cwnd, BETA_ONE + BETA, 2 * BETA_ONE)
        } else {
            w.snd_cwnd
        };
        scaled(w.snd_cwnd, BETA, BETA_ONE).max(2)
    }

    pub(crate) fn cong_avoid(&mut self, w: &mut Window, acked: u32, now: Jiffies, ticks: &Ticks) {
        if let Some(left) = w.left_for_avoidance(acked) {
            self.update(w.snd_cwnd, left, now, ticks);
            w.additive_increase(self.cnt, left);
        }
    }

    /// Shifts the epoch after the connection was idle since `lsndtime`, so that the curve does not advance meanwhile.
    pub(crate) fn skip_idle(&mut self, lsndtime: Jiffies, now: Jiffies) {
        let idle = now.since(lsndtime);
        let moved = self.epoch_start.get().map(|start| now.min(start + idle));
        self.epoch_start = moved.into();
    }

    pub(crate) fn pkts_acked(
        &mut self,
        w: &mut Window,
        sample: &AckSample,
        now: Instant,
        ticks: &Ticks,
    ) {
        let Some(rtt_us) = sample.rtt_us.map(|us| us.max(1)) else {
            return;
        };
        // the second after a recovery says nothing about the path
        let young = |start| ticks.jiffies(now).since(start).0 < ticks.hz();
        if self.epoch_start.get().is_some_and(young) {
            return;
        }
        let delay_min_us = self
            .delay_min_us
            .map_or(rtt_us, |min| rtt_us.min(min.get()));
        self.delay_min_us = NonZeroU64::new(delay_min_us);
        if self.hystart.found || !w.in_slow_start() {
            return;
        }
        if sample.snd_una.after(self.hystart.end_seq) {
            self.hystart.start_round(sample.snd_nxt, now.us());
        }
        if w.snd_cwnd < LOW_WINDOW {
            return;
        }
        let train = self
            .hystart
            .train_is_long(delay_min_us, sample.pacing_rate, now.us());
        let delay = self.hystart.delay_has_grown(delay_min_us, rtt_us);
        if train || delay {
            self.hystart.found = true;
            w.snd_ssthresh = w.snd_cwnd;
        }
    }

    /// Recomputes `cnt`, at most once per tick, and at most every HZ/32 ticks while the window does not change.
    fn update(&mut self, cwnd: u32, acked: u32, now: Jiffies, ticks: &Ticks) {
        self.ack_cnt = self.ack_cnt.wrapping_add(acked);
        let since_last = now.since(self.last_time);
        if self.last_cwnd == cwnd && since_last.0 <= ticks.hz() / 32 {
            return;
        }
        if self.epoch_start.get().is_none() || since_last != TickSpan::ZERO {
            self.last_cwnd = cwnd;
            self.last_time = now;
            let epoch_start = match self.epoch_start.get() {
                Some(start) => start,
                None => self.begin_epoch(cwnd, acked, now),
            };
            self.cnt = self.cnt_on_curve(cwnd, now - epoch_start, ticks);
        }
        self.keep_up_with_reno(cwnd);
        // the window never grows faster than one segment for two acknowledged
        self.cnt = self.cnt.max(2);
    }

    fn begin_epoch(&mut self, cwnd: u32, acked: u32, now: Jiffies) -> Jiffies {
        self.epoch_start = now.into();
        self.ack_cnt = acked;
        self.tcp_cwnd = cwnd;
        self.origin_point = cwnd.max(self.last_max_cwnd);
        self.k = match self.last_max_cwnd.saturating_sub(cwnd) {
            0 => 0,
            below => cube_root(CUBE_FACTOR * u64::from(below)),
        };
        now
    }

    fn cnt_on_curve(&self, cwnd: u32, epoch_ticks: TickSpan, ticks: &Ticks) -> u32 {
        // one RTT ahead: the right window for the time at which these segments are acknowledged
        let ahead = epoch_ticks + ticks.from_us(self.delay_min_us.map_or(0, NonZeroU64::get));
        let t = (ahead.0 << TIME_BITS) / ticks.hz();
        let off = t.abs_diff(self.k);
        let cubed = off.wrapping_mul(off).wrapping_mul(off);
        let delta = (C_SCALED.wrapping_mul(cubed) >> (10 + 3 * TIME_BITS)) as u32;
        let target = if t < self.k {
            self.origin_point.wrapping_sub(delta)
        } else {
            self.origin_point.wrapping_add(delta)
        };
        let cnt = match target.checked_sub(cwnd) {
            None | Some(0) => cwnd.wrapping_mul(100),
            Some(more) => cwnd / more,
        };
        if self.last_max_cwnd == 0 {
            cnt.min(CNT_BEFORE_FIRST_LOSS)
        } else {
            cnt
        }
    }

    /// RFC 9438 4.3: where Reno would be ahead, the window grows like Reno's.
    fn keep_up_with_reno(&mut self, cwnd: u32) {
        let acks_each = cwnd.wrapping_mul(RENO_EIGHTHS) >> 3;
        // whole steps that leave a remainder, so that a full last step waits for the next ACK
        if acks_each > 0 && self.ack_cnt > acks_each {
            let steps = (self.ack_cnt - 1) / acks_each;
            self.ack_cnt -= steps * acks_each;
            self.tcp_cwnd += steps;
        }
        if self.tcp_cwnd > cwnd {
            self.cnt = self.cnt.min(cwnd / (self.tcp_cwnd - cwnd));
        }
    }
}

/// Returns `n * num / den` as the kernel computes it in 32 bits.
fn scaled(n: u32, num: u32, den: u32) -> u32 {
    n.wrapping_mul(num) / den
}

/// First guesses for the cube roots of 8 to 63, in 64ths and 10/64 too small. These are Linux's numbers, which decide in
/// which direction the result deviates.
const GUESS: [u8; 56] = [
    123, 129, 134, 138, 143, 147, 151, 156, 157, 161, 164, 168, 170, 173, 176, 179, 181, 185, 187,
    190, 192, 194, 197, 199, 200, 202, 204, 206, 209, 211, 213, 215, 217, 219, 221, 222, 224, 225,
    227, 229, 231, 232, 234, 236, 237, 239, 240, 242, 244, 245, 246, 248, 250, 251, 252, 254,
];

/// Returns the cube root of `a` (at least 64) to about 0.2 %: a guess from its leading bits and one step of Newton's
/// method.
fn cube_root(a: u64) -> u64 {
    let bits = u64::BITS - a.leading_zeros();
    let root_shift = ((bits * 84) >> 8) - 1;
    let lead = (a >> (3 * root_shift)) as usize;
    let guess = ((u64::from(GUESS[lead - 8]) + 10) << root_shift) >> 6;
    // the divisor is x(x-1) and not x^2, and a third is 341/1024
    let sum = 2 * guess + a / (guess * (guess - 1));
    (sum * 341) >> 10
}

#[cfg(test)]
mod tests;
