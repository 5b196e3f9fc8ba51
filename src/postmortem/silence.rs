//! What was sent since the peer was last heard.

use std::time::Duration;

use crate::time::Instant;

/// Tries that are kept one by one; further ones are counted.
const MOST_KEPT: usize = 64;

/// What a packet of the program's side was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The first SYN.
    Syn,
    /// Data or a FIN for the first time, this many bytes of data.
    New(usize),
    /// Something that was sent before: this many bytes of data.
    Again(usize),
    /// A segment without data and one number too low: keepalive's probe, or that of a closed window.
    Probe,
    /// A reset.
    Reset,
    /// An acknowledgment alone.
    Ack,
}

/// A packet that nothing has answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Try {
    /// When it left.
    pub at: Instant,
    /// What it was.
    pub sent: Sent,
}

/// The tries since the peer was last heard, acknowledgments alone not counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Silence {
    tries: Vec<Try>,
    /// Those beyond the ones kept.
    more: usize,
}

impl Silence {
    pub(super) fn heard(&mut self) {
        self.tries.clear();
        self.more = 0;
    }

    pub(super) fn sent(&mut self, at: Instant, sent: Sent) {
        if sent == Sent::Ack {
            return;
        }
        if self.tries.len() < MOST_KEPT {
            self.tries.push(Try { at, sent });
        } else {
            self.more += 1;
        }
    }

    pub(super) fn tries(&self) -> &[Try] {
        &self.tries
    }

    pub(super) fn more(&self) -> usize {
        self.more
    }
}

/// The times between neighbours.
pub(super) fn gaps(tries: &[Try]) -> Vec<Duration> {
    tries.windows(2).map(|w| w[1].at.since(w[0].at)).collect()
}
