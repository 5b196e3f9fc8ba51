//! Questions that people ask about a connection whose peer is silent, each answered by running the engine.
//!
//! - [`table`]: when each retransmission, probe or SYN leaves, and when the application gets its error.
//! - [`sweep`]: one scenario with every combination of many settings.
//! - [`phases`]: every position of the clock tick and of the timer wheel in which a run can begin. An answer is a range
//!   over all of them, not one sample.

pub mod phases;
pub mod sweep;
pub mod table;
