//! What the receiver measures to size its buffer.
//!
//! Linux counterpart: rcv_rtt_est and rcvq_space of struct tcp_sock. What is done with it is in `receive/rcvbuf.rs`.

use crate::engine::clock::now::Micros;
use crate::wire::Seq;

/// The receiver's own measurements.
#[derive(Clone, Debug, Default)]
pub(crate) struct RightSizing {
    /// Round trip as the receiver sees it, us times 8; 0 before the first sample.
    pub(crate) rtt8: u64,
    /// Last TSecr that gave a sample.
    pub(crate) last_tsecr: u32,
    /// Without timestamps: a window that begins here takes a round trip to fill.
    pub(crate) window: Option<Box<(Seq, Micros)>>,
    /// Where the application's reading stood when this measurement began, and when that was.
    pub(crate) from: Seq,
    pub(crate) since_us: Micros,
}
