//! What a program that runs an engine asks it: which sockets may have become ready, and which connections exist.
//!
//! Linux counterpart: sk_data_ready, sk_write_space and sk_state_change; getsockname, getpeername; inet_diag's dump.

use std::collections::VecDeque;

use crate::call::{Addr, SocketId};
use crate::engine::host::descriptors::Socket;
use crate::engine::host::engine::Engine;
use crate::engine::host::table::Sock;
use crate::engine::tcb::control_block::Tcb;

/// A connection in the tables, whether or not an application holds a socket for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ends {
    /// The local address and port.
    pub local: Addr,
    /// The peer's address and port.
    pub remote: Addr,
    /// The application's socket. Connections that are not accepted yet, orphans, requests and TIME_WAIT sockets have
    /// none.
    pub socket: Option<SocketId>,
}

impl Engine {
    /// Makes [`poll_touched`](Engine::poll_touched) report from now on which sockets changed.
    pub fn track_touched(&mut self) {
        self.touched.get_or_insert_with(VecDeque::new);
    }

    /// Returns a socket that a packet or a timer has touched, so that its readiness may have changed. That of other
    /// sockets changes only by calls on them. A listener is touched by each connection that is not accepted yet.
    pub fn poll_touched(&mut self) -> Option<SocketId> {
        self.touched.as_mut()?.pop_front()
    }

    /// Notes that this socket was touched.
    pub(crate) fn touch(&mut self, socket: Option<SocketId>) {
        if let (Some(touched), Some(socket)) = (&mut self.touched, socket)
            && touched.back() != Some(&socket)
        {
            touched.push_back(socket);
        }
    }

    /// Returns getsockname() and getpeername(): both ends of a connection, or for a listener its own end and `0.0.0.0:0`.
    pub fn ends(&self, socket: SocketId) -> Option<(Addr, Addr)> {
        let tcb: &Tcb = match self.sockets.get(socket)? {
            Socket::Fresh(tcb) => tcb,
            Socket::Listener(listener) => &listener.template,
            Socket::Connection(id) => self.table.connection(*id)?,
        };
        Some((tcb.local, tcb.remote))
    }

    /// Returns every connection, half-open and TIME_WAIT ones included, in the order of the host's table.
    pub fn all_ends(&self) -> Vec<Ends> {
        let holder = |socket: Option<SocketId>| {
            socket.filter(|s| matches!(self.sockets.get(*s), Some(Socket::Connection(_))))
        };
        let ends = |sock: &Sock| {
            let (local, remote) = sock.addrs();
            let socket = match sock {
                Sock::Connection(tcb) => holder(tcb.socket),
                Sock::Request(_) | Sock::TimeWait(_) => None,
            };
            Ends {
                local,
                remote,
                socket,
            }
        };
        self.table.iter().map(|(_, sock)| ends(sock)).collect()
    }
}

#[cfg(test)]
mod tests;
