//! Two traces held against each other: align, fields, timing, divergence, verdict; and replay.
//!
//! [`replay`] feeds a recording's stimuli to the engine and holds its packets against the recorded ones;
//! [`closed`] holds two traces against each other that each target made by itself.

pub mod align;
pub mod closed;
mod content;
pub mod fields;
pub mod info;
pub mod known;
pub mod late;
pub mod replay;
pub mod timing;
pub mod verdict;

pub use known::Known;
pub use verdict::{Class, Difference, Ending, Mode, Verdict, summary};
