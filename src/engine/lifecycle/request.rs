//! The passive open: a SYN becomes a request, its SYN-ACK is repeated, the ACK makes it a connection.
//!
//! RFC 9293 3.10.7.2. Linux counterpart: struct request_sock, tcp_conn_request, tcp_check_req, reqsk_timer_handler,
//! tcp_create_openreq_child.

use crate::call::{Addr, SocketId, TcpState};
use crate::engine::clock::now::{Micros, Now};
use crate::engine::lifecycle::syncookie::{self, CookieKey};
use crate::engine::netns::mib::Counter;
use crate::engine::netns::path_mtu::{Path, default_mss};
use crate::engine::netns::txhash::TxHash;
use crate::engine::receive::window::initial;
use crate::engine::send::header::SynOffer;
use crate::engine::tcb::cause::{ArmedFor, Cause};
use crate::engine::tcb::control_block::{TSTAMP_ALIGNED, Tcb};
use crate::engine::tcb::outbox::{Transmit, Trigger};
use crate::engine::tcb::timer_slots::Armed;
use crate::time::{Jiffies, TickSpan, Ticks};
use crate::wire::{Datagram, Flags, Options, Payload, Segment, Seq, Timestamps};

/// The wait after the first SYN-ACK, ms.
pub(crate) const SYNACK_TIMEOUT_MS: u64 = 1_000;

/// SYN-ACK timeouts are capped by this, whatever tcp_rto_max_ms says; ms.
pub(crate) const SYNACK_TIMEOUT_MAX_MS: u64 = 120_000;

fn count_repetition(template: &Tcb) {
    template.net.count(Counter::RetransSegs);
    template.net.count(Counter::TCPSynRetrans);
}

/// What follows when the SYN-ACK timer of a half-open connection fires.
#[derive(Debug)]
pub(crate) enum SynAckTimeout {
    /// The half-open connection is dropped.
    GiveUp,
    /// Nothing is sent: the peer has sent its ACK, and data is waited for (TCP_DEFER_ACCEPT).
    Wait,
    /// The SYN-ACK is sent again.
    Resend(Box<Transmit>),
}

/// A half-open connection.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) local: Addr,
    pub(crate) remote: Addr,
    /// The listener that it belongs to.
    pub(crate) listener: SocketId,
    rcv_isn: Seq,
    snt_isn: Seq,
    mss: u32,
    announced_mss: u32,
    ts_recent: Option<u32>,
    ts_offset: u32,
    path: Path,
    txhash: TxHash,
    sack_ok: bool,
    snd_wscale: Option<u8>,
    rcv_wnd: u32,
    window_clamp: u32,
    rcv_wscale: u8,
    pub(crate) num_timeout: u32,
    pub(crate) num_retrans: u32,
    /// A bare ACK came, data is waited for (TCP_DEFER_ACCEPT); or the accept queue was full.
    pub(crate) acked: bool,
    /// It is not kept: its SYN-ACK is a cookie.
    cookie: bool,
    /// TSval of the first and of the last SYN-ACK.
    tsvals: Option<(u32, u32)>,
    /// When the first SYN-ACK left, us.
    snt_synack_us: Option<Micros>,
    last_oow_ack: Option<Jiffies>,
    pub(crate) timer: Armed,
}

/// What the host has drawn and knows for a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prepared {
    pub(crate) isn: Seq,
    pub(crate) ts_offset: u32,
    pub(crate) path: Path,
    pub(crate) txhash: TxHash,
}

/// What a segment makes of a request.
#[derive(Debug)]
pub(crate) enum RequestVerdict {
    /// Nothing more.
    Done,
    /// Send this.
    Answer(Box<Transmit>),
    /// It is a connection.
    Complete,
    /// Answer with a RST as if there were no socket.
    Reset,
    /// It is gone.
    Gone,
    /// It is gone, and the segment is answered by a RST as if there were no socket.
    Refused,
}

impl Request {
    /// A SYN for a listener; `template` is the listening socket.
    pub(crate) fn new(
        now: Now,
        template: &Tcb,
        listener: SocketId,
        addrs: (Addr, Addr),
        syn: &Segment,
        drawn: Prepared,
    ) -> Request {
        let sysctl = &template.sysctl;
        let timestamps = syn.timestamps().filter(|_| sysctl.tcp_timestamps != 0);
        let user_mss = template.opt.user_mss.unwrap_or(u32::MAX);
        let ip = addrs.0.ip;
        let announced_mss = drawn.path.advmss(ip).min(user_mss);
        let mss = announced_mss
            - if timestamps.is_some() {
                TSTAMP_ALIGNED
            } else {
                0
            };
        let wscale_ok = syn.window_scale().is_some() && sysctl.tcp_window_scaling != 0;
        let ticks = template.sysctl.ticks;
        let mut request = Request {
            local: addrs.0,
            remote: addrs.1,
            listener,
            rcv_isn: syn.seq,
            snt_isn: drawn.isn,
            mss: syn.mss().map_or(default_mss(ip), u32::from).min(user_mss),
            announced_mss,
            ts_recent: timestamps.map(|t| t.tsval),
            ts_offset: drawn.ts_offset,
            path: drawn.path,
            txhash: drawn.txhash,
            sack_ok: syn.sack_permitted() && sysctl.tcp_sack != 0,
            snd_wscale: syn.window_scale().filter(|_| wscale_ok).map(|s| s.min(14)),
            rcv_wnd: 0,
            window_clamp: 0,
            rcv_wscale: 0,
            num_timeout: 0,
            num_retrans: 0,
            acked: false,
            cookie: false,
            tsvals: None,
            snt_synack_us: None,
            last_oow_ack: None,
            timer: Armed::after(&ticks, now, ticks.from_ms(1_000), None),
        };
        request.choose_window(template, mss);
        request
    }

    /// The window offered at first, for segments of `mss` bytes.
    fn choose_window(&mut self, template: &Tcb, mss: u32) {
        let space = template.full_space();
        let mut first = initial(&template.sysctl, space, mss, template.opt.rcvbuf_locked);
        if self.snd_wscale.is_none() {
            first.wscale = 0;
            first.window_clamp = first.window_clamp.min(65_535);
        }
        self.rcv_wnd = first.rcv_wnd;
        self.window_clamp = first.window_clamp;
        self.rcv_wscale = first.wscale;
    }

    /// The SYN-ACK.
    pub(crate) fn syn_ack(&mut self, now: Now, cause: Cause, timer: Option<Armed>) -> Transmit {
        self.snt_synack_us = self.snt_synack_us.or(Some(now.us));
        let mut tsval = now.ms.tsval(0);
        if self.cookie {
            tsval = syncookie::timestamp(tsval, self.snd_wscale, self.sack_ok);
        }
        let tsval = tsval.wrapping_add(self.ts_offset);
        self.tsvals = Some((self.tsvals.map_or(tsval, |t| t.0), tsval));
        let offer = SynOffer {
            mss: self.announced_mss,
            timestamps: self.ts_recent.map(|tsecr| Timestamps { tsval, tsecr }),
            sack: self.sack_ok,
            wscale: self.snd_wscale.map(|_| self.rcv_wscale),
        };
        let segment = Segment {
            src_port: self.local.port,
            dst_port: self.remote.port,
            seq: self.snt_isn,
            ack: self.rcv_isn + 1,
            flags: Flags::SYN | Flags::ACK,
            window: self.rcv_wnd.min(0xffff) as u16,
            options: offer.options(),
            ..Segment::default()
        };
        Transmit {
            datagram: self.datagram(segment),
            cause,
            timer,
        }
    }

    fn datagram(&self, segment: Segment) -> Datagram {
        let (src, dst) = (self.local.ip, self.remote.ip);
        let mut datagram = Datagram::new(src, dst, 0, Payload::Tcp(segment));
        datagram.flow_label = self.txhash.flow_label(src);
        datagram
    }

    /// Its SYN-ACK will be a cookie; without timestamps there is no place for the other options.
    pub(crate) fn become_cookie(&mut self, baker: CookieKey) {
        self.cookie = true;
        (self.snt_isn, self.mss) = baker.bake(self.rcv_isn, self.mss);
        if self.ts_recent.is_none() {
            self.sack_ok = false;
            self.snd_wscale = None;
        }
    }

    /// What a good cookie was made of: `segment` is the ACK that brought it, `mss` what it said. None where it asks for
    /// what is switched off meanwhile.
    pub(crate) fn from_cookie(
        now: Now,
        template: &Tcb,
        listener: SocketId,
        ends: (Addr, Addr),
        segment: &Segment,
        (mss, drawn): (u32, Prepared),
    ) -> Option<Request> {
        let sysctl = &template.sysctl;
        let timestamps = segment.timestamps();
        let (wscale, sack) = syncookie::hidden_options(timestamps, drawn.ts_offset);
        let off = |knob: i64| knob == 0;
        if (timestamps.is_some() && off(sysctl.tcp_timestamps))
            || (sack && off(sysctl.tcp_sack))
            || (wscale.is_some() && off(sysctl.tcp_window_scaling))
        {
            return None;
        }
        let mut request = Request::new(now, template, listener, ends, segment, drawn);
        request.rcv_isn = segment.seq - 1;
        request.mss = mss;
        request.sack_ok = sack;
        request.snd_wscale = wscale;
        request.choose_window(template, mss);
        Some(request)
    }

    /// Whether this is the sequence number of our SYN-ACK.
    pub(crate) fn is_syn_ack(&self, seq: Seq) -> bool {
        seq == self.snt_isn
    }

    fn timeout(&self, ticks: &Ticks) -> TickSpan {
        (ticks.from_ms(SYNACK_TIMEOUT_MS) << self.num_timeout.min(20))
            .min(ticks.from_ms(SYNACK_TIMEOUT_MAX_MS))
    }

    /// The SYN-ACK timer fired. It may be sent again up to `most` times.
    pub(crate) fn on_timer(&mut self, now: Now, template: &Tcb, most: u32) -> SynAckTimeout {
        template.net.count(Counter::TCPTimeouts);
        let defer = template.opt.defer_accept;
        let used_up = self.num_timeout >= most;
        if used_up && (defer == 0 || !self.acked || self.num_timeout >= defer) {
            return SynAckTimeout::GiveUp;
        }
        let resend = defer == 0 || !self.acked || self.num_timeout + 1 >= defer;
        let ticks = &template.sysctl.ticks;
        let told = ArmedFor::new(&self.timer, ticks);
        let fired = self.timer;
        let follows = if resend {
            let n = self.num_timeout + 1;
            let why = format!("{n} of {most}: {told}");
            let cause = Cause {
                what: "SYN-ACK again",
                why: Some(why.into()),
            };
            self.num_retrans += 1;
            count_repetition(template);
            self.txhash.rethink();
            SynAckTimeout::Resend(Box::new(self.syn_ack(now, cause, Some(fired))))
        } else {
            SynAckTimeout::Wait
        };
        self.num_timeout += 1;
        self.timer = Armed::after(ticks, now, self.timeout(ticks), None);
        follows
    }

    /// A segment from the one who sent the SYN.
    pub(crate) fn on_segment(
        &mut self,
        now: Now,
        template: &Tcb,
        segment: &Segment,
    ) -> RequestVerdict {
        let f = segment.flags;
        let ts = segment.timestamps().filter(|_| self.ts_recent.is_some());
        let old = match (ts, self.ts_recent) {
            (Some(ts), Some(recent)) => recent.wrapping_sub(ts.tsval) as i32 > 1,
            _ => false,
        };
        let control = Flags(f.0 & (Flags::SYN | Flags::ACK | Flags::RST).0);
        if segment.seq == self.rcv_isn && control == Flags::SYN && !old {
            return self.on_repeated_syn(now, template);
        }
        if !f.has(Flags::RST) && f.has(Flags::ACK) && segment.ack != self.snt_isn + 1 {
            return RequestVerdict::Reset;
        }
        let (low, high) = (self.rcv_isn + 1, self.rcv_isn + 1 + self.rcv_wnd);
        let end_seq = segment.end_seq();
        let in_window = segment.seq == low
            || (end_seq.after(low) && segment.seq.before(high))
            || (segment.seq == high && segment.seq == end_seq);
        let never_sent = ts.is_some_and(|ts| self.never_sent(ts.tsecr));
        if old || never_sent || !in_window {
            let answered = !f.has(Flags::RST) && !self.rate_limited(now, template);
            if old {
                template.net.count(Counter::PAWSEstab);
            } else if never_sent {
                template.net.count(Counter::TSEcrRejected);
            }
            if answered {
                return RequestVerdict::Answer(Box::new(self.ack(now)));
            }
            return RequestVerdict::Done;
        }
        if let Some(ts) = ts.filter(|_| !segment.seq.after(low)) {
            self.ts_recent = Some(ts.tsval);
        }
        if f.has(Flags::RST) {
            return self.on_reset(now, template, segment);
        }
        if f.has(Flags::SYN) {
            template.net.count(Counter::AttemptFails);
            template.net.count(Counter::EmbryonicRsts);
            return RequestVerdict::Refused;
        }
        if !f.has(Flags::ACK) {
            return RequestVerdict::Done;
        }
        if self.num_timeout < template.opt.defer_accept && end_seq == low {
            self.acked = true;
            template.net.count(Counter::TCPDeferAcceptDrop);
            return RequestVerdict::Done;
        }
        RequestVerdict::Complete
    }

    /// An echo of a timestamp that no SYN-ACK had; zero is no echo.
    fn never_sent(&self, tsecr: u32) -> bool {
        let sent = |(first, last)| Seq(tsecr).between(Seq(first), Seq(last));
        tsecr != 0 && !self.tsvals.is_some_and(sent)
    }

    /// A RST in the window ends the request only with the expected number (RFC 5961 3.2).
    fn on_reset(&mut self, now: Now, template: &Tcb, segment: &Segment) -> RequestVerdict {
        if segment.seq == self.rcv_isn + 1 {
            template.net.count(Counter::AttemptFails);
            template.net.count(Counter::EmbryonicRsts);
            return RequestVerdict::Gone;
        }
        if self.rate_limited(now, template) {
            return RequestVerdict::Done;
        }
        RequestVerdict::Answer(Box::new(self.ack(now)))
    }

    fn rate_limited(&mut self, now: Now, template: &Tcb) -> bool {
        let limit = template.ms(template.sysctl.tcp_invalid_ratelimit);
        if self.last_oow_ack.is_some_and(|last| now.j - last < limit) {
            template.net.count(Counter::TCPACKSkippedSynRecv);
            return true;
        }
        self.last_oow_ack = Some(now.j);
        false
    }

    fn on_repeated_syn(&mut self, now: Now, template: &Tcb) -> RequestVerdict {
        if self.rate_limited(now, template) {
            return RequestVerdict::Done;
        }
        self.num_retrans += 1;
        count_repetition(template);
        self.txhash.rethink();
        let answer = self.syn_ack(now, "SYN-ACK again: the SYN was repeated".into(), None);
        let timeout = self.timeout(&template.sysctl.ticks);
        self.timer = Armed::after(&template.sysctl.ticks, now, timeout, Some(self.timer));
        RequestVerdict::Answer(Box::new(answer))
    }

    fn ack(&self, now: Now) -> Transmit {
        let mut options = Options::new();
        if let Some(tsecr) = self.ts_recent {
            let tsval = now.ms.tsval(self.ts_offset);
            options = Options::aligned_timestamps(Timestamps { tsval, tsecr });
        }
        let segment = Segment {
            src_port: self.local.port,
            dst_port: self.remote.port,
            seq: self.snt_isn + 1,
            ack: self.rcv_isn + 1,
            flags: Flags::ACK,
            window: (self.rcv_wnd >> self.rcv_wscale).min(0xffff) as u16,
            options,
            ..Segment::default()
        };
        Transmit {
            datagram: self.datagram(segment),
            cause: "ACK of a segment that does not fit the half-open connection".into(),
            timer: None,
        }
    }

    /// The connection that the completing ACK makes; the ACK itself is not taken yet.
    pub(crate) fn into_tcb(self, now: Now, template: &Tcb, ip_id: u16) -> Tcb {
        let mut tcb = Tcb::new(template.sysctl.clone(), template.opt.clone());
        tcb.net = template.net.clone();
        tcb.net.count(Counter::PassiveOpens);
        tcb.local = self.local;
        tcb.remote = self.remote;
        tcb.ip_id = ip_id;
        tcb.ts_offset = self.ts_offset;
        tcb.path = self.path;
        tcb.txhash = self.txhash;
        tcb.rcvbuf = template.rcvbuf;
        tcb.sndbuf = template.sndbuf;
        tcb.rto.set_min(template.rto.min());
        tcb.rto.set_max(template.rto.max());
        tcb.state = TcpState::SynRecv;
        tcb.isn = self.snt_isn;
        let next = self.snt_isn + 1;
        tcb.snd_una = next;
        tcb.snd_nxt = next;
        tcb.snd_sml = next;
        tcb.write_seq = next;
        tcb.pushed_seq = next;
        tcb.high_seq = next;
        tcb.irs = self.rcv_isn;
        tcb.rcv_nxt = self.rcv_isn + 1;
        tcb.rcv_wup = tcb.rcv_nxt;
        tcb.copied_seq = tcb.rcv_nxt;
        tcb.rcv_wnd = self.rcv_wnd;
        tcb.rcv_ssthresh = self.rcv_wnd;
        tcb.window_clamp = self.window_clamp;
        tcb.rx.mss_clamp = self.mss;
        tcb.rx.sack_ok = self.sack_ok;
        tcb.rx.wscale_ok = self.snd_wscale.is_some();
        tcb.rx.snd_wscale = self.snd_wscale.unwrap_or(0);
        tcb.rx.rcv_wscale = self.rcv_wscale;
        tcb.rx.tstamp_ok = self.ts_recent.is_some();
        tcb.rx.ts_recent = self.ts_recent;
        tcb.header_options = if tcb.rx.tstamp_ok { TSTAMP_ALIGNED } else { 0 };
        tcb.advmss = self.announced_mss;
        tcb.delack.set_lrcvtime(now.j);
        tcb.total_retrans = self.num_retrans;
        if self.num_timeout > 0 {
            tcb.undo.mark_handshake(self.snt_isn);
            let first_sent = self.snt_synack_us.map(Micros::ms);
            tcb.rto.inherit(self.num_timeout, first_sent);
        }
        tcb.rtt_of_syn_ack = ((self.num_retrans == 0)
            .then_some(self.snt_synack_us)
            .flatten())
        .into();
        tcb.sync_mss();
        if tcb.opt.keepalive {
            tcb.reset_keepalive(now, tcb.keepalive_time(), "connected");
        }
        tcb
    }
}

impl Tcb {
    /// The ACK that completes a passive or a simultaneous open.
    pub(crate) fn establish(&mut self, now: Now, segment: &Segment) {
        self.outbox().trigger = Trigger::Segment;
        self.rx.ts = segment.timestamps().filter(|_| self.rx.tstamp_ok);
        self.snd_wnd = u32::from(segment.window) << self.rx.snd_wscale;
        self.snd_wl1 = segment.seq;
        self.max_window = self.snd_wnd;
        self.rcv_tstamp = now.j;
        self.delivered += 1;
        if !self.rtt.has_sample() {
            self.sample_syn_ack_rtt(now);
        }
        if self.rx.tstamp_ok {
            self.advmss -= TSTAMP_ALIGNED;
        }
        self.try_undo_spurious_syn();
        self.rto.clear_retrans_stamp();
        self.init_transfer(now);
        self.transition(TcpState::Established);
        self.sync_mss();
        self.update_pacing_rate();
        self.lsndtime = now.j;
        self.initialize_rcv_mss();
        self.fast_path_on();
    }
}
