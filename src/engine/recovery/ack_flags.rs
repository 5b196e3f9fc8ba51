//! What one acknowledgment has shown, and what has to be sent because of it.
//!
//! Linux counterpart: the FLAG_ bits of tcp_input.c, struct tcp_sacktag_state, REXMIT_*.

use crate::engine::clock::now::Micros;
use crate::wire::Seq;

/// What an ACK did, as Linux's FLAG_ bits.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AckFlags {
    pub(crate) data: bool,
    pub(crate) win_update: bool,
    pub(crate) data_acked: bool,
    pub(crate) syn_acked: bool,
    pub(crate) retrans_data_acked: bool,
    pub(crate) data_sacked: bool,
    pub(crate) orig_sack_acked: bool,
    pub(crate) snd_una_advanced: bool,
    pub(crate) dsacking: bool,
    /// The D-SACK reported the tail loss probe.
    pub(crate) dsack_tlp: bool,
    pub(crate) set_xmit_timer: bool,
    pub(crate) lost_retrans: bool,
    pub(crate) sack_reneging: bool,
}

impl AckFlags {
    pub(crate) fn acked(&self) -> bool {
        self.data_acked || self.syn_acked
    }

    pub(crate) fn not_dup(&self) -> bool {
        self.data || self.win_update || self.acked()
    }

    pub(crate) fn ca_alert(&self) -> bool {
        self.data_sacked || self.dsacking
    }
}

/// How a segment came to the processing of its ACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AckPath {
    /// It was the expected segment (header prediction), without data.
    Fast,
    /// It was the expected segment (header prediction), with data.
    FastWithData,
    /// It was any other segment.
    Slow,
}

/// What an ACK field says about the rest of its segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AckField {
    /// The ACK was processed, and the rest of the segment follows.
    Acceptable,
    /// It acknowledges what was never sent, or something far too old: the segment is dropped.
    Unacceptable,
}

/// Whether an episode of loss recovery ends with the ACK of all that was in flight at its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Episode {
    /// It is over.
    Over,
    /// Without SACK it goes on until something beyond is acknowledged, because a late duplicate ACK could look like a
    /// new loss.
    Kept,
}

/// What shows that a retransmission timeout was spurious.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// The ACK acknowledges data that was sent once, before the timeout (F-RTO, RFC 5682).
    Frto,
    /// The echoed timestamp is older than the retransmission, or D-SACKs report all of them (RFC 3522, RFC 3708).
    TimestampOrDsack,
}

/// What happens to the marks of lost segments when a reduction of the window is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LostMarks {
    /// Nothing was lost: the marks are removed.
    Remove,
    /// The marks stay.
    Keep,
}

/// What has to be sent at the end of an ACK's processing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retransmit {
    /// Nothing is sent.
    None,
    /// Segments that are marked lost are retransmitted.
    Lost,
    /// New data is sent first (F-RTO), to find out whether the timeout was spurious.
    New,
}

/// What the SACK blocks of one ACK have shown.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SackSample {
    /// Send time of the earliest segment newly SACKed that was not retransmitted.
    pub(crate) first_sackt: Option<Micros>,
    /// Send time of the latest segment newly SACKed that was not retransmitted.
    pub(crate) last_sackt: Option<Micros>,
    /// Highest sequence number SACKed before this ACK.
    pub(crate) prior_fack: Option<Seq>,
    /// Number of packets delivered before the latest delivered one was sent.
    pub(crate) prior_delivered: Option<u32>,
}
