//! The next timer of a host: Linux's timer wheel for all that it can hold, and an ordered set for the rest.
//!
//! Linux counterpart: `struct timer_base`, calc_index, __collect_expired_timers, and the hrtimer queue. A timer arrives
//! here already rounded up to its level ([`Armed`]), so all timers in a bucket fire in the same tick: none ever moves
//! from bucket to bucket, arming and disarming only links and unlinks, and nine bitmaps show the next tick. Timers that
//! cannot be on the wheel (compressed SACKs, a host without a wheel, a timer armed while others are overdue) are in the
//! set, so that every deadline is exact.

use std::collections::BTreeSet;

use crate::engine::tcb::timer_slots::{Alarm, Armed};
use crate::time::{Instant, Jiffies, TickSpan, Ticks};

/// Number of levels of Linux's wheel.
const LEVELS: usize = 9;
/// Number of buckets of a level. A bucket is eight times as wide as one of the level below.
const BUCKETS: u64 = 64;
/// Log 2 of the factor between two levels.
const LEVEL_SHIFT: u32 = 3;

/// The end of a list.
const NIL: u32 = u32::MAX;
/// Value of `Link::bucket`: not armed.
const IDLE: u16 = u16::MAX;
/// Value of `Link::bucket`: in the ordered set. The instant's ns are in `prev` (high half) and `next`.
const FINE: u16 = u16::MAX - 1;

/// The place of a timer: its neighbours in the list of its bucket.
#[derive(Clone, Copy, Debug)]
struct Link {
    prev: u32,
    next: u32,
    bucket: u16,
}

const UNLINKED: Link = Link {
    prev: NIL,
    next: NIL,
    bucket: IDLE,
};

/// All pending timers of a host. An owner is a small number and has at most one timer.
#[derive(Clone, Debug)]
pub struct Wheel {
    ticks: Ticks,
    /// Nothing on the wheel fires in this tick or before it (Linux: base->clk).
    clk: Jiffies,
    /// Buckets that are not empty, one bit each.
    occupied: [u64; LEVELS],
    /// The first timer in each bucket's list.
    heads: Vec<u32>,
    links: Vec<Link>,
    fine: BTreeSet<(Instant, u32)>,
}

impl Wheel {
    /// Creates a wheel without timers.
    pub fn new(ticks: Ticks) -> Wheel {
        Wheel {
            ticks,
            clk: Jiffies(0),
            occupied: [0; LEVELS],
            heads: vec![NIL; LEVELS * BUCKETS as usize],
            links: Vec::new(),
            fine: BTreeSet::new(),
        }
    }

    /// Arms the only timer of `who`, in tick `now`. If it is in the right bucket already, it keeps its place.
    pub fn arm(&mut self, now: Jiffies, who: u32, alarm: Alarm) {
        if self.links.len() <= who as usize {
            self.links.resize(who as usize + 1, UNLINKED);
        }
        let bucket = match alarm {
            Alarm::Tick(armed) => {
                self.advance(now);
                self.bucket_of(armed)
            }
            Alarm::At(_) => None,
        };
        match bucket {
            Some(bucket) if self.links[who as usize].bucket == bucket => {}
            Some(bucket) => {
                self.disarm(who);
                self.link(who, bucket);
            }
            None => {
                self.disarm(who);
                let at = alarm.instant(&self.ticks);
                self.fine.insert((at, who));
                self.links[who as usize] = Link {
                    prev: (at.ns() >> 32) as u32,
                    next: at.ns() as u32,
                    bucket: FINE,
                };
            }
        }
    }

    /// Disarms the timer of `who`, if there is one.
    pub fn disarm(&mut self, who: u32) {
        let Some(link) = self.links.get_mut(who as usize) else {
            return;
        };
        let Link { prev, next, bucket } = std::mem::replace(link, UNLINKED);
        if bucket == FINE {
            let at = Instant::from_ns(u64::from(prev) << 32 | u64::from(next));
            self.fine.remove(&(at, who));
        } else if bucket != IDLE {
            if next != NIL {
                self.links[next as usize].prev = prev;
            }
            if prev != NIL {
                self.links[prev as usize].next = next;
            } else {
                self.heads[usize::from(bucket)] = next;
                if next == NIL {
                    self.occupied[usize::from(bucket) / 64] &= !(1 << (bucket % 64));
                }
            }
        }
    }

    /// Returns the next deadline, exactly.
    pub fn next(&self) -> Option<Instant> {
        let tick = self.next_tick().map(|(j, _)| self.ticks.start_of(j));
        let fine = self.fine.first().map(|(at, _)| *at);
        match (tick, fine) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Removes and returns an owner whose timer is due, in Linux's order: by instant; in one tick the upper levels first,
    /// and in one bucket the timer that was armed last; high-resolution timers after the wheel.
    pub fn pop_due(&mut self, at: Instant) -> Option<u32> {
        let tick = self.next_tick();
        let by_wheel = tick.map(|(j, bucket)| (self.ticks.start_of(j), bucket));
        let fine = self.fine.first().copied();
        let who = match (by_wheel, fine) {
            (Some((when, _)), Some((sooner, who))) if sooner < when => {
                (sooner <= at).then_some(who)
            }
            (Some((when, bucket)), _) => (when <= at).then(|| self.heads[usize::from(bucket)]),
            (None, Some((when, who))) => (when <= at).then_some(who),
            (None, None) => None,
        };
        if let Some(who) = who {
            self.disarm(who);
        }
        who
    }

    /// Returns when the timer of `who` fires, if it is armed.
    #[cfg(test)]
    pub(crate) fn alarm(&self, who: u32) -> Option<Instant> {
        let link = self.links.get(who as usize)?;
        match link.bucket {
            IDLE => None,
            FINE => Some(Instant::from_ns(
                u64::from(link.prev) << 32 | u64::from(link.next),
            )),
            bucket => Some(self.ticks.start_of(self.tick_of(bucket))),
        }
    }

    /// Returns the number of armed timers.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.links.iter().filter(|l| l.bucket != IDLE).count()
    }

    /// Moves the clock, but never to or past a pending timer.
    fn advance(&mut self, now: Jiffies) {
        if now > self.clk {
            self.clk = self
                .next_tick()
                .map_or(now, |(next, _)| now.min(next - TickSpan::ONE));
        }
    }

    /// Returns the bucket of a timer, or `None` if the timers in a bucket would no longer fire in one tick.
    fn bucket_of(&self, armed: Armed) -> Option<u16> {
        let shift = LEVEL_SHIFT * armed.level();
        if armed.level() >= LEVELS as u32 || armed.fires().0 & ((1 << shift) - 1) != 0 {
            return None;
        }
        let slot = armed.fires().0 >> shift;
        let ahead = slot.checked_sub(self.clk.0 >> shift)?;
        let within = (1..=BUCKETS).contains(&ahead);
        within.then_some((u64::from(armed.level()) * BUCKETS + slot % BUCKETS) as u16)
    }

    /// Returns the tick in which a bucket that is in use fires.
    #[cfg(test)]
    fn tick_of(&self, bucket: u16) -> Jiffies {
        let shift = LEVEL_SHIFT * u32::from(bucket / 64);
        let first = (self.clk.0 >> shift) + 1;
        Jiffies((first + (u64::from(bucket).wrapping_sub(first) % BUCKETS)) << shift)
    }

    /// Returns the next tick in which a timer fires, and its highest bucket.
    fn next_tick(&self) -> Option<(Jiffies, u16)> {
        let mut best: Option<(Jiffies, u16)> = None;
        for (level, bits) in self.occupied.iter().enumerate() {
            if *bits == 0 {
                continue;
            }
            let shift = LEVEL_SHIFT * level as u32;
            let first = (self.clk.0 >> shift) + 1;
            let ahead = bits.rotate_right((first % BUCKETS) as u32).trailing_zeros();
            let slot = first + u64::from(ahead);
            let tick = Jiffies(slot << shift);
            if best.is_none_or(|(sooner, _)| tick <= sooner) {
                best = Some((tick, (level as u64 * BUCKETS + slot % BUCKETS) as u16));
            }
        }
        best
    }

    fn link(&mut self, who: u32, bucket: u16) {
        let head = std::mem::replace(&mut self.heads[usize::from(bucket)], who);
        if head != NIL {
            self.links[head as usize].prev = who;
        } else {
            self.occupied[usize::from(bucket) / 64] |= 1 << (bucket % 64);
        }
        self.links[who as usize] = Link {
            prev: NIL,
            next: head,
            bucket,
        };
    }
}

#[cfg(test)]
mod tests;
