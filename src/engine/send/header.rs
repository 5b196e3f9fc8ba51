//! From a buffer to packets: options, window, headers with checksums, one packet per segment.
//!
//! RFC 9293 3.1, RFC 7323, RFC 2018. Linux counterpart: __tcp_transmit_skb, tcp_established_options, tcp_syn_options.

use crate::engine::clock::now::Now;
use crate::engine::netns::mib::Counter;
use crate::engine::queues::skb::Skb;
use crate::engine::tcb::cause::Cause;
use crate::engine::tcb::control_block::{TSTAMP_ALIGNED, Tcb};
use crate::engine::tcb::outbox::{Transmit, Trigger};
use crate::wire::{Datagram, Flags, Options, Payload, Segment, Seq, TcpOption, Timestamps};

/// What a SYN or SYN-ACK offers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SynOffer {
    pub(crate) mss: u32,
    pub(crate) timestamps: Option<Timestamps>,
    pub(crate) sack: bool,
    pub(crate) wscale: Option<u8>,
}

impl SynOffer {
    /// Returns the options in Linux's order and with its padding.
    pub(crate) fn options(&self) -> Options {
        let mut options = Options::from([TcpOption::Mss(self.mss as u16)]);
        match (self.sack, self.timestamps) {
            (true, Some(ts)) => {
                options.extend([TcpOption::SackPermitted, TcpOption::Timestamps(ts)])
            }
            (true, None) => {
                options.extend([TcpOption::Nop, TcpOption::Nop, TcpOption::SackPermitted])
            }
            (false, Some(ts)) => {
                options.extend([TcpOption::Nop, TcpOption::Nop, TcpOption::Timestamps(ts)]);
            }
            (false, None) => {}
        }
        if let Some(shift) = self.wscale {
            options.extend([TcpOption::Nop, TcpOption::WindowScale(shift)]);
        }
        options
    }
}

impl Tcb {
    /// Returns the TSval at this instant.
    pub(crate) fn tsval(&self, now: Now) -> u32 {
        now.ms.tsval(self.ts_offset)
    }

    /// Returns the options of a segment on an established connection.
    fn established_options(&mut self, now: Now) -> Options {
        let mut options = Options::new();
        if self.rx.tstamp_ok {
            let ts = Timestamps {
                tsval: self.tsval(now),
                tsecr: self.rx.ts_recent.unwrap_or(0),
            };
            options = Options::aligned_timestamps(ts);
        }
        let room = if self.rx.tstamp_ok { 3 } else { 4 };
        let blocks = self.reassembly.sack_blocks(room);
        self.reassembly.dsack = None;
        if !blocks.is_empty() {
            options.extend([TcpOption::Nop, TcpOption::Nop, TcpOption::Sack(blocks)]);
        }
        options
    }

    /// Returns the bytes that options take in a segment sent now.
    fn established_options_len(&self) -> u32 {
        let timestamps = if self.rx.tstamp_ok { TSTAMP_ALIGNED } else { 0 };
        let room = if self.rx.tstamp_ok { 3 } else { 4 };
        match self.reassembly.sack_blocks(room).len() as u32 {
            0 => timestamps,
            n => timestamps + 4 + 8 * n,
        }
    }

    /// Returns the largest payload of a segment sent now, bytes. SACK blocks reduce it (Linux: tcp_current_mss).
    pub(crate) fn current_mss(&self) -> u32 {
        (self.mss_cache + self.header_options).saturating_sub(self.established_options_len())
    }

    /// Returns the sequence number of a segment without data. It is inside the peer's window even if that has shrunk.
    pub(crate) fn acceptable_seq(&self) -> Seq {
        let end = self.wnd_end();
        let rounding = self.rx.wscale_ok && self.snd_nxt - end < 1 << self.rx.rcv_wscale;
        if !end.before(self.snd_nxt) || rounding {
            self.snd_nxt
        } else {
            end
        }
    }

    /// Sends a buffer as one packet per segment, the last of several with PSH, or as one packet if the device cuts it.
    pub(crate) fn transmit(&mut self, now: Now, skb: &mut Skb, what: &'static str) {
        skb.sent_us = now.us;
        skb.sent_order = self.sent_count;
        skb.delivered = self.delivered;
        self.sent_count += 1;
        // a retransmission is not counted here but in RetransSegs; the number counts as sent only when it has been sent
        if skb.end_seq.after(self.snd_nxt) || skb.seq == skb.end_seq {
            self.net.count_by(Counter::OutSegs, skb.pcount.max(1));
        }
        self.wstamp_us = self.wstamp_us.max(now.us);
        // the copy that is sent gets PSH, the buffer does not: a later retransmission of a part has none
        let burst_flags = if skb.pcount > 1 {
            skb.flags | Flags::PSH
        } else {
            skb.flags
        };
        let syn = skb.flags.has(Flags::SYN);
        let (options, window) = if syn {
            (self.syn_options(now), self.rcv_wnd.min(0xffff) as u16)
        } else {
            (self.established_options(now), self.select_window())
        };
        let segment = Segment {
            seq: skb.seq,
            flags: burst_flags,
            window,
            options,
            ..Segment::default()
        };
        skb.data.seal();
        let gso_size = if skb.pcount > 1 { skb.seg_size } else { 0 };
        if gso_size == 0 || self.path.gso() {
            let payload = skb.data.slice(0..skb.data.len());
            self.emit(Segment { payload, ..segment }, gso_size, what);
        } else {
            self.emit_pieces(segment, skb, what);
        }
        if skb.flags.has(Flags::ACK) {
            self.event_ack_sent(now);
        }
        if !skb.data.is_empty() {
            self.event_data_sent(now);
        }
    }

    /// Sends a segment that takes no sequence space: an ACK, a probe or a RST.
    pub(crate) fn transmit_bare(&mut self, now: Now, seq: Seq, flags: Flags, what: &'static str) {
        let options = self.established_options(now);
        let window = self.select_window();
        self.net.count(Counter::OutSegs);
        self.wstamp_us = self.wstamp_us.max(now.us);
        let segment = Segment {
            seq,
            flags,
            window,
            options,
            ..Segment::default()
        };
        self.emit(segment, 0, what);
        if flags.has(Flags::ACK) {
            self.event_ack_sent(now);
        }
    }

    /// Cuts a burst into segments and sends them, because no device does it.
    fn emit_pieces(&mut self, whole: Segment, skb: &Skb, what: &'static str) {
        let (mss, count) = (skb.seg_size as usize, skb.pcount as usize);
        for i in 0..count {
            let from = (i * mss.min(skb.data.len().max(1))).min(skb.data.len());
            let to = from.saturating_add(mss).min(skb.data.len());
            let mut flags = whole.flags;
            if i + 1 != count {
                flags = flags.without(Flags::FIN | Flags::PSH);
            }
            let piece = Segment {
                seq: whole.seq + from as u32,
                flags,
                payload: skb.data.slice(from..to),
                ..whole
            };
            self.emit(piece, 0, what);
        }
    }

    /// Sends this segment with the local ports and the present acknowledgment. If `gso_size` is not 0, the device makes
    /// several segments of it.
    fn emit(&mut self, mut segment: Segment, gso_size: u32, what: &'static str) {
        segment.src_port = self.local.port;
        segment.dst_port = self.remote.port;
        if segment.flags.has(Flags::ACK) {
            segment.ack = self.rcv_nxt;
        }
        let (src, dst, ident) = (self.local.ip, self.remote.ip, self.ip_id);
        let segs = (segment.payload.len() as u32).div_ceil(gso_size.max(1));
        let segs = if gso_size == 0 { 1 } else { segs };
        self.ip_id = self.ip_id.wrapping_add(segs as u16);
        let mut datagram = Datagram::new(src, dst, ident, Payload::Tcp(segment));
        datagram.dont_frag = !self.path.locked;
        datagram.flow_label = self.txhash.flow_label(src);
        datagram.gso_size = gso_size as u16;
        let outbox = self.outbox();
        let why = outbox.trigger.why();
        let cause = Cause { what, why };
        let timer = match &outbox.trigger {
            Trigger::Timer(_, armed) => *armed,
            _ => None,
        };
        outbox.packets.push_back(Transmit {
            datagram,
            cause,
            timer,
        });
    }

    fn syn_options(&self, now: Now) -> Options {
        SynOffer {
            mss: self.advmss,
            timestamps: (self.sysctl.tcp_timestamps != 0).then(|| Timestamps {
                tsval: self.tsval(now),
                tsecr: self.rx.ts_recent.unwrap_or(0),
            }),
            sack: self.sysctl.tcp_sack != 0,
            wscale: (self.sysctl.tcp_window_scaling != 0).then_some(self.rx.rcv_wscale),
        }
        .options()
    }
}
