//! The control block of a full socket (RFC 9293 3.3.1), flat as Linux's `struct tcp_sock`.

use std::sync::Arc;

use crate::call::{Addr, Errno, SocketId, TcpState};
use crate::engine::clock::now::{Micros, Now};
use crate::engine::clock::stamp::Stamp;
use crate::engine::congestion::rtt::Rtt;
use crate::engine::congestion::{Algorithm, Window};
use crate::engine::netns::knobs::Knobs;
use crate::engine::netns::path_mtu::{Path, TCP_MSS_DEFAULT};
use crate::engine::netns::txhash::TxHash;
use crate::engine::queues::lent::Buffers;
use crate::engine::queues::out_of_order::Reassembly;
use crate::engine::tcb::cause::{ArmedFor, Text};
use crate::engine::tcb::cwnd_usage::CwndUsage;
use crate::engine::tcb::delack_state::DelAck;
use crate::engine::tcb::outbox::Outbox;
use crate::engine::tcb::probes::Probes;
use crate::engine::tcb::prr::Prr;
use crate::engine::tcb::rack_state::Rack;
use crate::engine::tcb::reordering::Reordering;
use crate::engine::tcb::right_sizing::RightSizing;
use crate::engine::tcb::rto_state::RtoState;
use crate::engine::tcb::sockopts::Options;
use crate::engine::tcb::timer_slots::{Armed, Timers};
use crate::engine::tcb::tlp_state::Tlp;
use crate::engine::tcb::undo::Undo;
use crate::time::{Jiffies, TickSpan};
use crate::wire::{Seq, Timestamps};

/// Header bytes of a timestamp option with its padding.
pub(crate) const TSTAMP_ALIGNED: u32 = 12;

/// Linux's congestion state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CaState {
    #[default]
    Open = 0,
    Disorder = 1,
    Cwr = 2,
    Recovery = 3,
    Loss = 4,
}

/// What the peer's options allow, and what came with the last segment.
#[derive(Clone, Debug, Default)]
pub(crate) struct RxOptions {
    pub(crate) tstamp_ok: bool,
    pub(crate) sack_ok: bool,
    pub(crate) wscale_ok: bool,
    pub(crate) snd_wscale: u8,
    pub(crate) rcv_wscale: u8,
    /// Largest segment the peer takes, bytes, without our options.
    pub(crate) mss_clamp: u32,
    /// The peer's clock to echo, once one was seen.
    pub(crate) ts_recent: Option<u32>,
    /// The option of the segment that is being looked at.
    pub(crate) ts: Option<Timestamps>,
}

/// A connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tcb {
    pub(crate) sysctl: Arc<Knobs>,
    pub(crate) net: crate::engine::netns::net::Shared,
    /// Pages that the host knows of.
    pub(crate) published_pages: u16,
    /// Shared with the listener and its other connections while none of them sets one.
    pub(crate) opt: Arc<Options>,
    pub(crate) local: Addr,
    pub(crate) remote: Addr,
    pub(crate) state: TcpState,
    /// Lent by the host while this connection is at work.
    pub(crate) outbox: Option<Box<Outbox>>,
    pub(crate) timers: Timers,

    // the application's side
    /// Whose readiness changes: the socket, or the listener while the connection is not accepted.
    pub(crate) socket: Option<SocketId>,
    /// bind() gave it its port.
    pub(crate) bindport_locked: bool,
    /// No application holds the socket (Linux: SOCK_DEAD).
    pub(crate) orphan: bool,
    pub(crate) sk_err: Option<Errno>,
    pub(crate) sk_err_soft: Option<Errno>,
    pub(crate) rcv_shutdown: bool,
    pub(crate) send_shutdown: bool,
    /// The peer's FIN was read past (Linux: SOCK_DONE).
    pub(crate) done: bool,
    /// The peer's FIN lies in the receive queue: the application has not read as far.
    pub(crate) fin_queued: bool,
    /// It came behind data that was not read yet, and shares that buffer.
    pub(crate) fin_merged: bool,
    pub(crate) rcvbuf: u32,
    pub(crate) sndbuf: u32,
    /// The application has found no room to write: in send(), or in poll() (Linux: SOCK_NOSPACE).
    pub(crate) no_space: std::cell::Cell<bool>,

    // send sequence space
    pub(crate) isn: Seq,
    pub(crate) snd_una: Seq,
    pub(crate) snd_nxt: Seq,
    pub(crate) write_seq: Seq,
    pub(crate) pushed_seq: Seq,
    /// End of the last small segment sent (Minshall's Nagle).
    pub(crate) snd_sml: Seq,
    pub(crate) snd_wnd: u32,
    pub(crate) snd_wl1: Seq,
    pub(crate) max_window: u32,
    /// Window field of the segment that header prediction expects; none: everything goes the long way.
    pub(crate) predicted_window: Option<u16>,
    pub(crate) queues: Buffers,
    pub(crate) mss_cache: u32,
    /// Our options in every segment, bytes.
    pub(crate) header_options: u32,
    pub(crate) advmss: u32,
    pub(crate) packets_out: u32,
    pub(crate) sacked_out: u32,
    pub(crate) lost_out: u32,
    pub(crate) retrans_out: u32,
    pub(crate) bytes_acked: u64,
    pub(crate) ip_id: u16,
    pub(crate) path: Path,
    pub(crate) txhash: TxHash,
    /// Flow label of the segment that is being looked at.
    pub(crate) flow_label_heard: u32,
    /// Data of each segment that a device has put together to the one that is being looked at, bytes; 0: it is one.
    pub(crate) gso_size_heard: u16,
    pub(crate) ts_offset: u32,
    pub(crate) sent_count: u64,
    pub(crate) lsndtime: Jiffies,
    pub(crate) pacing_rate: u64,
    /// When something was last sent (Linux: tcp_wstamp_ns).
    pub(crate) wstamp_us: Micros,

    // receive sequence space
    pub(crate) irs: Seq,
    pub(crate) rcv_nxt: Seq,
    pub(crate) rcv_wup: Seq,
    pub(crate) rcv_wnd: u32,
    pub(crate) copied_seq: Seq,
    pub(crate) rcv_ssthresh: u32,
    pub(crate) window_clamp: u32,
    /// Part of a buffer that holds data, in 256ths.
    pub(crate) scaling_ratio: u32,
    /// Memory that what was received and not read occupies, bytes.
    pub(crate) rmem_alloc: u32,
    pub(crate) forward_alloc: crate::engine::queues::forward_alloc::ForwardAlloc,
    pub(crate) reassembly: Reassembly,
    pub(crate) delack: DelAck,
    pub(crate) rx: RxOptions,
    pub(crate) rcv_space: u32,
    pub(crate) sizing: RightSizing,
    /// Last good ACK's tick (keepalive).
    pub(crate) rcv_tstamp: Jiffies,
    /// Last answer to an out-of-window segment.
    pub(crate) last_oow_ack: Stamp<Jiffies>,

    // retransmission
    pub(crate) rtt: Rtt,
    /// When the only SYN-ACK left: the handshake's RTT sample.
    pub(crate) rtt_of_syn_ack: Stamp<Micros>,
    pub(crate) rto: RtoState,
    pub(crate) total_retrans: u32,
    pub(crate) probes: Probes,

    // loss
    pub(crate) ca_state: CaState,
    pub(crate) high_seq: Seq,
    pub(crate) undo: Undo,
    pub(crate) prr: Prr,
    pub(crate) frto: bool,
    pub(crate) tlp: Tlp,
    pub(crate) rack: Rack,
    pub(crate) reordering: Reordering,
    /// Segments reported as duplicates since the start.
    pub(crate) dsack_dups: u32,
    pub(crate) delivered: u32,
    pub(crate) lost: u32,

    // congestion window
    pub(crate) cc: Algorithm,
    pub(crate) w: Window,
    pub(crate) cwnd_usage: CwndUsage,
}

impl Tcb {
    /// A socket that is not connected yet.
    pub(crate) fn new(sysctl: Arc<Knobs>, opt: Arc<Options>) -> Tcb {
        let ticks = sysctl.ticks;
        let rto_min = ticks.from_us(sysctl.tcp_rto_min_us as u64);
        let rto_max = ticks.from_ms(sysctl.tcp_rto_max_ms as u64);
        Tcb {
            rcvbuf: sysctl.tcp_rmem[1] as u32,
            sndbuf: sysctl.tcp_wmem[1] as u32,
            mss_cache: TCP_MSS_DEFAULT,
            pacing_rate: u64::MAX,
            scaling_ratio: 128,
            rx: RxOptions {
                mss_clamp: TCP_MSS_DEFAULT,
                ..RxOptions::default()
            },
            rto: RtoState::new(&ticks, rto_min, rto_max),
            reordering: Reordering::new(sysctl.tcp_reordering as u32),
            cc: Algorithm::new(opt.congestion.unwrap_or(sysctl.tcp_congestion_control)),
            sysctl,
            opt,
            ..Tcb::default()
        }
    }

    /// Segments that have left the network for all we know.
    pub(crate) fn left_out(&self) -> u32 {
        self.sacked_out + self.lost_out
    }

    /// RFC 6675's pipe, segments.
    pub(crate) fn packets_in_flight(&self) -> u32 {
        (self.packets_out + self.retrans_out).saturating_sub(self.left_out())
    }

    /// The right edge of the peer's window.
    pub(crate) fn wnd_end(&self) -> Seq {
        self.snd_una + self.snd_wnd
    }

    /// Smallest RTT seen lately, us; none before the first sample.
    pub(crate) fn min_rtt_us(&self) -> u64 {
        self.rtt.min_rtt_us().unwrap_or(u64::from(u32::MAX))
    }

    pub(crate) fn in_cwnd_reduction(&self) -> bool {
        matches!(self.ca_state, CaState::Cwr | CaState::Recovery)
    }

    pub(crate) fn set_ca_state(&mut self, now: Now, to: CaState) {
        self.cc.set_state(to == CaState::Loss, self.snd_nxt, now.at);
        self.ca_state = to;
    }

    /// Milliseconds as ticks, rounded up.
    pub(crate) fn ms(&self, ms: i64) -> TickSpan {
        self.sysctl.ticks.from_ms(ms.max(0) as u64)
    }

    /// Notes what a timer did.
    pub(crate) fn note(&mut self, now: Now, fired: bool, text: impl Into<Text>) {
        let text = text.into();
        log::trace!(
            "{:.6} s {} -> {}: {text}",
            now.at.secs_f64(),
            self.local,
            self.remote
        );
        self.outbox().note(now.at, fired, text);
    }

    /// The options, to change them.
    pub(crate) fn opt_mut(&mut self) -> &mut Options {
        Arc::make_mut(&mut self.opt)
    }

    /// Where packets and events go.
    pub(crate) fn outbox(&mut self) -> &mut Outbox {
        self.outbox.get_or_insert_default()
    }

    /// When a timer was armed and for when, for a reader.
    pub(crate) fn told(&self, armed: &Armed) -> ArmedFor {
        ArmedFor::new(armed, &self.sysctl.ticks)
    }
}

#[cfg(test)]
mod tests;
