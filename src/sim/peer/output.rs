//! What the peer sends: segments with their options, retransmissions, and RSTs without a connection.

use super::{FIRST_RTO, Peer};
use crate::time::Instant;
use crate::trace::Incident;
use crate::wire::{Datagram, Flags, Options, Payload, Segment, Seq, TcpOption, Timestamps};

/// A segment that was sent and takes sequence space.
#[derive(Clone, Debug)]
pub(super) struct Unacked {
    pub(super) seq: Seq,
    pub(super) flags: Flags,
    pub(super) payload: Vec<u8>,
}

impl Unacked {
    /// The sequence number after it.
    pub(super) fn end(&self) -> Seq {
        let control = self.flags.any(Flags::SYN | Flags::FIN);
        self.seq + self.payload.len() as u32 + u32::from(control)
    }
}

impl Peer {
    /// Sends what takes sequence space, and keeps it until it is acknowledged.
    pub(super) fn send_new(&mut self, now: Instant, flags: Flags, payload: Vec<u8>) {
        let segment = Unacked {
            seq: self.snd_nxt,
            flags,
            payload,
        };
        self.snd_nxt = segment.end();
        self.transmit(now, segment.seq, flags, segment.payload.clone());
        self.unacked.push_back(segment);
        if self.rto_at.is_none() {
            self.restart_timer(now);
        }
    }

    /// A pure ACK, with what was received twice, if anything was.
    pub(super) fn send_ack(&mut self, now: Instant, duplicate: Option<(Seq, Seq)>) {
        let duplicate = duplicate.filter(|_| self.offers.dsack);
        let room = if self.agreed.timestamps { 3 } else { 4 };
        let blocks = self.received.blocks(duplicate, room);
        let seq = self.snd_nxt;
        let mut segment = self.segment(now, seq, Flags::ACK, Vec::new());
        if self.agreed.sack && !blocks.is_empty() {
            let nop = || TcpOption::Nop;
            segment
                .options
                .extend([nop(), nop(), TcpOption::Sack(blocks.into_iter().collect())]);
        }
        self.last_ack_sent = self.rcv_nxt;
        self.put_on_wire(segment);
    }

    /// Sends a segment with the present acknowledgment, window and timestamps.
    pub(super) fn transmit(&mut self, now: Instant, seq: Seq, flags: Flags, payload: Vec<u8>) {
        let segment = self.segment(now, seq, flags, payload);
        if flags.has(Flags::ACK) {
            self.last_ack_sent = self.rcv_nxt;
        }
        self.put_on_wire(segment);
    }

    /// The timer fires: the first segment not acknowledged goes out again, and the timer doubles.
    pub(super) fn retransmit(&mut self, now: Instant) {
        let Some(first) = self.unacked.front().cloned() else {
            self.rto_at = None;
            return;
        };
        self.retransmits += 1;
        let n = self.retransmits;
        self.report(now, Incident::Retransmit { n });
        self.rto *= 2;
        self.rto_at = Some(now + self.rto);
        self.transmit(now, first.seq, first.flags, first.payload);
    }

    /// The timer starts anew, or stops if nothing is out.
    pub(super) fn restart_timer(&mut self, now: Instant) {
        self.rto = FIRST_RTO;
        self.retransmits = 0;
        self.rto_at = (!self.unacked.is_empty()).then_some(now + FIRST_RTO);
    }

    /// RST for a segment that belongs to no connection (RFC 9293 3.10.7.1).
    pub(super) fn refuse(&mut self, now: Instant, segment: &Segment, why: &str) {
        let why = why.to_owned();
        self.report(now, Incident::Rst { why });
        self.put_on_wire(segment.refusal());
    }

    fn segment(&self, now: Instant, seq: Seq, flags: Flags, payload: Vec<u8>) -> Segment {
        let syn = flags.has(Flags::SYN);
        let ack = flags.has(Flags::ACK);
        Segment {
            src_port: self.ports.0,
            dst_port: self.ports.1,
            seq,
            ack: if ack { self.rcv_nxt } else { Seq(0) },
            flags,
            window: self.window_field(syn),
            urgent: 0,
            options: self.options(now, syn, ack),
            payload: payload.into(),
        }
    }

    fn window_field(&self, syn: bool) -> u16 {
        let shift = self.agreed.wscale.filter(|_| !syn).unwrap_or(0);
        let scaled = self.receive_window().checked_shr(shift.into()).unwrap_or(0);
        u16::try_from(scaled).unwrap_or(u16::MAX)
    }

    /// Options in Linux's order, padded with NOPs as Linux does.
    fn options(&self, now: Instant, syn: bool, ack: bool) -> Options {
        let nop = || TcpOption::Nop;
        let timestamps = self.agreed.timestamps.then(|| {
            TcpOption::Timestamps(Timestamps {
                tsval: self.clock.tsval(now),
                tsecr: if ack { self.ts_recent } else { 0 },
            })
        });
        if !syn {
            return timestamps
                .map(|ts| Options::from([nop(), nop(), ts]))
                .unwrap_or_default();
        }
        let mut options = Options::from([TcpOption::Mss(self.offers.mss)]);
        match (self.agreed.sack, timestamps) {
            (true, Some(ts)) => options.extend([TcpOption::SackPermitted, ts]),
            (true, None) => options.extend([nop(), nop(), TcpOption::SackPermitted]),
            (false, Some(ts)) => options.extend([nop(), nop(), ts]),
            (false, None) => {}
        }
        if let Some(shift) = self.agreed.wscale {
            options.extend([nop(), TcpOption::WindowScale(shift)]);
        }
        options
    }

    fn put_on_wire(&mut self, segment: Segment) {
        let ident = self.ip_ident;
        self.ip_ident = ident.wrapping_add(1);
        let payload = Payload::Tcp(segment);
        self.outbox.push_back(Datagram::new(
            self.ip.peer(),
            self.ip.survivor(),
            ident,
            payload,
        ));
    }
}
