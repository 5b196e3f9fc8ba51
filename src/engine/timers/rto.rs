//! The retransmission timer: arming it, what it does when it fires, and when a connection is given up.
//!
//! RFC 6298 5, RFC 9293 3.8.3, RFC 5482. Linux counterpart: tcp_rearm_rto, tcp_retransmit_timer, tcp_write_timeout,
//! retransmits_timed_out, tcp_write_err.

use crate::call::{Errno, TcpState};
use crate::engine::clock::now::Now;
use crate::engine::clock::stamp::Stamp;
use crate::engine::netns::mib::Counter;
use crate::engine::tcb::cause::{ArmedFor, Text};
use crate::engine::tcb::control_block::{CaState, Tcb};
use crate::engine::tcb::outbox::Trigger;
use crate::engine::tcb::timer_slots::{Armed, Xmit};
use crate::time::{TickSpan, Ticks};

/// What the model of a timeout is built on: always this, whatever rto_min is.
pub(crate) const MODEL_BASE_US: u64 = 200_000;
/// The same for a SYN.
const MODEL_BASE_SYN_US: u64 = 1_000_000;
/// Resends of a thin stream that are not backed off.
const THIN_RETRIES: u32 = 6;

/// The time that `retries` doublings from `base_us` take, capped at `rto_max_us` each; ticks.
///
/// Linux turns a count of retries into this time, and gives up when it has passed since the first retransmission.
pub fn model_timeout(ticks: &Ticks, retries: u32, base_us: u64, rto_max_us: u64) -> TickSpan {
    let doublings = (rto_max_us / base_us).max(1).ilog2();
    let us = if retries <= doublings {
        ((2_u64 << retries) - 1) * base_us
    } else {
        ((2_u64 << doublings) - 1) * base_us + u64::from(retries - doublings) * rto_max_us
    };
    ticks.from_us(us)
}

impl Tcb {
    /// Arms the transmit timer, never for longer than rto_max.
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

    /// Time left of the RTO that began when the head was sent, us.
    pub(crate) fn rto_left_us(&self, now: Now) -> i64 {
        let sent = self.queues.rtx.front().map_or(now.us, |s| s.sent_us);
        now.us.until(sent + self.sysctl.ticks.to_us(self.rto.get()))
    }

    /// The retransmission timer follows what is out.
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

    /// Fires every timer that is due, each with what the ones before it left.
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

    /// The transmit timer fired.
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

    /// The time of the retransmission timer turned out to be over already.
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
        if self.write_timeout(now) {
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
            self.until_death(now)
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

    /// The first timeout of an episode: what was going on?
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

    /// `; gives up 12.6 s after the first retransmission, 3.2 s of them passed`.
    fn until_death(&self, now: Now) -> String {
        if self.opt.retries_are_counted && self.opt.user_timeout_ms == 0 {
            return format!("; given up after {}", self.retries().0);
        }
        let limit = self.give_up_after_ms() as f64 / 1e3;
        let passed = self
            .rto
            .retrans_stamp()
            .map_or(0.0, |s| now.ms.since(s) as f64 / 1e3);
        format!("; given up {limit} s after the first, {passed:.3} s have passed")
    }

    /// Out, and the window closed over it: the retransmission is a window probe and counts as none.
    fn on_rto_zero_window(&mut self, now: Now, armed: Armed, told: ArmedFor) {
        let stamp = self
            .rto
            .retrans_stamp()
            .unwrap_or_else(|| self.queues.rtx[0].sent_us.ms());
        let waited_ms = now.ms.since(stamp);
        let waited = self.ms(waited_ms as i64);
        let user_ms = u64::from(self.opt.user_timeout_ms);
        let limit = self
            .user_timeout()
            .map_or(self.rto.max() * 2, |u| u.min(self.rto.max() * 2));
        let silence = armed.expires().since(self.rcv_tstamp);
        if (user_ms > 0 && waited_ms > user_ms) || (silence > limit && waited > limit) {
            return self.write_err(now, "the window stayed closed");
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

    /// TCP_USER_TIMEOUT in ticks, if set.
    pub(crate) fn user_timeout(&self) -> Option<TickSpan> {
        (self.opt.user_timeout_ms > 0).then(|| self.ms(i64::from(self.opt.user_timeout_ms)))
    }

    /// The last wait is shortened so that it ends with the user timeout.
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

    /// Retries that an orphan is worth: few, and none once the RTO is at its cap.
    pub(crate) fn orphan_retries(&self, alive: bool) -> u32 {
        let mut retries = self.sysctl.tcp_orphan_retries as u32;
        if self.sk_err_soft.is_some() && !alive {
            retries = 0;
        }
        if retries == 0 && alive { 8 } else { retries }
    }

    /// The time after the first retransmission at which the connection is given up, ms.
    fn give_up_after_ms(&self) -> u64 {
        if self.opt.user_timeout_ms > 0 {
            return u64::from(self.opt.user_timeout_ms);
        }
        let (retries, base_us) = self.retries();
        let model = model_timeout(
            &self.sysctl.ticks,
            retries,
            base_us,
            self.sysctl.ticks.to_us(self.rto.max()),
        );
        self.sysctl.ticks.to_us(model) / 1_000
    }

    /// Retries allowed, and the first wait that the model of their time is built on, us.
    fn retries(&self) -> (u32, u64) {
        if matches!(self.state, TcpState::SynSent | TcpState::SynRecv) {
            (self.syn_retries(), MODEL_BASE_SYN_US)
        } else if self.orphan {
            (self.orphan_retries(!self.rto.is_at_max()), MODEL_BASE_US)
        } else {
            (self.sysctl.tcp_retries2 as u32, MODEL_BASE_US)
        }
    }

    fn syn_retries(&self) -> u32 {
        self.opt
            .syn_count
            .unwrap_or(self.sysctl.tcp_syn_retries as u32)
    }

    fn timed_out(&self, now: Now) -> bool {
        if self.opt.retries_are_counted && self.opt.user_timeout_ms == 0 {
            return self.rto.retransmits() >= self.retries().0;
        }
        let since = self
            .rto
            .retrans_stamp()
            .filter(|_| self.rto.retransmits() > 0);
        since.is_some_and(|stamp| now.ms.since(stamp) >= self.give_up_after_ms())
    }

    /// Gives the connection up if its time is over.
    fn write_timeout(&mut self, now: Now) -> bool {
        let mut expired = self.timed_out(now);
        if self.state == TcpState::SynSent {
            let most = self.syn_retries() + self.sysctl.tcp_syn_linear_timeouts as u32;
            expired |= self.rto.retransmits() >= most;
        } else if self.state == TcpState::SynRecv {
            expired |= self.rto.retransmits() >= self.syn_retries();
        } else if self.orphan {
            let worth_a_reset = !self.rto.is_at_max() || !expired;
            if self.out_of_resources(now, worth_a_reset) {
                return true;
            }
        }
        if expired {
            self.write_err(now, "the time for retransmissions is over");
        }
        expired
    }

    /// Gives up: the error, no packet.
    pub(crate) fn write_err(&mut self, now: Now, why: &'static str) {
        let errno = self.sk_err_soft.unwrap_or(Errno::ETIMEDOUT);
        self.sk_err = Some(errno);
        self.net.count(Counter::TCPAbortOnTimeout);
        self.note(
            now,
            false,
            format!("given up: {why}; {errno}, and no packet says so"),
        );
        self.queues.purge();
        self.tcp_done(now);
    }

    /// The end of the full socket.
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

#[cfg(test)]
mod tests;
