//! The application's numbers for its sockets, and the object behind each.
//!
//! Linux counterpart: the table of file descriptors. A number is used again after close(), with other high bits, so that
//! a call with the old one returns EBADF.

use std::collections::{BTreeSet, VecDeque};

use slab::Slab;

use crate::call::SocketId;
use crate::engine::tcb::control_block::Tcb;
use crate::time::Jiffies;

/// Bits of a number that hold the place in the table, from 1.
const PLACE_BITS: u32 = 24;
const PLACE: u32 = (1 << PLACE_BITS) - 1;

/// The object that a socket number stands for.
#[derive(Clone, Debug)]
pub(crate) enum Socket {
    /// A socket that is neither connected nor listening.
    Fresh(Box<Tcb>),
    /// A listener.
    Listener(Box<Listener>),
    /// A connection, by its number in the host's table.
    Connection(u32),
}

/// A listening socket.
#[derive(Clone, Debug)]
pub(crate) struct Listener {
    /// The block whose options its connections inherit.
    pub(crate) template: Box<Tcb>,
    pub(crate) backlog: u32,
    /// Connections that are not accepted yet.
    pub(crate) queue: VecDeque<u32>,
    /// Half-open connections.
    pub(crate) requests: BTreeSet<u32>,
    /// Number of half-open connections that never had a timeout.
    pub(crate) young: u32,
    /// When a SYN last found the queue full and was answered with a cookie.
    pub(crate) overflowed: Option<Jiffies>,
}

/// All sockets that the application holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Descriptors {
    sockets: Slab<Socket>,
    /// How often each place was freed.
    reuses: Vec<u8>,
}

impl Descriptors {
    /// Gives a socket a number, or returns `None` when all are in use.
    pub(crate) fn add(&mut self, socket: Socket) -> Option<SocketId> {
        if self.sockets.len() >= PLACE as usize {
            return None;
        }
        let place = self.sockets.insert(socket);
        if self.reuses.len() <= place {
            self.reuses.resize(place + 1, 0);
        }
        Some(self.id(place))
    }

    fn id(&self, place: usize) -> SocketId {
        SocketId(u32::from(self.reuses[place]) << PLACE_BITS | (place as u32 + 1))
    }

    fn place(&self, id: SocketId) -> Option<usize> {
        let place = ((id.0 & PLACE) as usize).checked_sub(1)?;
        let reuses = *self.reuses.get(place)?;
        (u32::from(reuses) == id.0 >> PLACE_BITS).then_some(place)
    }

    pub(crate) fn get(&self, id: SocketId) -> Option<&Socket> {
        self.sockets.get(self.place(id)?)
    }

    pub(crate) fn get_mut(&mut self, id: SocketId) -> Option<&mut Socket> {
        let place = self.place(id)?;
        self.sockets.get_mut(place)
    }

    pub(crate) fn remove(&mut self, id: SocketId) -> Option<Socket> {
        let place = self.place(id)?;
        let socket = self.sockets.try_remove(place)?;
        self.reuses[place] = self.reuses[place].wrapping_add(1);
        Some(socket)
    }

    /// Returns the control blocks of the sockets that are not connections.
    pub(crate) fn unconnected_mut(&mut self) -> impl Iterator<Item = &mut Tcb> {
        self.sockets
            .iter_mut()
            .filter_map(|(_, socket)| match socket {
                Socket::Fresh(tcb) => Some(&mut **tcb),
                Socket::Listener(listener) => Some(&mut *listener.template),
                Socket::Connection(_) => None,
            })
    }

    /// Returns all numbers in use, by place.
    pub(crate) fn ids(&self) -> Vec<SocketId> {
        let places = self.sockets.iter().map(|(place, _)| place);
        places.map(|place| self.id(place)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_was_given_back_stands_for_nothing() {
        let mut all = Descriptors::default();
        let first = all.add(Socket::Connection(1)).unwrap();
        let kept = all.add(Socket::Connection(2)).unwrap();
        assert!(matches!(all.remove(first), Some(Socket::Connection(1))));
        assert!(all.get(first).is_none() && all.remove(first).is_none());
        for n in 3..40 {
            let next = all.add(Socket::Connection(n)).unwrap();
            assert_ne!(next, first);
            assert!(all.get(first).is_none());
            assert_eq!(all.ids().len(), 2);
            all.remove(next);
        }
        assert!(matches!(all.get(kept), Some(Socket::Connection(2))));
    }
}
