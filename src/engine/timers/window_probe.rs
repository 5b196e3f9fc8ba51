//! Zero-window probes, while data waits, nothing is in flight and the peer's window is closed.
//!
//! RFC 9293 3.8.6.1. Linux counterpart: tcp_probe_timer, tcp_send_probe0, tcp_write_wakeup.

use crate::engine::clock::now::Now;
use crate::engine::netns::mib::Counter;
use crate::engine::tcb::control_block::Tcb;
use crate::engine::tcb::outbox::Trigger;
use crate::engine::tcb::timer_slots::{Armed, Xmit};
use crate::engine::timers::giving_up::Expiry;
use crate::engine::timers::giving_up::MODEL_BASE_US;
use crate::time::TickSpan;
use crate::wire::Flags;

/// The interval doubles at most this often.
const MAX_DOUBLINGS: u32 = 10;

impl Tcb {
    pub(crate) fn probe0_base(&self) -> TickSpan {
        self.rto.get().max(self.sysctl.ticks.from_us(MODEL_BASE_US))
    }

    /// Returns the present interval between probes, in ticks.
    pub(crate) fn probe0_when(&self) -> TickSpan {
        (self.probe0_base() << self.rto.backoff().min(MAX_DOUBLINGS)).min(self.rto.max())
    }

    /// Shortens the last wait so that it ends with the user timeout.
    pub(crate) fn clamp_probe0(&self, now: Now, when: TickSpan) -> TickSpan {
        let (Some(user), Some(since)) = (self.user_timeout(), self.probes.since()) else {
            return when;
        };
        let left = user.saturating_sub(now.j.since(since)).max(TickSpan(2));
        when.min(left)
    }

    /// Handles the expiry of the probe's timer.
    pub(crate) fn on_probe_timer(&mut self, now: Now, armed: Armed) {
        if self.packets_out > 0 || self.queues.unsent.is_empty() {
            self.probes.clear();
            return;
        }
        if let Some(since) = self.probes.timer_fired(now.j)
            && let Some(rule) = self.user_timeout_of_probes(now, since)
        {
            return self.write_err(now, rule);
        }
        if let Some(rule) = self.orphan_backoff_reached() {
            return self.write_err(now, rule);
        }
        if self.orphan && self.out_of_resources(now, true) == Expiry::GivenUp {
            return;
        }
        let allowed = self.window_probes_allowed();
        if u64::from(self.probes.out()) >= allowed.value() {
            return self.write_err(now, allowed);
        }
        let text = format!(
            "{} of the {} in a row that may go unanswered, backoff {}: {}",
            self.probes.out(),
            allowed.value(),
            self.rto.backoff(),
            self.told(&armed)
        );
        self.outbox().trigger = Trigger::Timer(text.into(), Some(armed));
        self.send_probe0(now);
    }

    fn send_probe0(&mut self, now: Now) {
        self.write_wakeup(now, "window probe", Counter::TCPWinProbe);
        if self.packets_out > 0 || self.queues.unsent.is_empty() {
            self.probes.clear();
            self.rto.reset_probe_backoff();
            return;
        }
        self.probes.sent();
        self.rto.back_off_probe(self.sysctl.tcp_retries2);
        let when = self.clamp_probe0(now, self.probe0_when());
        self.arm_xmit(now, Xmit::Probe0, when, "a probe was sent");
    }

    /// Sends a segment that the peer answers: with data if the window has any space, otherwise with an old sequence
    /// number.
    pub(crate) fn write_wakeup(&mut self, now: Now, what: &'static str, counter: Counter) {
        let mss = self.current_mss();
        let end = self.wnd_end();
        let Some(head) = self.queues.unsent.front().filter(|h| h.seq.before(end)) else {
            self.net.count(counter);
            return self.transmit_bare(now, self.snd_una - 1, Flags::ACK, what);
        };
        let room = end - head.seq;
        self.pushed_seq = self.pushed_seq.max(head.end_seq);
        if room < head.end_seq - head.seq || head.len() > mss {
            let len = room.min(mss);
            let rest = self.queues.unsent[0].split(len, mss);
            self.queues.unsent.insert(1, rest);
            self.forward_alloc
                .charge(crate::engine::queues::forward_alloc::SKB_OVERHEAD);
        }
        let Some(mut skb) = self.queues.unsent.pop_front() else {
            return;
        };
        if skb.pcount == 0 {
            skb.set_tso_segs(mss);
        }
        skb.flags |= Flags::PSH;
        self.transmit(now, &mut skb, what);
        self.new_data_sent(now, skb);
    }
}
