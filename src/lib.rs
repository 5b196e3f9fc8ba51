//! halfopen: my peer lost power, the cable was pulled, all packets are lost; what does my connection
//! do now, and when will I know?
//!
//! Four types stand at the front. All of them run the same TCP, which behaves like Linux 6.18's:
//!
//! | type | what it is | time | use it to |
//! | --- | --- | --- | --- |
//! | [`World`] | two hosts, the link between them, and threads that use sockets like those of std | virtual | test the reconnect logic of an application: a wait of 15 minutes takes no time, and every run is the same |
//! | [`Endpoint`] | the handle of one host that can lose its power, freeze or be cut off: one of a `World`, or one behind a TUN that sockets of the kernel and other programs talk to | virtual or real | test a program as it is against a peer that dies |
//! | [`Engine`] | the TCP of one host as a value that takes packets, calls and instants and returns packets and deadlines | that of its caller | put a TCP into a simulator, a fuzzer or a device of your own |
//! | [`Scenario`] | a story of one connection (who sends what, when the peer dies), read from TOML or built by [`Draft`](scenario::Draft) | virtual, or real for the kernel | compare what the engine, smoltcp and the kernel of this machine do, packet by packet |
//!
//! # World
//!
//! ```
//! use halfopen::{TcpStream, World};
//! use halfopen::service::Echo;
//! use std::io::{Read, Write};
//! use std::time::Duration;
//!
//! let mut world = World::new();
//! let (client, server) = world.endpoints();
//! server.serve("10.77.0.2:7".parse().unwrap(), Box::new(Echo::default())).unwrap();
//! let result = world.spawn(move || {
//!     let mut stream = TcpStream::connect(&client, "10.77.0.2:7")?;
//!     server.power_off();
//!     stream.write_all(b"anybody there?")?;
//!     let error = stream.read(&mut [0]).unwrap_err();
//!     Ok((error.kind(), client.now()))
//! });
//! world.run();
//! let (kind, at) = result.result().unwrap();
//! assert_eq!(kind, std::io::ErrorKind::TimedOut);
//! assert!(at.secs_f64() > 900.0); // about 15 minutes of virtual time: tcp_retries2 is 15
//! ```
//!
//! # Endpoint
//!
//! Behind a TUN in a private network namespace, which needs the feature `os` and Linux:
//!
//! ```no_run
//! # #[cfg(feature = "os")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::io::{Read, Write};
//! use halfopen::Endpoint;
//! use halfopen::service::Echo;
//!
//! let (endpoint, namespace) = Endpoint::builder().kernel_sysctl("tcp_retries2", "4").open_private()?;
//! endpoint.serve("10.77.0.2:7".parse()?, Box::new(Echo::default()))?;
//! let mut client = namespace.connect("10.77.0.2:7".parse()?)?; // a socket of the kernel
//! endpoint.power_off();
//! client.write_all(b"anybody there?")?;
//! println!("{}", client.read(&mut [0]).unwrap_err()); // Connection timed out
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "os"))]
//! # fn main() {}
//! ```
//!
//! # Engine
//!
//! ```
//! use halfopen::Engine;
//! use halfopen::call::{Addr, Call, Outcome};
//! use halfopen::engine::Config;
//! use halfopen::time::Instant;
//!
//! let mut engine = Engine::new(Config::new([10, 77, 0, 1].into()));
//! let Outcome::Socket(socket) = engine.call(Instant::ZERO, Call::Socket) else { unreachable!() };
//! engine.call(Instant::ZERO, Call::Connect(socket, Addr::v4([10, 77, 0, 2], 7777)));
//! let syn = engine.poll_transmit(Instant::ZERO).unwrap();
//! println!("{}", syn.datagram.emit().len()); // the bytes of an IP packet
//! // nobody answers: the SYN is sent again after a second
//! assert_eq!(engine.next_deadline().unwrap().secs_f64().round(), 1.0);
//! ```
//!
//! # Scenario
//!
//! ```
//! use halfopen::compare::Ending;
//! use halfopen::scenario::load;
//! use halfopen::target::{Options, TargetKind, run};
//!
//! let scenario = load("power-off-idle").unwrap(); // or the path of a file
//! let trace = run(&scenario, TargetKind::Engine, Options::default()).unwrap();
//! assert_eq!(Ending::of(&trace).errno.as_deref(), Some("ETIMEDOUT"));
//! ```
//!
//! # Features
//!
//! All are on by default. Without them (`default-features = false`) the library does no I/O but reading and writing
//! traces and scenarios, and depends on 37 crates instead of 83.
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `os` | all that calls the operating system: [`Endpoint`]s behind a TUN, the target `linux`, `os`, `watch`, `live`, the relay of [`service`] |
//! | `cli` | the program `halfopen` (`cli`, `answers`), and the carets in errors of scenarios; it implies `os` |
//! | `recordings` | the recordings of Linux 6.18 in [`trace::kept`], 4.4 MB |
//!
//! Modules import only from modules above them in this list.

// blank lines, because rustfmt sorts neighbours; `tests/tidy` reads the order
pub mod time;

// for the texts of the program
#[doc(hidden)]
pub mod nouns;

// for tests and benchmarks, which draw from the streams of a run
#[doc(hidden)]
pub mod rng;

// for the texts of the program
#[doc(hidden)]
pub mod printable;

pub mod wire;

pub mod sysctl;

pub mod sockopt;

pub mod call;

pub mod engine;

pub mod forecast;

pub mod trace;

pub mod capture;

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

// for the commands table, sweep and advise; its types change with what they show
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod answers;

pub mod compare;

#[cfg(feature = "cli")]
pub mod explain;

pub mod report;

// for the program halfopen, which is a crate of its own
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;

pub use engine::Engine;
pub use scenario::Scenario;
pub use world::{Endpoint, TcpListener, TcpStream, World};
