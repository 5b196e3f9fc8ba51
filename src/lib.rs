//! halfopen: my peer lost power, the cable was pulled, all packets are lost; what does my connection
//! do now, and when will I know?
//!
//! A sans-IO TCP engine with Linux's timers, the scenarios that make a connection half-open, three
//! targets that live through them (this engine, stock smoltcp, the kernel of this machine), and a
//! comparison packet by packet. Modules import only from modules above them in this list.
//!
//! A host behind a TUN that loses its power when told to, and a socket of the kernel that hears of it:
//!
//! ```no_run
//! use std::io::{Read, Write};
//! use halfopen::service::Echo;
//! use halfopen::Endpoint;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (endpoint, namespace) = Endpoint::builder().kernel_sysctl("tcp_retries2", "4").open_private()?;
//! endpoint.serve("10.77.0.2:7".parse()?, Box::new(Echo::default()))?;
//! let mut client = namespace.connect("10.77.0.2:7".parse()?)?;
//! endpoint.power_off();
//! client.write_all(b"anybody there?")?;
//! println!("{}", client.read(&mut [0]).unwrap_err()); // Connection timed out
//! # Ok(())
//! # }
//! ```

// blank lines, because rustfmt sorts neighbours; `tests/tidy` reads the order
pub mod time;

pub mod rng;

pub mod wire;

pub mod sysctl;

pub mod sockopt;

pub mod call;

pub mod engine;

pub mod forecast;

pub mod trace;

pub mod postmortem;

pub mod scenario;

pub mod sim;

pub mod world;

pub mod service;

#[cfg(feature = "os")]
pub mod os;

#[cfg(feature = "os")]
pub mod watch;

#[cfg(feature = "os")]
pub mod live;

pub mod target;

#[cfg(feature = "cli")]
pub mod answers;

pub mod compare;

pub mod report;

#[cfg(feature = "cli")]
pub mod cli;

pub use world::{Endpoint, TcpListener, TcpStream, World};
