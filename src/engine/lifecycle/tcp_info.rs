//! TCP_INFO and what sock_diag shows of timers.
//!
//! Linux counterpart: tcp_get_info, inet_diag_msg_attrs_fill, inet_sk_diag_fill.

use crate::call::{TcpInfo, TimerKind};
use crate::engine::clock::now::Now;
use crate::engine::tcb::control_block::Tcb;
use crate::engine::tcb::timer_slots::{Armed, Xmit};
use crate::time::{Jiffies, TickSpan};

impl Tcb {
    /// A snapshot.
    pub(crate) fn info(&self, now: Now) -> TcpInfo {
        let us = |span| self.sysctl.ticks.to_us(span);
        // a tick that was never set is 0, and Linux counts these in 32 bits
        let age_ms = |j: Jiffies| {
            let ticks = (now.j.0 as u32).wrapping_sub(j.0 as u32);
            us(TickSpan(u64::from(ticks))) / 1_000
        };
        let (timer, timer_ms, timer_retrans) = self.timer_info(now);
        TcpInfo {
            at: now.at,
            state: self.state,
            ca_state: self.ca_state as u8,
            retransmits: self.rto.retransmits(),
            probes: self.probes.out(),
            backoff: self.rto.backoff(),
            rto_us: us(self.rto.get()),
            ato_us: us(self.delack.ato().min(self.delack_max())),
            snd_mss: self.mss_cache,
            rcv_mss: self.delack.rcv_mss(),
            unacked: self.packets_out,
            sacked: self.sacked_out,
            lost: self.lost_out,
            retrans: self.retrans_out,
            last_data_sent_ms: age_ms(self.lsndtime),
            last_ack_recv_ms: age_ms(self.rcv_tstamp),
            rtt_us: self.rtt.srtt_us(),
            rttvar_us: self.rtt.mdev_us(),
            snd_ssthresh: self.w.snd_ssthresh,
            snd_cwnd: self.w.snd_cwnd,
            rcv_space: self.rcv_space,
            total_retrans: self.total_retrans,
            notsent: self.write_seq - self.snd_nxt,
            snd_wnd: self.snd_wnd,
            timer,
            timer_ms,
            timer_retrans,
            rqueue: self.rcv_nxt - self.copied_seq,
            wqueue: self.write_seq - self.snd_una,
        }
    }

    /// The pending timer, time left of what was asked for, and its count. A pending write timer hides keepalive.
    fn timer_info(&self, now: Now) -> (TimerKind, u64, u32) {
        let left = |a: &Armed| self.sysctl.ticks.to_us(a.expires().since(now.j)) / 1_000;
        match (&self.timers.xmit, &self.timers.keepalive) {
            (Some((Xmit::Probe0, a)), _) => (TimerKind::Persist, left(a), self.probes.out()),
            (Some((_, a)), _) => (TimerKind::On, left(a), self.rto.retransmits()),
            (None, Some(a)) => (TimerKind::Keepalive, left(a), self.probes.out()),
            (None, None) => (TimerKind::None, 0, 0),
        }
    }
}
