//! Services: servers that run on an endpoint without a thread of their own, and are called when one of their sockets has
//! changed.

use super::net::Net;
use crate::call::{Readiness, SocketId};

/// A server that is called when its connections change. It must not block.
///
/// Each change is reported once (edge-triggered): a service calls until it gets WouldBlock, and is called again when more
/// data arrives or the send buffer has space again. When the host loses power, all connections are forgotten and
/// [`power_lost`](Service::power_lost) is called. When the host boots again, the service listens again.
pub trait Service: Send {
    /// A connection was accepted. A call of [`ready`](Service::ready) follows.
    fn accepted(&mut self, net: &mut Net<'_>, socket: SocketId);

    /// A socket has changed: it has data, space in the send buffer, the end of the stream or an error. The service must
    /// close a socket whose connection is over.
    fn ready(&mut self, net: &mut Net<'_>, socket: SocketId, readiness: Readiness);

    /// A descriptor that was passed to [`Net::watch`] is readable, writable or has failed. Try all of these.
    fn descriptor_ready(&mut self, net: &mut Net<'_>, token: u32) {
        let _ = (net, token);
    }

    /// The host has lost power, and every connection with it. The service must forget them, because their numbers will be
    /// used again.
    fn power_lost(&mut self) {}

    /// One connection has lost power. The service must forget it, and the peer gets no packet.
    fn connection_lost(&mut self, socket: SocketId) {
        let _ = socket;
    }
}
