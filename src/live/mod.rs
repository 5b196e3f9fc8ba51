//! An [`Endpoint`] behind a TUN, on the real clock.
//!
//! There are two layers. [`Stack`] has one thread and no locks: a TUN, a host of [`world`](crate::world) and the clock,
//! and its caller runs the loop. [`Endpoint`] is a handle that many threads may use: a stack, a lock and a loop thread. A
//! [`Builder`] makes both.
//!
//! ```no_run
//! use halfopen::{Endpoint, TcpListener};
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
mod gro;
mod shared;
mod stack;
mod vnet;

#[cfg(doc)]
use crate::world::Endpoint;

pub use builder::{Builder, Private};
pub use stack::Stack;
