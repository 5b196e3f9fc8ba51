//! Round-trip time and retransmission timeout (RFC 6298, with Linux's estimator).
//!
//! Linux counterpart: tcp_rtt_estimator, tcp_set_rto. Two things differ from the RFC: the floor `rto_min` applies to the
//! variance term instead of the RTO, and that term falls only once per window, by a quarter of the way.

use std::num::NonZeroU32;

use crate::engine::congestion::windowed_min::WindowedMin;
use crate::time::{Jiffies, TickSpan, Ticks};
use crate::wire::Seq;

/// The RTO before the first sample, us.
pub(crate) const TIMEOUT_INIT_US: u64 = 1_000_000;
/// The RTO if the handshake gave no sample (RFC 6298 5.7), us.
pub(crate) const TIMEOUT_FALLBACK_US: u64 = 3_000_000;

/// A time of up to 71 minutes in microseconds. Linux uses the same number of bits.
type Us = u32;

fn us(us: u64) -> Us {
    Us::try_from(us).unwrap_or(Us::MAX)
}

/// The estimator of one connection. All values are in us.
#[derive(Clone, Debug)]
pub(crate) struct Rtt {
    /// Smoothed RTT, times 8, or none before the first sample.
    srtt8: Option<NonZeroU32>,
    /// Mean deviation, times 4.
    mdev4: Us,
    /// Largest deviation of this window, times 4.
    mdev_max4: Us,
    /// The variance term that is added to form the RTO.
    rttvar4: Us,
    /// End of the window in which `mdev_max4` is collected.
    rtt_seq: Seq,
    /// Smallest RTT of the last minutes.
    min_rtt: WindowedMin,
}

impl Default for Rtt {
    fn default() -> Rtt {
        Rtt::new()
    }
}

impl Rtt {
    pub(crate) fn new() -> Rtt {
        Rtt {
            srtt8: None,
            mdev4: TIMEOUT_INIT_US as Us,
            mdev_max4: 0,
            rttvar4: 0,
            rtt_seq: Seq(0),
            min_rtt: WindowedMin::default(),
        }
    }

    /// Returns the smoothed RTT, us, or 0 before the first sample.
    pub(crate) fn srtt_us(&self) -> u64 {
        self.srtt8_us().unwrap_or(0) >> 3
    }

    /// Returns the smoothed RTT, us times 8, or `None` before the first sample.
    pub(crate) fn srtt8_us(&self) -> Option<u64> {
        self.srtt8.map(|srtt8| u64::from(srtt8.get()))
    }

    /// Returns whether a sample was taken.
    pub(crate) fn has_sample(&self) -> bool {
        self.srtt8.is_some()
    }

    /// Returns the mean deviation, us.
    pub(crate) fn mdev_us(&self) -> u64 {
        u64::from(self.mdev4) >> 2
    }

    /// Returns the smallest RTT of the last minutes, us, or `None` before the first sample.
    pub(crate) fn min_rtt_us(&self) -> Option<u64> {
        self.min_rtt.get()
    }

    /// Takes a sample for the smallest RTT of the last `window` ticks, us.
    pub(crate) fn update_min_rtt(&mut self, window: TickSpan, j: Jiffies, rtt_us: u64) {
        self.min_rtt.update(window, j, rtt_us);
    }

    /// Restores the estimator from a snapshot, all in us. The variance term is the difference between the RTO without
    /// backoff (`plain_rto_us`) and the RTT.
    pub(crate) fn restore(
        &mut self,
        rtt_us: u64,
        mdev_us: u64,
        rto_min_us: u64,
        plain_rto_us: Option<u64>,
    ) {
        self.srtt8 = NonZeroU32::new(us(rtt_us << 3));
        self.mdev4 = us(mdev_us << 2);
        self.rttvar4 = match plain_rto_us {
            Some(rto_us) => us(rto_us.saturating_sub(rtt_us)),
            None => self.mdev4.max(us(rto_min_us)),
        };
    }

    /// Takes a sample.
    pub(crate) fn sample(&mut self, rtt_us: u64, rto_min_us: u64, snd_una: Seq, snd_nxt: Seq) {
        let srtt8 = if let Some(srtt8) = self.srtt8 {
            let err = rtt_us as i64 - i64::from(srtt8.get() >> 3);
            self.update_variance(err, rto_min_us, snd_una, snd_nxt);
            us(u64::from(srtt8.get()).saturating_add_signed(err))
        } else {
            self.mdev4 = us(rtt_us << 1);
            self.rttvar4 = self.mdev4.max(us(rto_min_us));
            self.mdev_max4 = self.rttvar4;
            self.rtt_seq = snd_nxt;
            us(rtt_us << 3)
        };
        self.srtt8 = NonZeroU32::new(srtt8.max(1));
    }

    /// Updates the estimator with a later sample, which differs by `err` us from the smoothed RTT.
    fn update_variance(&mut self, err: i64, rto_min_us: u64, snd_una: Seq, snd_nxt: Seq) {
        let mut deviation = err.abs() - i64::from(self.mdev4 >> 2);
        if err < 0 && deviation > 0 {
            // a falling RTT must not raise the RTO as fast as a rising one
            deviation >>= 3;
        }
        self.mdev4 = us(u64::from(self.mdev4).saturating_add_signed(deviation));
        if self.mdev4 > self.mdev_max4 {
            self.mdev_max4 = self.mdev4;
            self.rttvar4 = self.rttvar4.max(self.mdev_max4);
        }
        if snd_una.after(self.rtt_seq) {
            if self.mdev_max4 < self.rttvar4 {
                self.rttvar4 -= (self.rttvar4 - self.mdev_max4) >> 2;
            }
            self.rtt_seq = snd_nxt;
            self.mdev_max4 = us(rto_min_us);
        }
    }

    /// Sets a cautious RTO, because the handshake gave no sample.
    pub(crate) fn no_handshake_sample(&mut self) {
        self.rttvar4 = TIMEOUT_FALLBACK_US as Us;
        self.mdev4 = TIMEOUT_FALLBACK_US as Us;
        self.mdev_max4 = TIMEOUT_FALLBACK_US as Us;
    }

    /// Returns the RTO without backoff, in ticks, rounded up, at most `rto_max`.
    pub(crate) fn rto(&self, ticks: &Ticks, rto_max: TickSpan) -> TickSpan {
        ticks
            .from_us(self.srtt_us() + u64::from(self.rttvar4))
            .min(rto_max)
    }
}

#[cfg(test)]
mod tests;
