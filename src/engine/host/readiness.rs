//! What a program that runs an engine asks of it: whose readiness may have changed, which connections there are.
//!
//! Linux counterpart: sk_data_ready, sk_write_space and sk_state_change; getsockname, getpeername; inet_diag's dump.

use std::collections::VecDeque;

use crate::call::{Addr, SocketId};
use crate::engine::host::descriptors::Socket;
use crate::engine::host::engine::Engine;
use crate::engine::host::table::Sock;
use crate::engine::tcb::control_block::Tcb;

/// A connection in the tables, with or without a socket that an application holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ends {
    /// Our end.
    pub local: Addr,
    /// The peer's.
    pub remote: Addr,
    /// The application's socket; none for what is not accepted yet, orphans, requests and timewait socks.
    pub socket: Option<SocketId>,
}

impl Engine {
    /// From now on [`poll_touched`](Engine::poll_touched) tells which sockets changed.
    pub fn track_touched(&mut self) {
        self.touched.get_or_insert_with(VecDeque::new);
    }

    /// A socket that a packet or a timer has touched: its readiness may have changed, and that of no other socket has,
    /// but by calls on it. A listener is touched by each connection that is not accepted yet.
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

    /// getsockname() and getpeername(): both ends of a connection; a listener's own end and `0.0.0.0:0`.
    pub fn ends(&self, socket: SocketId) -> Option<(Addr, Addr)> {
        let tcb: &Tcb = match self.sockets.get(socket)? {
            Socket::Fresh(tcb) => tcb,
            Socket::Listener(listener) => &listener.template,
            Socket::Connection(id) => self.table.connection(*id)?,
        };
        Some((tcb.local, tcb.remote))
    }

    /// Every connection, half-open and timewait ones included, in the order of the host's table.
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
