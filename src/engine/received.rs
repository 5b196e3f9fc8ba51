//! Data in order that the application has not read, one buffer a segment: reading is done buffer by buffer.
//!
//! Linux counterpart: sk_receive_queue, the loop of tcp_recvmsg_locked. Segments that come through a TUN are not merged.

use std::collections::VecDeque;

/// A segment's data.
#[derive(Clone, Debug)]
struct Buffer {
    data: Vec<u8>,
    /// Bytes read already.
    read: usize,
    /// Memory it occupies, bytes.
    truesize: u32,
}

/// What waits for the application.
#[derive(Clone, Debug, Default)]
pub(super) struct Received(VecDeque<Buffer>);

impl Received {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Memory that all of it occupies, bytes.
    #[cfg(test)]
    pub(super) fn truesize(&self) -> u32 {
        self.0.iter().map(|b| b.truesize).sum()
    }

    pub(super) fn push(&mut self, data: &[u8], truesize: u32) {
        if !data.is_empty() {
            self.0.push_back(Buffer {
                data: data.to_vec(),
                read: 0,
                truesize,
            });
        }
    }

    /// Reads at most `max` bytes of the first buffer into `out`: how many, and what memory became free.
    pub(super) fn read_one(&mut self, max: usize, out: &mut Vec<u8>) -> Option<(usize, u32)> {
        let first = self.0.front_mut()?;
        let n = max.min(first.data.len() - first.read);
        out.extend(&first.data[first.read..first.read + n]);
        first.read += n;
        if first.read < first.data.len() {
            return Some((n, 0));
        }
        let freed = first.truesize;
        self.0.pop_front();
        if self.0.is_empty() {
            self.0 = VecDeque::new();
        }
        Some((n, freed))
    }
}
