//! The wire and the peer: sans-IO values, the same in simulation and against a kernel.
//!
//! [`FarSide`] is everything beyond the survivor's network interface. It is driven by instants that the caller
//! names and never looks at a clock: what falls due is done at its due instant, in order, however late the
//! caller comes to ask. So a late real-time loop delays what it delivers and nothing else.

mod far;
mod link;
mod peer;

pub use far::FarSide;
pub use link::{Link, To};
pub use peer::{Peer, PeerClock};
