//! The comparison of two traces: alignment, fields, timing, divergence, verdict; and replay.
//!
//! [`replay`] feeds a recording's packets and calls to the engine and compares its packets with the recorded ones.
//! [`closed`] compares two traces that were each produced by a target on its own.

pub mod align;
pub mod closed;
mod content;
pub mod content_hash;
pub mod fields;
pub mod info;
pub mod known;
pub mod late;
pub mod replay;
pub mod timing;
pub mod verdict;

pub use known::Known;
pub use verdict::{Class, Difference, Ending, Mode, Verdict, summary};
