//! Keepalive probes, and the end of a connection whose peer does not answer them.
//!
//! RFC 9293 3.8.4, RFC 1122 4.2.3.6. Linux counterpart: tcp_keepalive_timer, tcp_set_keepalive.

use crate::call::TcpState;
use crate::engine::clock::now::Now;
use crate::engine::netns::mib::Counter;
use crate::engine::tcb::cause::{ArmedFor, Text};
use crate::engine::tcb::control_block::Tcb;
use crate::engine::tcb::outbox::Trigger;
use crate::time::TickSpan;
use crate::wire::Flags;

impl Tcb {
    /// Returns the idle time before the first probe, in ticks.
    pub(crate) fn keepalive_time(&self) -> TickSpan {
        let s = self
            .opt
            .keepidle_s
            .map_or(self.sysctl.tcp_keepalive_time, i64::from);
        self.ms(s * 1_000)
    }

    fn keepalive_intvl(&self) -> TickSpan {
        let s = self
            .opt
            .keepintvl_s
            .map_or(self.sysctl.tcp_keepalive_intvl, i64::from);
        self.ms(s * 1_000)
    }

    pub(crate) fn keepalive_probes(&self) -> u32 {
        self.opt
            .keepcnt
            .unwrap_or(self.sysctl.tcp_keepalive_probes as u32)
    }

    /// Returns for how long nothing has arrived, in ticks.
    pub(crate) fn keepalive_elapsed(&self, now: Now) -> TickSpan {
        let data = self.delack.lrcvtime();
        let since = data.map_or(self.rcv_tstamp, |data| data.max(self.rcv_tstamp));
        now.j.since(since)
    }

    pub(crate) fn reset_keepalive(&mut self, now: Now, delta: TickSpan, why: &'static str) {
        let ticks = self.sysctl.ticks;
        let armed = self.timers.arm_keepalive(&ticks, now, delta);
        self.note(
            now,
            false,
            Text::Armed {
                timer: "keepalive",
                did: "armed",
                why,
                told: ArmedFor::new(&armed, &ticks),
            },
        );
    }

    /// Handles a change of SO_KEEPALIVE.
    pub(crate) fn set_keepalive(&mut self, now: Now, on: bool) {
        if matches!(self.state, TcpState::Closed | TcpState::Listen) {
            return;
        }
        if on && !self.opt.keepalive {
            self.reset_keepalive(now, self.keepalive_time(), "SO_KEEPALIVE was set");
        } else if !on {
            self.timers.keepalive = None;
        }
    }

    /// Handles the expiry of the keepalive timer.
    pub(crate) fn on_keepalive(&mut self, now: Now) {
        let Some(armed) = self.timers.keepalive.take() else {
            return;
        };
        let told = self.told(&armed);
        let timer = "keepalive";
        self.note(now, true, Text::Fired { timer, told });
        if self.state == TcpState::FinWait2 && self.orphan {
            return self.on_fin_wait2_timer(now);
        }
        if !self.opt.keepalive || matches!(self.state, TcpState::Closed | TcpState::SynSent) {
            return;
        }
        let idle = self.keepalive_time();
        if self.packets_out > 0 || !self.queues.unsent.is_empty() {
            return self.reset_keepalive(now, idle, "data waits, so retransmission watches");
        }
        let elapsed = self.keepalive_elapsed(now);
        if elapsed < idle {
            return self.reset_keepalive(now, idle - elapsed, "something was heard meanwhile");
        }
        if let Some(rule) = self.keepalive_is_over(elapsed) {
            self.outbox().trigger = Trigger::Timer(
                format!("keepalive gives up ({rule}): {told}").into(),
                Some(armed),
            );
            self.send_active_reset(now);
            return self.write_err(now, rule);
        }
        let text = Text::Counted {
            what: "keepalive probe",
            n: self.probes.out() + 1,
            most: self.keepalive_probes(),
            told,
        };
        self.outbox().trigger = Trigger::Timer(text, Some(armed));
        self.write_wakeup(now, "keepalive probe", Counter::TCPKeepAlive);
        self.probes.sent();
        self.reset_keepalive(now, self.keepalive_intvl(), "a probe was sent");
    }

    /// Sends a RST that answers no segment (Linux: tcp_send_active_reset).
    pub(crate) fn send_active_reset(&mut self, now: Now) {
        self.net.count(Counter::OutRsts);
        let seq = self.acceptable_seq();
        self.transmit_bare(now, seq, Flags::RST | Flags::ACK, "RST");
    }
}
