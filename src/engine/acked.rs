//! What one acknowledgment has shown, and what is to be sent because of it.
//!
//! Linux counterpart: the FLAG_ bits of tcp_input.c, struct tcp_sacktag_state, REXMIT_*.

use crate::wire::Seq;

/// What an ACK did, as Linux's FLAG_ bits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AckFlags {
    pub(super) data: bool,
    pub(super) win_update: bool,
    pub(super) data_acked: bool,
    pub(super) syn_acked: bool,
    pub(super) retrans_data_acked: bool,
    pub(super) data_sacked: bool,
    pub(super) orig_sack_acked: bool,
    pub(super) snd_una_advanced: bool,
    pub(super) dsacking: bool,
    /// The D-SACK was for our tail loss probe.
    pub(super) dsack_tlp: bool,
    pub(super) set_xmit_timer: bool,
    pub(super) lost_retrans: bool,
    pub(super) sack_reneging: bool,
}

impl AckFlags {
    pub(super) fn acked(&self) -> bool {
        self.data_acked || self.syn_acked
    }

    pub(super) fn not_dup(&self) -> bool {
        self.data || self.win_update || self.acked()
    }

    pub(super) fn ca_alert(&self) -> bool {
        self.data_sacked || self.dsacking
    }
}

/// How a segment came to its ACK's processing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It was the one expected (header prediction), without data.
    Short,
    /// The same with data.
    ShortWithData,
    /// Any other.
    Long,
}

/// What is to be sent at the end of an ACK's processing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rexmit {
    /// Nothing.
    None,
    /// What is marked lost.
    Lost,
    /// New data first (F-RTO), to see whether the timeout was spurious.
    New,
}

/// What one ACK's blocks have shown.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SackSample {
    /// Send time of the earliest clean segment newly SACKed, us.
    pub(super) first_sackt: Option<u64>,
    /// Of the latest.
    pub(super) last_sackt: Option<u64>,
    /// Highest sequence number SACKed before this ACK.
    pub(super) prior_fack: Option<Seq>,
    /// Packets delivered before the latest delivered one was sent.
    pub(super) prior_delivered: Option<u32>,
}
