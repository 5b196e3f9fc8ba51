//! The control block of a connection, and the state that each mechanism owns in it.
//!
//! `control_block` is the connection. The files beside it are its parts: options set on the socket, timers, what
//! leaves it (`outbox`) and why (`cause`), and the state of one mechanism each, with private fields and the rules that
//! need nothing else. The rules that need the whole connection are methods of `Tcb` in the folders `recovery` to
//! `lifecycle`. Linux counterpart: `struct tcp_sock`. Uses `clock`, `netns`, `queues`, `congestion`.

pub(super) mod cause;
pub(super) mod control_block;
pub(super) mod cwnd_usage;
pub(super) mod delack_state;
pub(super) mod give_up_rule;
pub(super) mod outbox;
pub(super) mod probes;
pub(super) mod prr;
pub(super) mod rack_state;
pub(super) mod reordering;
pub(super) mod right_sizing;
pub(super) mod rto_state;
pub(super) mod sockopts;
pub(super) mod timer_slots;
pub(super) mod tlp_state;
pub(super) mod undo;
