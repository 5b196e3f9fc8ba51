//! Data that arrived out of order, and the SACK blocks that report it to the peer.
//!
//! RFC 2018 4, RFC 2883. Linux counterpart: tcp_data_queue_ofo, tcp_sack_new_ofo_skb, tcp_ofo_queue.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::wire::{SackBlocks, Seq};

/// Number of blocks that are remembered (they fill the option if there are no timestamps).
const NUM_SACKS: usize = 4;

/// A range of data that arrived out of order.
#[derive(Clone, Debug)]
pub(crate) struct Early {
    pub(crate) seq: Seq,
    pub(crate) end_seq: Seq,
    pub(crate) fin: bool,
    pub(crate) data: Bytes,
    pub(crate) memory: crate::engine::queues::truesize::Footprint,
}

/// What happened to a range that was inserted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inserted {
    /// The part that was already there.
    pub(crate) overlap: Option<(Seq, Seq)>,
    /// Memory of ranges that were not kept, bytes.
    pub(crate) freed: u32,
    /// Whether all of the range was already there.
    pub(crate) contained: bool,
}

/// The ranges and the blocks, allocated only while there are any.
#[derive(Clone, Debug, Default)]
struct Held {
    /// The ranges by sequence number. They may touch, but none contains another.
    queue: VecDeque<Early>,
    /// The blocks, the most recently changed first (RFC 2018 4).
    blocks: Vec<(Seq, Seq)>,
}

/// The queue of data that arrived out of order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reassembly {
    /// The ranges, or `None` while nothing is out of order and no block is left.
    held: Option<Box<Held>>,
    /// A duplicate to report in the next segment.
    pub(crate) dsack: Option<(Seq, Seq)>,
    /// ACKs that were held back since the first three (Linux: compressed_ack).
    pub(crate) compressed: u32,
    pub(crate) compressed_at: Option<Seq>,
    pub(crate) dup_acks: u32,
}

static NOTHING: Held = Held {
    queue: VecDeque::new(),
    blocks: Vec::new(),
};

impl Reassembly {
    fn held(&self) -> &Held {
        self.held.as_deref().unwrap_or(&NOTHING)
    }

    fn held_mut(&mut self) -> &mut Held {
        self.held.get_or_insert_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.held().queue.is_empty()
    }

    /// Returns the blocks to report, the duplicate first, at most `room`.
    pub(crate) fn sack_blocks(&self, room: usize) -> SackBlocks {
        self.dsack
            .iter()
            .chain(&self.held().blocks)
            .take(room)
            .copied()
            .collect()
    }

    /// Returns the right edge of the highest block.
    pub(crate) fn highest_edge(&self) -> Option<Seq> {
        self.held().blocks.iter().map(|b| b.1).reduce(Seq::max)
    }

    /// Inserts a range, unless all of it is already there.
    pub(crate) fn insert(&mut self, early: Early, sack: bool) -> Inserted {
        let (seq, end_seq) = (early.seq, early.end_seq);
        let before = self.truesize() + early.memory.truesize;
        let queue = &mut self.held_mut().queue;
        let contained = queue
            .iter()
            .any(|e| !seq.before(e.seq) && !end_seq.after(e.end_seq));
        let overlap = overlap(queue, seq, end_seq);
        if !contained {
            queue.retain(|e| e.seq.before(seq) || e.end_seq.after(end_seq));
            let at = queue
                .iter()
                .position(|e| e.seq.after(seq))
                .unwrap_or(queue.len());
            queue.insert(at, early);
        }
        if sack {
            self.add_block(seq, end_seq);
        }
        Inserted {
            overlap,
            freed: before - self.truesize(),
            contained,
        }
    }

    /// Returns the memory that all ranges occupy, bytes.
    pub(crate) fn truesize(&self) -> u32 {
        let queue = &self.held().queue;
        queue.iter().map(|e| e.memory.truesize).sum()
    }

    fn add_block(&mut self, seq: Seq, end_seq: Seq) {
        let touches = |b: &(Seq, Seq)| !seq.after(b.1) && !b.0.after(end_seq);
        let blocks = &mut self.held_mut().blocks;
        match blocks.iter().position(touches) {
            Some(i) => {
                let b = blocks.remove(i);
                blocks.insert(0, (b.0.min(seq), b.1.max(end_seq)));
                self.coalesce();
            }
            None => {
                blocks.truncate(NUM_SACKS - 1);
                blocks.insert(0, (seq, end_seq));
            }
        }
    }

    /// Merges the first block with the blocks that it has reached.
    fn coalesce(&mut self) {
        let blocks = &mut self.held_mut().blocks;
        let mut first = blocks[0];
        let mut rest = blocks.split_off(1);
        rest.retain(|b| {
            let touches = !first.0.after(b.1) && !b.0.after(first.1);
            if touches {
                first = (first.0.min(b.0), first.1.max(b.1));
            }
            !touches
        });
        blocks[0] = first;
        blocks.append(&mut rest);
    }

    /// Returns the next range that `rcv_nxt` has reached, and drops older ones.
    pub(crate) fn take_ready(&mut self, rcv_nxt: Seq) -> Option<Early> {
        let queue = &mut self.held.as_mut()?.queue;
        if queue.front()?.seq.after(rcv_nxt) {
            None
        } else {
            queue.pop_front()
        }
    }

    /// Forgets blocks that `rcv_nxt` has passed.
    pub(crate) fn forget_blocks(&mut self, rcv_nxt: Seq) {
        match &mut self.held {
            Some(held) if !held.queue.is_empty() => held.blocks.retain(|b| b.0.after(rcv_nxt)),
            _ => self.held = None,
        }
    }

    /// Drops everything, because the peer's FIN arrived in order or the connection is over.
    pub(crate) fn purge(&mut self) -> u32 {
        let freed = self.truesize();
        *self = Reassembly {
            dsack: self.dsack,
            ..Reassembly::default()
        };
        freed
    }
}

/// Returns the part of the range that is already there.
fn overlap(queue: &VecDeque<Early>, seq: Seq, end_seq: Seq) -> Option<(Seq, Seq)> {
    let e = queue
        .iter()
        .find(|e| e.seq.before(end_seq) && seq.before(e.end_seq))?;
    Some((e.seq.max(seq), e.end_seq.min(end_seq)))
}
