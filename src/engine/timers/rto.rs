//! The retransmission timer: arming it, and what it does when it fires.
//!
//! RFC 6298 5. Linux counterpart: tcp_rearm_rto, tcp_retransmit_timer, tcp_done.

use crate::call::TcpState;
use crate::engine::clock::now::Now;
use crate::engine::clock::stamp::Stamp;
use crate::engine::netns::mib::Counter;
use crate::engine::tcb::cause::{ArmedFor, Text};
use crate::engine::tcb::control_block::{CaState, Tcb};
use crate::engine::tcb::outbox::Trigger;
use crate::engine::tcb::timer_slots::{Armed, Xmit};
use crate::engine::timers::giving_up::Expiry;
use crate::time::{TickSpan, Ticks};

/// How many retransmissions of a thin stream are sent without backoff.
const THIN_RETRIES: u32 = 6;

impl Tcb {
    /// Arms the timer for retransmissions and probes, for at most rto_max.
    pub(crate) fn arm_xmit(&mut self, now: Now, what: Xmit, delta: TickSpan, why: &'static str) {
        let ticks = self.sysctl.ticks;
        let old = self.timers.xmit;
        let armed = self
            .timers
            .arm_xmit(&ticks, now, what, delta.min(self.rto.max()));
        let did = match old {
            Some((w, _)) if w != what => replaces(w),
            Some(_) => "armed anew",
            None => "armed",
        };
        let told = ArmedFor::new(&armed, &ticks);
        let timer = name_of(what);
        self.note(
            now,
            false,
            Text::Armed {
                timer,
                did,
                why,
                told,
            },
        );
    }

    pub(crate) fn clear_xmit(&mut self, now: Now, why: &'static str) {
        if let Some((what, _)) = self.timers.xmit.take() {
            self.note(
                now,
                false,
                Text::Cleared {
                    timer: name_of(what),
                    why,
                },
            );
        }
    }

    /// Returns the time that is left of the RTO that began when the head of the queue was sent, us.
    pub(crate) fn rto_left_us(&self, now: Now) -> i64 {
        let sent = self.queues.rtx.front().map_or(now.us, |s| s.sent_us);
        now.us.until(sent + self.sysctl.ticks.to_us(self.rto.get()))
    }

    /// Arms the retransmission timer for what is in flight, or clears it if nothing is.
    pub(crate) fn rearm_rto(&mut self, now: Now, why: &'static str) {
        if self.packets_out == 0 {
            return self.clear_xmit(now, "nothing is out");
        }
        let replaced = matches!(self.timers.xmit, Some((Xmit::LossProbe | Xmit::Reo, _)));
        let delta = if replaced {
            self.sysctl
                .ticks
                .from_us(self.rto_left_us(now).max(1) as u64)
        } else {
            self.rto.get()
        };
        self.arm_xmit(now, Xmit::Rto, delta, why);
    }

    /// Fires every timer that is due. Each sees the state that the ones before it left.
    pub(crate) fn on_due_timers(&mut self, now: Now, ticks: &Ticks) {
        let due = |armed: Option<Armed>| armed.is_some_and(|a| a.instant(ticks) <= now.at);
        if due(self.timers.delack) {
            self.on_delack(now);
        }
        if due(self.timers.xmit.map(|(_, a)| a)) {
            self.on_xmit_timer(now);
        }
        if due(self.timers.keepalive) {
            self.on_keepalive(now);
        }
        if self.timers.comp_sack.get().is_some_and(|at| at <= now.at) {
            self.timers.comp_sack = Stamp::NONE;
            self.on_comp_sack(now);
        }
    }

    /// Handles the expiry of the timer for retransmissions and probes.
    pub(crate) fn on_xmit_timer(&mut self, now: Now) {
        let Some((what, armed)) = self.timers.xmit.take() else {
            return;
        };
        let told = self.told(&armed);
        let timer = name_of(what);
        self.note(now, true, Text::Fired { timer, told });
        match what {
            Xmit::Rto => self.on_rto(now, armed),
            // these two count as pending while they are dealt with: what follows them runs from the head's sending
            Xmit::LossProbe => {
                self.timers.xmit = Some((what, armed));
                self.on_loss_probe(
                    now,
                    Trigger::Timer(
                        Text::By {
                            timer: "loss probe timer",
                            told,
                        },
                        Some(armed),
                    ),
                );
            }
            Xmit::Reo => {
                self.timers.xmit = Some((what, armed));
                self.on_reo_timeout(
                    now,
                    Trigger::Timer(
                        Text::By {
                            timer: "reordering timer",
                            told,
                        },
                        Some(armed),
                    ),
                );
            }
            Xmit::Probe0 => self.on_probe_timer(now, armed),
        }
    }

    /// Handles a retransmission timer whose time is already over when it is computed.
    pub(crate) fn on_rto_now(&mut self, now: Now) {
        let armed = Armed::after(&self.sysctl.ticks, now, TickSpan::ZERO, None);
        self.on_rto(now, armed);
    }

    fn on_rto(&mut self, now: Now, armed: Armed) {
        let handshake = matches!(self.state, TcpState::SynSent | TcpState::SynRecv);
        if self.packets_out == 0 || self.queues.rtx.is_empty() {
            return;
        }
        let told = self.told(&armed);
        if self.snd_wnd == 0 && !self.orphan && !handshake {
            return self.on_rto_zero_window(now, armed, told);
        }
        self.net.count(Counter::TCPTimeouts);
        if self.write_timeout(now) == Expiry::GivenUp {
            return;
        }
        // the path may be dead: another one
        self.txhash.rethink();
        self.net.count(Counter::TcpTimeoutRehash);
        self.count_failure();
        self.enter_loss(now);
        self.rto.timed_out();
        let text = format!(
            "RTO {}, backoff {}: {told}{}",
            self.rto.retransmits(),
            self.rto.backoff(),
            self.until_given_up(now)
        );
        self.outbox().trigger = Trigger::Timer(text.into(), Some(armed));
        let what = match self.state {
            TcpState::SynSent => "SYN again",
            TcpState::SynRecv => "SYN-ACK again",
            _ => "retransmission",
        };
        self.retransmit_skb(now, 0, 1, what);
        self.back_off_and_rearm(now);
    }

    /// Counts the first timeout of an episode by the state in which it comes.
    fn count_failure(&self) {
        if self.rto.retransmits() > 0 {
            return;
        }
        let sack = self.rx.sack_ok;
        match self.ca_state {
            CaState::Recovery if sack => self.net.count(Counter::TCPSackRecoveryFail),
            CaState::Recovery => self.net.count(Counter::TCPRenoRecoveryFail),
            CaState::Loss => self.net.count(Counter::TCPLossFailures),
            state if state != CaState::Disorder && self.sacked_out == 0 => {}
            _ if sack => self.net.count(Counter::TCPSackFailures),
            _ => self.net.count(Counter::TCPRenoFailures),
        }
    }

    /// Handles an RTO while the peer's window is closed over data in flight: the retransmission probes the window, and
    /// does not count as a retry.
    fn on_rto_zero_window(&mut self, now: Now, armed: Armed, told: ArmedFor) {
        if let Some(rule) = self.closed_window_is_over(now, &armed) {
            return self.write_err(now, rule);
        }
        self.enter_loss(now);
        self.outbox().trigger = Trigger::Timer(
            format!("RTO with a closed window: {told}").into(),
            Some(armed),
        );
        self.retransmit_skb(now, 0, 1, "window probe");
        self.back_off_and_rearm(now);
    }

    fn back_off_and_rearm(&mut self, now: Now) {
        let thin = self.sysctl.tcp_thin_linear_timeouts != 0 || self.opt.thin_linear_timeouts;
        let initial_slow_start =
            self.w.snd_ssthresh >= crate::engine::congestion::TCP_INFINITE_SSTHRESH;
        let is_thin = self.packets_out < 4 && !initial_slow_start;
        if self.state == TcpState::Established
            && thin
            && is_thin
            && self.rto.retransmits() <= THIN_RETRIES
        {
            self.rto.stay_linear(&self.rtt, &self.sysctl.ticks);
        } else if self.state != TcpState::SynSent
            || i64::from(self.rto.total_rto()) > self.sysctl.tcp_syn_linear_timeouts
        {
            self.rto.back_off();
        }
        let delta = self.clamp_rto_to_user_timeout(now);
        self.arm_xmit(now, Xmit::Rto, delta, "backed off");
    }

    /// Shortens the last wait so that it ends with the user timeout.
    fn clamp_rto_to_user_timeout(&self, now: Now) -> TickSpan {
        let (Some(stamp), true) = (self.rto.retrans_stamp(), self.opt.user_timeout_ms > 0) else {
            return self.rto.get();
        };
        let elapsed = now.ms.since(stamp) as i64;
        let left = i64::from(self.opt.user_timeout_ms) - elapsed;
        if left <= 0 {
            TickSpan::ONE
        } else {
            self.rto.get().min(self.ms(left))
        }
    }

    /// Closes the connection (Linux: tcp_done).
    pub(crate) fn tcp_done(&mut self, now: Now) {
        if matches!(self.state, TcpState::SynSent | TcpState::SynRecv) {
            self.net.count(Counter::AttemptFails);
        }
        self.transition(TcpState::Closed);
        self.timers.clear();
        self.rcv_shutdown = true;
        self.send_shutdown = true;
        self.queues.purge();
        self.packets_out = 0;
        self.sacked_out = 0;
        self.lost_out = 0;
        self.retrans_out = 0;
        self.note(now, false, "closed");
    }
}

fn replaces(what: Xmit) -> &'static str {
    match what {
        Xmit::Rto => "replaces RTO",
        Xmit::Probe0 => "replaces window probe",
        Xmit::LossProbe => "replaces loss probe",
        Xmit::Reo => "replaces reordering timer",
    }
}

fn name_of(what: Xmit) -> &'static str {
    match what {
        Xmit::Rto => "RTO",
        Xmit::Probe0 => "window probe",
        Xmit::LossProbe => "loss probe",
        Xmit::Reo => "reordering timer",
    }
}
