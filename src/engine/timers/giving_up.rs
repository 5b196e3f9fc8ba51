//! When and by which rule a connection is given up, and what happens then.
//!
//! Every timer asks here. RFC 9293 3.8.3, RFC 5482, RFC 1122 4.2.3.6. Linux counterpart: tcp_write_timeout,
//! retransmits_timed_out, the conditions of tcp_probe_timer and tcp_keepalive_timer, tcp_write_err.

use crate::call::{Errno, TcpState};
use crate::engine::clock::now::Now;
use crate::engine::netns::mib::Counter;
use crate::engine::tcb::cause::Text;
use crate::engine::tcb::control_block::Tcb;
use crate::engine::tcb::give_up_rule::GiveUpRule;
use crate::engine::tcb::timer_slots::Armed;
use crate::time::{Jiffies, TickSpan, Ticks};

/// The first wait that the model of a timeout assumes, us. It does not depend on rto_min (Linux: TCP_RTO_MIN).
pub(crate) const MODEL_BASE_US: u64 = 200_000;
/// The first wait that the model of the timeout of a SYN assumes, us (Linux: TCP_TIMEOUT_INIT).
const MODEL_BASE_SYN_US: u64 = 1_000_000;

/// Returns the time in ticks that `retries` doublings from `base_us` take, each at most `rto_max_us`.
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

/// What the expiry of a timer means for the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// The connection no longer exists.
    GivenUp,
    /// The timer does its work.
    GoesOn,
}

impl Tcb {
    /// Returns TCP_USER_TIMEOUT in ticks, if it is set.
    pub(crate) fn user_timeout(&self) -> Option<TickSpan> {
        (self.opt.user_timeout_ms > 0).then(|| self.ms(i64::from(self.opt.user_timeout_ms)))
    }

    fn user_timeout_rule(&self) -> GiveUpRule {
        GiveUpRule::UserTimeout(self.opt.user_timeout_ms)
    }

    /// Returns how many retries an orphan gets. `alive` says that its RTO has not yet reached the longest.
    pub(crate) fn orphan_retries(&self, alive: bool) -> u32 {
        let mut retries = self.sysctl.tcp_orphan_retries as u32;
        if self.sk_err_soft.is_some() && !alive {
            retries = 0;
        }
        if retries == 0 && alive { 8 } else { retries }
    }

    fn syn_retries(&self) -> u32 {
        self.opt
            .syn_count
            .unwrap_or(self.sysctl.tcp_syn_retries as u32)
    }

    fn syn_rule(&self) -> GiveUpRule {
        match self.opt.syn_count {
            Some(n) => GiveUpRule::SynCnt(n),
            None => GiveUpRule::SynRetries(self.syn_retries()),
        }
    }

    /// Returns the rule that counts retransmissions in this state, and the first wait that the model of their time
    /// assumes, us.
    fn retries_rule(&self) -> (GiveUpRule, u64) {
        if matches!(self.state, TcpState::SynSent | TcpState::SynRecv) {
            (self.syn_rule(), MODEL_BASE_SYN_US)
        } else if self.orphan {
            let retries = self.orphan_retries(!self.rto.is_at_max());
            (GiveUpRule::OrphanRetries(retries), MODEL_BASE_US)
        } else {
            let retries = self.sysctl.tcp_retries2 as u32;
            (GiveUpRule::Retries2(retries), MODEL_BASE_US)
        }
    }

    /// Returns the rule that limits retransmissions, and how long after the first of them it ends the connection, ms.
    /// There is no such time if the kernel counts retransmissions, as before 2.6.32.
    fn retransmission_limit(&self) -> (GiveUpRule, Option<u64>) {
        if self.opt.user_timeout_ms > 0 {
            let ms = u64::from(self.opt.user_timeout_ms);
            return (self.user_timeout_rule(), Some(ms));
        }
        let (rule, base_us) = self.retries_rule();
        let ticks = &self.sysctl.ticks;
        let model = || {
            let rto_max_us = ticks.to_us(self.rto.max());
            let model = model_timeout(ticks, rule.value() as u32, base_us, rto_max_us);
            ticks.to_us(model) / 1_000
        };
        (rule, (!self.opt.retries_are_counted).then(model))
    }

    /// Returns the rule that ends the retransmissions now, if one does.
    fn timed_out(&self, now: Now) -> Option<GiveUpRule> {
        let (rule, after_ms) = self.retransmission_limit();
        let is_over = match after_ms {
            None => u64::from(self.rto.retransmits()) >= rule.value(),
            Some(ms) => {
                let since = self
                    .rto
                    .retrans_stamp()
                    .filter(|_| self.rto.retransmits() > 0);
                since.is_some_and(|stamp| now.ms.since(stamp) >= ms)
            }
        };
        is_over.then_some(rule)
    }

    /// `; the connection is given up 12.6 s after the first retransmission (tcp_retries2 5)`, for the first timeout of an
    /// episode. The later ones need not repeat it.
    pub(crate) fn until_given_up(&self, now: Now) -> String {
        if self.rto.retransmits() > 1 {
            return String::new();
        }
        let (rule, after_ms) = self.retransmission_limit();
        let Some(limit_ms) = after_ms else {
            return format!(
                "; the connection is given up after {} ({rule})",
                rule.value()
            );
        };
        let limit = limit_ms as f64 / 1e3;
        let first = match self.state {
            TcpState::SynSent => "the first SYN",
            _ => "the first retransmission",
        };
        match self.rto.retrans_stamp() {
            Some(stamp) => {
                let passed = now.ms.since(stamp) as f64 / 1e3;
                format!(
                    "; the connection is given up {limit} s after {first} ({rule}), of which {passed:.3} s have passed"
                )
            }
            None => format!("; the connection is given up {limit} s after this packet ({rule})"),
        }
    }

    /// Gives the connection up if its time for retransmissions is over.
    pub(crate) fn write_timeout(&mut self, now: Now) -> Expiry {
        let mut expired = self.timed_out(now);
        if self.state == TcpState::SynSent {
            let most = self.syn_retries() + self.sysctl.tcp_syn_linear_timeouts as u32;
            let used_up = self.rto.retransmits() >= most;
            expired = expired.or(used_up.then(|| self.syn_rule()));
        } else if self.state == TcpState::SynRecv {
            let used_up = self.rto.retransmits() >= self.syn_retries();
            expired = expired.or(used_up.then(|| self.syn_rule()));
        } else if self.orphan {
            let worth_a_reset = !self.rto.is_at_max() || expired.is_none();
            if self.out_of_resources(now, worth_a_reset) == Expiry::GivenUp {
                return Expiry::GivenUp;
            }
        }
        let Some(rule) = expired else {
            return Expiry::GoesOn;
        };
        self.write_err(now, rule);
        Expiry::GivenUp
    }

    /// Returns the rule that now ends a connection whose peer closed the window over data in flight, if one does.
    pub(crate) fn closed_window_is_over(&self, now: Now, armed: &Armed) -> Option<GiveUpRule> {
        let head_ms = || self.queues.rtx.front().map_or(now.ms, |s| s.sent_us.ms());
        let stamp = self.rto.retrans_stamp().unwrap_or_else(head_ms);
        let waited_ms = now.ms.since(stamp);
        let waited = self.ms(waited_ms as i64);
        let user = self.user_timeout();
        if user.is_some() && waited_ms > u64::from(self.opt.user_timeout_ms) {
            return Some(self.user_timeout_rule());
        }
        let longest = self.rto.max() * 2;
        let limit = user.map_or(longest, |u| u.min(longest));
        let silence = armed.expires().since(self.rcv_tstamp);
        let is_over = silence > limit && waited > limit;
        is_over.then(|| match user {
            Some(u) if u <= longest => self.user_timeout_rule(),
            _ => GiveUpRule::ClosedWindowSilence(self.sysctl.ticks.to_us(longest) / 1_000),
        })
    }

    /// Returns the rule that says how many window probes may stay unanswered before the connection is given up.
    pub(crate) fn window_probes_allowed(&self) -> GiveUpRule {
        match self.orphan {
            true => GiveUpRule::OrphanRetries(self.orphan_retries(self.probes_are_alive())),
            false => GiveUpRule::Retries2(self.sysctl.tcp_retries2 as u32),
        }
    }

    /// Returns whether the interval of window probes has not yet reached the longest RTO.
    fn probes_are_alive(&self) -> bool {
        !self.rto.reaches_max_backed_off()
    }

    /// Returns the rule that now ends the window probes of an orphan, whether they were answered or not.
    pub(crate) fn orphan_backoff_reached(&self) -> Option<GiveUpRule> {
        let alive = self.probes_are_alive();
        let reached = self.orphan && !alive && self.rto.backoff() >= self.orphan_retries(alive);
        reached.then_some(GiveUpRule::OrphanBackoff(self.rto.backoff()))
    }

    /// Returns the rule if TCP_USER_TIMEOUT now ends the window probes, which began at `since`.
    pub(crate) fn user_timeout_of_probes(&self, now: Now, since: Jiffies) -> Option<GiveUpRule> {
        let user = self.user_timeout()?;
        let is_over = now.j.since(since) >= user;
        is_over.then(|| self.user_timeout_rule())
    }

    /// Returns the rule by which keepalive now ends the connection, after nothing has arrived for `elapsed`.
    pub(crate) fn keepalive_is_over(&self, elapsed: TickSpan) -> Option<GiveUpRule> {
        if let Some(user) = self.user_timeout() {
            let is_over = elapsed >= user && self.probes.out() > 0;
            return is_over.then(|| self.user_timeout_rule());
        }
        let rule = match self.opt.keepcnt {
            Some(n) => GiveUpRule::KeepCnt(n),
            None => GiveUpRule::KeepaliveProbes(self.keepalive_probes()),
        };
        (self.probes.out() >= self.keepalive_probes()).then_some(rule)
    }

    /// Gives the connection up: the application gets an error, and no packet is sent.
    pub(crate) fn write_err(&mut self, now: Now, rule: GiveUpRule) {
        let errno = self.sk_err_soft.unwrap_or(Errno::ETIMEDOUT);
        self.sk_err = Some(errno);
        self.net.count(Counter::TCPAbortOnTimeout);
        self.note_given_up(now, rule, Some(errno));
        self.queues.purge();
        self.tcp_done(now);
    }

    /// Records by which rule the connection ends. An orphan has no application that could get the error.
    pub(crate) fn note_given_up(&mut self, now: Now, rule: GiveUpRule, errno: Option<Errno>) {
        let errno = errno.filter(|_| !self.orphan);
        self.note(now, false, Text::GivenUp { rule, errno });
    }
}

#[cfg(test)]
mod tests;
