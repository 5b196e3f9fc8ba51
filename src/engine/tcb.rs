//! The control block of a full socket (RFC 9293 3.3.1), flat as Linux's `struct tcp_sock`.

use std::sync::Arc;

use super::buffers::Buffers;
use super::clock::Now;
use super::congestion::{Algorithm, Window};
use super::event::Outbox;
use super::knobs::Knobs;
use super::options::Options;
use super::path::{Path, TCP_MSS_DEFAULT};
use super::rack::Rack;
use super::reassembly::Reassembly;
use super::rtt::Rtt;
use super::stamp::Stamp;
use super::timers::{Armed, Timers};
use super::txhash::TxHash;
use super::words::{Text, Told};
use crate::call::{Addr, Errno, SocketId, TcpState};
use crate::time::Jiffies;
use crate::wire::{Seq, Timestamps};

/// Smallest estimate of the peer's segment size, bytes.
pub(super) const TCP_MIN_MSS: u32 = 88;
/// Header bytes of a timestamp option with its padding.
pub(super) const TSTAMP_ALIGNED: u32 = 12;

/// Linux's congestion state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum CaState {
    #[default]
    Open = 0,
    Disorder = 1,
    Cwr = 2,
    Recovery = 3,
    Loss = 4,
}

/// What the peer's options allow, and what came with the last segment.
#[derive(Clone, Debug, Default)]
pub(super) struct RxOptions {
    pub(super) tstamp_ok: bool,
    pub(super) sack_ok: bool,
    pub(super) wscale_ok: bool,
    pub(super) snd_wscale: u8,
    pub(super) rcv_wscale: u8,
    /// Largest segment the peer takes, bytes, without our options.
    pub(super) mss_clamp: u32,
    /// The peer's clock to echo, once one was seen.
    pub(super) ts_recent: Option<u32>,
    /// The option of the segment that is being looked at.
    pub(super) now: Option<Timestamps>,
}

/// Delayed-ACK state (Linux: icsk_ack).
#[derive(Clone, Debug, Default)]
pub(super) struct AckState {
    pub(super) scheduled: bool,
    /// The delayed-ACK timer is what will send it.
    pub(super) timer: bool,
    pub(super) pushed: bool,
    pub(super) pushed2: bool,
    /// Send it as soon as the segment is dealt with.
    pub(super) now: bool,
    /// ACKs still to be sent at once.
    pub(super) quick: u32,
    pub(super) pingpong: u32,
    pub(super) ato: Jiffies,
    pub(super) lrcvtime: Jiffies,
    /// Flow label of the last data that came.
    pub(super) lrcv_flowlabel: u32,
    pub(super) last_seg_size: u32,
    pub(super) rcv_mss: u32,
}

/// A connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Tcb {
    pub(super) sysctl: Arc<Knobs>,
    pub(super) net: super::net::Shared,
    /// Pages that the host knows of.
    pub(super) published_pages: u16,
    /// Shared with the listener and its other connections while none of them sets one.
    pub(super) opt: Arc<Options>,
    pub(super) local: Addr,
    pub(super) remote: Addr,
    pub(super) state: TcpState,
    /// Lent by the host while this connection is at work.
    pub(super) outbox: Option<Box<Outbox>>,
    pub(super) timers: Timers,

    // the application's side
    /// Who is told of changes: the socket, or the listener while it is not accepted.
    pub(super) socket: Option<SocketId>,
    /// bind() gave it its port.
    pub(super) bindport_locked: bool,
    /// Nobody holds the socket (Linux: SOCK_DEAD).
    pub(super) orphan: bool,
    pub(super) sk_err: Option<Errno>,
    pub(super) sk_err_soft: Option<Errno>,
    pub(super) rcv_shutdown: bool,
    pub(super) send_shutdown: bool,
    /// The peer's FIN was read past (Linux: SOCK_DONE).
    pub(super) done: bool,
    /// The peer's FIN lies in the receive queue: the application has not read as far.
    pub(super) fin_queued: bool,
    /// It came behind data that was not read yet, and shares that buffer.
    pub(super) fin_merged: bool,
    pub(super) rcvbuf: u32,
    pub(super) sndbuf: u32,
    /// The application has found no room to write: in send(), or in poll() (Linux: SOCK_NOSPACE).
    pub(super) no_space: std::cell::Cell<bool>,

    // send sequence space
    pub(super) isn: Seq,
    pub(super) snd_una: Seq,
    pub(super) snd_nxt: Seq,
    pub(super) write_seq: Seq,
    pub(super) pushed_seq: Seq,
    /// End of the last small segment sent (Minshall's Nagle).
    pub(super) snd_sml: Seq,
    pub(super) snd_wnd: u32,
    pub(super) snd_wl1: Seq,
    pub(super) max_window: u32,
    /// Window field of the segment that header prediction expects; none: everything goes the long way.
    pub(super) predicted_window: Option<u16>,
    pub(super) queues: Buffers,
    pub(super) mss_cache: u32,
    /// Our options in every segment, bytes.
    pub(super) header_options: u32,
    pub(super) advmss: u32,
    pub(super) packets_out: u32,
    pub(super) sacked_out: u32,
    pub(super) lost_out: u32,
    pub(super) retrans_out: u32,
    pub(super) bytes_acked: u64,
    pub(super) ip_id: u16,
    pub(super) path: Path,
    pub(super) txhash: TxHash,
    /// Flow label of the segment that is being looked at.
    pub(super) flow_label_heard: u32,
    /// Data of each segment that a device has put together to the one that is being looked at, bytes; 0: it is one.
    pub(super) gso_size_heard: u16,
    pub(super) ts_offset: u32,
    pub(super) sent_count: u64,
    pub(super) lsndtime: Jiffies,
    pub(super) pacing_rate: u64,
    /// When something was last sent, us (Linux: tcp_wstamp_ns).
    pub(super) wstamp_us: u64,

    // receive sequence space
    pub(super) irs: Seq,
    pub(super) rcv_nxt: Seq,
    pub(super) rcv_wup: Seq,
    pub(super) rcv_wnd: u32,
    pub(super) copied_seq: Seq,
    pub(super) rcv_ssthresh: u32,
    pub(super) window_clamp: u32,
    /// Part of a buffer that holds data, in 256ths.
    pub(super) scaling_ratio: u32,
    /// Memory that what was received and not read occupies, bytes.
    pub(super) rmem_alloc: u32,
    pub(super) forward_alloc: super::memory::ForwardAlloc,
    pub(super) reassembly: Reassembly,
    pub(super) ack: AckState,
    pub(super) rx: RxOptions,
    pub(super) rcv_space: u32,
    pub(super) sizing: super::right_sizing::RightSizing,
    /// Last good ACK's tick (keepalive).
    pub(super) rcv_tstamp: Jiffies,
    /// Last answer to an out-of-window segment.
    pub(super) last_oow_ack: Stamp,

    // retransmission
    pub(super) rtt: Rtt,
    /// When the only SYN-ACK left, us: the handshake's RTT sample.
    pub(super) rtt_of_syn_ack: Stamp,
    pub(super) rto: Jiffies,
    pub(super) rto_min: Jiffies,
    pub(super) rto_max: Jiffies,
    pub(super) backoff: u32,
    pub(super) retransmits: u32,
    pub(super) total_rto: u32,
    pub(super) total_retrans: u32,
    /// Millisecond clock at the first retransmission of an episode.
    pub(super) retrans_stamp: Stamp,
    pub(super) probes_out: u32,
    /// Tick of the first zero-window probe timer of an episode.
    pub(super) probes_tstamp: Stamp,

    // loss
    pub(super) ca_state: CaState,
    pub(super) high_seq: Seq,
    pub(super) undo_marker: Option<Seq>,
    /// Retransmissions that a D-SACK could still prove needless; none: undo by D-SACK is out.
    pub(super) undo_retrans: Option<u32>,
    pub(super) prior_ssthresh: u32,
    pub(super) prr_delivered: u32,
    pub(super) prr_out: u32,
    pub(super) frto: bool,
    pub(super) tlp_high_seq: Option<Seq>,
    pub(super) tlp_retrans: bool,
    pub(super) rack: Rack,
    pub(super) reordering: u32,
    pub(super) reord_seen: u32,
    /// Segments reported as duplicates since the start.
    pub(super) dsack_dups: u32,
    pub(super) delivered: u32,
    pub(super) lost: u32,

    // congestion window
    pub(super) cc: Algorithm,
    pub(super) w: Window,
    pub(super) cwnd_usage_seq: Seq,
    pub(super) cwnd_used: u32,
    pub(super) cwnd_stamp: Jiffies,
}

impl Tcb {
    /// A socket that is not connected yet.
    pub(super) fn new(sysctl: Arc<Knobs>, opt: Arc<Options>) -> Tcb {
        let ticks = sysctl.ticks;
        let rto_min = ticks.from_us(sysctl.tcp_rto_min_us as u64);
        let rto_max = ticks.from_ms(sysctl.tcp_rto_max_ms as u64);
        Tcb {
            rcvbuf: sysctl.tcp_rmem[1] as u32,
            sndbuf: sysctl.tcp_wmem[1] as u32,
            mss_cache: TCP_MSS_DEFAULT,
            pacing_rate: u64::MAX,
            scaling_ratio: 128,
            ack: AckState {
                rcv_mss: TCP_MIN_MSS,
                ..AckState::default()
            },
            rx: RxOptions {
                mss_clamp: TCP_MSS_DEFAULT,
                ..RxOptions::default()
            },
            rto: ticks.from_us(super::rtt::TIMEOUT_INIT_US),
            rto_min,
            rto_max,
            reordering: sysctl.tcp_reordering as u32,
            cc: Algorithm::new(opt.congestion.unwrap_or(sysctl.tcp_congestion_control)),
            sysctl,
            opt,
            ..Tcb::default()
        }
    }

    /// Segments that have left the network for all we know.
    pub(super) fn left_out(&self) -> u32 {
        self.sacked_out + self.lost_out
    }

    /// RFC 6675's pipe, segments.
    pub(super) fn packets_in_flight(&self) -> u32 {
        (self.packets_out + self.retrans_out).saturating_sub(self.left_out())
    }

    /// The right edge of the peer's window.
    pub(super) fn wnd_end(&self) -> Seq {
        self.snd_una + self.snd_wnd
    }

    /// Smallest RTT seen lately, us; none before the first sample.
    pub(super) fn min_rtt_us(&self) -> u64 {
        self.rtt.min_rtt.get().unwrap_or(u64::from(u32::MAX))
    }

    pub(super) fn in_cwnd_reduction(&self) -> bool {
        matches!(self.ca_state, CaState::Cwr | CaState::Recovery)
    }

    pub(super) fn set_ca_state(&mut self, now: Now, to: CaState) {
        self.cc.set_state(to == CaState::Loss, self.snd_nxt, now.at);
        self.ca_state = to;
    }

    /// Milliseconds as ticks, rounded up.
    pub(super) fn ms(&self, ms: i64) -> Jiffies {
        self.sysctl.ticks.from_ms(ms.max(0) as u64)
    }

    /// Notes what a timer did.
    pub(super) fn note(&mut self, now: Now, fired: bool, text: impl Into<Text>) {
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
    pub(super) fn opt_mut(&mut self) -> &mut Options {
        Arc::make_mut(&mut self.opt)
    }

    /// Where packets and events go.
    pub(super) fn outbox(&mut self) -> &mut Outbox {
        self.outbox.get_or_insert_default()
    }

    /// When a timer was armed and for when, for a reader.
    pub(super) fn told(&self, armed: &Armed) -> Told {
        Told::new(armed, &self.sysctl.ticks)
    }
}

#[cfg(test)]
mod tests;
