//! Captures that other programs made (tcpdump, Wireshark), read frame by frame from a stream.
//!
//! Unlike [`trace`](crate::trace), which reads the recordings of this program as a whole, this module expects anything: many
//! connections, several interfaces, frames that were cut off by a snap length, packets that were segmented by the network
//! card. It keeps no frame after it has returned it, so a capture of any size is read with the memory of its largest frame.
//!
//! This is our own code and not a crate's. pcap-parser 0.17 allocates a list of options for each frame, reads the options of
//! big-endian files (if_tsoffset, epb_flags) as little-endian, knows no obsolete packet blocks, and does not say at which byte
//! a file is damaged. etherparse 0.21 and smoltcp refuse a TCP header whose options were cut off by the snap length.

mod annotate;
mod block;
mod clock;
mod counts;
mod error;
mod ether_type;
mod format;
mod icmp;
mod input;
mod ip;
mod link;
mod opening;
mod packet;
mod part;
mod pcap;
mod pcapng;
mod reader;
mod record;
mod seen;
mod tcp;

pub use annotate::{AnnotateError, Annotated, annotate};
pub use counts::{Counts, Ending};
pub use error::CaptureReadError;
pub use reader::Reader;
pub use seen::{Frame, FrameContent, IcmpSeen, TcpSeen};

#[cfg(test)]
mod made;
