//! Proportional rate reduction: how many segments may leave for those that an ACK delivered.
//!
//! RFC 6937 3. Linux counterpart: prr_delivered and prr_out of struct tcp_sock, tcp_cwnd_reduction. When the window
//! is reduced is decided in `recovery/fast_recovery.rs`.

use crate::engine::congestion::Window;

/// The segments delivered and sent since the window began to be reduced.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prr {
    delivered: u32,
    out: u32,
}

impl Prr {
    /// Starts counting: a reduction of the window begins.
    pub(crate) fn init(&mut self) {
        *self = Prr::default();
    }

    /// Counts segments that were sent during the reduction.
    pub(crate) fn sent(&mut self, segments: u32) {
        self.out += segments;
    }

    /// Counts `delivered` segments and returns how many may be sent for them, given the segments in flight. Without
    /// any loss among them (`safe_ack`) one more may leave than was delivered.
    pub(crate) fn update(
        &mut self,
        window: &Window,
        in_flight: u32,
        delivered: u32,
        safe_ack: bool,
    ) -> u32 {
        self.delivered += delivered;
        let out = i64::from(self.out);
        let ssthresh = i64::from(window.snd_ssthresh);
        let room = ssthresh - i64::from(in_flight);
        let count = if room < 0 {
            let prior = i64::from(window.prior_cwnd);
            (ssthresh * i64::from(self.delivered) + prior - 1) / prior - out
        } else {
            let owed = (i64::from(self.delivered) - out).max(i64::from(delivered));
            (owed + i64::from(safe_ack)).min(room)
        };
        // the first segment that is resent may always leave
        count.max(i64::from(self.out == 0)) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In flight, delivered by this ACK, safe_ack, segments that may be sent then.
    const ROWS: [(u32, u32, bool, u32); 6] = [
        // above ssthresh: half of what is delivered, as the window is halved; the first one at once
        (18, 1, false, 1),
        (17, 1, false, 0),
        (16, 1, false, 1),
        // below ssthresh: all that was delivered, one more if nothing is lost, never past ssthresh
        (8, 1, false, 2),
        (8, 1, true, 2),
        (9, 2, true, 1),
    ];

    #[test]
    fn half_as_much_leaves_as_is_delivered() {
        let window = Window {
            snd_ssthresh: 10,
            prior_cwnd: 20,
            ..Window::default()
        };
        let mut prr = Prr::default();
        prr.init();
        for (row, (in_flight, delivered, safe_ack, count)) in ROWS.into_iter().enumerate() {
            let got = prr.update(&window, in_flight, delivered, safe_ack);
            assert_eq!(got, count, "row {row}");
            prr.sent(got);
        }
    }
}
