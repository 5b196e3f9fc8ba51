//! From written bytes to packets.
//!
//! In: buffers of the send queue. Out: packets in the outbox, each with its cause. RFC 9293 3.8, RFC 1191. This folder
//! uses `recovery` (what to retransmit), `tcb` and what `tcb` uses.

pub(super) mod header;
pub(super) mod mss;
pub(super) mod output;
pub(super) mod retransmit;
pub(super) mod sndbuf;
