//! The units of time that a TCP counts in.
//!
//! In: the instant that came with a call. Out: [`Now`](now::Now), that instant as jiffies, microseconds and milliseconds,
//! and [`Stamp`](stamp::Stamp), a point in time of one unit that may be missing. Uses no other folder.

pub(super) mod now;
pub(super) mod stamp;
