//! shutdown(), close() and the life of a connection that no application holds any more.
//!
//! RFC 9293 3.10.4, RFC 1122 4.2.2.13. Linux counterpart: tcp_shutdown, __tcp_close, tcp_send_fin, tcp_fin_time.

use crate::call::{Errno, TcpState};
use crate::engine::clock::now::Now;
use crate::engine::netns::mib::Counter;
use crate::engine::queues::skb::Skb;
use crate::engine::send::output::Push;
use crate::engine::tcb::control_block::Tcb;
use crate::engine::tcb::give_up_rule::GiveUpRule;
use crate::engine::tcb::outbox::Trigger;
use crate::time::TickSpan;
use crate::wire::Flags;

/// Life of TIME_WAIT, ms.
pub(crate) const TIMEWAIT_LEN_MS: u64 = 60_000;

impl Tcb {
    /// The FIN rides on what waits to be sent, else it is a segment of its own.
    fn send_fin(&mut self, now: Now) {
        self.write_seq += 1;
        match self.queues.unsent.back_mut() {
            Some(tail) => {
                tail.flags |= Flags::FIN;
                tail.end_seq += 1;
            }
            None => {
                self.forward_alloc
                    .charge(crate::engine::queues::forward_alloc::SKB_OVERHEAD);
                let fin = Skb::new(self.write_seq - 1, Flags::FIN | Flags::ACK);
                self.queues.unsent.push_back(fin);
            }
        }
        self.push_pending_frames(now, Push::NagleOff);
    }

    /// The state after our FIN; none where there is none to send.
    fn state_after_fin(&self) -> Option<TcpState> {
        match self.state {
            TcpState::SynRecv | TcpState::Established => Some(TcpState::FinWait1),
            TcpState::CloseWait => Some(TcpState::LastAck),
            _ => None,
        }
    }

    /// shutdown(SHUT_WR).
    pub(crate) fn shutdown_write(&mut self, now: Now) -> Result<(), Errno> {
        self.outbox().trigger = Trigger::Call("shutdown()");
        match self.state {
            TcpState::Closed | TcpState::Listen => return Err(Errno::ENOTCONN),
            TcpState::SynSent => {
                self.sk_err = Some(Errno::ECONNRESET);
                self.disconnect();
                return Ok(());
            }
            _ => {}
        }
        self.send_shutdown = true;
        if let Some(next) = self.state_after_fin() {
            self.transition(next);
            self.send_fin(now);
        }
        Ok(())
    }

    /// Back to an unconnected socket: nothing is shut down.
    fn disconnect(&mut self) {
        self.transition(TcpState::Closed);
        self.timers.clear();
        self.queues.purge();
        self.packets_out = 0;
        self.rcv_shutdown = false;
        self.send_shutdown = false;
    }

    /// close(), or the process's end.
    pub(crate) fn close(&mut self, now: Now, call: &'static str) {
        self.outbox().trigger = Trigger::Call(call);
        self.rcv_shutdown = true;
        self.send_shutdown = true;
        let unread = !self.queues.received.is_empty();
        self.queues.received = crate::engine::queues::receive_queue::Received::default();
        self.fin_queued = false;
        self.rmem_alloc = self.reassembly.truesize();
        if matches!(
            self.state,
            TcpState::Closed | TcpState::SynSent | TcpState::Listen
        ) {
            self.become_orphan();
            if self.state != TcpState::Closed {
                // given up, not failed: it is not counted in AttemptFails
                self.transition(TcpState::Closed);
                self.tcp_done(now);
            }
            return;
        }
        let needs_reset = !matches!(
            self.state,
            TcpState::LastAck | TcpState::Closing | TcpState::TimeWait
        );
        if unread || (self.opt.linger_s == Some(0) && needs_reset) {
            let abort = if unread {
                Counter::TCPAbortOnClose
            } else {
                Counter::TCPAbortOnData
            };
            self.net.count(abort);
            let why = if unread {
                "close() with unread data"
            } else {
                "close() with SO_LINGER 0"
            };
            self.outbox().trigger = Trigger::Call(why);
            self.send_active_reset(now);
            self.become_orphan();
            return self.tcp_done(now);
        }
        if let Some(next) = self.state_after_fin() {
            self.transition(next);
            self.send_fin(now);
        }
        self.become_orphan();
        if self.state == TcpState::FinWait2 {
            if self.opt.linger2.is_some_and(|s| s < 0) {
                self.net.count(Counter::TCPAbortOnLinger);
                self.send_active_reset(now);
                return self.tcp_done(now);
            }
            self.orphan_fin_wait2(now, false);
        }
        if self.state != TcpState::Closed && self.outbox().becomes_timewait.is_none() {
            self.abort_if_too_many(now);
        }
    }

    /// The listener was closed before anybody accepted this connection.
    pub(crate) fn abort_unaccepted(&mut self, now: Now) {
        self.outbox().trigger = Trigger::Call("close() of the listener");
        self.become_orphan();
        if self.state != TcpState::Closed {
            self.send_active_reset(now);
            self.tcp_done(now);
        }
    }

    /// How long an orphan may wait for the peer's FIN, ticks.
    fn fin_time(&self) -> TickSpan {
        let s = self
            .opt
            .linger2
            .filter(|s| *s > 0)
            .map_or(self.sysctl.tcp_fin_timeout, i64::from);
        let rtos = (self.rto.get() << 2) - (self.rto.get() >> 1);
        self.ms(s * 1_000).max(rtos)
    }

    /// The rule behind [`fin_time`](Self::fin_time).
    pub(crate) fn fin_rule(&self) -> GiveUpRule {
        match self.opt.linger2.filter(|s| *s > 0) {
            Some(s) => GiveUpRule::Linger2(s as u32),
            None => GiveUpRule::FinTimeout(self.sysctl.tcp_fin_timeout as u32),
        }
    }

    /// An orphan reaches FIN_WAIT2: most of the wait is spent without the full socket.
    pub(crate) fn orphan_fin_wait2(&mut self, now: Now, with_fin: bool) {
        let time = self.fin_time();
        let timewait = self.sysctl.ticks.from_ms(TIMEWAIT_LEN_MS);
        if time > timewait {
            self.reset_keepalive(now, time - timewait, "an orphan waits in FIN_WAIT2");
        } else if with_fin {
            self.reset_keepalive(now, time, "an orphan waits in FIN_WAIT2");
        } else {
            self.become_timewait(TcpState::FinWait2, time);
        }
    }

    /// The wait on the full socket is over.
    pub(crate) fn on_fin_wait2_timer(&mut self, now: Now) {
        if self.opt.linger2.is_none_or(|s| s >= 0) {
            let left = self
                .fin_time()
                .saturating_sub(self.sysctl.ticks.from_ms(TIMEWAIT_LEN_MS));
            if left > TickSpan::ZERO {
                return self.become_timewait(TcpState::FinWait2, left);
            }
        }
        self.outbox().trigger =
            Trigger::Timer("nobody waits for the peer's FIN any more".into(), None);
        self.send_active_reset(now);
        self.note_given_up(now, self.fin_rule(), None);
        self.tcp_done(now);
    }

    /// Asks the host for a timewait sock in this one's place.
    fn become_timewait(&mut self, state: TcpState, time: TickSpan) {
        self.outbox().becomes_timewait = Some((state, time));
    }
}
