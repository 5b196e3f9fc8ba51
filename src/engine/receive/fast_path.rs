//! Header prediction: the segment that was expected takes a short way, and the short way shows.
//!
//! RFC 1323 appendix, Van Jacobson. Linux counterpart: the fast path of tcp_rcv_established, tcp_fast_path_check. What
//! differs to the outside: a pure ACK does not touch a delayed ACK, and data that acknowledges nothing new does not
//! count as an ACK heard.

use crate::engine::clock::now::Now;
use crate::engine::netns::mib::Counter;
use crate::engine::receive::data::option_bytes;
use crate::engine::recovery::ack_flags::AckPath;
use crate::engine::tcb::control_block::{TSTAMP_ALIGNED, Tcb};
use crate::wire::{Flags, Segment};

fn payload_len(segment: &Segment) -> u32 {
    segment.payload.len() as u32
}

impl Tcb {
    /// From now on the next segment is expected to look like the last ones.
    pub(crate) fn fast_path_on(&mut self) {
        self.predicted_window = Some((self.snd_wnd >> self.rx.snd_wscale).min(0xffff) as u16);
    }

    /// Predicts the next segment, unless data has arrived out of order.
    pub(crate) fn fast_path_check(&mut self) {
        if self.reassembly.is_empty() && self.rcv_wnd > 0 && self.rmem_alloc < self.rcvbuf {
            self.fast_path_on();
        }
    }

    /// Whether this is the segment that was expected.
    pub(crate) fn is_predicted(&self, segment: &Segment) -> bool {
        let plain = segment.flags.without(Flags::PSH) == Flags::ACK;
        if !plain || self.predicted_window != Some(segment.window) || segment.seq != self.rcv_nxt {
            return false;
        }
        let options = option_bytes(segment);
        if segment.ack.after(self.snd_nxt) || options != self.header_options {
            return false;
        }
        let payload = payload_len(segment);
        if payload > 0 && self.footprint(payload, options).truesize > self.forward_alloc.available()
        {
            return false;
        }
        if self.header_options != TSTAMP_ALIGNED {
            return true;
        }
        match (segment.options.only_aligned_timestamps(), self.rx.ts_recent) {
            (Some(ts), Some(recent)) => ts.tsval.wrapping_sub(recent) as i32 >= 0,
            _ => false,
        }
    }

    /// Takes the expected segment the short way.
    pub(crate) fn on_predicted(&mut self, now: Now, segment: &Segment) {
        self.rx.ts = segment.timestamps().filter(|_| self.rx.tstamp_ok);
        if let Some(ts) = self.rx.ts.filter(|_| self.rcv_nxt == self.rcv_wup) {
            self.rx.ts_recent = Some(ts.tsval);
        }
        if segment.payload.is_empty() {
            self.on_ack(now, segment, AckPath::Fast);
            self.data_snd_check(now);
            return self.note_tsecr();
        }
        self.measure_rcv_rtt_by_ts(now, payload_len(segment));
        self.net.count(Counter::TCPHPHits);
        self.queue_predicted(now, segment);
        if segment.ack == self.snd_una {
            self.snd_wl1 = segment.seq;
        } else {
            self.on_ack(now, segment, AckPath::FastWithData);
            self.data_snd_check(now);
        }
        self.ack_snd_check(now);
    }
}
