//! Reno: one segment a round trip, half the window at a loss (RFC 5681 3.1).
//!
//! Linux counterpart: `tcp_reno_cong_avoid`, `tcp_reno_ssthresh` in `tcp_cong.c`.

use super::Window;

/// Reno keeps nothing of its own; everything is in the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reno;

impl Reno {
    pub(crate) fn ssthresh(self, w: &Window) -> u32 {
        (w.snd_cwnd >> 1).max(2)
    }

    pub(crate) fn cong_avoid(self, w: &mut Window, acked: u32) {
        if let Some(left) = w.left_for_avoidance(acked) {
            w.additive_increase(w.snd_cwnd, left);
        }
    }
}
