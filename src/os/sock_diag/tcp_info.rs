//! `struct tcp_info`, and the numbers of states and timers.

use std::mem::offset_of;

use linux_raw_sys::net::tcp_info as Raw;

use crate::call::{TcpInfo, TcpState, TimerKind};
use crate::forecast::Seen;
use crate::os::netlink::{u16_at, u32_at};

/// TCPI_OPT_SACK in tcpi_options.
const OPT_SACK: u8 = 2;
/// The end of tcpi_snd_wnd (since 5.4), and the window that is assumed if the kernel's TCP_INFO ends before it.
const SND_WND_END: usize = offset_of!(Raw, tcpi_snd_wnd) + 4;
const OPEN_WINDOW: u32 = 65_535;

/// Reads `struct tcp_info`. Fields that an older kernel does not have are zero. `at`, the timer and the queues are not
/// part of it.
pub(super) fn tcp_info(info: &[u8]) -> TcpInfo {
    let byte = |at: usize| u32::from(info.get(at).copied().unwrap_or(0));
    let word = |at: usize| u32_at(info, at);
    TcpInfo {
        state: state(byte(offset_of!(Raw, tcpi_state)) as u8),
        ca_state: byte(offset_of!(Raw, tcpi_ca_state)) as u8,
        retransmits: byte(offset_of!(Raw, tcpi_retransmits)),
        probes: byte(offset_of!(Raw, tcpi_probes)),
        backoff: byte(offset_of!(Raw, tcpi_backoff)),
        rto_us: word(offset_of!(Raw, tcpi_rto)).into(),
        ato_us: word(offset_of!(Raw, tcpi_ato)).into(),
        snd_mss: word(offset_of!(Raw, tcpi_snd_mss)),
        rcv_mss: word(offset_of!(Raw, tcpi_rcv_mss)),
        unacked: word(offset_of!(Raw, tcpi_unacked)),
        sacked: word(offset_of!(Raw, tcpi_sacked)),
        lost: word(offset_of!(Raw, tcpi_lost)),
        retrans: word(offset_of!(Raw, tcpi_retrans)),
        last_data_sent_ms: word(offset_of!(Raw, tcpi_last_data_sent)).into(),
        last_ack_recv_ms: word(offset_of!(Raw, tcpi_last_ack_recv)).into(),
        rtt_us: word(offset_of!(Raw, tcpi_rtt)).into(),
        rttvar_us: word(offset_of!(Raw, tcpi_rttvar)).into(),
        snd_ssthresh: word(offset_of!(Raw, tcpi_snd_ssthresh)),
        snd_cwnd: word(offset_of!(Raw, tcpi_snd_cwnd)),
        rcv_space: word(offset_of!(Raw, tcpi_rcv_space)),
        total_retrans: word(offset_of!(Raw, tcpi_total_retrans)),
        notsent: word(offset_of!(Raw, tcpi_notsent_bytes)),
        snd_wnd: word(offset_of!(Raw, tcpi_snd_wnd)),
        ..TcpInfo::default()
    }
}

/// Adds to `info`, which has the timer, the other fields of `struct tcp_info` that a forecast needs.
pub(super) fn seen(mut info: TcpInfo, raw: &[u8], orphan: bool) -> Seen {
    // a request sock and a timewait sock, which may be in FIN_WAIT2, have no TCP_INFO: nothing is missing in it
    let is_small = raw.is_empty()
        && matches!(
            info.state,
            TcpState::SynRecv | TcpState::TimeWait | TcpState::FinWait2
        );
    let is_cut = raw.len() < SND_WND_END && !is_small;
    if is_cut && info.timer != TimerKind::Persist {
        info.snd_wnd = OPEN_WINDOW;
    }
    let age = |at: usize| (raw.len() >= at + 4).then(|| u64::from(u32_at(raw, at)));
    Seen {
        info,
        orphan,
        sack_ok: raw
            .get(offset_of!(Raw, tcpi_options))
            .map(|options| options & OPT_SACK != 0),
        last_data_recv_ms: age(offset_of!(Raw, tcpi_last_data_recv)),
        // since 6.7
        total_rto_time_ms: age(offset_of!(Raw, tcpi_total_rto_time)),
        rto_recoveries: u16_at(raw, offset_of!(Raw, tcpi_total_rto_recoveries)).into(),
        options: None,
    }
}

/// Returns the state with this number in `include/net/tcp_states.h`.
pub(super) fn state(number: u8) -> TcpState {
    match number {
        1 => TcpState::Established,
        2 => TcpState::SynSent,
        // 12 is NEW_SYN_RECV, the kernel's name for a request sock
        3 | 12 => TcpState::SynRecv,
        4 => TcpState::FinWait1,
        5 => TcpState::FinWait2,
        6 => TcpState::TimeWait,
        8 => TcpState::CloseWait,
        9 => TcpState::LastAck,
        10 => TcpState::Listen,
        11 => TcpState::Closing,
        _ => TcpState::Closed,
    }
}

/// idiag_timer.
pub(super) fn timer(number: u8) -> TimerKind {
    match number {
        1 => TimerKind::On,
        2 => TimerKind::Keepalive,
        3 => TimerKind::TimeWait,
        4 => TimerKind::Persist,
        _ => TimerKind::None,
    }
}
