//! Captures that other programs made (tcpdump, Wireshark), read frame by frame from a stream.
//!
//! Unlike [`trace`](crate::trace), which reads the recordings of this program as a whole, this module expects anything: many
//! connections, several interfaces, frames that were cut off by a snap length, packets that were segmented by the network
//! card. It keeps no frame after it has returned it, so a capture of any size is read with the memory of its largest frame.

mod seen;

pub use seen::{Frame, FrameContent, IcmpSeen, TcpSeen};
