//! One connection in a host of its own, taken out of its engine or built from TCP_INFO. A forecast runs on it.
//!
//! Linux counterpart: the values that `tcp_get_info` and `inet_sk_diag_fill` report, read backwards. What they do not
//! report (when the first retransmission was sent, what the write timer is armed for) is given by the caller:
//! [`Snapshot`] has a field for each.

use std::collections::{BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr};

use crate::call::{Addr, SocketId, TcpInfo, TcpState, TimerKind};
use crate::engine::clock::now::Now;
use crate::engine::host::descriptors::{Listener, Socket};
use crate::engine::host::engine::{Config, Engine};
use crate::engine::host::table::Sock;
use crate::engine::queues::skb::Skb;
use crate::engine::tcb::control_block::{CaState, TSTAMP_ALIGNED, Tcb};
use crate::engine::tcb::probes::Probes;
use crate::engine::tcb::timer_slots::{Armed, Xmit};
use crate::engine::tcb::tlp_state::Tlp;
use crate::sockopt::SockOpt;
use crate::time::{Instant, Jiffies, TickSpan, Ticks};
use crate::wire::{Flags, Seq};

/// Largest number of segments in flight that are built. More of them change no timer.
const MOST_OUT: u32 = 4;
/// The address of the peer, on which no result depends.
const UNSPECIFIED: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
/// The first sequence number of a connection that is built.
const FIRST: Seq = Seq(1_000_000);

/// The purpose of the timer that `ss` shows as `on`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WriteTimer {
    /// A retransmission timeout.
    #[default]
    Retransmission,
    /// A tail loss probe.
    LossProbe,
}

/// A connection as seen from outside, together with what cannot be seen.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// TCP_INFO and the timer; `info.at` is the instant of the snapshot.
    pub info: TcpInfo,
    /// Whether the connection is an orphan.
    pub orphan: bool,
    /// Whether the peer agreed to SACK (without it there is no tail loss probe).
    pub sack_ok: bool,
    /// The purpose of a timer of kind [`TimerKind::On`].
    pub write_timer: WriteTimer,
    /// Whether a tail loss probe of this episode was sent.
    pub loss_probe_sent: bool,
    /// Age of the oldest segment in flight, ms. The default is that of the last data sent.
    pub head_sent_ms: Option<u64>,
    /// Time since the pending timer was armed, ms.
    pub armed_ago_ms: u64,
    /// The delay with which the timer was armed, ms. It may have expired.
    pub armed_for_ms: u64,
    /// Age of the first retransmission of this episode (in SYN_SENT: of the first SYN), ms, or `None` if there was none.
    pub first_retransmission_ms: Option<u64>,
    /// Time since the first expiry of the window probe timer, ms.
    pub first_probe_ms: Option<u64>,
    /// Age of the last data received, ms, or `None` if there was none.
    pub last_data_recv_ms: Option<u64>,
    /// Socket options that were set.
    pub options: Vec<SockOpt>,
}

impl Engine {
    /// Returns a host that has only the connection (or request, or TIME_WAIT socket) between these addresses, in its
    /// present state, and the socket that holds it unless it is an orphan. It returns `None` if there is no such
    /// connection.
    pub fn alone(&self, local: Addr, remote: Addr) -> Option<(Engine, Option<SocketId>)> {
        let sock = self.table.get(self.table.find(local, remote)?)?;
        let mut lone = Engine::new(Config {
            sysctl: self.sysctl.sysctl.clone(),
            ticks: self.ticks,
            ns_into_ms: self.ns_into_ms,
            drawn: self.drawn,
            retries_are_counted: self.retries_are_counted,
            ..Config::new(local.ip)
        });
        let id = lone.table.insert(sock.clone());
        let holder = match sock {
            // a connection that is not accepted yet has an owner too: its listener
            Sock::Connection(tcb) if !tcb.orphan => lone.sockets.add(Socket::Connection(id)),
            Sock::Connection(_) | Sock::TimeWait(_) => None,
            Sock::Request(request) => {
                let Some(Socket::Listener(listener)) = self.sockets.get(request.listener) else {
                    return None;
                };
                let socket = lone.sockets.add(Socket::Listener(Box::new(Listener {
                    template: listener.template.clone(),
                    backlog: listener.backlog,
                    queue: VecDeque::new(),
                    requests: BTreeSet::from([id]),
                    young: u32::from(request.num_timeout == 0),
                    overflowed: None,
                })))?;
                lone.table.request_mut(id)?.listener = socket;
                None
            }
        };
        // armed as of long ago: the instants are in the timers
        let then = lone.now(Instant::ZERO);
        lone.schedule(then, id);
        Some((lone, holder))
    }

    /// Builds a host with one connection from a snapshot of a full socket. It returns the host, its addresses, and the
    /// socket that holds the connection unless it is an orphan. The data is zeros, and the data in flight is cut to a few
    /// segments.
    pub fn restored(config: Config, snapshot: &Snapshot) -> (Engine, Addr, Addr, Option<SocketId>) {
        let local = Addr {
            ip: config.addrs.first().copied().unwrap_or(UNSPECIFIED),
            port: 1,
        };
        let remote = Addr {
            ip: UNSPECIFIED,
            port: 2,
        };
        let mut engine = Engine::new(config);
        let now = engine.now(snapshot.info.at);
        let mut tcb = Tcb::new(engine.sysctl.clone(), engine.opt.clone());
        tcb.net = crate::engine::netns::net::Shared::of(&engine.net);
        tcb.local = local;
        tcb.remote = remote;
        tcb.restore(now, snapshot);
        let orphan = tcb.orphan;
        let id = engine.table.insert(Sock::Connection(Box::new(tcb)));
        let socket = Socket::Connection(id);
        let holder = (!orphan).then(|| engine.sockets.add(socket)).flatten();
        engine.schedule(now, id);
        (engine, local, remote, holder)
    }
}

/// Returns a timer that was armed in the past and is still pending.
fn pending(ticks: &Ticks, now: Now, ago_ms: u64, for_ms: u64) -> Armed {
    let armed_at = now.j.saturating_sub(ticks.from_ms(ago_ms));
    let expires = armed_at + ticks.from_ms(for_ms);
    let (fires, level) = ticks.fires_at(armed_at, expires);
    Armed::firing(armed_at, expires, fires.max(now.j + TickSpan::ONE), level)
}

impl Tcb {
    fn restore(&mut self, now: Now, seen: &Snapshot) {
        for option in &seen.options {
            // the kernel accepted it, so it is in range; an option that is unknown here changes no timer
            let _ = self.set_option(now, option);
        }
        self.state = seen.info.state;
        self.orphan = seen.orphan;
        self.send_shutdown = sent_fin(self.state) || seen.orphan;
        self.rcv_shutdown = seen.orphan;
        self.restore_estimators(now, seen);
        self.restore_queues(now, &seen.info, seen.head_sent_ms);
        self.restore_timers(now, seen);
    }

    fn ago(&self, now: Now, ms: u64) -> Jiffies {
        now.j.saturating_sub(self.sysctl.ticks.from_ms(ms))
    }

    fn restore_estimators(&mut self, now: Now, seen: &Snapshot) {
        let info = &seen.info;
        let ticks = self.sysctl.ticks;
        let stamp = |ago_ms| now.ms.before(ago_ms);
        self.rto.restore(
            ticks.from_us(info.rto_us),
            info.backoff,
            info.retransmits,
            seen.first_retransmission_ms.map(stamp),
        );
        self.total_retrans = info.total_retrans;
        let first_probe = seen.first_probe_ms.map(|ms| self.ago(now, ms));
        self.probes = Probes::restore(info.probes, first_probe);
        let plain_rto_us = (info.backoff == 0).then_some(info.rto_us);
        let rto_min_us = ticks.to_us(self.rto.min());
        self.rtt
            .restore(info.rtt_us, info.rttvar_us, rto_min_us, plain_rto_us);
        self.rcv_tstamp = self.ago(now, info.last_ack_recv_ms);
        if let Some(ms) = seen.last_data_recv_ms {
            self.delack.set_lrcvtime(self.ago(now, ms));
        }
        self.lsndtime = self.ago(now, info.last_data_sent_ms);
        self.w.snd_cwnd = info.snd_cwnd.max(1);
        self.w.snd_ssthresh = info.snd_ssthresh;
        self.cwnd_usage.stamp(now.j);
        self.ca_state = match info.ca_state {
            0 => CaState::Open,
            1 => CaState::Disorder,
            2 => CaState::Cwr,
            3 => CaState::Recovery,
            _ => CaState::Loss,
        };
        self.rx.sack_ok = seen.sack_ok;
        self.rx.tstamp_ok = self.sysctl.tcp_timestamps != 0;
        self.rx.ts_recent = self.rx.tstamp_ok.then_some(1);
        self.header_options = if self.rx.tstamp_ok { TSTAMP_ALIGNED } else { 0 };
        self.mss_cache = info.snd_mss.max(1);
        self.rx.mss_clamp = self.mss_cache + self.header_options;
        self.advmss = self.mss_cache;
        self.sndbuf = u32::MAX >> 1;
    }

    /// Sets the sequence numbers, and fills the queues with buffers of zeros for the data in flight and the data that
    /// waits.
    fn restore_queues(&mut self, now: Now, info: &TcpInfo, head_sent_ms: Option<u64>) {
        self.isn = FIRST - 1;
        self.rcv_nxt = FIRST;
        self.rcv_wup = FIRST;
        self.copied_seq = FIRST;
        self.snd_una = FIRST;
        self.snd_wnd = info.snd_wnd;
        self.max_window = info.snd_wnd.max(65_535);
        let out = info.unacked.min(MOST_OUT);
        let in_flight = info.wqueue.saturating_sub(info.notsent);
        let len = (in_flight / info.unacked.max(1)).min(self.mss_cache);
        let fin_waits = sent_fin(info.state) && info.wqueue > 0;
        let mut seq = FIRST;
        for i in 0..out {
            let is_last = i + 1 == out;
            let mut flags = Flags::ACK;
            if self.state == TcpState::SynSent {
                flags = Flags::SYN;
            } else if self.state == TcpState::SynRecv {
                flags = Flags::SYN | Flags::ACK;
            } else if is_last && fin_waits && info.notsent == 0 {
                flags = Flags::ACK | Flags::FIN;
            }
            let control = u32::from(flags.any(Flags::SYN | Flags::FIN));
            let mut skb = filled(seq, flags, len.saturating_sub(control), self.mss_cache);
            let age_ms = match (i, head_sent_ms) {
                (0, Some(ms)) => ms,
                _ => info.last_data_sent_ms,
            };
            skb.sent_us = now.us.before(age_ms * 1_000);
            skb.marks.lost = i < info.lost;
            skb.marks.retrans = i < info.retrans && info.lost > 0;
            skb.marks.ever_retrans = i < info.retrans;
            skb.marks.sacked = i > 0 && i >= out - info.sacked.min(out) && !skb.marks.lost;
            self.lost_out += u32::from(skb.marks.lost);
            self.retrans_out += u32::from(skb.marks.retrans);
            self.sacked_out += u32::from(skb.marks.sacked);
            seq = skb.end_seq;
            self.queues.rtx.push_back(skb);
        }
        self.packets_out = out;
        self.snd_nxt = seq;
        self.high_seq = seq;
        self.snd_sml = seq;
        if info.notsent > 0 {
            let flags = if fin_waits {
                Flags::ACK | Flags::FIN
            } else {
                Flags::ACK
            };
            let mut skb = filled(seq, flags, info.notsent.min(self.mss_cache), self.mss_cache);
            skb.pcount = 0;
            seq = skb.end_seq;
            self.queues.unsent.push_back(skb);
        }
        self.write_seq = seq;
        self.pushed_seq = seq;
    }

    fn restore_timers(&mut self, now: Now, seen: &Snapshot) {
        let armed = pending(
            &self.sysctl.ticks,
            now,
            seen.armed_ago_ms,
            seen.armed_for_ms,
        );
        if seen.loss_probe_sent {
            self.tlp = Tlp::NewData(self.snd_nxt);
        }
        match seen.info.timer {
            TimerKind::On => {
                let what = match seen.write_timer {
                    WriteTimer::Retransmission => Xmit::Rto,
                    WriteTimer::LossProbe => Xmit::LossProbe,
                };
                self.timers.xmit = Some((what, armed));
            }
            TimerKind::Persist => self.timers.xmit = Some((Xmit::Probe0, armed)),
            TimerKind::Keepalive => {
                if !(seen.orphan && self.state == TcpState::FinWait2) {
                    self.opt_mut().keepalive = true;
                }
                self.timers.keepalive = Some(armed);
            }
            TimerKind::TimeWait | TimerKind::None => {}
        }
    }
}

/// Returns a buffer of `len` zeros.
fn filled(seq: Seq, flags: Flags, len: u32, mss: u32) -> Skb {
    let mut skb = Skb::new(seq, flags);
    skb.data.extend_from_slice(&vec![0; len as usize]);
    skb.end_seq += len;
    skb.set_tso_segs(mss);
    skb
}

/// Returns whether the local FIN was sent or is queued.
fn sent_fin(state: TcpState) -> bool {
    matches!(
        state,
        TcpState::FinWait1 | TcpState::FinWait2 | TcpState::Closing | TcpState::LastAck
    )
}
