//! What all connections of a host share and each may touch: the counters, and the allowance of challenge ACKs.
//!
//! RFC 5961 7 (the allowance). Linux counterpart: struct net, as far as TCP has fields in it.

use std::sync::Arc;

use super::mib::{Counter, Mib};

/// What is shared.
#[derive(Clone, Debug, Default)]
pub(super) struct Net {
    pub(super) mib: Mib,
}

/// A connection's way to it; none for a control block that belongs to no host.
#[derive(Clone, Debug, Default)]
pub(super) struct Shared(Option<Arc<Net>>);

impl Shared {
    pub(super) fn of(net: &Arc<Net>) -> Shared {
        Shared(Some(net.clone()))
    }

    /// One more.
    pub(super) fn count(&self, counter: Counter) {
        self.count_by(counter, 1);
    }

    /// `by` more.
    pub(super) fn count_by(&self, counter: Counter, by: u32) {
        if let Some(net) = &self.0 {
            net.mib.add(counter, u64::from(by));
        }
    }

    /// One less.
    pub(super) fn count_down(&self, counter: Counter) {
        if let Some(net) = &self.0 {
            net.mib.take_one(counter);
        }
    }
}
