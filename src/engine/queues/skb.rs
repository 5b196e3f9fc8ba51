//! Data that is written and not yet acknowledged: buffers of one or more segments, sent or not.
//!
//! Linux counterpart: `struct sk_buff` with `TCP_SKB_CB`, `sk_write_queue` and `tcp_rtx_queue`. The boundaries between
//! buffers decide what is sent as one segment, what a retransmission may merge, and which segment has PSH.

use crate::engine::clock::now::Micros;
use crate::engine::queues::payload::Data;
use crate::wire::{Flags, Seq};

/// The state of a sent buffer, as Linux's TCPCB bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// The peer has it (SACK).
    pub(crate) sacked: bool,
    /// A retransmission of it is in flight.
    pub(crate) retrans: bool,
    /// It is considered lost.
    pub(crate) lost: bool,
    /// It was retransmitted at least once.
    pub(crate) ever_retrans: bool,
}

/// A buffer: consecutive bytes that are sent together.
#[derive(Clone, Debug)]
pub(crate) struct Skb {
    pub(crate) seq: Seq,
    /// The sequence number after the data and after SYN or FIN.
    pub(crate) end_seq: Seq,
    pub(crate) flags: Flags,
    pub(crate) data: Data,
    pub(crate) marks: Marks,
    /// Number of segments in which it is sent, or 0 as long as that was not computed.
    pub(crate) pcount: u32,
    /// Bytes of each of these segments but the last (Linux: gso_size).
    pub(crate) seg_size: u32,
    /// When it was last sent.
    pub(crate) sent_us: Micros,
    /// A count of the connection's transmissions, which orders those with the same `sent_us`.
    pub(crate) sent_order: u64,
    /// Number of packets delivered when it was last sent (delivery rate, RACK).
    pub(crate) delivered: u32,
}

impl Skb {
    pub(crate) fn new(seq: Seq, flags: Flags) -> Skb {
        let control = u32::from(flags.any(Flags::SYN)) + u32::from(flags.any(Flags::FIN));
        Skb {
            seq,
            end_seq: seq + control,
            flags,
            data: Data::default(),
            marks: Marks::default(),
            pcount: 0,
            seg_size: 0,
            sent_us: Micros::default(),
            sent_order: 0,
            delivered: 0,
        }
    }

    pub(crate) fn len(&self) -> u32 {
        self.data.len() as u32
    }

    /// Recomputes the number of segments at this MSS.
    pub(crate) fn set_tso_segs(&mut self, mss: u32) -> u32 {
        self.seg_size = mss.max(1);
        self.pcount = self.len().div_ceil(self.seg_size).max(1);
        self.pcount
    }

    /// Cuts the buffer after `len` bytes and returns the rest, which keeps FIN and PSH.
    pub(crate) fn split(&mut self, len: u32, mss: u32) -> Skb {
        let mut data = std::mem::take(&mut self.data);
        let mut rest = self.clone();
        rest.data = data.split_off(len as usize);
        self.data = data;
        rest.seq = self.seq + len;
        self.end_seq = rest.seq;
        self.flags = self.flags.without(Flags::FIN | Flags::PSH);
        self.set_tso_segs(mss);
        rest.set_tso_segs(mss);
        rest
    }

    /// Returns whether this buffer was sent after an instant or, at the same instant, lies beyond `end_seq`.
    pub(crate) fn sent_after(&self, sent_us: Micros, end_seq: Seq) -> bool {
        sent_after(self.sent_us, self.end_seq, sent_us, end_seq)
    }
}

/// Returns whether the first transmission is later than the second one, in the order of RACK (RFC 8985 6.2 step 2).
pub(crate) fn sent_after(us1: Micros, end1: Seq, us2: Micros, end2: Seq) -> bool {
    us1 > us2 || (us1 == us2 && end1.after(end2))
}
