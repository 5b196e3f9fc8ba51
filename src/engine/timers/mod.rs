//! What each timer of a connection does when it fires, and when it is armed.
//!
//! A timer is given the present instant. It leads to a packet, a new deadline, or the end of the connection with its error.
//! RFC 6298, 8985 7, 9293 3.8. Uses `receive` and all above it.

pub(super) mod giving_up;
pub(super) mod keepalive;
pub(super) mod rto;
pub(super) mod tail_loss_probe;
pub(super) mod window_probe;
