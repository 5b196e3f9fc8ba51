//! The link and the peer, as values without I/O. They are the same in a simulation and against a kernel.
//!
//! [`FarSide`] is everything beyond the survivor's network interface. The caller passes the instants, and nothing here
//! reads a clock: each event takes place at its due instant, in order, however late the caller asks for it. A real-time
//! loop that is late therefore delays what it delivers, and nothing else.

mod far;
mod link;
mod middlebox;
mod peer;

pub use far::FarSide;
pub use link::{Link, To};
pub use peer::{Peer, PeerClock};
