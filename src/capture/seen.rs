//! What a frame of a capture shows of a TCP connection.

use std::net::{IpAddr, SocketAddr};

use crate::trace::Dir;
use crate::wire::{Flags, Options, Seq};

/// One frame of a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its number in the file, from 1, as Wireshark counts.
    pub number: u64,
    /// When it was captured, nanoseconds since the Unix epoch.
    pub at_ns: u64,
    /// Number of the interface (pcapng), from 0.
    pub interface: u32,
    /// Its direction at the machine that captured it, where the file says so (`epb_flags` of pcapng, the packet type of
    /// Linux cooked captures).
    pub dir: Option<Dir>,
    /// What is in it.
    pub content: FrameContent,
}

/// The content of a frame, as far as this program is interested in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrameContent {
    /// A TCP segment.
    Tcp(TcpSeen),
    /// An ICMP error that quotes a TCP segment.
    Icmp(IcmpSeen),
    /// Another protocol, or a later fragment of a datagram.
    Other,
    /// A frame that ends before its TCP header does, or whose headers contradict each other.
    Unreadable,
}

/// A TCP segment in a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpSeen {
    /// Its sender.
    pub src: SocketAddr,
    /// Its receiver.
    pub dst: SocketAddr,
    /// The identification field of IPv4.
    pub ip_id: Option<u16>,
    /// TTL or hop limit.
    pub ttl: u8,
    /// Sequence number.
    pub seq: Seq,
    /// Acknowledgment number; only meaningful if ACK is among the flags.
    pub ack: Seq,
    /// Flags.
    pub flags: Flags,
    /// The window field, not scaled.
    pub window: u16,
    /// The options that were captured whole.
    pub options: Options,
    /// Length of the data as the IP header tells it, bytes: the snap length does not shorten it.
    pub len: u32,
    /// A hash of those data bytes that were captured, to tell a copy from a retransmission of other data.
    pub data_hash: u64,
}

/// An ICMP error about a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IcmpSeen {
    /// Who reports the error.
    pub reporter: IpAddr,
    /// Type and code of ICMP or ICMPv6.
    pub kind: (u8, u8),
    /// Whether `kind` is that of ICMPv6.
    pub v6: bool,
    /// MTU of the next hop, where the error is "fragmentation needed" or "packet too big".
    pub mtu: Option<u32>,
    /// Sender of the segment that the error quotes: the error is sent to it.
    pub src: SocketAddr,
    /// Receiver of the segment that the error quotes.
    pub dst: SocketAddr,
    /// Sequence number of the segment that the error quotes.
    pub seq: Seq,
}
