//! A segment arrives on a full socket: is it acceptable, and what does the state make of it?
//!
//! RFC 9293 3.10.7, RFC 5961, RFC 7323 5. Linux counterpart: tcp_validate_incoming, tcp_rcv_established,
//! tcp_rcv_state_process, tcp_reset, tcp_send_challenge_ack.

use crate::call::{Errno, TcpState};
use crate::engine::clock::now::Now;
use crate::engine::netns::mib::Counter;
use crate::engine::recovery::ack_flags::{AckField, AckPath};
use crate::engine::tcb::control_block::Tcb;
use crate::engine::tcb::outbox::Trigger;
use crate::wire::{Flags, Segment, Seq};

/// What must happen besides: the host's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing.
    Done,
    /// Answer with a RST as if there were no socket.
    Reset,
}

/// What follows after the ACK field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Go,
    Drop,
    Reset,
}

impl Tcb {
    /// A segment for this connection.
    pub(crate) fn on_segment(&mut self, now: Now, segment: &Segment) -> Verdict {
        self.outbox().trigger = Trigger::Segment;
        match self.state {
            TcpState::Closed | TcpState::Listen | TcpState::TimeWait => Verdict::Reset,
            TcpState::SynSent => self.on_segment_syn_sent(now, segment),
            _ => self.on_segment_synchronized(now, segment),
        }
    }

    fn on_segment_synchronized(&mut self, now: Now, segment: &Segment) -> Verdict {
        if self.state == TcpState::Established && self.is_predicted(segment) {
            self.on_predicted(now, segment);
            return Verdict::Done;
        }
        self.rx.ts = if self.rx.tstamp_ok {
            segment.timestamps()
        } else {
            None
        };
        if !self.validate(now, segment) {
            return Verdict::Done;
        }
        if !segment.flags.has(Flags::ACK) {
            return Verdict::Done;
        }
        match self.ack_in_state(now, segment) {
            Step::Go => {}
            Step::Drop => return Verdict::Done,
            Step::Reset => return Verdict::Reset,
        }
        if self.data_for_nobody(segment) {
            self.net.count(Counter::TCPAbortOnData);
            self.note(now, false, "data for a socket that nobody reads: reset");
            self.on_reset(now);
            return Verdict::Reset;
        }
        self.measure_rcv_rtt_by_ts(now, segment.payload.len() as u32);
        match self.state {
            TcpState::Established | TcpState::FinWait1 | TcpState::FinWait2 => {
                self.data_queue(now, segment);
            }
            TcpState::CloseWait | TcpState::Closing | TcpState::LastAck
                if segment.seq.before(self.rcv_nxt) =>
            {
                self.data_queue(now, segment);
            }
            _ => {}
        }
        if self.state != TcpState::Closed {
            self.data_snd_check(now);
            self.ack_snd_check(now);
        }
        Verdict::Done
    }

    /// New data after the application has closed its reading side too.
    fn data_for_nobody(&self, segment: &Segment) -> bool {
        let late = match self.state {
            TcpState::FinWait1 | TcpState::FinWait2 => true,
            TcpState::CloseWait | TcpState::Closing | TcpState::LastAck => {
                segment.seq.before(self.rcv_nxt)
            }
            _ => false,
        };
        late && self.rcv_shutdown && self.carries_new_data(segment)
    }

    fn carries_new_data(&self, segment: &Segment) -> bool {
        let fin = u32::from(segment.flags.has(Flags::FIN));
        segment.end_seq() != segment.seq && (segment.end_seq() - fin).after(self.rcv_nxt)
    }

    /// PAWS, sequence numbers, RST, SYN: in this order. False when the segment is done with.
    fn validate(&mut self, now: Now, segment: &Segment) -> bool {
        let rst = segment.flags.has(Flags::RST);
        let syn = segment.flags.has(Flags::SYN);
        if !rst && self.paws_rejects(segment) {
            let old_pure_ack = segment.seq_len() == 0 && segment.seq.before(self.rcv_nxt);
            if syn {
                self.on_syn(now);
            } else if old_pure_ack {
                self.net.count(Counter::PAWSOldAck);
            } else {
                self.net.count(Counter::PAWSEstab);
                self.answer_old(now, segment, Counter::TCPACKSkippedPAWS);
            }
            return false;
        }
        if !self.sequence_acceptable(segment) {
            if rst {
                if self.reset_at_edge(segment.seq) {
                    self.on_reset(now);
                }
            } else if syn {
                self.on_syn(now);
            } else {
                if !segment.end_seq().before(self.rcv_wup) {
                    self.net.count(Counter::BeyondWindow);
                }
                self.answer_old(now, segment, Counter::TCPACKSkippedSeq);
            }
            return false;
        }
        if rst {
            let exact = segment.seq == self.rcv_nxt
                || self.reset_at_edge(segment.seq)
                || self.reassembly.highest_edge() == Some(segment.seq);
            if exact {
                self.on_reset(now);
            } else {
                self.send_challenge_ack(now);
            }
            return false;
        }
        if syn && !self.is_crossing_syn_ack(segment) {
            self.on_syn(now);
            return false;
        }
        true
    }

    /// The SYN-ACK of a peer whose SYN crossed ours.
    fn is_crossing_syn_ack(&self, segment: &Segment) -> bool {
        self.state == TcpState::SynRecv
            && !self.orphan
            && segment.flags.has(Flags::ACK)
            && segment.seq + 1 == segment.end_seq()
            && segment.end_seq() == self.rcv_nxt
            && segment.ack == self.snd_nxt
    }

    /// An old timestamp marks an old segment, unless it is a duplicate ACK that was overtaken.
    fn paws_rejects(&self, segment: &Segment) -> bool {
        let (Some(ts), Some(recent)) = (self.rx.ts, self.rx.ts_recent) else {
            return false;
        };
        let age_ms = recent.wrapping_sub(ts.tsval) as i32;
        if age_ms <= 1 {
            return false;
        }
        let overtaken_ms = self.sysctl.ticks.to_us(self.rto.get()) * 12 / 10 / 1_000;
        let window = u32::from(segment.window) << self.rx.snd_wscale;
        let duplicate = segment.seq_len() == 0
            && segment.seq == self.rcv_nxt
            && segment.ack == self.snd_una
            && !self.updates_window(segment, window);
        !(duplicate && age_ms as u64 <= overtaken_ms)
    }

    fn sequence_acceptable(&self, segment: &Segment) -> bool {
        let right = self.rcv_nxt + self.receive_window();
        if segment.end_seq().before(self.rcv_wup) {
            return false;
        }
        if segment.end_seq().after(right) {
            // a segment that only ends beyond the window is taken while the application keeps up
            let caught_up = self.queues.received.is_empty() && !self.fin_queued;
            return !segment.seq.after(right) && caught_up;
        }
        true
    }

    /// A SYN in an open connection (RFC 5961 4).
    fn on_syn(&mut self, now: Now) {
        if self.state == TcpState::Established {
            self.net.count(Counter::InErrs);
        }
        self.net.count(Counter::TCPSYNChallenge);
        self.send_challenge_ack(now);
    }

    fn answer_old(&mut self, now: Now, segment: &Segment, skipped: Counter) {
        let data = segment.seq != segment.end_seq();
        if !data && self.oow_rate_limited(now, skipped) {
            return;
        }
        if data && segment.seq.before(self.rcv_nxt) {
            self.net.count(Counter::DelayedACKLost);
            self.enter_quickack_mode();
            if self.rx.sack_ok && self.sysctl.tcp_dsack != 0 {
                self.on_spurious_retrans();
            }
            self.set_dsack(segment.seq, segment.end_seq().min(self.rcv_nxt));
        }
        self.send_ack(now);
    }

    /// At most one answer per tcp_invalid_ratelimit to segments that carry nothing.
    fn oow_rate_limited(&mut self, now: Now, skipped: Counter) -> bool {
        let limit = self.ms(self.sysctl.tcp_invalid_ratelimit);
        if self
            .last_oow_ack
            .get()
            .is_some_and(|last| now.j - last < limit)
        {
            self.net.count(skipped);
            return true;
        }
        self.last_oow_ack = now.j.into();
        false
    }

    /// RFC 5961: an ACK that a real peer answers with a RST that fits.
    pub(crate) fn send_challenge_ack(&mut self, now: Now) {
        if self.oow_rate_limited(now, Counter::TCPACKSkippedChallenge) {
            return;
        }
        let second = now.j.0 / self.sysctl.ticks.hz();
        let limit = self.sysctl.tcp_challenge_ack_limit;
        if self.net.take_challenge(limit, second) {
            self.net.count(Counter::TCPChallengeACK);
            self.send_ack(now);
        }
    }

    /// A RST one byte early is the answer of a peer that has not seen our ACK of its FIN.
    fn reset_at_edge(&self, seq: Seq) -> bool {
        seq == self.rcv_nxt - 1
            && matches!(
                self.state,
                TcpState::CloseWait | TcpState::LastAck | TcpState::Closing
            )
    }

    /// A RST that counts.
    pub(crate) fn on_reset(&mut self, now: Now) {
        let errno = match self.state {
            TcpState::SynSent => Errno::ECONNREFUSED,
            TcpState::CloseWait => Errno::EPIPE,
            TcpState::Closed => return,
            _ => Errno::ECONNRESET,
        };
        self.sk_err = Some(errno);
        self.queues.purge();
        self.note(now, false, format!("reset by the peer: {errno}"));
        self.tcp_done(now);
    }

    /// What the ACK field means in this state.
    fn ack_in_state(&mut self, now: Now, segment: &Segment) -> Step {
        if self.state == TcpState::SynRecv {
            return self.ack_in_syn_recv(now, segment);
        }
        if self.on_ack(now, segment, AckPath::Slow) == AckField::Unacceptable {
            if segment.ack.after(self.snd_nxt) || self.state != TcpState::Established {
                self.send_challenge_ack(now);
            }
            return Step::Drop;
        }
        match self.state {
            TcpState::FinWait1 if self.snd_una == self.write_seq => self.fin_acked(now, segment),
            TcpState::Closing if self.snd_una == self.write_seq => {
                self.transition(TcpState::TimeWait);
                Step::Drop
            }
            TcpState::LastAck if self.snd_una == self.write_seq => {
                self.tcp_done(now);
                Step::Drop
            }
            TcpState::Closed | TcpState::TimeWait => Step::Drop,
            _ => Step::Go,
        }
    }

    /// An acceptable ACK, and be it a duplicate one, completes a simultaneous open.
    fn ack_in_syn_recv(&mut self, now: Now, segment: &Segment) -> Step {
        if !segment.ack.between(self.snd_una, self.snd_nxt) {
            return Step::Reset;
        }
        self.on_ack(now, segment, AckPath::Slow);
        self.establish(now, segment);
        Step::Go
    }

    /// Our FIN is acknowledged.
    fn fin_acked(&mut self, now: Now, segment: &Segment) -> Step {
        self.transition(TcpState::FinWait2);
        self.send_shutdown = true;
        if !self.orphan {
            return Step::Go;
        }
        if self.opt.linger2.is_some_and(|s| s < 0) || self.carries_new_data(segment) {
            self.tcp_done(now);
            self.net.count(Counter::TCPAbortOnData);
            return Step::Reset;
        }
        self.orphan_fin_wait2(now, segment.flags.has(Flags::FIN));
        if self.state == TcpState::FinWait2 && self.outbox().becomes_timewait.is_none() {
            Step::Go
        } else {
            Step::Drop
        }
    }
}
