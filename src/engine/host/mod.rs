//! A host: its sockets, its listeners, its timers, and the assignment of packets to them.
//!
//! In: packets, deadlines and socket calls, each with the present instant. Out: packets, events and the next deadline.
//! [`Engine`](engine::Engine) is the host. This folder uses every other one.

pub(super) mod demux;
pub(super) mod descriptors;
pub(super) mod engine;
pub(super) mod isn;
pub(super) mod listener;
pub(super) mod ports;
pub(super) mod readiness;
pub(super) mod snapshot;
pub(super) mod syscalls;
pub(super) mod table;
pub(super) mod timer_wheel;
