//! Reno: the window grows by one segment per round trip and is halved at a loss (RFC 5681 3.1).
//!
//! Linux counterpart: `tcp_reno_cong_avoid`, `tcp_reno_ssthresh` in `tcp_cong.c`.

use super::Window;

/// Reno has no state of its own. All of it is in the window.
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
