//! Round-trip time and retransmission timeout (RFC 6298, with Linux's estimator).
//!
//! Linux counterpart: tcp_rtt_estimator, tcp_set_rto. Differences from the RFC: the variance term has the floor
//! `rto_min` instead of the RTO, and it falls only once per window, by a quarter of the way.

use crate::engine::congestion::windowed_min::WindowedMin;
use crate::time::{Jiffies, Ticks};
use crate::wire::Seq;

/// The RTO before any sample, us.
pub(crate) const TIMEOUT_INIT_US: u64 = 1_000_000;
/// The RTO when the handshake gave no sample (RFC 6298 5.7), us.
pub(crate) const TIMEOUT_FALLBACK_US: u64 = 3_000_000;

/// Microseconds, up to 71 minutes: Linux keeps them in as many bits.
type Us = u32;

fn us(us: u64) -> Us {
    Us::try_from(us).unwrap_or(Us::MAX)
}

/// The estimator of one connection. All in us.
#[derive(Clone, Debug)]
pub(crate) struct Rtt {
    /// Smoothed RTT, times 8; 0 before the first sample.
    pub(crate) srtt8: Us,
    /// Mean deviation, times 4.
    pub(crate) mdev4: Us,
    /// Largest deviation of this window, times 4.
    pub(crate) mdev_max4: Us,
    /// The variance term as it is added to the RTO.
    pub(crate) rttvar4: Us,
    /// End of the window in which `mdev_max4` is gathered.
    rtt_seq: Seq,
    /// Smallest RTT of the last minutes.
    pub(crate) min_rtt: WindowedMin,
}

impl Default for Rtt {
    fn default() -> Rtt {
        Rtt::new()
    }
}

impl Rtt {
    pub(crate) fn new() -> Rtt {
        Rtt {
            srtt8: 0,
            mdev4: TIMEOUT_INIT_US as Us,
            mdev_max4: 0,
            rttvar4: 0,
            rtt_seq: Seq(0),
            min_rtt: WindowedMin::default(),
        }
    }

    /// Smoothed RTT, us; 0 before the first sample.
    pub(crate) fn srtt_us(&self) -> u64 {
        u64::from(self.srtt8) >> 3
    }

    /// Takes a sample.
    pub(crate) fn sample(&mut self, rtt_us: u64, rto_min_us: u64, snd_una: Seq, snd_nxt: Seq) {
        if self.srtt8 == 0 {
            self.srtt8 = us(rtt_us << 3);
            self.mdev4 = us(rtt_us << 1);
            self.rttvar4 = self.mdev4.max(us(rto_min_us));
            self.mdev_max4 = self.rttvar4;
            self.rtt_seq = snd_nxt;
        } else {
            self.later_sample(rtt_us, rto_min_us, snd_una, snd_nxt);
        }
        self.srtt8 = self.srtt8.max(1);
    }

    fn later_sample(&mut self, rtt_us: u64, rto_min_us: u64, snd_una: Seq, snd_nxt: Seq) {
        let err = rtt_us as i64 - i64::from(self.srtt8 >> 3);
        self.srtt8 = us(u64::from(self.srtt8).saturating_add_signed(err));
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

    /// The handshake gave no sample: a cautious RTO follows.
    pub(crate) fn no_handshake_sample(&mut self) {
        self.rttvar4 = TIMEOUT_FALLBACK_US as Us;
        self.mdev4 = TIMEOUT_FALLBACK_US as Us;
        self.mdev_max4 = TIMEOUT_FALLBACK_US as Us;
    }

    /// The RTO without backoff, in ticks, rounded up, at most `rto_max`.
    pub(crate) fn rto(&self, ticks: &Ticks, rto_max: Jiffies) -> Jiffies {
        ticks
            .from_us(self.srtt_us() + u64::from(self.rttvar4))
            .min(rto_max)
    }
}

#[cfg(test)]
mod tests;
