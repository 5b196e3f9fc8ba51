//! What is written and not yet acknowledged: buffers of one or more segments, unsent or sent.
//!
//! Linux counterpart: `struct sk_buff` with `TCP_SKB_CB`, `sk_write_queue` and `tcp_rtx_queue`. Boundaries between
//! buffers decide what leaves as one segment, what a retransmission may merge, and where PSH stands.

use crate::engine::clock::now::Micros;
use crate::engine::queues::payload::Data;
use crate::wire::{Flags, Seq};

/// What is known of a sent buffer: Linux's TCPCB bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// The peer holds it (SACK).
    pub(crate) sacked: bool,
    /// A retransmission of it is under way.
    pub(crate) retrans: bool,
    /// Held lost.
    pub(crate) lost: bool,
    /// It was retransmitted at least once.
    pub(crate) ever_retrans: bool,
}

/// A buffer: consecutive bytes that are sent together.
#[derive(Clone, Debug)]
pub(crate) struct Skb {
    pub(crate) seq: Seq,
    /// After the data and after SYN or FIN.
    pub(crate) end_seq: Seq,
    pub(crate) flags: Flags,
    pub(crate) data: Data,
    pub(crate) marks: Marks,
    /// Segments that it leaves as; 0 before it was first looked at.
    pub(crate) pcount: u32,
    /// Bytes of each of them but the last (Linux: gso_size).
    pub(crate) seg_size: u32,
    /// When it was last sent.
    pub(crate) sent_us: Micros,
    /// Counts transmissions of the connection: ties in `sent_us` are broken by it.
    pub(crate) sent_order: u64,
    /// Packets delivered when it was last sent (delivery rate, RACK).
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

    /// Recounts the segments at this MSS.
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

    /// Whether this buffer was sent after an instant and, at the same instant, lies beyond `end_seq`.
    pub(crate) fn sent_after(&self, sent_us: Micros, end_seq: Seq) -> bool {
        sent_after(self.sent_us, self.end_seq, sent_us, end_seq)
    }
}

/// RACK's order of transmissions (RFC 8985 6.2 step 2).
pub(crate) fn sent_after(us1: Micros, end1: Seq, us2: Micros, end2: Seq) -> bool {
    us1 > us2 || (us1 == us2 && end1.after(end2))
}
