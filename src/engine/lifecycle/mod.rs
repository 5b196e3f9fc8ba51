//! The life of a connection: opening, the calls on it, closing, and what is left afterwards.
//!
//! In: socket calls on one connection, SYN and FIN, ICMP errors. Out: changes of state (RFC 9293 3.3.2), TCP_INFO. A
//! half-open connection (`request`) and TIME_WAIT (`timewait`) are small types of their own, as in Linux. Uses `timers`
//! and all above it.

pub(super) mod close;
pub(super) mod icmp;
pub(super) mod open;
pub(super) mod orphans;
pub(super) mod request;
pub(super) mod sendmsg;
pub(super) mod setsockopt;
pub(super) mod state;
pub(super) mod syncookie;
pub(super) mod tcp_info;
pub(super) mod timewait;
