//! Data in order that the application has not read, one buffer per segment. Reading proceeds buffer by buffer.
//!
//! Linux counterpart: sk_receive_queue, tcp_try_coalesce, the loop of tcp_recvmsg_locked. Of the segments that arrive
//! through a TUN only small ones are merged, into the space that is left behind the data of the previous one.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::Bytes;

use crate::engine::queues::truesize::Footprint;

/// The destination of the data that a recv() reads.
pub(crate) trait Sink {
    /// Takes this part of a packet's data.
    fn take(&mut self, data: &Bytes, part: Range<usize>);
    /// Takes data that several packets share.
    fn take_merged(&mut self, data: &[u8]);
}

impl Sink for Vec<u8> {
    fn take(&mut self, data: &Bytes, part: Range<usize>) {
        self.extend_from_slice(&data[part]);
    }

    fn take_merged(&mut self, data: &[u8]) {
        self.extend_from_slice(data);
    }
}

/// Pieces that share the packets' memory.
impl Sink for Vec<Bytes> {
    fn take(&mut self, data: &Bytes, part: Range<usize>) {
        if !part.is_empty() {
            self.push(data.slice(part));
        }
    }

    fn take_merged(&mut self, data: &[u8]) {
        if !data.is_empty() {
            self.push(Bytes::copy_from_slice(data));
        }
    }
}

/// The data of a segment.
#[derive(Clone, Debug)]
struct Buffer {
    data: Bytes,
    /// The data that was merged behind it.
    merged: Vec<u8>,
    /// Bytes of both that were read already.
    read: usize,
    memory: Footprint,
}

/// The data that waits for the application.
#[derive(Clone, Debug, Default)]
pub(crate) struct Received(VecDeque<Buffer>);

impl Received {
    /// Creates an empty queue.
    pub(crate) const EMPTY: Received = Received(VecDeque::new());

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the memory that the queue occupies, bytes.
    #[cfg(test)]
    pub(crate) fn truesize(&self) -> u32 {
        self.0.iter().map(|b| b.memory.truesize).sum()
    }

    /// Appends a segment's data. It returns whether the data fitted behind that of the previous segment and takes no
    /// memory of its own.
    pub(crate) fn push(&mut self, data: Bytes, memory: Footprint) -> bool {
        if data.is_empty() {
            return false;
        }
        if let Some(last) = self
            .0
            .back_mut()
            .filter(|b| data.len() <= b.memory.tailroom as usize)
        {
            last.merged.extend_from_slice(&data);
            last.memory.tailroom -= data.len() as u32;
            return true;
        }
        self.0.push_back(Buffer {
            data,
            merged: Vec::new(),
            read: 0,
            memory,
        });
        false
    }

    /// Reads at most `max` bytes of the first buffer into `out`. It returns their number and the memory that became free.
    pub(crate) fn read_one(&mut self, max: usize, out: &mut impl Sink) -> Option<(usize, u32)> {
        let first = self.0.front_mut()?;
        let (len, from) = (first.data.len(), first.read);
        let n = max.min(len + first.merged.len() - from);
        let to = from + n;
        out.take(&first.data, from.min(len)..to.min(len));
        if to > len {
            out.take_merged(&first.merged[from.max(len) - len..to - len]);
        }
        first.read = to;
        if to < len + first.merged.len() {
            return Some((n, 0));
        }
        let freed = first.memory.truesize;
        self.0.pop_front();
        Some((n, freed))
    }
}
