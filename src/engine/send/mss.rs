//! The segment size that follows from a path's MTU, and what happens when an ICMP error lowers it.
//!
//! RFC 1191, RFC 8201. Linux counterpart: tcp_mtu_to_mss, tcp_sync_mss, tcp_v4_mtu_reduced, tcp_v6_mtu_reduced,
//! tcp_simple_retransmit.

use crate::engine::clock::now::Now;
use crate::engine::netns::path_mtu::{IPV6_MIN_MTU, TCP_HEADER, TCP_MSS_DEFAULT, ip_header_len};
use crate::engine::tcb::control_block::{CaState, Tcb};

/// Smallest segment size that is ever used, options included (tcp_min_snd_mss), bytes.
const MIN_SND_MSS: u32 = 48;
/// Time after which the MTU of an ICMP error is forgotten (ip_rt_mtu_expires, ip6_rt_mtu_expires), ms.
const EXPIRES_MS: i64 = 600_000;

impl Tcb {
    pub(crate) fn ip_header_len(&self) -> u32 {
        ip_header_len(self.local.ip)
    }

    /// Returns the payload and options of a segment that fills a packet of `mtu`, minus the options that every segment
    /// has.
    fn mtu_to_mss(&self, mtu: u32) -> u32 {
        let mss = mtu
            .saturating_sub(self.ip_header_len() + TCP_HEADER)
            .min(self.rx.mss_clamp)
            .max(MIN_SND_MSS);
        mss - self.header_options
    }

    /// Recomputes the segment size from the path MTU, the peer's MSS and the largest window that it ever offered.
    pub(crate) fn sync_mss(&mut self) {
        self.mss_cache = self.bound_to_half_wnd(self.mtu_to_mss(self.path.mtu()));
    }

    /// Limits segments to half the window of a peer with a small window, so that it can always acknowledge one.
    pub(crate) fn bound_to_half_wnd(&self, size: u32) -> u32 {
        let cutoff = if self.max_window > TCP_MSS_DEFAULT {
            self.max_window >> 1
        } else {
            self.max_window
        };
        if cutoff != 0 && size > cutoff {
            cutoff.max(68 - TCP_HEADER - self.header_options)
        } else {
            size
        }
    }

    /// Checks before sending whether the MTU of an ICMP error has expired.
    pub(crate) fn refresh_path(&mut self, now: Now) {
        if self.path.is_told() {
            self.path = self.path.at(now);
            if !self.path.is_told() {
                self.sync_mss();
                let text = format!(
                    "path MTU: what ICMP told is forgotten, {} bytes",
                    self.path.mtu()
                );
                self.note(now, false, text);
            }
        }
    }

    /// Handles an ICMP error that says that a packet was larger than this MTU, bytes.
    pub(crate) fn on_too_big(&mut self, now: Now, mtu: u32) {
        self.refresh_path(now);
        let ip = self.local.ip;
        if ip.is_ipv6() && (mtu < IPV6_MIN_MTU || self.mtu_to_mss(mtu) >= self.mss_cache) {
            return;
        }
        let before = self.path.mtu();
        if before < mtu {
            return;
        }
        let lifetime = self.ms(EXPIRES_MS);
        self.path.learn(now, ip, mtu, lifetime);
        let text = format!("path MTU {} bytes, told by ICMP", self.path.mtu());
        self.note(now, false, text);
        if before > self.path.mtu() {
            self.sync_mss();
            self.simple_retransmit(now);
        }
    }

    /// Retransmits the segments that were too large, without treating them as a sign of congestion.
    fn simple_retransmit(&mut self, now: Now) {
        let mss = self.current_mss();
        for i in 0..self.queues.rtx.len() {
            let skb = &self.queues.rtx[i];
            let seglen = if skb.pcount > 1 {
                skb.seg_size
            } else {
                skb.len()
            };
            if seglen > mss {
                self.mark_skb_lost(i);
            }
        }
        if self.lost_out == 0 {
            return;
        }
        if !self.rx.sack_ok {
            self.sacked_out = self
                .sacked_out
                .min(self.packets_out.saturating_sub(self.lost_out));
        }
        if self.ca_state != CaState::Loss {
            self.high_seq = self.snd_nxt;
            self.w.snd_ssthresh = self.current_ssthresh();
            self.undo.abandon();
            self.set_ca_state(now, CaState::Loss);
        }
        self.xmit_retransmit_queue(now);
    }
}
