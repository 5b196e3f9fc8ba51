//! The units of time in which a TCP counts.
//!
//! In: the instant of a call. Out: [`Now`](now::Now), that instant as jiffies, microseconds and milliseconds, and
//! [`Stamp`](stamp::Stamp), a point in time of one unit that may be missing. This folder uses no other one.

pub(super) mod now;
pub(super) mod stamp;
