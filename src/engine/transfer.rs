//! Data across the border to the application without a detour: sent from where it stands, received into a buffer or as
//! shared pieces.
//!
//! The same calls as [`Call::Send`](crate::call::Call::Send) and [`Call::Recv`](crate::call::Call::Recv), which own their data
//! because a scenario keeps them. Linux counterpart: the iterator of sendmsg and recvmsg.

use std::ops::Range;

use bytes::Bytes;

use super::clock::Now;
use super::host::Engine;
use super::received::Sink;
use super::tcb::Tcb;
use crate::call::{Errno, SocketId};
use crate::time::Instant;

/// A buffer that is filled from its start; what is taken fits into it.
struct Filled<'a> {
    buffer: &'a mut [u8],
    len: usize,
}

impl Sink for Filled<'_> {
    fn take(&mut self, data: &Bytes, part: Range<usize>) {
        self.take_merged(&data[part]);
    }

    fn take_merged(&mut self, data: &[u8]) {
        self.buffer[self.len..self.len + data.len()].copy_from_slice(data);
        self.len += data.len();
    }
}

impl Engine {
    /// send() of these bytes: how many were taken.
    pub fn send_slice(
        &mut self,
        at: Instant,
        socket: SocketId,
        data: &[u8],
    ) -> Result<usize, Errno> {
        self.transfer(at, socket, |tcb, now| tcb.send(now, data))
    }

    /// recv() into `buffer`: how many bytes; 0 is the end of the stream.
    pub fn recv_slice(
        &mut self,
        at: Instant,
        socket: SocketId,
        buffer: &mut [u8],
    ) -> Result<usize, Errno> {
        let max = buffer.len();
        let mut filled = Filled { buffer, len: 0 };
        self.transfer(at, socket, |tcb, now| tcb.recv(now, max, &mut filled))
    }

    /// recv() of at most `max` bytes without a copy: pieces that share the packets' memory are appended to `pieces`.
    /// Gives how many bytes they are; 0 is the end of the stream.
    pub fn recv_bytes(
        &mut self,
        at: Instant,
        socket: SocketId,
        max: usize,
        pieces: &mut Vec<Bytes>,
    ) -> Result<usize, Errno> {
        self.transfer(at, socket, |tcb, now| tcb.recv(now, max, pieces))
    }

    fn transfer(
        &mut self,
        at: Instant,
        socket: SocketId,
        f: impl FnOnce(&mut Tcb, Now) -> Result<usize, Errno>,
    ) -> Result<usize, Errno> {
        let now = self.now(at);
        let touched = self.touched.take();
        let moved = self.with_tcb(now, socket, f).unwrap_or(Err(Errno::EBADF));
        self.touched = touched;
        moved
    }
}
