//! What an acknowledgment says, and how lost segments are found and sent again.
//!
//! In: the ACK and SACK fields of a segment, or a retransmission timeout. Out: segments marked sacked or lost, a new
//! congestion window, and whether something is to be retransmitted. RFC 5681, 6675, 6937, 8985. Uses `tcb` and what
//! `tcb` uses.

pub(super) mod ack;
pub(super) mod ack_flags;
pub(super) mod fast_recovery;
pub(super) mod rack;
pub(super) mod rto_recovery;
pub(super) mod sack;
