//! Services: what runs on an endpoint without a thread of its own, called when one of its sockets changed.

use super::net::Net;
use crate::call::{Readiness, SocketId};

/// A server that is told of what happens to its connections. It must not block.
///
/// Changes are told once (edge-triggered): a service takes what it can until a call says WouldBlock, and is called
/// again when more came or room was made. When the host loses its power all connections are forgotten, and
/// [`power_lost`](Service::power_lost) is called; when it boots again the service listens again.
pub trait Service: Send {
    /// A connection was accepted. [`ready`](Service::ready) follows.
    fn accepted(&mut self, net: &mut Net<'_>, socket: SocketId);

    /// Something changed: data, room, the end of the stream, or an error. A service closes what is over.
    fn ready(&mut self, net: &mut Net<'_>, socket: SocketId, readiness: Readiness);

    /// A descriptor that was given to [`Net::watch`] is readable, writable or broken: try all of it.
    fn descriptor_ready(&mut self, net: &mut Net<'_>, token: u32) {
        let _ = (net, token);
    }

    /// The power is gone, and every connection with it: forget them. Their numbers will be given to others.
    fn power_lost(&mut self) {}

    /// One connection's power is gone: forget it without a word to the peer.
    fn connection_lost(&mut self, socket: SocketId) {
        let _ = socket;
    }
}
