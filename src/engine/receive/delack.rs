//! Whether an ACK leaves at once or waits, and how long.
//!
//! RFC 9293 3.8.6.3, RFC 5681 4.2. Linux counterpart: __tcp_ack_snd_check, tcp_send_delayed_ack,
//! tcp_delack_timer_handler, tcp_event_data_recv, __tcp_cleanup_rbuf.

use std::time::Duration;

use crate::call::TcpState;
use crate::engine::clock::now::Now;
use crate::engine::clock::stamp::Stamp;
use crate::engine::netns::mib::Counter;
use crate::engine::tcb::cause::{ArmedFor, Text};
use crate::engine::tcb::control_block::Tcb;
use crate::engine::tcb::delack_state::AtoLimits;
use crate::engine::tcb::outbox::Trigger;
use crate::time::TickSpan;
use crate::wire::Flags;

/// Duplicate ACKs sent at once before they are compressed.
const FAST_RETRANS_THRESH: u32 = 3;

impl Tcb {
    /// Shortest delay, and the estimate's start: 40 ms.
    pub(crate) fn ato_min(&self) -> TickSpan {
        self.ms(40)
    }

    pub(crate) fn pingpong(&self) -> bool {
        self.delack.in_pingpong(self.sysctl.tcp_pingpong_thresh)
    }

    pub(crate) fn enter_pingpong(&mut self) {
        self.delack.enter_pingpong(self.sysctl.tcp_pingpong_thresh);
    }

    pub(crate) fn exit_pingpong(&mut self) {
        self.delack.exit_pingpong();
    }

    fn ato_limits(&self) -> AtoLimits {
        AtoLimits {
            min: self.ato_min(),
            max: self.ms(200),
            rto: self.rto.get(),
        }
    }

    /// Something odd came: the next ACKs leave at once.
    pub(crate) fn enter_quickack_mode(&mut self) {
        let limits = self.ato_limits();
        self.delack.enter_quickack_mode(self.rcv_wnd, limits);
    }

    /// Data came in order or not: adapts the delay to the peer's pace.
    pub(crate) fn event_data_recv(&mut self, now: Now, payload: u32, options: u32, flags: Flags) {
        self.delack.schedule();
        self.measure_rcv_mss(payload, options, flags);
        self.measure_rcv_rtt(now);
        let limits = self.ato_limits();
        self.delack
            .data_received(now.j, self.rcv_wnd, self.flow_label_heard, limits);
        if payload >= 128 {
            self.grow_window(payload, options);
        }
    }

    /// Data was sent: a request-and-response pattern delays ACKs.
    pub(crate) fn event_data_sent(&mut self, now: Now) {
        if self.packets_in_flight() == 0 {
            self.cc
                .cwnd_event_tx_start(self.lsndtime, now.at, &self.sysctl.ticks);
        }
        self.lsndtime = now.j;
        self.delack.data_sent(now.j);
    }

    /// An ACK left, alone or with data.
    pub(crate) fn event_ack_sent(&mut self, now: Now) {
        if self.reassembly.compressed > 0 {
            let held_back = self.reassembly.compressed;
            self.net.count_by(Counter::TCPAckCompressed, held_back);
        }
        self.reassembly.compressed = 0;
        self.timers.comp_sack = Stamp::NONE;
        if self.timers.delack.take().is_some() {
            self.note(
                now,
                false,
                Text::Cleared {
                    timer: "delayed ACK",
                    why: "an ACK left",
                },
            );
        }
        let limits = self.ato_limits();
        self.delack.sent(limits);
    }

    /// After a segment was dealt with: acknowledge now, later or not at all.
    pub(crate) fn ack_snd_check(&mut self, now: Now) {
        if !self.delack.is_scheduled() {
            return;
        }
        let unacked = self.rcv_nxt - self.rcv_wup;
        let window_moves = unacked > self.delack.rcv_mss()
            && (self.rcv_nxt - self.copied_seq < 1 || self.possible_window() >= self.rcv_wnd);
        if window_moves || self.delack.is_now(self.sysctl.tcp_pingpong_thresh) {
            return self.send_ack(now);
        }
        if self.reassembly.is_empty() {
            return self.send_delayed_ack(now);
        }
        self.ack_out_of_order(now);
    }

    /// Three duplicate ACKs at once, then one for several segments.
    fn ack_out_of_order(&mut self, now: Now) {
        if !self.rx.sack_ok || i64::from(self.reassembly.compressed) >= self.sysctl.tcp_comp_sack_nr
        {
            return self.send_ack(now);
        }
        if self.reassembly.compressed_at != Some(self.rcv_nxt) {
            self.reassembly.compressed_at = Some(self.rcv_nxt);
            self.reassembly.dup_acks = 0;
        }
        if self.reassembly.dup_acks < FAST_RETRANS_THRESH {
            self.reassembly.dup_acks += 1;
            return self.send_ack(now);
        }
        self.reassembly.compressed += 1;
        if self.timers.comp_sack == Stamp::NONE {
            let rtt_ns = self.rtt.srtt_us() * 1_000;
            let most_ns = self.sysctl.tcp_comp_sack_delay_ns as u64;
            let delay_ns = (rtt_ns / 20).min(most_ns).max(1);
            self.timers.comp_sack = (now.at + Duration::from_nanos(delay_ns)).into();
        }
    }

    /// The compressed SACK's timer fired.
    pub(crate) fn on_comp_sack(&mut self, now: Now) {
        self.outbox().trigger = Trigger::Timer("held-back duplicate ACKs".into(), None);
        if self.reassembly.compressed > 0 {
            self.reassembly.compressed -= 1;
            self.send_ack(now);
        }
    }

    pub(crate) fn delack_max(&self) -> TickSpan {
        let from_rto_min = self.rto.min().max(TickSpan(2)) - TickSpan::ONE;
        self.opt
            .delack_max
            .unwrap_or_else(|| self.ms(200))
            .min(from_rto_min)
    }

    fn send_delayed_ack(&mut self, now: Now) {
        let least = self.ato_min();
        let mut ato = self.delack.ato();
        if ato > least {
            let mut most = self.ms(500);
            if self.pingpong() || self.delack.is_pushed() {
                most = self.ms(200);
            }
            if self.rtt.has_sample() {
                most = most.min(self.sysctl.ticks.from_us(self.rtt.srtt_us()).max(least));
            }
            ato = ato.min(most);
        }
        ato = ato.min(self.delack_max());
        let mut expires = now.j + ato;
        if let (true, Some(pending)) = (self.delack.is_armed(), self.timers.delack) {
            if pending.expires() <= now.j + (ato >> 2) {
                return self.send_ack(now);
            }
            expires = expires.min(pending.expires());
        }
        self.delack.arm();
        let ticks = self.sysctl.ticks;
        let armed = self.timers.arm_delack(&ticks, now, expires);
        self.note(
            now,
            false,
            Text::Armed {
                timer: "delayed ACK",
                did: "armed",
                why: "",
                told: ArmedFor::new(&armed, &ticks),
            },
        );
    }

    /// The delayed-ACK timer fired.
    pub(crate) fn on_delack(&mut self, now: Now) {
        let Some(armed) = self.timers.delack.take() else {
            return;
        };
        let told = self.told(&armed);
        let timer = "delayed ACK";
        self.note(now, true, Text::Fired { timer, told });
        if matches!(self.state, TcpState::Closed | TcpState::Listen) || !self.delack.timer_fired() {
            return;
        }
        let limits = self.ato_limits();
        self.delack
            .was_late(self.sysctl.tcp_pingpong_thresh, limits);
        self.outbox().trigger = Trigger::Timer(
            Text::By {
                timer: "delayed ACK timer",
                told,
            },
            Some(armed),
        );
        self.net.count(Counter::DelayedACKs);
        self.send_ack(now);
    }

    /// Sends a pure ACK.
    pub(crate) fn send_ack(&mut self, now: Now) {
        if self.state == TcpState::Closed {
            return;
        }
        let seq = self.acceptable_seq();
        self.transmit_bare(now, seq, Flags::ACK, "ACK");
    }

    /// The application has read `copied` bytes: is that worth an ACK?
    pub(crate) fn cleanup_rbuf(&mut self, now: Now, copied: u32) {
        let mut time_to_ack = false;
        if self.delack.is_scheduled() {
            let two_segments = self.rcv_nxt - self.rcv_wup > self.delack.rcv_mss();
            let pushed = self
                .delack
                .is_pushed_for_reader(self.sysctl.tcp_pingpong_thresh);
            time_to_ack = two_segments || (copied > 0 && pushed && self.rmem_alloc == 0);
        }
        if copied > 0 && !time_to_ack && !self.rcv_shutdown {
            let window = self.receive_window();
            if 2 * window <= self.window_clamp {
                let possible = self.possible_window();
                time_to_ack = possible > 0 && possible >= 2 * window;
            }
        }
        if time_to_ack {
            self.send_ack(now);
        }
    }
}
