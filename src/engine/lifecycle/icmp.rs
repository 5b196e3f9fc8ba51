//! ICMP errors about a connection: remembered, reported at once, or taken as a sign that waiting was needless.
//!
//! RFC 1122 4.2.3.9, RFC 4443, RFC 5927, RFC 6069. Linux counterpart: tcp_v4_err, icmp_err_convert, tcp_v6_err,
//! icmpv6_err_convert, tcp_req_err, tcp_ld_RTO_revert.

use crate::call::{Errno, TcpState};
use crate::engine::clock::now::Now;
use crate::engine::netns::mib::Counter;
use crate::engine::tcb::control_block::Tcb;
use crate::engine::tcb::outbox::Trigger;
use crate::engine::tcb::timer_slots::Xmit;
use crate::wire::{Icmp, Seq};

/// What a message is to TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IcmpError {
    /// A packet was larger than this MTU, bytes.
    TooBig(u32),
    /// Something went wrong.
    Error {
        /// What it is called.
        errno: Errno,
        /// A half-open connection does not outlive it.
        ends_request: bool,
        /// The packet was lost for want of a route, not of capacity (RFC 6069).
        no_route: bool,
    },
}

impl IcmpError {
    /// What a message means that came by this IP version; none where TCP ignores it.
    pub(crate) fn of(icmp: &Icmp, v6: bool) -> Option<IcmpError> {
        if v6 {
            IcmpError::of_v6(icmp)
        } else {
            IcmpError::of_v4(icmp)
        }
    }

    fn of_v4(icmp: &Icmp) -> Option<IcmpError> {
        let errno = match (icmp.kind, icmp.code) {
            (3, 4) => {
                let mtu = u16::from_be_bytes([icmp.rest[2], icmp.rest[3]]);
                return Some(IcmpError::TooBig(mtu.into()));
            }
            (3, 0 | 6 | 9 | 11) => Errno::ENETUNREACH,
            (3, 1 | 10 | 12..=15) => Errno::EHOSTUNREACH,
            (3, 2) => Errno::ENOPROTOOPT,
            (3, 3) => Errno::ECONNREFUSED,
            (3, 5) => Errno::EOPNOTSUPP,
            (3, 7) => Errno::EHOSTDOWN,
            (3, 8) => Errno::ENONET,
            (11, _) => Errno::EHOSTUNREACH,
            (12, _) => Errno::EPROTO,
            _ => return None,
        };
        let no_route = matches!((icmp.kind, icmp.code), (3, 0 | 1));
        Some(IcmpError::Error {
            errno,
            ends_request: no_route || icmp.kind != 3,
            no_route,
        })
    }

    fn of_v6(icmp: &Icmp) -> Option<IcmpError> {
        let (errno, ends_request) = match (icmp.kind, icmp.code) {
            (2, _) => return Some(IcmpError::TooBig(u32::from_be_bytes(icmp.rest))),
            (1, 0) => (Errno::ENETUNREACH, false),
            (1, 2 | 3) => (Errno::EHOSTUNREACH, false),
            (1, 1 | 5 | 6) => (Errno::EACCES, true),
            (1, 4) => (Errno::ECONNREFUSED, true),
            (1 | 4, _) => (Errno::EPROTO, true),
            (3, _) => (Errno::EHOSTUNREACH, false),
            _ => return None,
        };
        Some(IcmpError::Error {
            errno,
            ends_request,
            no_route: matches!((icmp.kind, icmp.code), (1, 0)),
        })
    }
}

impl Tcb {
    /// An ICMP error that quotes a segment of ours with this sequence number.
    pub(crate) fn on_icmp(&mut self, now: Now, icmp: &Icmp, quoted: Seq) {
        self.outbox().trigger = Trigger::Icmp;
        if self.state == TcpState::Closed {
            return;
        }
        if !quoted.between(self.snd_una, self.snd_nxt) {
            self.net.count(Counter::OutOfWindowIcmps);
            return;
        }
        let v6 = self.local.ip.is_ipv6();
        let (errno, no_route) = match IcmpError::of(icmp, v6) {
            None => return,
            Some(IcmpError::TooBig(mtu)) => return self.on_too_big(now, mtu),
            Some(IcmpError::Error {
                errno, no_route, ..
            }) => (errno, no_route),
        };
        let version = if v6 { "v6" } else { "" };
        self.note(
            now,
            false,
            format!(
                "ICMP{version} type {} code {}: {errno}",
                icmp.kind, icmp.code
            ),
        );
        if no_route {
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
        if quoted != self.snd_una || self.rto.retransmits() == 0 || self.rto.backoff() == 0 {
            return;
        }
        let Some(head) = self.queues.rtx.front() else {
            return;
        };
        let age = self.sysctl.ticks.from_us(now.us - head.sent_us);
        self.rto.revert_backoff(&self.rtt, &self.sysctl.ticks);
        let rto = self.rto.get();
        if rto > age {
            self.arm_xmit(now, Xmit::Rto, rto - age, "a doubling was taken back");
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
