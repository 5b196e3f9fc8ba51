//! Receive offload: consecutive segments of one connection that were read together become one before TCP sees them.
//!
//! Linux counterpart: tcp_gro_receive, skb_gro_receive. As in Linux, the merged segments differ only in sequence number
//! and length, all but the last have the same size, and PSH or FIN ends the merging.

use std::ops::Range;

use bytes::Bytes;

use crate::wire::{Datagram, Flags, Payload, Seq};

/// Largest datagram, bytes.
const IP_MAX: usize = 65_535;
/// Space for the headers in front of the merged data, bytes.
const MAX_HEADERS: usize = 60 + 60;

/// A segment that is held back to be merged with what follows.
#[derive(Debug)]
struct Held {
    /// The segment without its data, which is at the start of the buffer.
    datagram: Datagram,
    len: usize,
    seg_size: usize,
    segments: usize,
    next_seq: Seq,
}

/// Merges the segments that are read.
#[derive(Debug)]
pub(crate) struct Gro {
    /// The data that is held, followed by the datagram that was just read.
    room: Vec<u8>,
    held: Option<Held>,
}

/// The datagram that was read is not TCP or cannot be parsed. It is at the start of the buffer until the next datagram is
/// put there.
#[derive(Debug)]
pub(crate) struct NotTcp;

impl Gro {
    /// Creates one that holds nothing.
    pub(crate) fn new() -> Gro {
        Gro {
            room: vec![0; 2 * IP_MAX],
            held: None,
        }
    }

    fn held_len(&self) -> usize {
        self.held.as_ref().map_or(0, |h| h.len)
    }

    /// Returns the buffer into which the next datagram is to be read.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        let from = self.held_len();
        &mut self.room[from..]
    }

    /// Takes the datagram of `len` bytes that was put into the buffer. Segments that are complete go to `out`, in order.
    pub(crate) fn push(&mut self, len: usize, out: &mut Vec<Datagram>) -> Result<(), NotTcp> {
        let from = self.held_len();
        let at = from..from + len;
        let Some((datagram, data)) = parsed(&self.room[at.clone()]) else {
            self.flush(out);
            self.room.copy_within(at, 0);
            return Err(NotTcp);
        };
        let data = from + data.start..from + data.end;
        if self.follows(&datagram, data.len()) {
            self.append(&datagram, data);
        } else {
            self.flush(out);
            self.hold(datagram, data);
        }
        if self.is_complete() {
            self.flush(out);
        }
        Ok(())
    }

    /// Moves what is held to `out`, because nothing follows for now.
    pub(crate) fn flush(&mut self, out: &mut Vec<Datagram>) {
        let Some(mut held) = self.held.take() else {
            return;
        };
        if let Payload::Tcp(segment) = &mut held.datagram.payload {
            segment.payload = Bytes::copy_from_slice(&self.room[..held.len]);
        }
        if held.segments > 1 {
            held.datagram.gso_size = held.seg_size as u16;
        }
        out.push(held.datagram);
    }

    fn hold(&mut self, datagram: Datagram, data: Range<usize>) {
        let Some(segment) = datagram.segment() else {
            return;
        };
        let len = data.len();
        self.held = Some(Held {
            len,
            seg_size: len,
            segments: 1,
            next_seq: segment.seq + len as u32,
            datagram,
        });
        self.room.copy_within(data, 0);
    }

    fn follows(&self, next: &Datagram, len: usize) -> bool {
        let Some(held) = &self.held else {
            return false;
        };
        let (Some(a), Some(b)) = (held.datagram.segment(), next.segment()) else {
            return false;
        };
        let last_flags = Flags::PSH | Flags::FIN;
        len > 0
            && len <= held.seg_size
            && held.len + len + MAX_HEADERS <= IP_MAX
            && b.seq == held.next_seq
            && (b.ack, b.window, b.src_port, b.dst_port)
                == (a.ack, a.window, a.src_port, a.dst_port)
            && b.flags.without(last_flags) == a.flags
            && b.options == a.options
            && (next.src, next.dst) == (held.datagram.src, held.datagram.dst)
            && (next.ttl, next.tos, next.dont_frag)
                == (
                    held.datagram.ttl,
                    held.datagram.tos,
                    held.datagram.dont_frag,
                )
    }

    fn append(&mut self, next: &Datagram, data: Range<usize>) {
        let (Some(held), Some(next)) = (&mut self.held, next.segment()) else {
            return;
        };
        let len = data.len();
        self.room.copy_within(data, held.len);
        held.len += len;
        held.segments += 1;
        held.next_seq += len as u32;
        if let Payload::Tcp(segment) = &mut held.datagram.payload {
            segment.flags |= next.flags;
        }
    }

    /// Returns whether the segment that is held can have no continuation.
    fn is_complete(&self) -> bool {
        let Some(held) = &self.held else {
            return false;
        };
        let plain = held
            .datagram
            .segment()
            .is_some_and(|s| s.flags == Flags::ACK);
        !plain || held.len == 0 || held.len % held.seg_size != 0
    }
}

/// Returns the headers of a TCP segment and the place of its data, or `None` if the bytes are no valid TCP segment.
fn parsed(bytes: &[u8]) -> Option<(Datagram, Range<usize>)> {
    let (datagram, data) = Datagram::parse_headers(bytes).ok()?;
    datagram.segment().is_some().then_some((datagram, data))
}

#[cfg(test)]
mod tests;
