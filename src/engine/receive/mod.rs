//! From segments to bytes that the application can read, and the acknowledgments that they draw.
//!
//! In: a segment of a synchronized connection. Out: data in the receive queue, a window to advertise, an ACK at once or
//! later. RFC 9293 3.10.7. Uses `send` and all above it.

pub(super) mod data;
pub(super) mod delack;
pub(super) mod fast_path;
pub(super) mod input;
pub(super) mod rcvbuf;
pub(super) mod window;
