//! What the peer does with a segment (RFC 9293 3.10.7), in its order.

use super::{Agreed, DEFAULT_MSS, Host, ISN, Peer};
use crate::call::TcpState;
use crate::time::Instant;
use crate::trace::Incident;
use crate::wire::{Datagram, Flags, Segment, Seq};

/// Bytes of a header that the timestamp option takes with its padding.
const TIMESTAMPS_LEN: u16 = 12;

impl Peer {
    /// A datagram arrives.
    pub fn on_packet(&mut self, now: Instant, datagram: &Datagram) {
        let Some(segment) = datagram
            .segment()
            .filter(|_| datagram.dst == self.ip.peer())
        else {
            return;
        };
        if self.host == Host::Off {
            let flags = segment.flags.to_string();
            let len = segment.payload.len();
            return self.report(now, Incident::Swallowed { flags, len });
        }
        let ours = (segment.dst_port, segment.src_port) == self.ports;
        match self.state {
            TcpState::Closed => self.on_closed(now, segment),
            _ if !ours => self.on_closed(now, segment),
            TcpState::Listen => self.on_listen(now, segment),
            TcpState::SynSent => self.on_syn_sent(now, segment),
            _ => self.on_connection(now, segment),
        }
    }

    fn on_closed(&mut self, now: Instant, segment: &Segment) {
        if segment.flags.has(Flags::RST) {
            return;
        }
        let why = match self.host {
            Host::Rebooted => "no connection (rebooted)",
            _ => "no connection",
        };
        self.refuse(now, segment, why);
    }

    fn on_listen(&mut self, now: Instant, segment: &Segment) {
        if segment.flags.has(Flags::RST) {
            return;
        }
        if segment.flags.has(Flags::ACK) || !segment.flags.has(Flags::SYN) {
            return self.on_closed(now, segment);
        }
        self.agree(segment);
        self.state = TcpState::SynRecv;
        self.send_new(now, Flags::SYN | Flags::ACK, Vec::new());
    }

    fn on_syn_sent(&mut self, now: Instant, segment: &Segment) {
        let acks_syn = segment.flags.has(Flags::ACK) && segment.ack == self.snd_nxt;
        if segment.flags.has(Flags::RST) {
            if acks_syn {
                self.report(now, Incident::ResetBySurvivor);
                self.forget();
            }
            return;
        }
        if segment.flags.has(Flags::ACK) && !acks_syn {
            return self.refuse(now, segment, "unacceptable ACK");
        }
        if !segment.flags.has(Flags::SYN) || !acks_syn {
            return;
        }
        self.agree(segment);
        self.take_ack(now, segment.ack);
        self.enter(now, TcpState::Established);
        self.send_ack(now, None);
    }

    /// Applies the options of the survivor's SYN.
    fn agree(&mut self, syn: &Segment) {
        let timestamps = syn.timestamps().filter(|_| self.offers.timestamps);
        let mss = syn.mss().unwrap_or(DEFAULT_MSS);
        let options_len = timestamps.map_or(0, |_| TIMESTAMPS_LEN);
        self.agreed = Agreed {
            timestamps: timestamps.is_some(),
            sack: self.offers.sack && syn.sack_permitted(),
            wscale: self.offers.wscale.filter(|_| syn.window_scale().is_some()),
            mss: usize::from(mss.saturating_sub(options_len).max(1)),
        };
        self.rcv_nxt = syn.seq + 1;
        self.last_ack_sent = self.rcv_nxt;
        if let Some(ts) = timestamps {
            self.ts_recent = ts.tsval;
        }
    }

    fn on_connection(&mut self, now: Instant, segment: &Segment) {
        self.take_timestamp(segment);
        if segment.flags.has(Flags::RST) {
            if segment
                .seq
                .between(self.rcv_nxt, self.rcv_nxt + self.receive_window())
            {
                self.report(now, Incident::ResetBySurvivor);
                self.forget();
            }
            return;
        }
        if segment.flags.has(Flags::SYN) {
            return self.on_syn_again(now, segment);
        }
        if !segment.flags.has(Flags::ACK) {
            return;
        }
        if self.state == TcpState::SynRecv {
            if segment.ack != self.snd_nxt {
                return self.refuse(now, segment, "unacceptable ACK");
            }
            self.enter(now, TcpState::Established);
        }
        self.take_ack(now, segment.ack);
        if self.state != TcpState::Closed {
            self.take_data(now, segment);
        }
    }

    /// Repeats the SYN-ACK: the survivor did not receive it, or its SYN arrived twice.
    fn on_syn_again(&mut self, now: Instant, segment: &Segment) {
        if self.state == TcpState::SynRecv && segment.seq + 1 == self.rcv_nxt {
            self.transmit(now, ISN, Flags::SYN | Flags::ACK, Vec::new());
        } else {
            self.send_ack(now, None);
        }
    }

    /// RFC 7323 4.3: what is echoed is the timestamp of the segment that last moved the left edge.
    fn take_timestamp(&mut self, segment: &Segment) {
        let Some(ts) = segment.timestamps().filter(|_| self.agreed.timestamps) else {
            return;
        };
        let newer = ts.tsval.wrapping_sub(self.ts_recent) as i32 >= 0;
        if newer && !segment.seq.after(self.last_ack_sent) {
            self.ts_recent = ts.tsval;
        }
    }

    fn take_ack(&mut self, now: Instant, ack: Seq) {
        if !ack.after(self.snd_una) || ack.after(self.snd_nxt) {
            return;
        }
        self.snd_una = ack;
        while self.unacked.front().is_some_and(|s| !s.end().after(ack)) {
            self.unacked.pop_front();
        }
        if let Some(first) = self.unacked.front_mut() {
            // a part of it was acknowledged: only the rest would go out again
            let done = ((ack - first.seq) as usize).min(first.payload.len());
            if ack.after(first.seq) {
                first.payload.drain(..done);
                first.seq = ack;
            }
        }
        self.restart_timer(now);
        if self.unacked.is_empty() {
            match self.state {
                TcpState::FinWait1 => self.state = TcpState::FinWait2,
                TcpState::Closing => self.state = TcpState::TimeWait,
                TcpState::LastAck => {
                    self.forget();
                    self.enter(now, TcpState::Closed);
                }
                _ => {}
            }
        }
    }

    fn take_data(&mut self, now: Instant, segment: &Segment) {
        let len = segment.payload.len() as u32;
        let fin = segment.flags.has(Flags::FIN);
        if len == 0 && !fin {
            // a probe of the window or of our life lies left of what is expected
            if segment.seq != self.rcv_nxt && segment.seq.before(self.rcv_nxt) {
                self.send_ack(now, None);
            }
            return;
        }
        if len > 0 && self.received.refused {
            self.refuse(now, segment, "data after close");
            return self.forget();
        }
        let (from, to) = (segment.seq, segment.seq + len);
        let duplicate = if !from.before(self.rcv_nxt + self.receive_window()) && len > 0 {
            None
        } else {
            self.take_range(from, to)
        };
        let fits = len == 0 || !to.after(self.rcv_nxt + self.receive_window());
        if fin && fits && !to.before(self.rcv_nxt) {
            self.received.fin_at = Some(to);
        }
        self.take_fin(now);
        self.send_ack(now, duplicate);
    }

    /// Stores the new part of `from..to`, and returns the part that was received before.
    fn take_range(&mut self, from: Seq, to: Seq) -> Option<(Seq, Seq)> {
        let old = from
            .before(self.rcv_nxt)
            .then(|| (from, to.min(self.rcv_nxt)))
            .filter(|(l, r)| l.before(*r));
        let to = to.min(self.rcv_nxt + self.receive_window());
        let from = from.max(self.rcv_nxt);
        if !from.before(to) {
            return old;
        }
        if from == self.rcv_nxt {
            let next = self.received.join(to);
            self.count_unread(next - self.rcv_nxt);
            self.rcv_nxt = next;
            return old;
        }
        self.received.insert(from, to)
    }

    fn take_fin(&mut self, now: Instant) {
        if self.received.fin_at != Some(self.rcv_nxt) {
            return;
        }
        let next = match self.state {
            TcpState::Established => TcpState::CloseWait,
            TcpState::FinWait1 => TcpState::Closing,
            TcpState::FinWait2 => TcpState::TimeWait,
            _ => return,
        };
        self.received.fin_at = None;
        self.state = next;
        self.rcv_nxt += 1;
        self.report(now, Incident::FinReceived);
    }
}
