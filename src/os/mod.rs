//! Everything that calls the operating system: TUN, network namespaces, sysctl files, kernel sockets, sock_diag,
//! processes and the clock. Only this module has unsafe code, in `sys.rs`.

mod advice;
mod clock;
pub mod counters;
mod entry;
pub mod local_answers;
mod namespace_sysctl;
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
pub use namespace_sysctl::NamespaceSysctlError;
pub use netns::{EndpointError, Isolation, Namespace, Wanted, open, open_tun};
pub use program::{Ended, LeftBehind, Program, is_ignored};
pub use sock_diag::{Diagnosed, Memory, SockDiag};
pub use socket::Socket;
pub use ticks::{TickPhase, tick_ns};
pub use tun::{Device, Tun};
pub use waiter::Waiter;
