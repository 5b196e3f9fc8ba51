//! What the receiver measures to size its buffer.
//!
//! Linux counterpart: rcv_rtt_est and rcvq_space of struct tcp_sock. What is done with it is in `rcvbuf.rs`.

use crate::wire::Seq;

/// The receiver's own measurements.
#[derive(Clone, Debug, Default)]
pub(super) struct RightSizing {
    /// Round trip as the receiver sees it, us times 8; 0 before the first sample.
    pub(super) rtt8: u64,
    /// Last TSecr that gave a sample.
    pub(super) last_tsecr: u32,
    /// Without timestamps: a window that begins here takes a round trip to fill.
    pub(super) window: Option<Box<(Seq, u64)>>,
    /// Where the application's reading stood when this measurement began, and when that was, us.
    pub(super) from: Seq,
    pub(super) since_us: u64,
}
