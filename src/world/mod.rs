//! Hosts that run our TCP and can lose their power at any time, with sockets like those of std; two of them in a
//! [`World`] with virtual time.
//!
//! [`Endpoint`] is the handle of a host, which many threads may use, with [`TcpListener`] and [`TcpStream`] as in std, and
//! [`Service`]s that are run without a thread per connection. A host in a [`World`] and one behind a TUN
//! (`live`) are the same value, and their handles and sockets are the same types: an application that was
//! tested in virtual time runs unchanged against the kernel. This module does no I/O.

pub(crate) mod device;
pub(crate) mod endpoint;
mod fate;
pub(crate) mod gso;
pub(crate) mod host;
mod listener;
pub(crate) mod machine;
pub(crate) mod net;
mod not_tcp;
mod options;
mod service;
pub(crate) mod sockets;
mod stream;
mod tap;
mod virtual_time;

pub use endpoint::{Connection, ConnectionHandle, Endpoint};
pub use fate::{Death, Failure, Fate};
pub use listener::TcpListener;
pub use net::Net;
pub use service::Service;
pub use stream::{TcpSocket, TcpStream};
pub use tap::Tap;
pub use virtual_time::{Outcome, World};
