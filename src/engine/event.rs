//! Why packets leave and what timers do, in words for a reader. The engine never reads them back.

use super::timers::Armed;
use crate::time::Instant;
use crate::wire::Datagram;

/// A packet that leaves, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// The packet.
    pub datagram: Datagram,
    /// Why it was sent.
    pub cause: String,
    /// The timer whose firing sent it, if one did.
    pub timer: Option<Armed>,
}

/// Something a timer did, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Instant,
    /// What and why.
    pub text: String,
    /// Whether a timer fired (and not: was armed or cleared).
    pub fired: bool,
}

/// What the engine is doing when it sends something.
#[derive(Clone, Debug, Default)]
pub(super) enum Because {
    /// Nothing yet.
    #[default]
    Nothing,
    /// The application made this call.
    Call(&'static str),
    /// A segment came in.
    Segment,
    /// An ICMP message came in.
    Icmp,
    /// A timer fired; what it means, and when it was armed.
    Timer(String, Option<Armed>),
}
