//! Data in order that the application has not read, one buffer a segment: reading is done buffer by buffer.
//!
//! Linux counterpart: sk_receive_queue, tcp_try_coalesce, the loop of tcp_recvmsg_locked. Of the segments that come through
//! a TUN only small ones are merged: into what is left behind the data of the one before.

use std::collections::VecDeque;

use bytes::Bytes;

use super::footprint::Footprint;

/// A segment's data.
#[derive(Clone, Debug)]
struct Buffer {
    data: Bytes,
    /// What was merged behind it.
    merged: Vec<u8>,
    /// Bytes of both read already.
    read: usize,
    memory: Footprint,
}

/// What waits for the application.
#[derive(Clone, Debug, Default)]
pub(super) struct Received(VecDeque<Buffer>);

impl Received {
    /// Nothing.
    pub(super) const EMPTY: Received = Received(VecDeque::new());

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Memory that all of it occupies, bytes.
    #[cfg(test)]
    pub(super) fn truesize(&self) -> u32 {
        self.0.iter().map(|b| b.memory.truesize).sum()
    }

    /// Takes a segment's data; whether it fitted behind the data before it, and takes no memory of its own.
    pub(super) fn push(&mut self, data: Bytes, memory: Footprint) -> bool {
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

    /// Reads at most `max` bytes of the first buffer into `out`: how many, and what memory became free.
    pub(super) fn read_one(&mut self, max: usize, out: &mut Vec<u8>) -> Option<(usize, u32)> {
        let first = self.0.front_mut()?;
        let (len, from) = (first.data.len(), first.read);
        let n = max.min(len + first.merged.len() - from);
        let to = from + n;
        out.extend_from_slice(&first.data[from.min(len)..to.min(len)]);
        out.extend_from_slice(&first.merged[from.max(len) - len..to.max(len) - len]);
        first.read = to;
        if to < len + first.merged.len() {
            return Some((n, 0));
        }
        let freed = first.memory.truesize;
        self.0.pop_front();
        Some((n, freed))
    }
}
