//! Data and FIN that come in: in order, early, late, or beyond the window.
//!
//! RFC 9293 3.10.7.4 (seventh and eighth). Linux counterpart: tcp_data_queue, tcp_data_queue_ofo, tcp_fin.

use crate::call::TcpState;
use crate::engine::clock::now::Now;
use crate::engine::netns::mib::Counter;
use crate::engine::queues::out_of_order::Early;
use crate::engine::queues::receive_queue::Sink;
use crate::engine::queues::truesize::{Footprint, footprint};
use crate::engine::tcb::control_block::{CaState, Tcb};
use crate::wire::{Flags, Segment, Seq};

/// Header bytes that a segment's options took.
pub(crate) fn option_bytes(segment: &Segment) -> u32 {
    segment.options.padded().len() as u32
}

impl Tcb {
    /// The memory of a packet for this connection with this payload and these options.
    pub(crate) fn footprint(&self, payload: u32, options: u32) -> Footprint {
        footprint(self.ip_header_len(), payload, options)
    }

    /// Takes a segment's data and FIN.
    pub(crate) fn data_queue(&mut self, now: Now, segment: &Segment) {
        let (seq, end_seq) = (segment.seq, segment.end_seq());
        if seq == end_seq {
            return;
        }
        self.reassembly.dsack = None;
        let window = self.receive_window();
        if seq == self.rcv_nxt {
            let bare_fin = segment.payload.is_empty() && segment.flags.has(Flags::FIN);
            if window == 0 && !bare_fin {
                self.net.count(Counter::TCPZeroWindowDrop);
                return self.out_of_window();
            }
            return self.queue_in_order(now, segment, 0);
        }
        if !end_seq.after(self.rcv_nxt) {
            self.net.count(Counter::DelayedACKLost);
            self.on_spurious_retrans();
            self.set_dsack(seq, end_seq);
            return self.out_of_window();
        }
        if !seq.before(self.rcv_nxt + window) {
            return self.out_of_window();
        }
        if seq.before(self.rcv_nxt) {
            self.set_dsack(seq, self.rcv_nxt);
            if window == 0 {
                self.net.count(Counter::TCPZeroWindowDrop);
                return self.out_of_window();
            }
            return self.queue_in_order(now, segment, self.rcv_nxt - seq);
        }
        self.queue_early(segment);
    }

    /// Data came again. By another path, as its flow label says: then our ACKs may be what does not arrive.
    pub(crate) fn on_spurious_retrans(&mut self) {
        let other_path = self.delack.note_flowlabel(self.flow_label_heard);
        if self.ca_state != CaState::Loss && other_path {
            self.txhash.rethink();
        }
    }

    /// A duplicate or a segment without room is answered at once.
    fn out_of_window(&mut self) {
        self.enter_quickack_mode();
        self.delack.schedule();
    }

    pub(crate) fn set_dsack(&mut self, seq: Seq, end_seq: Seq) {
        if self.rx.sack_ok && self.sysctl.tcp_dsack != 0 {
            self.net.count(if seq.before(self.rcv_nxt) {
                Counter::TCPDSACKOldSent
            } else {
                Counter::TCPDSACKOfoSent
            });
            self.reassembly.dsack = Some((seq, end_seq));
        }
    }

    fn queue_in_order(&mut self, now: Now, segment: &Segment, skip: u32) {
        let options = option_bytes(segment);
        let payload = segment.payload.len() as u32;
        let fresh = segment
            .payload
            .slice((skip as usize).min(segment.payload.len())..);
        let memory = self.footprint(payload, options);
        if !self.queues.received.is_empty() && self.memory_is_short(memory.truesize) {
            self.net.count(Counter::TCPRcvQDrop);
            self.delack.schedule();
            self.delack.set_now();
            return;
        }
        self.forward_alloc.reserve(memory.truesize);
        let merged = self.queues.received.push(fresh, memory);
        self.count_merged(merged);
        self.rcv_nxt = segment.end_seq();
        if skip < payload && !merged {
            self.hold_received(memory.truesize);
        }
        if payload > 0 {
            self.event_data_recv(now, payload, options, segment.flags);
        }
        if segment.flags.has(Flags::FIN) {
            self.on_fin(now);
        }
        if !self.reassembly.is_empty() {
            self.take_early(now);
            if self.reassembly.is_empty() {
                // the hole is closed: the peer waits for that news
                self.delack.set_now();
            }
        }
        self.reassembly.forget_blocks(self.rcv_nxt);
        self.fast_path_check();
    }

    /// The expected segment's data (header prediction).
    pub(crate) fn queue_predicted(&mut self, now: Now, segment: &Segment) {
        let options = option_bytes(segment);
        let payload = segment.payload.len() as u32;
        let memory = self.footprint(payload, options);
        let merged = self.queues.received.push(segment.payload.clone(), memory);
        self.count_merged(merged);
        self.rcv_nxt = segment.end_seq();
        if !merged {
            self.hold_received(memory.truesize);
        }
        self.event_data_recv(now, payload, options, segment.flags);
    }

    fn take_early(&mut self, now: Now) {
        while let Some(early) = self.reassembly.take_ready(self.rcv_nxt) {
            if early.seq.before(self.rcv_nxt) {
                self.set_dsack(early.seq, early.end_seq.min(self.rcv_nxt));
            }
            if !early.end_seq.after(self.rcv_nxt) {
                self.release_received(early.memory.truesize);
                continue;
            }
            let skip = (self.rcv_nxt - early.seq) as usize;
            let fresh = early.data.slice(skip.min(early.data.len())..);
            let nothing = fresh.is_empty();
            let merged = self.queues.received.push(fresh, early.memory);
            self.count_merged(merged);
            if merged || nothing {
                self.release_received(early.memory.truesize);
            }
            self.rcv_nxt = early.end_seq;
            if early.fin {
                self.on_fin(now);
            }
        }
    }

    fn count_merged(&self, merged: bool) {
        if merged {
            self.net.count(Counter::TCPRcvCoalesce);
        }
    }

    fn queue_early(&mut self, segment: &Segment) {
        self.net.count(Counter::TCPOFOQueue);
        self.delack.schedule();
        self.predicted_window = None;
        let options = option_bytes(segment);
        let payload = segment.payload.len() as u32;
        let early = Early {
            seq: segment.seq,
            end_seq: segment.end_seq(),
            fin: segment.flags.has(Flags::FIN),
            data: segment.payload.clone(),
            memory: self.footprint(payload, options),
        };
        if self.memory_is_short(early.memory.truesize) {
            self.net.count(Counter::TCPOFODrop);
            return;
        }
        self.hold_received(early.memory.truesize);
        let inserted = self.reassembly.insert(early, self.rx.sack_ok);
        self.release_received(inserted.freed);
        if inserted.contained {
            self.net.count(Counter::TCPOFOMerge);
        }
        if let Some((seq, end_seq)) = inserted.overlap {
            self.set_dsack(seq, end_seq);
        }
        self.grow_window(payload, options);
    }

    /// The peer has closed its direction.
    fn on_fin(&mut self, now: Now) {
        self.delack.schedule();
        self.rcv_shutdown = true;
        self.done = true;
        self.fin_queued = true;
        self.fin_merged = !self.queues.received.is_empty();
        match self.state {
            TcpState::SynRecv | TcpState::Established => {
                self.transition(TcpState::CloseWait);
                self.enter_pingpong();
            }
            TcpState::FinWait1 => {
                self.send_ack(now);
                self.transition(TcpState::Closing);
            }
            TcpState::FinWait2 => {
                self.send_ack(now);
                self.transition(TcpState::TimeWait);
            }
            _ => {}
        }
        let freed = self.reassembly.purge();
        self.release_received(freed);
    }

    fn hold_received(&mut self, truesize: u32) {
        self.rmem_alloc += truesize;
        self.forward_alloc.charge(truesize);
    }

    fn release_received(&mut self, truesize: u32) {
        self.rmem_alloc = self.rmem_alloc.saturating_sub(truesize);
        self.forward_alloc.uncharge(truesize);
    }

    /// The application reads at most `max` bytes into `out`: how many.
    pub(crate) fn read(&mut self, now: Now, max: usize, out: &mut impl Sink) -> usize {
        let mut copied = 0;
        while copied < max {
            let Some((n, freed)) = self.queues.received.read_one(max - copied, out) else {
                break;
            };
            copied += n;
            self.copied_seq += n as u32;
            self.adjust_rcv_space(now);
            self.release_received(freed);
        }
        if copied > 0 && self.queues.received.is_empty() && self.fin_merged {
            // the FIN lay behind the data in the same buffer: whoever read that has passed it
            self.copied_seq = self.rcv_nxt;
            self.fin_queued = false;
        }
        self.cleanup_rbuf(now, copied as u32);
        copied
    }
}
