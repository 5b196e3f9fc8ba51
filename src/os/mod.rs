//! The operating system's side: TUN, namespaces, sysctl files, raw socket options, the real clock.

mod advice;
mod clock;
pub mod counters;
mod entry;
mod knob;
mod netlink;
mod netns;
pub mod probe;
pub mod processes;
mod program;
mod sock_diag;
mod socket;
mod sys;
pub mod sysctl_files;
mod ticks;
mod tun;
mod waiter;

pub use clock::RealClock;
pub use entry::Entry;
pub use knob::KnobError;
pub use netns::{EndpointError, Isolation, Namespace, Wanted, open, open_tun};
pub use program::{Ended, LeftBehind, Program, is_ignored};
pub use sock_diag::{Diagnosed, Memory, SockDiag};
pub use socket::Socket;
pub use ticks::{TickPhase, tick_ns};
pub use tun::{Device, Tun};
pub use waiter::Waiter;
