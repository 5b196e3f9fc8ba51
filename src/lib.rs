//! halfopen: my peer lost power, the cable was pulled, all packets are lost; what does my connection
//! do now, and when will I know?
//!
//! A sans-IO TCP engine with Linux's timers, the scenarios that make a connection half-open, three
//! targets that live through them (this engine, stock smoltcp, the kernel of this machine), and a
//! comparison packet by packet. Modules import only from modules above them in this list.

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

pub mod witness;

pub mod scenario;

pub mod sim;

pub mod endpoint;

pub mod watch;

pub mod live;

pub mod service;

pub mod target;

pub mod run;

pub mod compare;

pub mod report;

pub mod cli;

pub use live::{Endpoint, TcpListener, TcpStream};
