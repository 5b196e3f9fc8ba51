//! setsockopt(): what the kernel does with a value: ranges, rounding, errors, and what takes effect at once.
//!
//! Linux counterpart: do_tcp_setsockopt, sk_setsockopt, tcp_sock_set_keepidle_locked, __tcp_sock_set_quickack.

use crate::call::{Errno, TcpState};
use crate::engine::clock::now::Now;
use crate::engine::queues::forward_alloc::MIN_SNDBUF;
use crate::engine::receive::window::RMEM_MAX;
use crate::engine::send::output::Push;
use crate::engine::tcb::control_block::Tcb;
use crate::engine::tcb::delack_state::TCP_MIN_MSS;
use crate::engine::tcb::outbox::Trigger;
use crate::engine::tcb::rto_state::LONGEST_RTO_US;
use crate::sockopt::{OptName, OptValue, SockOpt};
use crate::sysctl::CongestionControl;
use crate::time::TickSpan;

/// net.core.wmem_max of Linux 6.18, bytes.
const WMEM_MAX: i64 = 4_194_304;
/// Smallest buffers, bytes.
const MIN_RCVBUF: i64 = 2_304;
/// Longest TCP_LINGER2, s.
const MAX_LINGER2_S: i64 = 120;

/// Buffer sizes are compared as unsigned: a negative one is the largest.
fn unsigned(value: i64) -> i64 {
    i64::from(value as u32)
}

fn in_range(value: i64, low: i64, high: i64) -> Result<u32, Errno> {
    if (low..=high).contains(&value) {
        Ok(value as u32)
    } else {
        Err(Errno::EINVAL)
    }
}

/// TCP_DEFER_ACCEPT's seconds as SYN-ACK retries: the fewest whose waits add up to them.
fn seconds_to_retries(seconds: i64) -> u32 {
    let (mut retries, mut sum, mut wait) = (0, 0, 1);
    while sum < seconds && retries < 255 {
        sum += wait;
        wait = (wait * 2).min(120);
        retries += 1;
    }
    retries
}

impl Tcb {
    /// setsockopt().
    pub(crate) fn set_option(&mut self, now: Now, option: &SockOpt) -> Result<(), Errno> {
        self.outbox().trigger = Trigger::Call("setsockopt()");
        let value = match (&option.value, option.name) {
            (OptValue::Name(name), OptName::TCP_CONGESTION) => {
                return self.set_congestion(now, name);
            }
            (OptValue::Int(value), name) if name != OptName::TCP_CONGESTION => *value,
            _ => return Err(Errno::EINVAL),
        };
        match option.name {
            OptName::SO_SNDBUF | OptName::SO_RCVBUF | OptName::SO_LINGER | OptName::IP_RECVERR => {
                self.set_socket_option(option.name, value);
            }
            OptName::SO_KEEPALIVE => {
                self.set_keepalive(now, value != 0);
                self.opt_mut().keepalive = value != 0;
            }
            OptName::TCP_KEEPIDLE => self.set_keepidle(now, in_range(value, 1, 32_767)?),
            OptName::TCP_KEEPINTVL => {
                self.opt_mut().keepintvl_s = Some(in_range(value, 1, 32_767)?)
            }
            OptName::TCP_KEEPCNT => self.opt_mut().keepcnt = Some(in_range(value, 1, 127)?),
            OptName::TCP_SYNCNT => self.opt_mut().syn_count = Some(in_range(value, 1, 127)?),
            OptName::TCP_LINGER2 => {
                self.opt_mut().linger2 = Some(if value < 0 {
                    -1
                } else {
                    value.min(MAX_LINGER2_S) as i32
                });
            }
            OptName::TCP_DEFER_ACCEPT => self.opt_mut().defer_accept = seconds_to_retries(value),
            OptName::TCP_USER_TIMEOUT => {
                self.opt_mut().user_timeout_ms = in_range(value, 0, i64::from(i32::MAX))?;
            }
            OptName::TCP_THIN_LINEAR_TIMEOUTS => {
                self.opt_mut().thin_linear_timeouts = in_range(value, 0, 1)? != 0;
            }
            OptName::TCP_RTO_MAX_MS => {
                let rto_max = self.ms(i64::from(in_range(
                    value,
                    1_000,
                    LONGEST_RTO_US as i64 / 1_000,
                )?));
                self.rto.set_max(rto_max);
            }
            OptName::TCP_RTO_MIN_US => {
                let rto_min = self.short_time(value)?;
                self.rto.set_min(rto_min);
            }
            OptName::TCP_DELACK_MAX_US => self.opt_mut().delack_max = Some(self.short_time(value)?),
            OptName::TCP_MAXSEG => {
                let mss = if value == 0 {
                    0
                } else {
                    in_range(value, i64::from(TCP_MIN_MSS), 32_767)?
                };
                self.opt_mut().user_mss = (mss > 0).then_some(mss);
            }
            OptName::TCP_NODELAY | OptName::TCP_CORK => {
                self.set_nagle(now, option.name, value != 0)
            }
            OptName::TCP_QUICKACK => self.set_quickack(now, value),
            OptName::TCP_CONGESTION => return Err(Errno::EINVAL),
        }
        Ok(())
    }

    fn set_socket_option(&mut self, name: OptName, value: i64) {
        match name {
            OptName::SO_SNDBUF => {
                self.opt_mut().sndbuf_locked = true;
                self.sndbuf = (unsigned(value).min(WMEM_MAX) * 2).max(MIN_SNDBUF.into()) as u32;
            }
            OptName::SO_RCVBUF => {
                self.opt_mut().rcvbuf_locked = true;
                let most = i64::from(RMEM_MAX);
                self.rcvbuf = (unsigned(value).min(most) * 2).max(MIN_RCVBUF) as u32;
            }
            OptName::SO_LINGER => self.opt_mut().linger_s = u32::try_from(value).ok(),
            _ => self.opt_mut().recverr = value != 0,
        }
    }

    /// Two ticks, once rounded up, to 200 ms.
    fn short_time(&self, us: i64) -> Result<TickSpan, Errno> {
        let us = in_range(us, 1, 200_000)?;
        let time = self.sysctl.ticks.from_us(u64::from(us));
        if time < TickSpan(2) {
            Err(Errno::EINVAL)
        } else {
            Ok(time)
        }
    }

    fn set_keepidle(&mut self, now: Now, seconds: u32) {
        self.opt_mut().keepidle_s = Some(seconds);
        if self.opt.keepalive && !matches!(self.state, TcpState::Closed | TcpState::Listen) {
            let left = self
                .keepalive_time()
                .saturating_sub(self.keepalive_elapsed(now));
            self.reset_keepalive(now, left, "TCP_KEEPIDLE was set");
        }
    }

    fn set_nagle(&mut self, now: Now, name: OptName, on: bool) {
        if name == OptName::TCP_NODELAY {
            self.opt_mut().nodelay = on;
            if on {
                self.push_pending_frames(now, Push::Now);
            }
        } else {
            self.opt_mut().cork = on;
            if !on {
                let push = if self.opt.nodelay {
                    Push::Now
                } else {
                    Push::Normal
                };
                self.push_pending_frames(now, push);
            }
        }
    }

    fn set_quickack(&mut self, now: Now, value: i64) {
        let quick = value & 1 != 0;
        if value == 0 {
            return self.enter_pingpong();
        }
        self.exit_pingpong();
        let open = matches!(self.state, TcpState::Established | TcpState::CloseWait);
        if open && self.delack.is_scheduled() {
            self.delack.set_pushed();
            self.cleanup_rbuf(now, 1);
            if !quick {
                self.enter_pingpong();
            }
        }
    }

    fn set_congestion(&mut self, now: Now, name: &str) -> Result<(), Errno> {
        let algorithm = CongestionControl::from_name(name).ok_or(Errno::ENOENT)?;
        self.opt_mut().congestion = Some(algorithm);
        self.cc = crate::engine::congestion::Algorithm::new(algorithm);
        if !matches!(self.state, TcpState::Closed | TcpState::Listen) {
            self.cc.init(self.snd_nxt, now.at);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defer_accept_rounds_up_to_whole_retries() {
        let rows = [(0, 0), (1, 1), (2, 2), (3, 2), (5, 3), (10, 4), (60, 6)];
        for (seconds, retries) in rows {
            assert_eq!(seconds_to_retries(seconds), retries, "{seconds} s");
        }
    }
}
