//! Packets as values: the input and output of every target, and of the link between the two ends.
//!
//! Headers and checksums are smoltcp's (`smoltcp::wire`); the values are ours, because `TcpRepr` cannot hold
//! FIN with PSH, ECE and CWR, the order of options, or a fourth SACK block. A value costs no allocation beside its
//! data, which is `Bytes`: shared by clones, and on the way in a part of what the device read.

mod ends;
mod flags;
mod header;
mod icmp;
mod ip;
mod ipv4;
mod ipv6;
mod options;
mod segment;
mod seq;
mod text;

pub use flags::Flags;
pub use icmp::Icmp;
pub use ip::{Datagram, PartialChecksum, Payload};
pub use options::{OptionBody, Options, SackBlocks, TcpOption, Timestamps};
pub use segment::Segment;
pub use seq::Seq;
pub use text::one_line;

/// Why bytes could not be read as a packet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Shorter than its own headers say.
    #[error("truncated {0}")]
    Truncated(&'static str),
    /// A field has an invalid value.
    #[error("malformed {0}")]
    Malformed(&'static str),
    /// A checksum does not match.
    #[error("bad {0} checksum")]
    Checksum(&'static str),
    /// The protocol is not supported.
    #[error("unsupported {0}")]
    Unsupported(&'static str),
}

#[cfg(test)]
mod tests;
