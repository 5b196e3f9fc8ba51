//! ICMP errors about a connection: remembered, reported at once, or taken as a sign that waiting was needless.
//!
//! RFC 1122 4.2.3.9, RFC 5927, RFC 6069. Linux counterpart: tcp_v4_err, tcp_ld_RTO_revert.

use super::clock::Now;
use super::event::Because;
use super::mib::Counter;
use super::tcb::Tcb;
use super::timers::Xmit;
use crate::call::{Errno, TcpState};
use crate::wire::{Icmp, Seq};

/// The error that a message stands for; none where TCP ignores it.
pub(super) fn errno_of(icmp: &Icmp) -> Option<Errno> {
    match (icmp.kind, icmp.code) {
        (3, 0 | 6 | 9 | 11) => Some(Errno::ENETUNREACH),
        (3, 1 | 10 | 12..=15) => Some(Errno::EHOSTUNREACH),
        (3, 2) => Some(Errno::ENOPROTOOPT),
        (3, 3) => Some(Errno::ECONNREFUSED),
        (3, 4) => Some(Errno::EMSGSIZE),
        (3, 5) => Some(Errno::EOPNOTSUPP),
        (3, 7) => Some(Errno::EHOSTDOWN),
        (3, 8) => Some(Errno::ENONET),
        (11, _) => Some(Errno::EHOSTUNREACH),
        (12, _) => Some(Errno::EPROTO),
        _ => None,
    }
}

impl Tcb {
    /// An ICMP error that quotes a segment of ours with this sequence number.
    pub(super) fn on_icmp(&mut self, now: Now, icmp: &Icmp, quoted: Seq) {
        self.because = Because::Icmp;
        if self.state == TcpState::Closed {
            return;
        }
        if !quoted.between(self.snd_una, self.snd_nxt) {
            self.net.count(Counter::OutOfWindowIcmps);
            return;
        }
        let Some(errno) = errno_of(icmp) else { return };
        self.note(
            now,
            false,
            format!("ICMP type {} code {}: {errno}", icmp.kind, icmp.code),
        );
        let revertible = icmp.kind == 3 && matches!(icmp.code, 0 | 1);
        if revertible {
            self.revert_backoff(now, quoted);
        }
        match self.state {
            TcpState::SynSent | TcpState::SynRecv => self.connect_failed(now, errno),
            TcpState::Closed => {}
            _ if self.opt.recverr && !self.orphan => self.sk_err = Some(errno),
            _ => self.sk_err_soft = Some(errno),
        }
    }

    /// RFC 6069: the retransmission was lost for want of a route, not of capacity; take one doubling back.
    fn revert_backoff(&mut self, now: Now, quoted: Seq) {
        if quoted != self.snd_una || self.retransmits == 0 || self.backoff == 0 {
            return;
        }
        let Some(head) = self.queues.rtx.front() else {
            return;
        };
        let age = self.ticks.from_us(now.us - head.sent_us);
        self.backoff -= 1;
        let base = if self.rtt.srtt8 > 0 {
            self.rtt.rto(&self.ticks, self.rto_max)
        } else {
            self.ticks.from_us(super::rtt::TIMEOUT_INIT_US)
        };
        self.rto = (base << self.backoff.min(32)).min(self.rto_max);
        if self.rto > age {
            self.arm_xmit(now, Xmit::Rto, self.rto - age, "a doubling was taken back");
        } else {
            self.note(
                now,
                false,
                "a doubling was taken back, and its time is over",
            );
            self.on_rto_now(now);
        }
    }
}
