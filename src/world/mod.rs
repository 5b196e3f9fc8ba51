//! Hosts that run the TCP of this project and can lose power at any time, with sockets like those of std. A [`World`]
//! joins two of them in virtual time.
//!
//! [`Endpoint`] is the handle of a host, which many threads may use, with [`TcpListener`] and [`TcpStream`] as in std,
//! and [`Service`]s that run without a thread per connection. A host in a [`World`] and one behind a TUN (`live`) are the
//! same value, and their handles and sockets have the same types: an application that was tested in virtual time runs
//! unchanged against the kernel. This module does no I/O.

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
