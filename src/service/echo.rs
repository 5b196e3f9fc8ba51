//! Echo (RFC 862): a service that sends back what it receives.

use std::collections::BTreeMap;

use super::{Held, is_again};
use crate::call::{Readiness, SocketId};
use crate::world::{Net, Service};

/// Sends back what it reads, and ends its stream when the peer does.
#[derive(Debug, Default)]
pub struct Echo {
    connections: BTreeMap<SocketId, Held>,
}

impl Echo {
    /// Serves one connection, and returns whether it is over.
    fn turn(held: &mut Held, net: &mut Net<'_>, socket: SocketId) -> bool {
        loop {
            match held.drain(|bytes| net.write(socket, bytes)) {
                Ok(true) => {}
                Ok(false) => return false,
                Err(_) => return true,
            }
            match held.fill(|buffer| net.read(socket, buffer)) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(e) => return !is_again(&e),
            }
        }
    }
}

impl Service for Echo {
    fn accepted(&mut self, _: &mut Net<'_>, socket: SocketId) {
        self.connections.insert(socket, Held::default());
    }

    fn ready(&mut self, net: &mut Net<'_>, socket: SocketId, _: Readiness) {
        let Some(held) = self.connections.get_mut(&socket) else {
            return;
        };
        if Echo::turn(held, net, socket) {
            self.connections.remove(&socket);
            net.close(socket);
        }
    }

    fn power_lost(&mut self) {
        self.connections.clear();
    }

    fn connection_lost(&mut self, socket: SocketId) {
        self.connections.remove(&socket);
    }
}
