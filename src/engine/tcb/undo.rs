//! What is needed to take back a reduction of the window that turns out to be needless.
//!
//! RFC 3522, RFC 3708, RFC 4015. Linux counterpart: undo_marker, undo_retrans and prior_ssthresh of struct tcp_sock.
//! When it is taken back is decided in `recovery/rto_recovery.rs`.

use std::num::NonZeroU32;

use crate::wire::Seq;

/// The beginning of an episode of recovery, and what it would be taken back to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Undo {
    /// `snd_una` when the episode began; none: there is nothing to take back.
    marker: Option<Seq>,
    /// Retransmissions that a D-SACK could still prove needless; none: undo by D-SACK is out.
    retrans: Option<u32>,
    /// `snd_ssthresh` before the episode, segments; none: the window stays as it is.
    prior_ssthresh: Option<NonZeroU32>,
}

impl Undo {
    /// An episode of recovery begins with `retrans_out` retransmissions in flight (Linux: tcp_init_undo).
    pub(crate) fn mark(&mut self, snd_una: Seq, retrans_out: u32) {
        self.marker = Some(snd_una);
        self.retrans = Some(retrans_out).filter(|out| *out > 0);
    }

    /// The handshake is an episode from the first sequence number on: its SYN or SYN-ACK timed out.
    pub(crate) fn mark_handshake(&mut self, isn: Seq) {
        self.marker = Some(isn);
    }

    /// Ends the episode: its reduction of the window is final, or was taken back.
    pub(crate) fn clear(&mut self) {
        self.marker = None;
    }

    /// The present threshold is the one to return to.
    pub(crate) fn set_prior_ssthresh(&mut self, ssthresh: u32) {
        self.prior_ssthresh = NonZeroU32::new(ssthresh);
    }

    /// Ends the episode, and no later one returns to the threshold from before it.
    pub(crate) fn abandon(&mut self) {
        self.prior_ssthresh = None;
        self.clear();
    }

    /// The threshold to return to, segments.
    pub(crate) fn prior_ssthresh(&self) -> Option<u32> {
        self.prior_ssthresh.map(NonZeroU32::get)
    }

    /// Where the episode began, while it can be taken back.
    pub(crate) fn marker(&self) -> Option<Seq> {
        self.marker
    }

    /// Whether an episode can be taken back.
    pub(crate) fn is_marked(&self) -> bool {
        self.marker.is_some()
    }

    /// Counts segments that were retransmitted.
    pub(crate) fn retransmitted(&mut self, segments: u32) {
        self.retrans = Some(self.retrans.unwrap_or(0) + segments);
    }

    /// The peer has reported `segments` that end at `end_seq` as duplicates.
    pub(crate) fn dsacked(&mut self, end_seq: Seq, segments: u32) {
        if let (Some(marker), Some(open)) = (self.marker, self.retrans)
            && end_seq.after(marker)
        {
            self.retrans = Some(open.saturating_sub(segments));
        }
    }

    /// Whether D-SACKs have shown that every retransmission of the episode was needless.
    pub(crate) fn all_dsacked(&self) -> bool {
        self.is_marked() && self.retrans == Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_episode_is_needless_once_each_retransmission_was_a_duplicate() {
        let mut undo = Undo::default();
        undo.retransmitted(1);
        undo.dsacked(Seq(200), 1);
        assert!(!undo.all_dsacked(), "no episode");
        undo.mark(Seq(100), 0);
        undo.dsacked(Seq(200), 1);
        assert!(!undo.all_dsacked(), "nothing was retransmitted");
        undo.retransmitted(2);
        undo.dsacked(Seq(100), 2);
        undo.dsacked(Seq(200), 1);
        assert!(!undo.all_dsacked(), "one is open, the others are older");
        undo.dsacked(Seq(300), 1);
        assert!(undo.all_dsacked());
        undo.clear();
        assert!(!undo.all_dsacked(), "the episode is over");
    }

    #[test]
    fn an_abandoned_episode_has_no_threshold_to_return_to() {
        let mut undo = Undo::default();
        undo.set_prior_ssthresh(7);
        undo.mark(Seq(1), 1);
        undo.clear();
        assert_eq!(undo.prior_ssthresh(), Some(7));
        undo.abandon();
        assert_eq!((undo.prior_ssthresh(), undo.marker()), (None, None));
    }
}
