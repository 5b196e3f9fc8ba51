//! `struct tcp_info`, and the numbers of states and timers.

use crate::call::{TcpInfo, TcpState, TimerKind};
use crate::forecast::Seen;
use crate::os::netlink::{u16_at, u32_at};

/// TCPI_OPT_SACK in tcpi_options.
const OPT_SACK: u8 = 2;
/// Offset of tcpi_snd_wnd (since 5.4), and the window that is assumed if the kernel's TCP_INFO ends before it.
const SND_WND: usize = 228;
const OPEN_WINDOW: u32 = 65_535;
/// Offset of tcpi_total_rto (since 6.7).
const TOTAL_RTO: usize = 240;

/// Reads `struct tcp_info`. Fields that an older kernel does not have are zero. `at`, the timer and the queues are not
/// part of it.
pub(super) fn tcp_info(info: &[u8]) -> TcpInfo {
    let byte = |at: usize| u32::from(info.get(at).copied().unwrap_or(0));
    let word = |at: usize| u32_at(info, at);
    TcpInfo {
        state: state(info.first().copied().unwrap_or(0)),
        ca_state: byte(1) as u8,
        retransmits: byte(2),
        probes: byte(3),
        backoff: byte(4),
        rto_us: word(8).into(),
        ato_us: word(12).into(),
        snd_mss: word(16),
        rcv_mss: word(20),
        unacked: word(24),
        sacked: word(28),
        lost: word(32),
        retrans: word(36),
        last_data_sent_ms: word(44).into(),
        last_ack_recv_ms: word(56).into(),
        rtt_us: word(68).into(),
        rttvar_us: word(72).into(),
        snd_ssthresh: word(76),
        snd_cwnd: word(80),
        rcv_space: word(96),
        total_retrans: word(100),
        notsent: word(144),
        snd_wnd: word(SND_WND),
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
    let is_cut = raw.len() < SND_WND + 4 && !is_small;
    if is_cut && info.timer != TimerKind::Persist {
        info.snd_wnd = OPEN_WINDOW;
    }
    let tells_rto = raw.len() >= TOTAL_RTO + 8;
    Seen {
        info,
        orphan,
        sack_ok: raw.get(5).map(|options| options & OPT_SACK != 0),
        last_data_recv_ms: (raw.len() >= 56).then(|| u32_at(raw, 52).into()),
        total_rto_time_ms: tells_rto.then(|| u32_at(raw, TOTAL_RTO + 4).into()),
        rto_recoveries: u16_at(raw, TOTAL_RTO + 2).into(),
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
