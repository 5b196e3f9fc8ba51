//! The options of a socket as they were set.
//!
//! Linux counterpart: the fields of struct tcp_sock and inet_connection_sock that setsockopt() writes.

use crate::sysctl::CongestionControl;
use crate::time::TickSpan;

/// The options of a socket, as set; none: the sysctl's value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) keepalive: bool,
    pub(crate) keepidle_s: Option<u32>,
    pub(crate) keepintvl_s: Option<u32>,
    pub(crate) keepcnt: Option<u32>,
    pub(crate) syn_count: Option<u32>,
    /// SO_LINGER; none is off.
    pub(crate) linger_s: Option<u32>,
    /// TCP_LINGER2, s; negative: no FIN_WAIT2 at all.
    pub(crate) linger2: Option<i32>,
    pub(crate) user_timeout_ms: u32,
    pub(crate) nodelay: bool,
    pub(crate) cork: bool,
    pub(crate) user_mss: Option<u32>,
    pub(crate) thin_linear_timeouts: bool,
    pub(crate) recverr: bool,
    pub(crate) delack_max: Option<TickSpan>,
    /// Retries that an ACK without data is waited for.
    pub(crate) defer_accept: u32,
    pub(crate) congestion: Option<CongestionControl>,
    pub(crate) sndbuf_locked: bool,
    pub(crate) rcvbuf_locked: bool,
    /// Not an option but the kernel's age: retries are a count, not a time.
    pub(crate) retries_are_counted: bool,
}
