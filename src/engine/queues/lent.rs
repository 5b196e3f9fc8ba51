//! The queues of a connection, which are allocated only while they hold something.
//!
//! Linux counterpart: sk_write_queue, tcp_rtx_queue and sk_receive_queue. In Linux the buffers come and go while the
//! queue heads stay. Here the heads are freed too: an idle connection returns them to its host, which lends them to the
//! next active one.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};

use crate::engine::queues::receive_queue::Received;
use crate::engine::queues::skb::Skb;

/// The three queues of a connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Queues {
    /// Written and not sent.
    pub(crate) unsent: VecDeque<Skb>,
    /// Sent and not acknowledged, by sequence number.
    pub(crate) rtx: VecDeque<Skb>,
    /// Received in order and not read.
    pub(crate) received: Received,
}

/// The empty queues that an idle connection shows.
static EMPTY: Queues = Queues {
    unsent: VecDeque::new(),
    rtx: VecDeque::new(),
    received: Received::EMPTY,
};

/// The queues of a connection, or none while all are empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buffers(Option<Box<Queues>>);

impl Buffers {
    /// Takes lent queues if the connection has none.
    pub(crate) fn borrow(&mut self, spare: &mut Option<Box<Queues>>) {
        if self.0.is_none() {
            self.0 = spare.take();
        }
    }

    /// Returns whether all queues are empty.
    pub(crate) fn are_empty(&self) -> bool {
        let idle = |q: &Queues| q.unsent.is_empty() && q.rtx.is_empty() && q.received.is_empty();
        self.0.as_deref().is_none_or(idle)
    }

    /// Returns the queues to the host if all are empty.
    pub(crate) fn give_back(&mut self, spare: &mut Option<Box<Queues>>) {
        let idle = |q: &Queues| q.unsent.is_empty() && q.rtx.is_empty() && q.received.is_empty();
        if self.0.as_deref().is_some_and(idle) {
            *spare = self.0.take();
        }
    }

    /// Drops the written data and frees its memory. Received data stays.
    pub(crate) fn purge(&mut self) {
        if let Some(queues) = &mut self.0 {
            queues.unsent = VecDeque::new();
            queues.rtx = VecDeque::new();
        }
    }
}

impl Deref for Buffers {
    type Target = Queues;
    fn deref(&self) -> &Queues {
        self.0.as_deref().unwrap_or(&EMPTY)
    }
}

impl DerefMut for Buffers {
    fn deref_mut(&mut self) -> &mut Queues {
        self.0.get_or_insert_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Flags, Seq};

    #[test]
    fn queues_are_lent_and_come_back_when_all_are_empty() {
        let mut spare = Some(Box::new(Queues::default()));
        let mut buffers = Buffers::default();
        assert!(buffers.unsent.is_empty() && buffers.received.is_empty());
        buffers.borrow(&mut spare);
        assert!(spare.is_none());
        buffers.unsent.push_back(Skb::new(Seq(1), Flags::ACK));
        buffers.give_back(&mut spare);
        assert!(spare.is_none() && buffers.unsent.len() == 1);
        buffers.purge();
        buffers.give_back(&mut spare);
        assert!(spare.is_some() && buffers.0.is_none());
    }
}
