//! The endpoint as a library: a host with our TCP behind a TUN, on the real clock, that can die at will.
//!
//! Two layers. [`Stack`] is single-threaded and without locks: one TUN, smoltcp's `Interface` for all that is not TCP,
//! our engine for TCP, the clock; its caller turns it. [`Endpoint`] is a handle that many threads may use: a stack, a
//! lock and one loop thread, with [`TcpListener`] and [`TcpStream`] as in std, and [`Service`]s that are run without a
//! thread per connection.
//!
//! ```no_run
//! use halfopen::live::{Endpoint, TcpListener};
//! use std::io::{Read, Write};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (endpoint, namespace) = Endpoint::builder().open_private()?;
//! let listener = TcpListener::bind(&endpoint, "10.77.0.2:7")?;
//! let mut client = namespace.connect("10.77.0.2:7".parse()?)?; // a socket of the kernel
//! let (mut server, _) = listener.accept()?;
//! server.write_all(b"hello")?;
//! client.read_exact(&mut [0; 5])?;
//! endpoint.power_off(); // from now on nobody answers
//! # Ok(())
//! # }
//! ```

mod builder;
mod control;
mod device;
mod endpoint;
mod fate;
mod gro;
mod gso;
mod host;
mod listener;
mod machine;
mod memory;
mod net;
mod not_tcp;
mod options;
mod service;
mod shared;
mod sockets;
mod stack;
mod stream;
mod tap;
mod vnet;

pub use builder::{Builder, Private};
pub use endpoint::{Connection, ConnectionHandle, Endpoint};
pub use fate::{Death, Failure, Fate};
pub use listener::TcpListener;
pub use memory::{Outcome, World};
pub use net::Net;
pub use service::Service;
pub use stack::Stack;
pub use stream::{TcpSocket, TcpStream};
pub use tap::Tap;
