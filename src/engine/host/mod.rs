//! A host: its sockets, its listeners, its timers, and who gets a packet.
//!
//! In: packets, deadlines and socket calls, each with the present instant. Out: packets, events, the next deadline.
//! [`Engine`](engine::Engine) is the host. Uses every other folder.

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
