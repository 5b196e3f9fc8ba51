//! The options of a socket as they were set.
//!
//! Linux counterpart: the fields of struct tcp_sock and inet_connection_sock that setsockopt() writes.

use crate::sysctl::CongestionControl;
use crate::time::Jiffies;

/// The options of a socket, as set; none: the sysctl's value.
#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    pub(super) keepalive: bool,
    pub(super) keepidle_s: Option<u32>,
    pub(super) keepintvl_s: Option<u32>,
    pub(super) keepcnt: Option<u32>,
    pub(super) syn_count: Option<u32>,
    /// SO_LINGER; none is off.
    pub(super) linger_s: Option<u32>,
    /// TCP_LINGER2, s; negative: no FIN_WAIT2 at all.
    pub(super) linger2: Option<i32>,
    pub(super) user_timeout_ms: u32,
    pub(super) nodelay: bool,
    pub(super) cork: bool,
    pub(super) user_mss: Option<u32>,
    pub(super) thin_linear_timeouts: bool,
    pub(super) recverr: bool,
    pub(super) delack_max: Option<Jiffies>,
    /// Retries that an ACK without data is waited for.
    pub(super) defer_accept: u32,
    pub(super) congestion: Option<CongestionControl>,
    pub(super) sndbuf_locked: bool,
    pub(super) rcvbuf_locked: bool,
    /// Not an option but the kernel's age: retries are a count, not a time.
    pub(super) retries_are_counted: bool,
}
