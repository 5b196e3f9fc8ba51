//! What the kernel tells of a connection: state, timers, queues and TCP_INFO, over NETLINK_SOCK_DIAG.
//!
//! Linux counterpart: `net/ipv4/inet_diag.c`, `include/uapi/linux/inet_diag.h`, `struct tcp_info`.

use std::io;
use std::net::IpAddr;

use crate::call::{Addr, TcpInfo, TcpState, TimerKind};
use crate::time::Instant;

use super::netlink::{Netlink, REQUEST, attribute, u32_at};

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const AF_INET: u8 = 2;
const IPPROTO_TCP: u8 = 6;
const INET_DIAG_INFO: u16 = 2;
/// Length of `struct inet_diag_msg`.
const DIAG_LEN: usize = 72;
const ENOENT: i32 = 2;

/// Where to ask about the connections of one namespace.
#[derive(Debug)]
pub struct SockDiag {
    netlink: Netlink,
}

impl SockDiag {
    pub(super) fn new(netlink: Netlink) -> SockDiag {
        SockDiag { netlink }
    }

    /// The connection between exactly these addresses: a socket, an orphan, a request sock or a timewait sock. None
    /// where there is none; `at` of the answer is not set.
    pub fn connection(&mut self, local: Addr, remote: Addr) -> io::Result<Option<TcpInfo>> {
        let (IpAddr::V4(local_ip), IpAddr::V4(remote_ip)) = (local.ip, remote.ip) else {
            return Ok(None);
        };
        // inet_diag_req_v2: every state, and INET_DIAG_INFO with it
        let mut request = vec![AF_INET, IPPROTO_TCP, 1 << (INET_DIAG_INFO - 1), 0];
        request.extend(u32::MAX.to_ne_bytes());
        request.extend(local.port.to_be_bytes());
        request.extend(remote.port.to_be_bytes());
        request.extend(local_ip.octets());
        request.extend([0; 12]);
        request.extend(remote_ip.octets());
        request.extend([0; 12]);
        // any interface, any cookie
        request.extend(0u32.to_ne_bytes());
        request.extend([0xff; 8]);
        match self.netlink.ask(SOCK_DIAG_BY_FAMILY, REQUEST, &request) {
            Ok(answer) if answer.kind == SOCK_DIAG_BY_FAMILY => Ok(read(&answer.body)),
            Ok(_) => Ok(None),
            Err(e) if e.raw_os_error() == Some(ENOENT) => Ok(None),
            Err(e) => Err(e),
        }
    }
}

/// Reads an `inet_diag_msg`; a listener, which the kernel offers where there is no connection, is none.
fn read(message: &[u8]) -> Option<TcpInfo> {
    if message.len() < DIAG_LEN {
        return None;
    }
    let state = state(message[1]);
    if matches!(state, TcpState::Listen | TcpState::Closed) {
        return None;
    }
    let info = attribute(&message[DIAG_LEN..], INET_DIAG_INFO).unwrap_or(&[]);
    Some(TcpInfo {
        state,
        timer: timer(message[2]),
        timer_retrans: u32::from(message[3]),
        timer_ms: u64::from(u32_at(message, 52)),
        rqueue: u32_at(message, 56),
        wqueue: u32_at(message, 60),
        ..tcp_info(info)
    })
}

/// Reads `struct tcp_info`; what an older kernel's shorter one lacks is zero.
fn tcp_info(info: &[u8]) -> TcpInfo {
    let byte = |at: usize| u32::from(info.get(at).copied().unwrap_or(0));
    let word = |at: usize| u32_at(info, at);
    TcpInfo {
        at: Instant::ZERO,
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
        snd_wnd: word(228),
        timer: TimerKind::None,
        timer_ms: 0,
        timer_retrans: 0,
        rqueue: 0,
        wqueue: 0,
    }
}

/// The state of this number in `include/net/tcp_states.h`.
fn state(number: u8) -> TcpState {
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
fn timer(number: u8) -> TimerKind {
    match number {
        1 => TimerKind::On,
        2 => TimerKind::Keepalive,
        3 => TimerKind::TimeWait,
        4 => TimerKind::Persist,
        _ => TimerKind::None,
    }
}
