//! What is left of a connection in TIME_WAIT, or of an orphan in FIN_WAIT2: a few numbers and a timer.
//!
//! RFC 9293 3.10.7.4, RFC 7323 5. Linux counterpart: struct tcp_timewait_sock, tcp_time_wait,
//! tcp_timewait_state_process.

use crate::call::{Addr, TcpState};
use crate::engine::clock::now::{Millis, Now};
use crate::engine::lifecycle::close::TIMEWAIT_LEN_MS;
use crate::engine::netns::mib::{Counter, Mib};
use crate::engine::netns::txhash::TxHash;
use crate::engine::tcb::control_block::Tcb;
use crate::engine::tcb::give_up_rule::GiveUpRule;
use crate::engine::tcb::outbox::Transmit;
use crate::engine::tcb::timer_slots::Armed;
use crate::sysctl::Sysctl;
use crate::time::{Jiffies, TickSpan, Ticks};
use crate::wire::{Datagram, Flags, Options, Payload, Segment, Seq, Timestamps};

/// How far a new connection begins beyond the old one whose place in TIME_WAIT it takes (RFC 1122 4.2.2.13).
const BEYOND_OLD: u32 = 65_535 + 2;

/// The number that a connection begins with which takes the place of one in TIME_WAIT.
pub(crate) fn isn_beyond(old_snd_nxt: Seq) -> Seq {
    // Linux's zero means "none"
    Seq((old_snd_nxt + BEYOND_OLD).0.max(1))
}

/// A timewait sock.
#[derive(Clone, Debug)]
pub(crate) struct TimeWait {
    pub(crate) local: Addr,
    pub(crate) remote: Addr,
    /// TIME_WAIT, or FIN_WAIT2 of an orphan.
    pub(crate) substate: TcpState,
    rcv_nxt: Seq,
    snd_nxt: Seq,
    rcv_wnd: u32,
    rcv_wscale: u8,
    ts_recent: Option<u32>,
    tstamp_ok: bool,
    ts_offset: u32,
    pub(crate) txhash: TxHash,
    last_oow_ack: Option<Jiffies>,
    /// When it began, on the millisecond clock (Linux: tw_entry_stamp).
    since_ms: Millis,
    pub(crate) timer: Armed,
    /// What decides how long an orphan waits in FIN_WAIT2.
    pub(crate) fin_rule: GiveUpRule,
}

/// What a segment means to it.
#[derive(Clone, Debug)]
pub(crate) enum TimeWaitVerdict {
    /// Nothing.
    Ignore,
    /// Answer with this ACK.
    Ack(Box<Transmit>),
    /// Answer with a RST as if there were no socket; it is gone.
    Reset,
    /// It is gone.
    Gone,
    /// It is gone, and the SYN may open a new connection, which begins with this number.
    Reopen(Seq),
}

impl TimeWait {
    /// Takes a full socket's place for `time` ticks, at least three and a half RTOs.
    pub(crate) fn from_tcb(tcb: &Tcb, now: Now, substate: TcpState, time: TickSpan) -> TimeWait {
        let rtos = (tcb.rto.get() << 2) - (tcb.rto.get() >> 1);
        let mut time = time.max(rtos);
        if substate == TcpState::TimeWait {
            time = tcb.sysctl.ticks.from_ms(TIMEWAIT_LEN_MS);
        }
        TimeWait {
            local: tcb.local,
            remote: tcb.remote,
            substate,
            rcv_nxt: tcb.rcv_nxt,
            snd_nxt: tcb.snd_nxt,
            rcv_wnd: tcb.receive_window(),
            rcv_wscale: tcb.rx.rcv_wscale,
            ts_recent: tcb.rx.ts_recent,
            tstamp_ok: tcb.rx.tstamp_ok,
            ts_offset: tcb.ts_offset,
            txhash: tcb.txhash,
            last_oow_ack: tcb.last_oow_ack.get(),
            since_ms: now.ms,
            timer: Armed::after(&tcb.sysctl.ticks, now, time, None),
            fin_rule: tcb.fin_rule(),
        }
    }

    /// What a new connection between the same ends would begin with: its number, and the peer's clock. `chosen`: the
    /// port was chosen by the host. None where the old one's segments could not be told from the new one's.
    pub(crate) fn successor(
        &self,
        now: Now,
        sysctl: &Sysctl,
        chosen: bool,
    ) -> Option<(Seq, Option<u32>)> {
        let recent = self.ts_recent.filter(|_| self.tstamp_ok)?;
        if chosen {
            let loopback = self.local.ip.is_loopback() && self.remote.ip.is_loopback();
            let allowed = match sysctl.tcp_tw_reuse {
                0 => false,
                2 => loopback,
                _ => true,
            };
            let old_enough = now.ms > self.since_ms + sysctl.tcp_tw_reuse_delay as u64;
            if !allowed || !old_enough || self.substate == TcpState::FinWait2 {
                return None;
            }
        }
        Some((isn_beyond(self.snd_nxt), Some(recent)))
    }

    /// A segment for the dead connection.
    pub(crate) fn on_segment(
        &mut self,
        now: Now,
        ticks: &Ticks,
        segment: &Segment,
        ratelimit: TickSpan,
        rfc1337: bool,
        mib: &Mib,
    ) -> TimeWaitVerdict {
        let ts = segment.timestamps().filter(|_| self.tstamp_ok);
        let old = match (ts, self.ts_recent) {
            (Some(ts), Some(recent)) => recent.wrapping_sub(ts.tsval) as i32 > 1,
            _ => false,
        };
        if self.substate == TcpState::FinWait2 {
            return self.in_fin_wait2(now, ticks, segment, old, (ratelimit, mib));
        }
        let (f, end_seq) = (segment.flags, segment.end_seq());
        let exact = segment.seq == self.rcv_nxt && (segment.seq == end_seq || f.has(Flags::RST));
        if !old && exact {
            if f.has(Flags::RST) {
                return if rfc1337 {
                    TimeWaitVerdict::Ignore
                } else {
                    TimeWaitVerdict::Gone
                };
            }
            self.remember(now, ticks, ts);
            return TimeWaitVerdict::Ignore;
        }
        let newer = match (ts, self.ts_recent) {
            (Some(ts), Some(recent)) => (recent.wrapping_sub(ts.tsval) as i32) < 0,
            _ => false,
        };
        let fresh_syn = f.has(Flags::SYN)
            && !f.any(Flags::RST | Flags::ACK)
            && !old
            && (segment.seq.after(self.rcv_nxt) || newer);
        if fresh_syn {
            return TimeWaitVerdict::Reopen(isn_beyond(self.snd_nxt));
        }
        if old {
            mib.add(Counter::PAWSTimewait, 1);
        }
        if f.has(Flags::RST) {
            return TimeWaitVerdict::Ignore;
        }
        if old || f.has(Flags::ACK) {
            self.rearm(now, ticks);
        }
        let limit = (ratelimit, mib);
        self.limited_ack(now, segment, limit, Counter::TCPACKSkippedTimeWait)
    }

    fn in_fin_wait2(
        &mut self,
        now: Now,
        ticks: &Ticks,
        segment: &Segment,
        old: bool,
        limit: (TickSpan, &Mib),
    ) -> TimeWaitVerdict {
        let (f, seq, end_seq) = (segment.flags, segment.seq, segment.end_seq());
        if old || !self.in_window(seq, end_seq) {
            return self.limited_ack(now, segment, limit, Counter::TCPACKSkippedFinWait2);
        }
        if f.has(Flags::RST) {
            return TimeWaitVerdict::Gone;
        }
        if f.has(Flags::SYN) && !seq.before(self.rcv_nxt) {
            return TimeWaitVerdict::Reset;
        }
        if !f.has(Flags::ACK) || !end_seq.after(self.rcv_nxt) || end_seq == seq {
            return TimeWaitVerdict::Ignore;
        }
        if !f.has(Flags::FIN) || end_seq != self.rcv_nxt + 1 {
            return TimeWaitVerdict::Reset;
        }
        self.substate = TcpState::TimeWait;
        if segment.timestamps().is_some() {
            self.since_ms = now.ms;
        }
        self.rcv_nxt = end_seq;
        self.remember(now, ticks, segment.timestamps());
        TimeWaitVerdict::Ack(Box::new(self.ack(now)))
    }

    fn in_window(&self, seq: Seq, end_seq: Seq) -> bool {
        let right = self.rcv_nxt + self.rcv_wnd;
        if seq == self.rcv_nxt || (end_seq.after(self.rcv_nxt) && seq.before(right)) {
            return true;
        }
        seq == right && seq == end_seq
    }

    fn remember(&mut self, now: Now, ticks: &Ticks, ts: Option<Timestamps>) {
        if let Some(ts) = ts {
            self.ts_recent = Some(ts.tsval);
        }
        self.rearm(now, ticks);
    }

    fn rearm(&mut self, now: Now, ticks: &Ticks) {
        self.timer = Armed::after(ticks, now, ticks.from_ms(TIMEWAIT_LEN_MS), Some(self.timer));
    }

    fn limited_ack(
        &mut self,
        now: Now,
        segment: &Segment,
        (ratelimit, mib): (TickSpan, &Mib),
        skipped: Counter,
    ) -> TimeWaitVerdict {
        let bare = segment.seq == segment.end_seq() || segment.flags.has(Flags::SYN);
        if bare {
            if self
                .last_oow_ack
                .is_some_and(|last| now.j - last < ratelimit)
            {
                mib.add(skipped, 1);
                return TimeWaitVerdict::Ignore;
            }
            self.last_oow_ack = Some(now.j);
        }
        TimeWaitVerdict::Ack(Box::new(self.ack(now)))
    }

    fn ack(&self, now: Now) -> Transmit {
        let mut options = Options::new();
        if let (true, Some(tsecr)) = (self.tstamp_ok, self.ts_recent) {
            let tsval = now.ms.tsval(self.ts_offset);
            options = Options::aligned_timestamps(Timestamps { tsval, tsecr });
        }
        let segment = Segment {
            src_port: self.local.port,
            dst_port: self.remote.port,
            seq: self.snd_nxt,
            ack: self.rcv_nxt,
            flags: Flags::ACK,
            window: (self.rcv_wnd >> self.rcv_wscale).min(0xffff) as u16,
            options,
            ..Segment::default()
        };
        let (src, dst) = (self.local.ip, self.remote.ip);
        let mut datagram = Datagram::new(src, dst, 0, Payload::Tcp(segment));
        datagram.flow_label = self.txhash.flow_label(src);
        Transmit {
            datagram,
            cause: "ACK of a connection in TIME_WAIT".into(),
            timer: None,
        }
    }
}
