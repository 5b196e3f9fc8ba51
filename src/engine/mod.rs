//! The sans-IO TCP engine: Linux 6.18's TCP as a value.
//!
//! An [`Engine`] is one host. It does no I/O and reads no clock: the present instant is an argument of every call.
//!
//! - **In**: [`on_packet`](Engine::on_packet), [`on_deadline`](Engine::on_deadline), [`call`](Engine::call).
//! - **Out**: [`poll_transmit`](Engine::poll_transmit), [`poll_event`](Engine::poll_event),
//!   [`next_deadline`](Engine::next_deadline).
//!
//! After each input take all packets, then all events, then read the deadline. Instants never go back. When all is taken,
//! the deadline lies in the future, or there is none. `on_deadline` may be called late, as a kernel's timers are. A timer
//! that is armed then counts from that later instant.
//!
//! ```
//! use halfopen::call::{Addr, Call, Errno, Outcome};
//! use halfopen::engine::{Config, Engine};
//! use halfopen::time::Instant;
//!
//! // connect to a host that is not there, and run until the application is told
//! let mut engine = Engine::new(Config::new([10, 77, 0, 1].into()));
//! let mut now = Instant::ZERO;
//! let Outcome::Socket(socket) = engine.call(now, Call::Socket) else { unreachable!() };
//! engine.call(now, Call::Connect(socket, Addr::v4([10, 77, 0, 2], 7777)));
//! let mut syns = 0;
//! loop {
//!     while let Some(_packet) = engine.poll_transmit(now) {
//!         syns += 1; // a wire would carry it
//!     }
//!     while let Some(event) = engine.poll_event() {
//!         println!("{:.3} s {}", event.at.secs_f64(), event.text);
//!     }
//!     let Some(deadline) = engine.next_deadline() else { break };
//!     now = deadline; // a real clock would wait here
//!     engine.on_deadline(now);
//! }
//! assert_eq!(engine.call(now, Call::SoError(socket)), Outcome::SoError(Some(Errno::ETIMEDOUT)));
//! assert_eq!(syns, 11);
//! assert_eq!(now.secs_f64().round(), 135.0);
//! ```
#![forbid(unsafe_code)]

// blank lines, because rustfmt sorts neighbours; `tests/tidy` reads the order
mod clock;

mod netns;

mod queues;

pub mod congestion;

mod tcb;

mod recovery;

mod send;

mod receive;

mod timers;

mod lifecycle;

mod host;

pub use host::engine::{Config, Drawn, Engine};
pub use host::readiness::Ends;
pub use host::snapshot::{Snapshot, WriteTimer};
pub use host::timer_wheel::Wheel;
pub(crate) use lifecycle::close::TIMEWAIT_LEN_MS;
pub(crate) use lifecycle::request::{SYNACK_TIMEOUT_MAX_MS, SYNACK_TIMEOUT_MS};
pub use netns::mib::{Counter, Mib};
pub use tcb::cause::{ArmedFor, Cause, Text};
pub(crate) use tcb::control_block::CaState;
pub use tcb::give_up_rule::GiveUpRule;
pub use tcb::outbox::{Event, Transmit};
pub(crate) use tcb::rto_state::LONGEST_RTO_US;
pub use tcb::timer_slots::{Alarm, Armed};
pub(crate) use timers::giving_up::MODEL_BASE_US;
pub use timers::giving_up::model_timeout;
pub(crate) use timers::tail_loss_probe::pto_us;

#[cfg(test)]
mod tests;
