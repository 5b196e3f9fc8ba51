//! Questions about a connection whose peer is silent. Each is answered by running the engine.
//!
//! - [`table`]: when each retransmission, probe or SYN is sent, and when the application gets its error.
//! - [`sweep`]: one scenario with every combination of several settings.
//! - [`advise`]: the smallest set of settings with which a dead peer is detected in a given time.
//! - [`phases`]: every position of the clock tick and of the timer wheel in which a run can begin. An answer is a range
//!   over all of them and not a single sample.

pub mod advise;
pub mod phases;
pub mod sweep;
pub mod table;
