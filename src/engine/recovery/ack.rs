//! An acknowledgment: what it removes from the queue, what it says about the window, and what follows.
//!
//! RFC 9293 3.10.7.4 (fifth), RFC 6675. Linux counterpart: tcp_ack, tcp_clean_rtx_queue, tcp_ack_update_rtt,
//! tcp_ack_update_window, tcp_ack_probe.

use crate::call::TcpState;
use crate::engine::clock::now::{Micros, Now};
use crate::engine::congestion::AckSample;
use crate::engine::netns::mib::Counter;
use crate::engine::queues::skb::Skb;
use crate::engine::recovery::ack_flags::{AckField, AckFlags, AckPath, Retransmit, SackSample};
use crate::engine::tcb::control_block::{CaState, Tcb};
use crate::engine::tcb::timer_slots::Xmit;
use crate::wire::{Flags, Segment, Seq};

/// What the removal of segments from the queue has shown.
#[derive(Clone, Copy, Debug, Default)]
struct Cleaned {
    /// Send time of the oldest acknowledged segment that was not retransmitted.
    first_ackt: Option<Micros>,
    /// Send time of the newest acknowledged segment that was not retransmitted.
    last_ackt: Option<Micros>,
    /// Lowest sequence number acknowledged although later ones were SACKed before.
    reord: Option<Seq>,
    pkts_acked: u32,
    /// Whether at least one buffer was acknowledged to its end.
    fully: bool,
    /// Number of packets delivered when the newest of them was sent.
    prior_delivered: Option<u32>,
}

/// RTT samples of one ACK, us.
#[derive(Clone, Copy, Debug, Default)]
struct RttSamples {
    /// The sample of the oldest acknowledged segment that was not retransmitted.
    seq: Option<u64>,
    /// The sample of the earliest segment that was newly SACKed.
    sack: Option<u64>,
    /// The sample for congestion control and the minimum.
    ca: Option<u64>,
    /// Whether the peer may have delayed this ACK.
    maybe_delayed: bool,
}

impl Tcb {
    /// Handles the ACK field of an acceptable segment.
    pub(crate) fn on_ack(&mut self, now: Now, segment: &Segment, path: AckPath) -> AckField {
        let mut flags = AckFlags::default();
        let (ack, prior_snd_una) = (segment.ack, self.snd_una);
        if ack.before(prior_snd_una) {
            return self.on_old_ack(now, segment);
        }
        if ack.after(self.snd_nxt) {
            return AckField::Unacceptable;
        }
        if ack.after(prior_snd_una) {
            flags.snd_una_advanced = true;
            self.rto.acked();
        }
        let prior_packets = self.packets_out;
        let (delivered, lost) = (self.delivered, self.lost);
        self.replace_ts_recent(segment.seq);
        let mut sacks = SackSample::default();
        flags.data = segment.seq != segment.end_seq();
        if path != AckPath::Slow && flags.snd_una_advanced {
            self.net.count(Counter::TCPHPAcks);
        } else if !flags.data {
            self.net.count(Counter::TCPPureAcks);
        }
        flags.win_update = self.update_window(now, segment);
        self.snd_una_update(ack);
        if self.rx.sack_ok && !segment.sack_blocks().is_empty() {
            self.sacktag(
                now,
                &segment.sack_blocks(),
                (ack, prior_snd_una),
                &mut flags,
                &mut sacks,
            );
        }
        if self.sk_err_soft.take().is_some() {
            self.note(now, false, "an ACK arrived: the ICMP error is forgotten");
        }
        self.probes.answered();
        self.rcv_tstamp = now.j;
        if prior_packets == 0 {
            self.ack_without_data_out(now, flags, delivered);
            return AckField::Acceptable;
        }
        self.clean_rtx_queue(now, prior_snd_una, &mut flags, &sacks);
        self.rack_update_reo_wnd(sacks.prior_delivered);
        if self.tlp.is_out() {
            self.process_tlp_ack(now, ack, flags);
        }
        let mut retransmit = Retransmit::None;
        if !flags.not_dup() || flags.ca_alert() || self.ca_state != CaState::Open {
            let dup = !(flags.snd_una_advanced || flags.not_dup() || flags.dsacking);
            retransmit = self.fastretrans_alert(now, u32::from(dup), &mut flags);
        }
        if flags.set_xmit_timer {
            self.set_xmit_timer(now);
        }
        self.net
            .count_by(Counter::TCPDelivered, self.delivered - delivered);
        self.cong_control(now, self.delivered - delivered, self.lost - lost, flags);
        self.xmit_recovery(now, retransmit);
        AckField::Acceptable
    }

    fn on_old_ack(&mut self, now: Now, segment: &Segment) -> AckField {
        let mut flags = AckFlags::default();
        let window = u64::from(self.max_window).min(self.bytes_acked) as u32;
        if segment.ack.before(self.snd_una - window) {
            if self.state == TcpState::Established {
                self.send_challenge_ack(now);
            }
            return AckField::Unacceptable;
        }
        if self.rx.sack_ok && !segment.sack_blocks().is_empty() {
            let delivered = self.delivered;
            let una = self.snd_una;
            self.sacktag(
                now,
                &segment.sack_blocks(),
                (segment.ack, una),
                &mut flags,
                &mut SackSample::default(),
            );
            let retransmit = self.fastretrans_alert(now, 0, &mut flags);
            self.net
                .count_by(Counter::TCPDelivered, self.delivered - delivered);
            self.xmit_recovery(now, retransmit);
        }
        AckField::Acceptable
    }

    /// Handles an ACK when nothing is in flight: it can only open the window.
    fn ack_without_data_out(&mut self, now: Now, mut flags: AckFlags, delivered: u32) {
        if flags.dsacking {
            self.fastretrans_alert(now, 0, &mut flags);
            self.net
                .count_by(Counter::TCPDelivered, self.delivered - delivered);
        }
        self.ack_probe(now);
        if self.tlp.is_out() {
            self.process_tlp_ack(now, self.snd_una, flags);
        }
    }

    fn snd_una_update(&mut self, ack: Seq) {
        self.bytes_acked += u64::from(ack - self.snd_una);
        self.snd_una = ack;
    }

    /// Stores the peer's timestamp from a segment that does not lie beyond what was acknowledged.
    fn replace_ts_recent(&mut self, seq: Seq) {
        let Some(ts) = self.rx.ts else { return };
        if !seq.after(self.rcv_wup) {
            let newer = self
                .rx
                .ts_recent
                .is_none_or(|r| ts.tsval.wrapping_sub(r) as i32 >= 0);
            if newer {
                self.rx.ts_recent = Some(ts.tsval);
            }
        }
    }

    /// Returns whether the segment is new enough to update the window.
    pub(crate) fn updates_window(&self, segment: &Segment, window: u32) -> bool {
        segment.ack.after(self.snd_una)
            || segment.seq.after(self.snd_wl1)
            || (segment.seq == self.snd_wl1 && (window > self.snd_wnd || window == 0))
    }

    fn update_window(&mut self, now: Now, segment: &Segment) -> bool {
        // the window of a SYN is never scaled (RFC 7323 2.2)
        let shift = if segment.flags.has(Flags::SYN) {
            0
        } else {
            self.rx.snd_wscale
        };
        let window = u32::from(segment.window) << shift;
        if !self.updates_window(segment, window) {
            return false;
        }
        self.snd_wl1 = segment.seq;
        if self.snd_wnd != window {
            self.snd_wnd = window;
            self.predicted_window = None;
            self.fast_path_check();
            if !self.queues.unsent.is_empty() {
                self.slow_start_after_idle_check(now);
            }
            if window > self.max_window {
                self.max_window = window;
                self.sync_mss();
            }
        }
        true
    }

    /// Stops or restarts the window probe timer after the window may have opened.
    fn ack_probe(&mut self, now: Now) {
        let Some(head) = self.queues.unsent.front() else {
            return;
        };
        if !head.end_seq.after(self.wnd_end()) {
            self.rto.reset_probe_backoff();
            self.probes.window_opened();
            if self.timers.xmit_pending(Xmit::Probe0) {
                self.clear_xmit(now, "the window fits the next segment");
            }
        } else {
            let when = self.clamp_probe0(now, self.probe0_when());
            self.arm_xmit(now, Xmit::Probe0, when, "an ACK kept the window closed");
        }
    }

    /// Removes acknowledged segments from the queue, and learns from the times at which they were sent.
    fn clean_rtx_queue(
        &mut self,
        now: Now,
        prior_una: Seq,
        flags: &mut AckFlags,
        sacks: &SackSample,
    ) {
        let prior_sacked = self.sacked_out;
        let mut c = Cleaned::default();
        while let Some(head) = self.queues.rtx.front() {
            if head.end_seq.after(self.snd_una) {
                self.trim_acked_head(now.us, flags, &mut c);
                break;
            }
            let Some(skb) = self.queues.rtx.pop_front() else {
                break;
            };
            self.forward_alloc
                .uncharge(crate::engine::queues::forward_alloc::SKB_OVERHEAD + skb.len());
            self.count_acked(now.us, &skb, flags, &mut c);
            c.fully = true;
        }
        flags.sack_reneging = self.queues.rtx.front().is_some_and(|s| s.marks.sacked);
        let since = |t: Micros| now.us - t;
        let clean = c.first_ackt.filter(|_| !flags.retrans_data_acked);
        let mut rtt = RttSamples {
            seq: clean.map(since),
            sack: sacks.first_sackt.map(since),
            ca: sacks.last_sackt.or(clean.and(c.last_ackt)).map(since),
            maybe_delayed: c.pkts_acked == 1
                && c.fully
                && prior_sacked == 0
                && clean.is_some()
                && self.snd_una - prior_una < self.mss_cache
                && c.prior_delivered.is_some_and(|d| d + 1 == self.delivered)
                && !flags.ca_alert()
                && !flags.syn_acked,
        };
        let updated = self.update_rtt(now, *flags, &mut rtt);
        self.after_cleaning(
            now,
            prior_una,
            sacks,
            flags,
            &c,
            updated.then_some(rtt.sack).flatten(),
        );
        if flags.acked() {
            self.feed_congestion_control(now, rtt.ca);
        }
    }

    fn feed_congestion_control(&mut self, now: Now, rtt_us: Option<u64>) {
        let sample = AckSample {
            rtt_us,
            snd_una: self.snd_una,
            snd_nxt: self.snd_nxt,
            pacing_rate: if self.pacing_rate == u64::MAX {
                0
            } else {
                self.pacing_rate
            },
        };
        self.cc
            .pkts_acked(&mut self.w, &sample, now.at, &self.sysctl.ticks);
    }

    /// Updates the timer and looks for signs of reordering.
    fn after_cleaning(
        &mut self,
        now: Now,
        prior_una: Seq,
        sacks: &SackSample,
        flags: &mut AckFlags,
        c: &Cleaned,
        sack_rtt: Option<u64>,
    ) {
        if flags.acked() {
            flags.set_xmit_timer = true;
            let prior_fack = sacks.prior_fack.unwrap_or(prior_una);
            if !self.rx.sack_ok {
                self.remove_reno_sacks(c.pkts_acked);
                if flags.retrans_data_acked {
                    flags.orig_sack_acked = false;
                }
            } else if let Some(reord) = c.reord.filter(|r| r.before(prior_fack)) {
                self.check_sack_reordering(reord);
            }
        } else if let (Some(rtt), Some(head)) = (sack_rtt, self.queues.rtx.front()) {
            // the head was sent after what was just SACKed: its RTO starts anew
            flags.set_xmit_timer = rtt > now.us - head.sent_us;
        }
    }

    /// Handles a burst of several segments that is acknowledged in part.
    fn trim_acked_head(&mut self, now_us: Micros, flags: &mut AckFlags, cleaned: &mut Cleaned) {
        let una = self.snd_una;
        let Some(head) = self.queues.rtx.front_mut() else {
            return;
        };
        if head.pcount <= 1 || !una.after(head.seq) {
            return;
        }
        let before = head.pcount;
        let cut = (una - head.seq).min(head.len());
        head.data.advance(cut as usize);
        self.forward_alloc.uncharge(cut);
        head.seq = una;
        let left = head.set_tso_segs(head.seg_size);
        let acked = before.saturating_sub(left);
        let part = head.clone();
        if acked > 0 {
            self.count_acked_part(now_us, &part, acked, flags, cleaned);
        }
    }

    fn count_acked(&mut self, now_us: Micros, skb: &Skb, flags: &mut AckFlags, c: &mut Cleaned) {
        self.count_acked_part(now_us, skb, skb.pcount, flags, c);
        if skb.flags.has(Flags::SYN) {
            flags.syn_acked = true;
            flags.data_acked = !skb.data.is_empty();
            self.rto.clear_retrans_stamp();
        }
    }

    fn count_acked_part(
        &mut self,
        now_us: Micros,
        skb: &Skb,
        count: u32,
        flags: &mut AckFlags,
        c: &mut Cleaned,
    ) {
        let marks = skb.marks;
        if marks.ever_retrans || marks.retrans {
            if marks.retrans {
                self.retrans_out -= count;
            }
            flags.retrans_data_acked = true;
        } else if !marks.sacked {
            c.last_ackt = Some(skb.sent_us);
            c.first_ackt = c.first_ackt.or(Some(skb.sent_us));
            c.prior_delivered = Some(skb.delivered);
            c.reord = Some(c.reord.map_or(skb.seq, |r| r.min(skb.seq)));
            if !skb.end_seq.after(self.high_seq) {
                flags.orig_sack_acked = true;
            }
        }
        if marks.sacked {
            self.sacked_out -= count;
        } else if self.rx.sack_ok {
            self.delivered += count;
            if !self.spurious_retrans(skb) {
                let min_rtt_us = self.min_rtt_us();
                self.rack.advance(now_us, skb, min_rtt_us);
            }
        }
        if marks.lost {
            self.lost_out -= count;
        }
        self.packets_out -= count;
        c.pkts_acked += count;
        flags.data_acked = true;
    }

    /// Feeds the estimator with the best sample of this ACK, and returns whether there was one.
    fn update_rtt(&mut self, now: Now, flags: AckFlags, rtt: &mut RttSamples) -> bool {
        let mut sample = rtt.seq.or(rtt.sack);
        if sample.is_none() && flags.acked() {
            sample = self.rtt_by_timestamp(now);
            rtt.ca = sample;
        }
        let Some(rtt_us) = sample else { return false };
        let ca_us = rtt.ca.unwrap_or(rtt_us);
        if !(rtt.maybe_delayed && ca_us > self.min_rtt_us()) {
            let window = self
                .sysctl
                .ticks
                .from_us(self.sysctl.tcp_min_rtt_wlen as u64 * 1_000_000);
            self.rtt.update_min_rtt(window, now.j, ca_us.max(1));
        }
        self.rtt.sample(
            rtt_us,
            self.sysctl.ticks.to_us(self.rto.min()),
            self.snd_una,
            self.snd_nxt,
        );
        self.rto.sampled(&self.rtt, &self.sysctl.ticks);
        true
    }

    /// Returns the RTT from the echoed timestamp, us: whole milliseconds, at least one.
    pub(crate) fn rtt_by_timestamp(&self, now: Now) -> Option<u64> {
        let ts = self.rx.ts.filter(|ts| ts.tsecr != 0)?;
        let ms = self.tsval(now).wrapping_sub(ts.tsecr);
        (ms < i32::MAX as u32 / 1_000).then(|| u64::from(ms.max(1)) * 1_000)
    }

    /// Arms a tail loss probe if one is allowed, otherwise the retransmission timer from now on.
    fn set_xmit_timer(&mut self, now: Now) {
        if !self.schedule_loss_probe(now, true) {
            self.rearm_rto(now, "an ACK advanced");
        }
    }
}

impl Tcb {
    /// Takes the first RTT of a passive open: from the SYN-ACK, or from timestamps if it was retransmitted.
    pub(crate) fn sample_syn_ack_rtt(&mut self, now: Now) {
        let rtt = self.rtt_of_syn_ack.take().map(|sent| now.us - sent);
        let mut samples = RttSamples {
            seq: rtt,
            ca: rtt,
            ..RttSamples::default()
        };
        let flags = AckFlags {
            syn_acked: true,
            ..AckFlags::default()
        };
        self.update_rtt(now, flags, &mut samples);
    }
}
