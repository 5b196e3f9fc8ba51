//! The application's calls on a connection: send, recv, poll, SO_ERROR.
//!
//! Linux counterpart: tcp_sendmsg_locked, tcp_recvmsg_locked, tcp_poll, sk_stream_memory_free.

use crate::call::{Errno, Readiness, TcpState};
use crate::engine::clock::now::Now;
use crate::engine::queues::forward_alloc::SKB_OVERHEAD;
use crate::engine::queues::receive_queue::Sink;
use crate::engine::queues::skb::Skb;
use crate::engine::send::output::{GSO_MAX_SIZE, Push};
use crate::engine::tcb::control_block::Tcb;
use crate::engine::tcb::outbox::Trigger;
use crate::wire::Flags;

impl Tcb {
    /// Largest buffer that a write fills, bytes: whole segments, at most half of the peer's window.
    fn size_goal(&self, mss: u32) -> u32 {
        let most = self.bound_to_half_wnd(GSO_MAX_SIZE);
        (most / mss * mss).max(mss)
    }

    /// send(): how many bytes were taken.
    pub(crate) fn send(&mut self, now: Now, data: &[u8]) -> Result<usize, Errno> {
        self.outbox().trigger = Trigger::Call("send()");
        if !matches!(self.state, TcpState::Established | TcpState::CloseWait) {
            return match self.sk_err.take() {
                Some(errno) => Err(errno),
                None if matches!(self.state, TcpState::SynSent | TcpState::SynRecv) => {
                    Err(Errno::EAGAIN)
                }
                None => Err(Errno::EPIPE),
            };
        }
        if self.sk_err.is_some() || self.send_shutdown {
            return Err(self.sk_err.take().unwrap_or(Errno::EPIPE));
        }
        let taken = self.write(now, data);
        self.no_space.set(self.no_space.get() || taken < data.len());
        if taken == 0 && !data.is_empty() {
            return Err(Errno::EAGAIN);
        }
        Ok(taken)
    }

    fn write(&mut self, now: Now, data: &[u8]) -> usize {
        self.refresh_path(now);
        let mss = self.current_mss();
        let goal = self.size_goal(mss);
        let mut taken = 0;
        while taken < data.len() {
            let room = self
                .queues
                .unsent
                .back()
                .map_or(0, |s| goal.saturating_sub(s.len()));
            if room == 0 {
                if self.wmem_queued() >= self.sndbuf || self.memory_is_short(SKB_OVERHEAD) {
                    break;
                }
                self.slow_start_after_idle_check(now);
                let skb = Skb::new(self.write_seq, Flags::ACK);
                self.queues.unsent.push_back(skb);
                self.forward_alloc.charge(SKB_OVERHEAD);
                continue;
            }
            let n = (room as usize).min(data.len() - taken);
            let Some(tail) = self.queues.unsent.back_mut() else {
                break;
            };
            tail.data.extend_from_slice(&data[taken..taken + n]);
            tail.end_seq += n as u32;
            tail.pcount = 0;
            if taken == 0 {
                // the push of an earlier write is taken back: this one ends elsewhere
                tail.flags = tail.flags.without(Flags::PSH);
            }
            self.write_seq += n as u32;
            self.forward_alloc.charge(n as u32);
            taken += n;
            if taken < data.len() {
                self.push_full_buffer(now, goal);
            }
        }
        if taken > 0 {
            self.mark_push();
            self.push_pending_frames(now, Push::Normal);
        }
        taken
    }

    /// In the middle of a large write: half a window's worth is pushed, the first buffer leaves.
    fn push_full_buffer(&mut self, now: Now, goal: u32) {
        if self.queues.unsent.back().is_none_or(|s| s.len() < goal) {
            return;
        }
        if self
            .write_seq
            .after(self.pushed_seq + (self.max_window >> 1))
        {
            self.mark_push();
            self.push_pending_frames(now, Push::Now);
        } else if self.queues.unsent.len() == 1 {
            let mss = self.current_mss();
            self.write_xmit(now, mss, Push::One);
        }
    }

    fn mark_push(&mut self) {
        if let Some(tail) = self.queues.unsent.back_mut() {
            tail.flags |= Flags::PSH;
            self.pushed_seq = self.write_seq;
        }
    }

    /// recv() into `out`: how many bytes; 0 is the end of the stream.
    pub(crate) fn recv(
        &mut self,
        now: Now,
        max: usize,
        out: &mut impl Sink,
    ) -> Result<usize, Errno> {
        self.outbox().trigger = Trigger::Call("recv()");
        if !self.queues.received.is_empty() {
            return Ok(self.read(now, max, out));
        }
        if self.done {
            self.fin_queued = false;
            if self.copied_seq.before(self.rcv_nxt) {
                self.copied_seq = self.rcv_nxt;
            }
            return Ok(0);
        }
        if let Some(errno) = self.sk_err.take() {
            return Err(errno);
        }
        if self.rcv_shutdown {
            return Ok(0);
        }
        match self.state {
            TcpState::Closed | TcpState::Listen => Err(Errno::ENOTCONN),
            _ => Err(Errno::EAGAIN),
        }
    }

    /// getsockopt(SO_ERROR): the error, else a remembered ICMP error; both are cleared by it.
    pub(crate) fn so_error(&mut self) -> Option<Errno> {
        self.sk_err.take().or_else(|| self.sk_err_soft.take())
    }

    /// poll().
    pub(crate) fn readiness(&self) -> Readiness {
        let connecting = matches!(self.state, TcpState::SynSent | TcpState::SynRecv);
        let closed = self.state == TcpState::Closed;
        let hangup = closed || (self.rcv_shutdown && self.send_shutdown);
        let mut readiness = Readiness {
            readable: self.rcv_shutdown,
            writable: false,
            error: self.sk_err.is_some(),
            hangup,
        };
        if !connecting {
            readiness.readable |= !self.queues.received.is_empty();
            readiness.writable = self.send_shutdown || self.is_writeable();
            // asking is enough to be waiting: the buffer will grow for it
            self.no_space
                .set(self.no_space.get() || !readiness.writable);
        }
        readiness
    }
}
