//! The retransmission timeout with its backoff, and how often it fired.
//!
//! RFC 6298 5, RFC 6069. Linux counterpart: icsk_rto, icsk_backoff, icsk_retransmits, total_rto and retrans_stamp of
//! struct tcp_sock. What happens when it fires is in `timers/rto.rs`.

use crate::engine::clock::now::Millis;
use crate::engine::clock::stamp::Stamp;
use crate::engine::congestion::rtt::{Rtt, TIMEOUT_FALLBACK_US, TIMEOUT_INIT_US};
use crate::time::{TickSpan, Ticks};

/// The longest RTO that tcp_rto_max_ms and TCP_RTO_MAX_MS allow, us (Linux: TCP_RTO_MAX).
pub(crate) const LONGEST_RTO_US: u64 = 120_000_000;
/// The RTO is doubled at most this often in one step, so that the shift has a result.
const MOST_SHIFTS: u32 = 32;

/// The retransmission timeout of a connection. All times are ticks, except that of the first retransmission.
#[derive(Clone, Debug, Default)]
pub(crate) struct RtoState {
    rto: TickSpan,
    /// Smallest RTO that an RTT may give.
    rto_min: TickSpan,
    /// Largest RTO, with backoff.
    rto_max: TickSpan,
    /// Doublings since the last RTT sample.
    backoff: u32,
    /// Timeouts since the last ACK of new data.
    retransmits: u32,
    /// Timeouts since the connection began.
    total_rto: u32,
    /// The first retransmission of an episode.
    retrans_stamp: Stamp<Millis>,
}

impl RtoState {
    /// Before any RTT sample.
    pub(crate) fn new(ticks: &Ticks, rto_min: TickSpan, rto_max: TickSpan) -> RtoState {
        RtoState {
            rto: ticks.from_us(TIMEOUT_INIT_US),
            rto_min,
            rto_max,
            ..RtoState::default()
        }
    }

    /// The RTO, with its backoff.
    pub(crate) fn get(&self) -> TickSpan {
        self.rto
    }

    /// The smallest RTO that an RTT may give.
    pub(crate) fn min(&self) -> TickSpan {
        self.rto_min
    }

    /// The largest RTO.
    pub(crate) fn max(&self) -> TickSpan {
        self.rto_max
    }

    /// Socket option TCP_RTO_MIN_US.
    pub(crate) fn set_min(&mut self, rto_min: TickSpan) {
        self.rto_min = rto_min;
    }

    /// Socket option TCP_RTO_MAX_MS. A larger RTO stays until it is computed the next time.
    pub(crate) fn set_max(&mut self, rto_max: TickSpan) {
        self.rto_max = rto_max;
    }

    /// Whether the RTO grows no more.
    pub(crate) fn is_at_max(&self) -> bool {
        self.rto >= self.rto_max
    }

    /// Whether the RTO, backed off once more, reaches the largest one: the peer of an orphan counts as dead then.
    pub(crate) fn reaches_max_backed_off(&self) -> bool {
        self.rto << self.backoff.min(MOST_SHIFTS) >= self.rto_max
    }

    /// Doublings since the last RTT sample.
    pub(crate) fn backoff(&self) -> u32 {
        self.backoff
    }

    /// Timeouts since the last ACK of new data.
    pub(crate) fn retransmits(&self) -> u32 {
        self.retransmits
    }

    /// Timeouts since the connection began.
    pub(crate) fn total_rto(&self) -> u32 {
        self.total_rto
    }

    /// connect() begins.
    pub(crate) fn connect(&mut self, ticks: &Ticks, now: Millis) {
        self.rto = ticks.from_us(TIMEOUT_INIT_US);
        self.retrans_stamp = now.into();
    }

    /// The SYN-ACK was retransmitted `timeouts` times before this connection came to be, after it was first sent then.
    pub(crate) fn inherit(&mut self, timeouts: u32, first_sent: Option<Millis>) {
        self.total_rto = timeouts;
        self.retrans_stamp = first_sent.into();
    }

    /// As a snapshot shows it.
    pub(crate) fn restore(
        &mut self,
        rto: TickSpan,
        backoff: u32,
        retransmits: u32,
        first_retransmission: Option<Millis>,
    ) {
        self.rto = rto.max(TickSpan::ONE).min(self.rto_max);
        self.backoff = backoff;
        self.retransmits = retransmits;
        self.total_rto = retransmits;
        self.retrans_stamp = first_retransmission.into();
    }

    /// The handshake gave no RTT sample (RFC 6298 5.7).
    pub(crate) fn fall_back(&mut self, ticks: &Ticks) {
        self.rto = ticks.from_us(TIMEOUT_FALLBACK_US).min(self.rto_max);
    }

    /// An RTT sample was taken (Linux: tcp_set_rto).
    pub(crate) fn sampled(&mut self, rtt: &Rtt, ticks: &Ticks) {
        self.rto = rtt.rto(ticks, self.rto_max);
        self.backoff = 0;
    }

    /// New data was acknowledged.
    pub(crate) fn acked(&mut self) {
        self.retransmits = 0;
    }

    /// The timer fired.
    pub(crate) fn timed_out(&mut self) {
        self.retransmits += 1;
        self.total_rto += 1;
    }

    /// Doubles the RTO.
    pub(crate) fn back_off(&mut self) {
        self.backoff += 1;
        self.rto = (self.rto << 1).min(self.rto_max);
    }

    /// The next timeout is not longer than the first one (sysctl tcp_thin_linear_timeouts).
    pub(crate) fn stay_linear(&mut self, rtt: &Rtt, ticks: &Ticks) {
        self.backoff = 0;
        self.rto = rtt.rto(ticks, self.rto_max).max(self.rto_min);
    }

    /// Takes one doubling back: the retransmission was lost for want of a route (RFC 6069).
    pub(crate) fn revert_backoff(&mut self, rtt: &Rtt, ticks: &Ticks) {
        self.backoff -= 1;
        let base = if rtt.has_sample() {
            rtt.rto(ticks, self.rto_max)
        } else {
            ticks.from_us(TIMEOUT_INIT_US)
        };
        self.rto = (base << self.backoff.min(MOST_SHIFTS)).min(self.rto_max);
    }

    /// Window probes share the backoff but do not change the RTO: one more of `most`.
    pub(crate) fn back_off_probe(&mut self, most: i64) {
        if i64::from(self.backoff) < most {
            self.backoff += 1;
        }
    }

    /// Window probes are over: the next one begins with the shortest interval.
    pub(crate) fn reset_probe_backoff(&mut self) {
        self.backoff = 0;
    }

    /// The first retransmission of the present episode.
    pub(crate) fn retrans_stamp(&self) -> Option<Millis> {
        self.retrans_stamp.get()
    }

    /// Something sent at `sent` was retransmitted; the first time in an episode, this is its beginning.
    pub(crate) fn stamp_retrans(&mut self, sent: Millis) {
        self.retrans_stamp = self.retrans_stamp.get().unwrap_or(sent).into();
    }

    /// The episode is over.
    pub(crate) fn clear_retrans_stamp(&mut self) {
        self.retrans_stamp = Stamp::NONE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_the_largest_and_a_doubling_can_be_taken_back() {
        let ticks = Ticks::default();
        let mut rto = RtoState::new(&ticks, TickSpan(50), TickSpan(1_500));
        let rtt = Rtt::new();
        let mut seen = vec![rto.get().0];
        for _ in 0..4 {
            rto.timed_out();
            rto.back_off();
            seen.push(rto.get().0);
        }
        assert_eq!(seen, [250, 500, 1_000, 1_500, 1_500]);
        assert!(rto.is_at_max());
        rto.revert_backoff(&rtt, &ticks);
        rto.revert_backoff(&rtt, &ticks);
        assert_eq!((rto.get(), rto.backoff()), (TickSpan(1_000), 2));
        rto.acked();
        assert_eq!((rto.retransmits(), rto.total_rto()), (0, 4));
    }

    #[test]
    fn an_episode_begins_with_its_first_retransmission() {
        let mut rto = RtoState::default();
        rto.stamp_retrans(Millis(7));
        rto.stamp_retrans(Millis(9));
        assert_eq!(rto.retrans_stamp(), Some(Millis(7)));
        rto.clear_retrans_stamp();
        assert_eq!(rto.retrans_stamp(), None);
    }
}
