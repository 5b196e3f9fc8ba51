//! Which connection, request, TIME_WAIT socket or listener a segment belongs to, and the answer if there is none.
//!
//! RFC 9293 3.10.7.1. Linux counterpart: tcp_v4_rcv, tcp_v6_rcv, tcp_v4_send_reset, tcp_v4_err.

use crate::call::Addr;
use crate::engine::clock::now::Now;
use crate::engine::host::descriptors::Socket;
use crate::engine::host::engine::Engine;
use crate::engine::host::table::Sock;
use crate::engine::lifecycle::icmp::IcmpError;
use crate::engine::lifecycle::request::{Request, RequestVerdict};
use crate::engine::lifecycle::timewait::TimeWaitVerdict;
use crate::engine::netns::mib::Counter;
use crate::engine::netns::txhash::TxHash;
use crate::engine::receive::input::Verdict;
use crate::engine::tcb::outbox::Transmit;
use crate::time::Instant;
use crate::wire::{Datagram, Flags, Icmp, Payload, Segment, Seq};

impl Engine {
    pub(crate) fn on_segment(&mut self, at: Instant, datagram: &Datagram, segment: &Segment) {
        let now = self.now(at);
        self.net.mib.add(Counter::InSegs, 1);
        let local = Addr::new(datagram.dst, segment.dst_port);
        let remote = Addr::new(datagram.src, segment.src_port);
        let ends = (local, remote);
        let Some(id) = self.table.find(local, remote) else {
            return self.segment_for_listener(now, datagram, segment, ends, None);
        };
        match self.table.get(id) {
            Some(Sock::Connection(_)) => self.segment_for_connection(now, id, datagram, segment),
            Some(Sock::Request(_)) => self.segment_for_request(now, id, datagram, segment),
            Some(Sock::TimeWait(_)) => self.segment_for_timewait(now, id, datagram, segment),
            None => {}
        }
    }

    fn segment_for_connection(
        &mut self,
        now: Now,
        id: u32,
        datagram: &Datagram,
        segment: &Segment,
    ) {
        let Some(tcb) = self.at_work(id) else {
            return;
        };
        tcb.flow_label_heard = datagram.flow_label;
        tcb.gso_size_heard = datagram.gso_size;
        let verdict = tcb.on_segment(now, segment);
        let txhash = tcb.txhash;
        self.settle(now, id);
        if verdict == Verdict::Reset {
            self.reply_reset(datagram, segment, Some(txhash));
        }
    }

    fn segment_for_request(&mut self, now: Now, id: u32, datagram: &Datagram, segment: &Segment) {
        let Some(request) = self.table.request_mut(id) else {
            return;
        };
        let Some(Socket::Listener(listener)) = self.sockets.get(request.listener) else {
            return;
        };
        let full = listener.acceptq_is_full();
        match request.on_segment(now, &listener.template, segment) {
            RequestVerdict::Done => {}
            RequestVerdict::Answer(transmit) => {
                self.net.mib.add(Counter::OutSegs, 1);
                self.send(*transmit);
            }
            RequestVerdict::Reset => self.reply_reset(datagram, segment, None),
            RequestVerdict::Gone => drop(self.forget_request(id)),
            RequestVerdict::Refused => {
                self.forget_request(id);
                self.reply_reset(datagram, segment, None);
            }
            RequestVerdict::Complete if full => {
                if self.overflow(id) {
                    self.reply_reset(datagram, segment, None);
                }
            }
            RequestVerdict::Complete => {
                if let Some(Sock::Request(request)) = self.forget_request(id) {
                    self.complete(now, *request, datagram, segment);
                }
                return;
            }
        }
        self.schedule(now, id);
    }

    /// Replaces a half-open connection by the established one.
    pub(crate) fn complete(
        &mut self,
        now: Now,
        request: Request,
        datagram: &Datagram,
        segment: &Segment,
    ) {
        let ip_id = self.draw_ip_id();
        let number = request.listener;
        let Some(Socket::Listener(listener)) = self.sockets.get_mut(number) else {
            return;
        };
        let mut tcb = request.into_tcb(now, &listener.template, ip_id);
        tcb.socket = Some(number);
        tcb.establish(now, segment);
        let id = self.table.insert(Sock::Connection(Box::new(tcb)));
        listener.queue.push_back(id);
        self.segment_for_connection(now, id, datagram, segment);
    }

    fn segment_for_timewait(&mut self, now: Now, id: u32, datagram: &Datagram, segment: &Segment) {
        let limit = self.ticks.from_ms(self.sysctl.tcp_invalid_ratelimit as u64);
        let rfc1337 = self.sysctl.tcp_rfc1337 != 0;
        let Some(timewait) = self.table.timewait_mut(id) else {
            return;
        };
        let addrs = (timewait.local, timewait.remote);
        match timewait.on_segment(now, &self.ticks, segment, limit, rfc1337, &self.net.mib) {
            TimeWaitVerdict::Ignore => {}
            TimeWaitVerdict::Ack(transmit) => {
                self.net.mib.add(Counter::OutSegs, 1);
                self.send(*transmit);
            }
            TimeWaitVerdict::Gone => drop(self.forget(id)),
            TimeWaitVerdict::Reset => {
                let txhash = timewait.txhash;
                self.forget(id);
                self.reply_reset(datagram, segment, Some(txhash));
            }
            TimeWaitVerdict::Reopen(isn) => {
                if self.listener_at(addrs.0).is_some() {
                    self.forget(id);
                    return self.segment_for_listener(now, datagram, segment, addrs, Some(isn));
                }
            }
        }
        self.schedule(now, id);
    }

    /// Answers a segment that belongs to nothing with a RST that the sender will accept. A RST is not answered.
    pub(crate) fn reply_reset(
        &mut self,
        datagram: &Datagram,
        segment: &Segment,
        txhash: Option<TxHash>,
    ) {
        if segment.flags.has(Flags::RST) {
            return;
        }
        self.net.mib.add(Counter::OutSegs, 1);
        self.net.mib.add(Counter::OutRsts, 1);
        let acked = segment.flags.has(Flags::ACK);
        let reset = Segment {
            src_port: segment.dst_port,
            dst_port: segment.src_port,
            seq: if acked { segment.ack } else { Seq(0) },
            ack: if acked { Seq(0) } else { segment.end_seq() },
            flags: if acked {
                Flags::RST
            } else {
                Flags::RST | Flags::ACK
            },
            ..Segment::default()
        };
        let (src, dst) = (datagram.dst, datagram.src);
        let (local, remote) = (
            Addr::new(src, segment.dst_port),
            Addr::new(dst, segment.src_port),
        );
        let txhash = txhash.unwrap_or_else(|| self.routes.txhash_between(local, remote));
        let mut answer = Datagram::new(src, dst, 0, Payload::Tcp(reset));
        answer.flow_label = txhash.flow_label(src);
        self.send(Transmit {
            datagram: answer,
            cause: "RST: a segment for no socket that could take it".into(),
            timer: None,
        });
    }

    pub(crate) fn on_icmp(&mut self, at: Instant, datagram: &Datagram, icmp: &Icmp) {
        let Ok(quoted) = Datagram::parse_quoted(&icmp.body) else {
            return;
        };
        let Some(segment) = quoted.segment() else {
            return;
        };
        if quoted.src.is_ipv6() != datagram.dst.is_ipv6() {
            return;
        }
        let local = Addr::new(quoted.src, segment.src_port);
        let remote = Addr::new(quoted.dst, segment.dst_port);
        let Some(id) = self.table.find(local, remote) else {
            return;
        };
        match self.table.get(id) {
            Some(Sock::Connection(_)) => {}
            Some(Sock::Request(_)) => {
                let error = IcmpError::of(icmp, local.ip.is_ipv6());
                return self.icmp_for_request(at, id, error, segment.seq);
            }
            // a TIME_WAIT socket survives an ICMP error
            _ => return,
        }
        let now = self.now(at);
        if let Some(tcb) = self.at_work(id) {
            tcb.on_icmp(now, icmp, segment.seq);
            let path = tcb.path;
            self.routes.learn(now, remote.ip, path);
        }
        self.settle(now, id);
    }

    /// Drops a half-open connection silently, because its SYN-ACK cannot arrive.
    fn icmp_for_request(&mut self, at: Instant, id: u32, error: Option<IcmpError>, quoted: Seq) {
        let ends = |e| matches!(e, IcmpError::Error { ends_request, .. } if ends_request);
        let hopeless = error.is_some_and(ends);
        if !self.table.request(id).is_some_and(|r| r.is_syn_ack(quoted)) {
            self.net.mib.add(Counter::OutOfWindowIcmps, 1);
            return;
        }
        if hopeless {
            self.listen_drop();
            let text = "half-open connection dropped: an ICMP error answered the SYN-ACK";
            self.outbox().note(at, false, text.into());
            self.forget_request(id);
        }
    }
}

#[cfg(test)]
mod tests;
