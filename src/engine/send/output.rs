//! From written bytes to segments: windows, Nagle, bursts.
//!
//! RFC 9293 3.8.6.2.1 and 3.7.4, Minshall's variant of Nagle. Linux counterpart: tcp_write_xmit, tcp_nagle_test,
//! tcp_tso_should_defer, tcp_event_new_data_sent, tcp_cwnd_validate.

use crate::engine::clock::now::Now;
use crate::engine::congestion::TCP_INIT_CWND;
use crate::engine::netns::mib::Counter;
use crate::engine::queues::forward_alloc::SKB_OVERHEAD;
use crate::engine::queues::skb::Skb;
use crate::engine::tcb::control_block::{CaState, Tcb};
use crate::engine::tcb::timer_slots::Xmit;
use crate::wire::{Flags, Seq};

/// What limits a call that sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Push {
    /// The limits follow the socket's options.
    Normal,
    /// Nagle's algorithm is off for this call.
    NagleOff,
    /// Everything is sent (a FIN, or half a window was written).
    Now,
    /// One burst is sent; the rest waits for the end of the write.
    One,
    /// One segment is sent as a loss probe, regardless of the congestion window.
    LossProbe,
}

impl Push {
    /// Returns whether at most one burst is sent.
    fn is_single(self) -> bool {
        matches!(self, Push::One | Push::LossProbe)
    }
}

/// The limits of one burst.
#[derive(Clone, Copy)]
struct Burst {
    mss: u32,
    /// Segments that the congestion window allows.
    quota: u32,
    /// Largest number of segments in a burst.
    max_segs: u32,
    push: Push,
}

/// Space for all headers in front of a segment, bytes.
pub(crate) const MAX_TCP_HEADER: u32 = 256;
/// Largest burst that is passed to the device at once, bytes.
pub(crate) const GSO_MAX_SIZE: u32 = 65_536 - MAX_TCP_HEADER - 1;

impl Tcb {
    /// Returns whether the next segment of a buffer fits into the peer's window.
    pub(crate) fn snd_wnd_test(&self, seq: Seq, end_seq: Seq, len: u32, mss: u32) -> bool {
        let end = if len > mss { seq + mss } else { end_seq };
        !end.after(self.wnd_end())
    }

    /// Returns the number of segments that congestion control allows now, which is at most half a window at once.
    fn cwnd_quota(&self) -> u32 {
        let in_flight = self.packets_in_flight();
        if in_flight >= self.w.snd_cwnd {
            return 0;
        }
        (self.w.snd_cwnd >> 1)
            .max(1)
            .min(self.w.snd_cwnd - in_flight)
    }

    /// Returns the largest burst, segments: about what the pacing rate allows in a millisecond, and more on short paths.
    pub(crate) fn tso_segs(&self) -> u32 {
        let mss = self.mss_cache.max(1);
        let mut bytes = self.pacing_rate >> 10;
        let shift = self.min_rtt_us() >> self.sysctl.tcp_tso_rtt_log.min(63);
        if shift < 32 {
            bytes += u64::from(GSO_MAX_SIZE) >> shift;
        }
        let segs = (bytes.min(u64::from(GSO_MAX_SIZE)) / u64::from(mss)) as u32;
        segs.max(self.sysctl.tcp_min_tso_segs as u32).min(65_535)
    }

    /// Returns whether the last small segment is not acknowledged yet.
    fn small_segment_out(&self) -> bool {
        self.snd_sml.after(self.snd_una) && !self.snd_sml.after(self.snd_nxt)
    }

    /// Returns whether a partial segment must wait.
    fn nagle_holds(&self, partial: bool, push: Push) -> bool {
        if !partial {
            return false;
        }
        if self.opt.cork && push == Push::Normal {
            return true;
        }
        let nagle = push == Push::Normal && !self.opt.nodelay;
        nagle && self.packets_out > 0 && self.small_segment_out()
    }

    /// Returns how many bytes of a buffer may be sent as one burst.
    fn split_point(&self, skb: &Skb, mss: u32, quota: u32, push: Push, is_tail: bool) -> u32 {
        let window = self.wnd_end() - skb.seq;
        let most = mss * quota;
        if most <= window && !is_tail {
            return most;
        }
        let needed = skb.len().min(window);
        if most <= needed {
            return most;
        }
        let partial = needed % mss;
        if self.nagle_holds(partial != 0, push) {
            needed - partial
        } else {
            needed
        }
    }

    /// Sends what may be sent. It returns true if nothing is in flight and something waits.
    pub(crate) fn write_xmit(&mut self, now: Now, mss: u32, push: Push) -> bool {
        let max_segs = self.tso_segs();
        let (mut sent, mut cwnd_limited) = (0, false);
        while !self.queues.unsent.is_empty() {
            let quota = match self.cwnd_quota() {
                0 if push != Push::LossProbe => break,
                quota => quota.max(1).min(max_segs),
            };
            self.grow_head(quota * mss);
            let burst = Burst {
                mss,
                quota,
                max_segs,
                push,
            };
            let Some(limit) = self.head_limit(now, burst, &mut cwnd_limited) else {
                break;
            };
            if self.queues.unsent[0].len() > limit {
                let rest = self.queues.unsent[0].split(limit, mss);
                self.queues.unsent.insert(1, rest);
                self.forward_alloc.charge(SKB_OVERHEAD);
            }
            sent += self.send_head(now, mss);
            if push.is_single() {
                break;
            }
        }
        cwnd_limited |= self.packets_in_flight() >= self.w.snd_cwnd;
        if sent > 0 || cwnd_limited {
            self.cwnd_validate(now, cwnd_limited);
        }
        if sent > 0 {
            if self.in_cwnd_reduction() {
                self.prr.sent(sent);
            }
            if push != Push::LossProbe {
                self.schedule_loss_probe(now, false);
            }
            return false;
        }
        self.packets_out == 0 && !self.queues.unsent.is_empty()
    }

    /// Returns how many bytes of the first buffer may be sent now, or `None` if it has to wait.
    fn head_limit(&mut self, now: Now, b: Burst, cwnd_limited: &mut bool) -> Option<u32> {
        let is_tail = self.queues.unsent.len() == 1;
        let head = &mut self.queues.unsent[0];
        let segs = head.set_tso_segs(b.mss);
        let (seq, end_seq, len) = (head.seq, head.end_seq, head.len());
        let fin = head.flags.has(Flags::FIN);
        if !self.snd_wnd_test(seq, end_seq, len, b.mss) {
            return None;
        }
        if segs == 1 {
            // a buffer that is not the last one does not grow any more
            let held = is_tail && !fin && self.nagle_holds(len < b.mss, b.push);
            return (!held).then_some(b.mss);
        }
        if !b.push.is_single() && self.tso_should_defer(now, is_tail, b.max_segs, cwnd_limited) {
            return None;
        }
        let limit = self.split_point(&self.queues.unsent[0], b.mss, b.quota, b.push, is_tail);
        (limit > 0).then_some(limit)
    }

    /// Moves bytes of the next buffer into the first one, up to `size`.
    fn grow_head(&mut self, size: u32) {
        if self.queues.unsent.len() < 2 {
            return;
        }
        let missing = size.saturating_sub(self.queues.unsent[0].len()) as usize;
        let next = &mut self.queues.unsent[1];
        let take = missing.min(next.data.len());
        if take == 0 {
            return;
        }
        let whole = take == next.data.len();
        let rest = next.data.split_off(take);
        let moved = std::mem::replace(&mut next.data, rest);
        next.seq += take as u32;
        let (end_seq, flags) = (next.end_seq, next.flags);
        let head = &mut self.queues.unsent[0];
        head.data.extend_from_slice(&moved);
        head.end_seq += take as u32;
        if whole {
            head.end_seq = end_seq;
            head.flags |= flags;
            self.queues.unsent.remove(1);
            self.forward_alloc.uncharge(SKB_OVERHEAD);
        }
    }

    fn send_head(&mut self, now: Now, mss: u32) -> u32 {
        let Some(mut skb) = self.queues.unsent.pop_front() else {
            return 0;
        };
        skb.set_tso_segs(mss);
        let what = if skb.flags.has(Flags::FIN) {
            "FIN"
        } else {
            "data"
        };
        self.transmit(now, &mut skb, what);
        let (end_seq, len, count) = (skb.end_seq, skb.len(), skb.pcount);
        self.new_data_sent(now, skb);
        if len < count * mss {
            self.snd_sml = end_seq;
        }
        count
    }

    /// Handles a buffer that was sent for the first time.
    pub(crate) fn new_data_sent(&mut self, now: Now, skb: Skb) {
        let before = self.packets_out;
        self.snd_nxt = skb.end_seq;
        self.packets_out += skb.pcount;
        self.net.count_by(Counter::TCPOrigDataSent, skb.pcount);
        self.queues.rtx.push_back(skb);
        if before == 0 || self.timers.xmit_pending(Xmit::LossProbe) {
            self.rearm_rto(now, "data was sent");
        }
        self.check_space(now);
    }

    /// Returns whether a burst should wait for an ACK that lets it be larger.
    fn tso_should_defer(
        &self,
        now: Now,
        is_tail: bool,
        max_segs: u32,
        cwnd_limited: &mut bool,
    ) -> bool {
        if self.ca_state >= CaState::Recovery || now.us.since(self.wstamp_us) > 1_000 {
            return false;
        }
        let skb = &self.queues.unsent[0];
        let mss = self.mss_cache;
        let send_win = self.wnd_end() - skb.seq;
        let cong_win = self.w.snd_cwnd.saturating_sub(self.packets_in_flight()) * mss;
        let limit = send_win.min(cong_win);
        if limit >= max_segs * mss || (!is_tail && limit >= skb.len()) {
            return false;
        }
        let divisor = self.sysctl.tcp_tso_win_divisor as u32;
        let chunk = self
            .snd_wnd
            .min(self.w.snd_cwnd.saturating_mul(mss))
            .checked_div(divisor);
        if limit >= chunk.unwrap_or(3 * mss) {
            return false;
        }
        let Some(head) = self.queues.rtx.front() else {
            return false;
        };
        let srtt = self.rtt.srtt_us() as i64;
        let ack_due_in = now.us.until(head.sent_us) + srtt;
        if ack_due_in > (srtt >> 1).min(1_000) {
            return false;
        }
        if cong_win < send_win {
            if cong_win <= skb.len() {
                *cwnd_limited = true;
                return true;
            }
        } else if send_win <= skb.len() {
            return true;
        }
        !skb.flags.has(Flags::FIN)
    }

    /// Sends what may be sent, and makes sure that a timer is armed if something waits.
    pub(crate) fn push_pending_frames(&mut self, now: Now, push: Push) {
        if matches!(self.state, crate::call::TcpState::Closed) || self.queues.unsent.is_empty() {
            return;
        }
        self.refresh_path(now);
        let mss = self.current_mss();
        if self.write_xmit(now, mss, push) && self.packets_out == 0 && self.timers.xmit.is_none() {
            let when = self.probe0_base();
            self.arm_xmit(now, Xmit::Probe0, when, "data waits for the window");
        }
    }

    /// Sends what may be sent after a segment was processed.
    pub(crate) fn data_snd_check(&mut self, now: Now) {
        self.push_pending_frames(now, Push::Normal);
        self.check_space(now);
    }

    fn cwnd_validate(&mut self, now: Now, limited: bool) {
        let new_round = self.cwnd_usage.round_is_over(self.snd_una);
        if new_round
            || limited
            || (!self.w.is_cwnd_limited && self.packets_out > self.w.max_packets_out)
        {
            self.w.is_cwnd_limited = limited;
            self.w.max_packets_out = self.packets_out;
            self.cwnd_usage.begin_round(self.snd_nxt);
        }
        if self.w.is_cwnd_limited() {
            self.cwnd_usage.reset(now.j);
            return;
        }
        self.cwnd_usage.used_in_part(self.packets_out);
        let whole_rto = self.cwnd_usage.elapsed(now.j) >= self.rto.get();
        if self.sysctl.tcp_slow_start_after_idle != 0 && whole_rto {
            self.cwnd_application_limited(now);
        }
    }

    /// Reduces a window that was not used for an RTO by half the difference (RFC 2861).
    fn cwnd_application_limited(&mut self, now: Now) {
        if self.ca_state == CaState::Open && !self.orphan {
            let used = self.cwnd_usage.take_used().max(TCP_INIT_CWND);
            if used < self.w.snd_cwnd {
                self.w.snd_ssthresh = self.current_ssthresh();
                self.w.snd_cwnd = (self.w.snd_cwnd + used) >> 1;
            }
        }
        self.cwnd_usage.stamp(now.j);
    }

    /// Reduces the window after a pause, when new data is written.
    pub(crate) fn slow_start_after_idle_check(&mut self, now: Now) {
        if self.sysctl.tcp_slow_start_after_idle == 0 || self.packets_out > 0 {
            return;
        }
        let idle = now.j.since(self.lsndtime);
        if idle > self.rto.get() {
            self.w.snd_ssthresh = self.current_ssthresh();
            self.w
                .restart_after_idle(TCP_INIT_CWND, idle, self.rto.get());
            self.cwnd_usage.reset(now.j);
        }
    }
}
