//! The active open: SYN out, SYN-ACK in, or a refusal.
//!
//! RFC 9293 3.10.7.3. Linux counterpart: tcp_connect, tcp_rcv_synsent_state_process, tcp_finish_connect,
//! tcp_init_transfer, tcp_init_metrics.

use crate::call::{Errno, TcpState};
use crate::engine::clock::now::Now;
use crate::engine::netns::mib::Counter;
use crate::engine::netns::path_mtu::{TCP_MSS_DEFAULT, default_mss};
use crate::engine::queues::skb::Skb;
use crate::engine::receive::input::Verdict;
use crate::engine::receive::window::initial;
use crate::engine::recovery::ack_flags::AckPath;
use crate::engine::tcb::control_block::{TSTAMP_ALIGNED, Tcb};
use crate::engine::tcb::outbox::Trigger;
use crate::engine::tcb::timer_slots::Xmit;
use crate::time::TickSpan;
use crate::wire::{Flags, Segment, Seq};

impl Tcb {
    /// Largest segment we announce, bytes.
    pub(crate) fn announced_mss(&self) -> u32 {
        let mss = self.path.advmss(self.local.ip);
        self.opt.user_mss.map_or(mss, |user| user.min(mss))
    }

    /// connect(): the SYN leaves.
    pub(crate) fn connect(&mut self, now: Now, isn: Seq) {
        self.outbox().trigger = Trigger::Call("connect()");
        self.header_options = if self.sysctl.tcp_timestamps != 0 {
            TSTAMP_ALIGNED
        } else {
            0
        };
        let unannounced = default_mss(self.local.ip);
        self.rx.mss_clamp = self.opt.user_mss.unwrap_or(unannounced);
        self.sync_mss();
        self.advmss = self.announced_mss();
        self.initialize_rcv_mss();
        let first = initial(
            &self.sysctl,
            self.full_space(),
            self.advmss,
            self.opt.rcvbuf_locked,
        );
        self.window_clamp = first.window_clamp;
        self.rcv_wnd = first.rcv_wnd;
        self.rx.rcv_wscale = first.wscale;
        self.rcv_ssthresh = self.rcv_wnd;
        self.isn = isn;
        self.write_seq = isn + 1;
        self.snd_una = isn;
        self.snd_sml = isn;
        self.snd_nxt = isn;
        self.high_seq = isn;
        self.rcv_nxt = Seq(0);
        self.transition(TcpState::SynSent);
        self.rto.connect(&self.sysctl.ticks, now.ms);
        let mut syn = Skb::new(isn, Flags::SYN);
        syn.pcount = 1;
        self.forward_alloc
            .charge(crate::engine::queues::forward_alloc::SKB_OVERHEAD);
        self.transmit(now, &mut syn, "SYN");
        self.net.count(Counter::ActiveOpens);
        self.snd_nxt = self.write_seq;
        self.pushed_seq = self.write_seq;
        self.packets_out = 1;
        self.queues.rtx.push_back(syn);
        self.arm_xmit(now, Xmit::Rto, self.rto.get(), "the SYN was sent");
    }

    /// The peer's segment size is not known yet: a cautious guess.
    pub(crate) fn initialize_rcv_mss(&mut self) {
        let hint = self.advmss.min(self.mss_cache).min(self.rcv_wnd / 2);
        let least = crate::engine::tcb::delack_state::TCP_MIN_MSS;
        self.delack.set_rcv_mss(hint.clamp(least, TCP_MSS_DEFAULT));
    }

    /// A segment in SYN_SENT.
    pub(crate) fn on_segment_syn_sent(&mut self, now: Now, segment: &Segment) -> Verdict {
        let f = segment.flags;
        if f.has(Flags::ACK) {
            if !segment.ack.after(self.snd_una) || segment.ack.after(self.snd_nxt) {
                if self.rto.retransmits() == 0 {
                    self.arm_xmit(
                        now,
                        Xmit::Rto,
                        TickSpan(2),
                        "the peer acknowledged something else",
                    );
                }
                return if f.has(Flags::RST) {
                    Verdict::Done
                } else {
                    Verdict::Reset
                };
            }
            let stale = segment
                .timestamps()
                .filter(|t| t.tsecr != 0)
                .is_some_and(|t| {
                    let first = self.rto.retrans_stamp().unwrap_or(now.ms);
                    let low = Seq(first.tsval(self.ts_offset));
                    !Seq(t.tsecr).between(low, Seq(self.tsval(now)))
                });
            if stale {
                self.net.count(Counter::PAWSActive);
                return if f.has(Flags::RST) {
                    Verdict::Done
                } else {
                    Verdict::Reset
                };
            }
            if f.has(Flags::RST) {
                self.on_reset(now);
                return Verdict::Done;
            }
            if f.has(Flags::SYN) {
                self.on_syn_ack(now, segment);
            }
            return Verdict::Done;
        }
        if !f.has(Flags::RST) && f.has(Flags::SYN) {
            self.on_crossing_syn(now, segment);
        }
        Verdict::Done
    }

    /// A simultaneous open: our SYN becomes a SYN-ACK, and its timer stays as it is.
    fn on_crossing_syn(&mut self, now: Now, segment: &Segment) {
        self.note(now, false, "a SYN crossed ours");
        self.take_syn_options(segment);
        self.transition(TcpState::SynRecv);
        self.header_options = if self.rx.tstamp_ok { TSTAMP_ALIGNED } else { 0 };
        self.irs = segment.seq;
        self.rcv_nxt = segment.seq + 1;
        self.copied_seq = self.rcv_nxt;
        self.rcv_wup = self.rcv_nxt;
        self.snd_wnd = u32::from(segment.window);
        self.snd_wl1 = segment.seq;
        self.max_window = self.snd_wnd;
        self.sync_mss();
        self.initialize_rcv_mss();
        let Some(mut syn) = self.queues.rtx.pop_front() else {
            return;
        };
        syn.flags |= Flags::ACK;
        self.transmit(now, &mut syn, "SYN-ACK");
        self.queues.rtx.push_front(syn);
    }

    fn take_syn_options(&mut self, segment: &Segment) {
        let offers_ts = segment
            .timestamps()
            .filter(|_| self.sysctl.tcp_timestamps != 0);
        self.rx.ts = offers_ts;
        self.rx.tstamp_ok = offers_ts.is_some();
        self.rx.ts_recent = offers_ts.map(|t| t.tsval);
        self.rx.sack_ok = segment.sack_permitted() && self.sysctl.tcp_sack != 0;
        let shift = segment
            .window_scale()
            .filter(|_| self.sysctl.tcp_window_scaling != 0);
        self.rx.wscale_ok = shift.is_some();
        self.rx.snd_wscale = shift.unwrap_or(0).min(14);
        let announced = segment.mss().map_or(default_mss(self.local.ip), u32::from);
        self.rx.mss_clamp = self
            .opt
            .user_mss
            .map_or(announced, |user| announced.min(user));
    }

    fn on_syn_ack(&mut self, now: Now, segment: &Segment) {
        self.take_syn_options(segment);
        self.snd_wl1 = segment.seq;
        self.try_undo_spurious_syn();
        self.on_ack(now, segment, AckPath::Slow);
        self.irs = segment.seq;
        self.rcv_nxt = segment.seq + 1;
        self.rcv_wup = self.rcv_nxt;
        self.copied_seq = self.rcv_nxt;
        self.snd_wnd = u32::from(segment.window);
        self.snd_wl1 = segment.seq;
        if !self.rx.wscale_ok {
            self.rx.rcv_wscale = 0;
            self.window_clamp = self.window_clamp.min(65_535);
        }
        if self.rx.tstamp_ok {
            self.advmss -= TSTAMP_ALIGNED;
            self.header_options = TSTAMP_ALIGNED;
        } else {
            self.header_options = 0;
        }
        self.sync_mss();
        self.initialize_rcv_mss();
        self.finish_connect(now);
        if self.pingpong() {
            // the application asked for the handshake's ACK to travel with its data
            self.enter_quickack_mode();
            let expires = now.j + self.ms(200);
            let ticks = self.sysctl.ticks;
            self.delack.arm();
            self.timers.arm_delack(&ticks, now, expires);
        } else {
            self.send_ack(now);
        }
    }

    fn finish_connect(&mut self, now: Now) {
        self.transition(TcpState::Established);
        self.delack.set_lrcvtime(now.j);
        self.init_transfer(now);
        self.max_window = self.max_window.max(self.snd_wnd);
        self.sync_mss();
        self.lsndtime = now.j;
        if self.rx.snd_wscale == 0 {
            self.fast_path_on();
        } else {
            self.predicted_window = None;
        }
        if self.opt.keepalive {
            self.reset_keepalive(now, self.keepalive_time(), "connected");
        }
    }

    /// The first SYN was answered after all: its retransmission says nothing of the path.
    pub(crate) fn try_undo_spurious_syn(&mut self) {
        let stamp = self.rto.retrans_stamp().map(|s| s.tsval(self.ts_offset));
        if self.undo.is_marked() && stamp.is_some() && self.rx.ts.map(|ts| ts.tsecr) == stamp {
            self.undo.clear();
        }
    }

    /// Windows and estimators at the beginning of data transfer.
    pub(crate) fn init_transfer(&mut self, now: Now) {
        self.w.snd_ssthresh = crate::engine::congestion::TCP_INFINITE_SSTHRESH;
        if !self.rtt.has_sample() {
            self.rtt.no_handshake_sample();
            self.rto.fall_back(&self.sysctl.ticks);
        }
        let lossy = self.total_retrans > 1 && self.undo.is_marked();
        self.w.snd_cwnd = if lossy {
            1
        } else {
            crate::engine::congestion::TCP_INIT_CWND
        };
        self.cwnd_usage.stamp(now.j);
        self.cc.init(self.snd_nxt, now.at);
        self.init_buffer_space(now);
    }

    /// An ICMP error while connecting ends the attempt.
    pub(crate) fn connect_failed(&mut self, now: Now, errno: Errno) {
        self.sk_err = Some(errno);
        self.note(now, false, format!("connecting failed: {errno}"));
        self.tcp_done(now);
    }
}
