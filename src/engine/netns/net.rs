//! What all connections of a host share and each may change: counters, remaining challenge ACKs, orphans, memory.
//!
//! RFC 5961 7 (the limit on challenge ACKs). Linux counterpart: the TCP fields of struct net, tcp_orphan_count,
//! tcp_memory_allocated.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::engine::netns::mib::{Counter, Mib};
use crate::engine::netns::siphash::Key;

/// A number that one thread at a time changes.
#[derive(Debug, Default)]
struct Number(AtomicI64);

impl Number {
    fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, n: i64) {
        self.0.store(n, Ordering::Relaxed);
    }
}

impl Clone for Number {
    fn clone(&self) -> Self {
        Number(AtomicI64::new(self.get()))
    }
}

/// The values that the connections share.
#[derive(Clone, Debug)]
pub(crate) struct Net {
    pub(crate) mib: Mib,
    challenge_key: Key,
    /// The second for which `challenges_left` is valid.
    challenge_second: Number,
    challenges_left: Number,
    orphans: Number,
    pages: Number,
    /// 1 while memory is above the pressure mark.
    pressure: Number,
}

impl Net {
    pub(crate) fn new(challenge_key: Key) -> Net {
        let challenge_second = Number::default();
        challenge_second.set(-1);
        Net {
            mib: Mib::default(),
            challenge_key,
            challenge_second,
            challenges_left: Number::default(),
            orphans: Number::default(),
            pages: Number::default(),
            pressure: Number::default(),
        }
    }

    /// Takes one challenge ACK from this second's allowance. The allowance is drawn between half the limit and one and a
    /// half times the limit, so that nobody outside can infer it by counting.
    fn take_challenge(&self, limit: i64, second: u64) -> bool {
        if self.challenge_second.get() != second as i64 {
            self.challenge_second.set(second as i64);
            let half = (limit + 1) >> 1;
            let drawn = self.challenge_key.hash(|m| {
                m.u32(second as u32);
            });
            let more = (drawn % limit.max(1) as u64) as i64;
            self.challenges_left.set(half + more);
        }
        let left = self.challenges_left.get();
        self.challenges_left.set((left - 1).max(0));
        left > 0
    }

    /// Notes that an orphan is gone.
    pub(crate) fn orphan_gone(&self) {
        self.orphans.set((self.orphans.get() - 1).max(0));
    }

    /// Returns the pages that all connections hold.
    #[cfg(test)]
    pub(crate) fn pages_held(&self) -> i64 {
        self.pages.get()
    }

    /// Notes that a connection holds `by` more pages; `marks` is tcp_mem.
    pub(crate) fn add_pages(&self, by: i64, marks: [i64; 3]) {
        let pages = (self.pages.get() + by).max(0);
        self.pages.set(pages);
        if pages > marks[1] && self.pressure.get() == 0 {
            self.pressure.set(1);
            self.mib.add(Counter::TCPMemoryPressures, 1);
        } else if pages <= marks[0] {
            self.pressure.set(0);
        }
    }
}

/// A connection's reference to these values. A control block that belongs to no host has none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shared(Option<Arc<Net>>);

impl Shared {
    pub(crate) fn of(net: &Arc<Net>) -> Shared {
        Shared(Some(net.clone()))
    }

    /// Increments a counter.
    pub(crate) fn count(&self, counter: Counter) {
        self.count_by(counter, 1);
    }

    /// Adds `by` to a counter.
    pub(crate) fn count_by(&self, counter: Counter, by: u32) {
        if let Some(net) = &self.0 {
            net.mib.add(counter, u64::from(by));
        }
    }

    /// Decrements a counter.
    pub(crate) fn count_down(&self, counter: Counter) {
        if let Some(net) = &self.0 {
            net.mib.take_one(counter);
        }
    }

    /// Returns whether a challenge ACK may be sent in this second (of the jiffies); `limit` is tcp_challenge_ack_limit.
    pub(crate) fn take_challenge(&self, limit: i64, second: u64) -> bool {
        let net = self.0.as_ref().filter(|_| limit < i64::from(i32::MAX));
        net.is_none_or(|net| net.take_challenge(limit, second))
    }

    /// Notes that a connection has become an orphan.
    pub(crate) fn orphaned(&self) {
        if let Some(net) = &self.0 {
            net.orphans.set(net.orphans.get() + 1);
        }
    }

    /// Returns the number of orphans.
    pub(crate) fn orphans(&self) -> i64 {
        self.0.as_ref().map_or(0, |net| net.orphans.get())
    }

    /// Returns the pages that all connections hold.
    pub(crate) fn pages(&self) -> i64 {
        self.0.as_ref().map_or(0, |net| net.pages.get())
    }

    /// Adds pages as [`Net::add_pages`] does.
    pub(crate) fn add_pages(&self, by: i64, marks: [i64; 3]) {
        if let Some(net) = &self.0 {
            net.add_pages(by, marks);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::netns::siphash::Secrets;

    #[test]
    fn a_second_has_half_to_one_and_a_half_times_the_limit_of_challenges() {
        let net = Arc::new(Net::new(Secrets::new(1).challenge));
        let shared = Shared::of(&net);
        let taken = |second| {
            (0..1_000)
                .filter(|_| shared.take_challenge(100, second))
                .count()
        };
        let seconds: Vec<usize> = (0..20).map(taken).collect();
        assert!(seconds.iter().all(|n| (50..150).contains(n)), "{seconds:?}");
        assert!(seconds.windows(2).any(|w| w[0] != w[1]), "they are drawn");
        assert_eq!(taken(19), 0, "the same second has no more");
        assert!((0..1_000).all(|_| shared.take_challenge(i32::MAX.into(), 19)));
    }
}
