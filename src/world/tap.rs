//! An observer that sees every packet of an endpoint.

use super::fate::Fate;
use crate::time::Instant;
use crate::trace::Dir;

/// Sees every packet and every change of fate. It is called while the endpoint is locked, so it must not use the endpoint
/// and should return quickly.
pub trait Tap: Send {
    /// A packet was read from the link or is about to be written to it. `dir` is the direction as the host at the other
    /// end of the link sees it: "out" is towards the endpoint. `cause` is the reason why the endpoint sent the packet, if
    /// it is known.
    fn packet(&mut self, at: Instant, dir: Dir, bytes: &[u8], cause: Option<&str>);

    /// The fate of the endpoint as a whole has changed to `fate`.
    fn changed(&mut self, at: Instant, fate: Fate) {
        let _ = (at, fate);
    }
}

/// The tap of an endpoint, if it has one.
#[derive(Default)]
pub(super) struct Tapped(pub(super) Option<Box<dyn Tap>>);

impl std::fmt::Debug for Tapped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tapped({})", self.0.is_some())
    }
}

impl Tapped {
    pub(super) fn packet(&mut self, at: Instant, dir: Dir, bytes: &[u8], cause: Option<&str>) {
        if let Some(tap) = &mut self.0 {
            tap.packet(at, dir, bytes, cause);
        }
    }
}
