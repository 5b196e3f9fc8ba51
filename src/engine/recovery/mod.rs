//! What an acknowledgment says, and how lost segments are found and retransmitted.
//!
//! In: the ACK and SACK fields of a segment, or a retransmission timeout. Out: segments marked sacked or lost, a new
//! congestion window, and whether something has to be retransmitted. RFC 5681, 6675, 6937, 8985. This folder uses `tcb`
//! and what `tcb` uses.

pub(super) mod ack;
pub(super) mod ack_flags;
pub(super) mod fast_recovery;
pub(super) mod rack;
pub(super) mod rto_recovery;
pub(super) mod sack;
