//! What a program that runs an engine asks of it: whose readiness may have changed, which connections there are.
//!
//! Linux counterpart: sk_data_ready, sk_write_space and sk_state_change; getsockname, getpeername; inet_diag's dump.

use std::collections::VecDeque;

use super::host::{Engine, Socket};
use crate::call::{Addr, SocketId};

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

    /// A socket that a packet, a timer or a call has touched: its readiness may have changed, and that of no other
    /// socket has. A listener is touched by each connection that is not accepted yet.
    pub fn poll_touched(&mut self) -> Option<SocketId> {
        self.touched.as_mut()?.pop_front()
    }

    /// Notes that this socket was touched.
    pub(super) fn touch(&mut self, socket: Option<SocketId>) {
        if let (Some(touched), Some(socket)) = (&mut self.touched, socket)
            && touched.back() != Some(&socket)
        {
            touched.push_back(socket);
        }
    }

    /// getsockname() and getpeername(): both ends of a connection; a listener's own end and `0.0.0.0:0`.
    pub fn ends(&self, socket: SocketId) -> Option<(Addr, Addr)> {
        let tcb = match self.sockets.get(&socket)? {
            Socket::Fresh(tcb) | Socket::Listener { template: tcb, .. } => tcb,
            Socket::Connection(id) => self.connections.get(id)?,
        };
        Some((tcb.local, tcb.remote))
    }

    /// Every connection, half-open and timewait ones included, in the order of their making within each kind.
    pub fn all_ends(&self) -> Vec<Ends> {
        let ends = |local, remote, socket| Ends {
            local,
            remote,
            socket,
        };
        let full = self.connections.values();
        let held = |s: &SocketId| matches!(self.sockets.get(s), Some(Socket::Connection(_)));
        let full = full.map(|t| ends(t.local, t.remote, t.socket.filter(held)));
        let requests = self.requests.values();
        let requests = requests.map(|r| ends(r.local, r.remote, None));
        let timewaits = self.timewaits.values();
        let timewaits = timewaits.map(|t| ends(t.local, t.remote, None));
        full.chain(requests).chain(timewaits).collect()
    }
}

#[cfg(test)]
mod tests;
