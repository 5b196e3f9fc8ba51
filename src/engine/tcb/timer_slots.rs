//! The timers of a connection as named slots, and the rounding of their instants.
//!
//! Linux counterpart: sk_reset_timer, inet_csk_reset_xmit_timer. Linux has one timer for retransmission, window
//! probe, loss probe and reordering; that two of them are armed must not be representable, so they share a slot.

use std::num::NonZeroU64;

use crate::engine::clock::now::Now;
use crate::engine::clock::stamp::Stamp;
use crate::time::{Instant, Jiffies, TickSpan, Ticks};

/// What the transmit timer is armed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Xmit {
    /// Retransmission timeout.
    Rto,
    /// Zero-window probe.
    Probe0,
    /// Tail loss probe.
    LossProbe,
    /// Reordering window of RACK.
    Reo,
}

/// When a timer was armed, for when, and when it will really fire: in 16 bytes, as a connection has five.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Armed {
    expires: Jiffies,
    /// From the lowest bit: ticks from the arming to `expires`, ticks from there to the firing, the level plus one.
    spans: NonZeroU64,
}

/// Bits of the ticks to `expires`: nineteen hours of microseconds.
const ASKED_BITS: u32 = 36;
/// Bits of the ticks by which the wheel is late: more than its last level but one needs.
const LATE_BITS: u32 = 24;

/// The lowest `bits` bits.
const fn low(bits: u32) -> u64 {
    (1 << bits) - 1
}

impl Armed {
    /// Armed in tick `now` for tick `expires`.
    pub fn new(ticks: &Ticks, now: Jiffies, expires: Jiffies) -> Armed {
        let (fires, level) = ticks.fires_at(now, expires);
        Armed::firing(now, expires, fires, level)
    }

    /// With the tick in which it fires given. What the spans have no room for is cut.
    pub(crate) fn firing(now: Jiffies, expires: Jiffies, fires: Jiffies, level: u32) -> Armed {
        let asked = expires.since(now).0.min(low(ASKED_BITS));
        let late = fires.since(expires).0.min(low(LATE_BITS));
        let level = (u64::from(level) + 1) << (ASKED_BITS + LATE_BITS);
        Armed {
            expires,
            spans: NonZeroU64::new(level | late << ASKED_BITS | asked).unwrap_or(NonZeroU64::MIN),
        }
    }

    /// Arms for `delta` ticks from now. A pending timer that was armed for the same tick stays in its place.
    pub(crate) fn after(ticks: &Ticks, now: Now, delta: TickSpan, pending: Option<Armed>) -> Armed {
        let expires = now.j + delta;
        match pending.filter(|old| old.expires == expires && old.fires() > now.j) {
            Some(old) => old,
            None => Armed::new(ticks, now.j, expires),
        }
    }

    /// The tick in which it was armed.
    pub fn armed_at(&self) -> Jiffies {
        self.expires - TickSpan(self.spans.get() & low(ASKED_BITS))
    }

    /// The tick that was asked for.
    pub fn expires(&self) -> Jiffies {
        self.expires
    }

    /// The tick in which the wheel fires it.
    pub fn fires(&self) -> Jiffies {
        self.expires + TickSpan(self.spans.get() >> ASKED_BITS & low(LATE_BITS))
    }

    /// The level of the wheel that it sits on.
    pub fn level(&self) -> u32 {
        (self.spans.get() >> (ASKED_BITS + LATE_BITS)) as u32 - 1
    }

    /// The first instant of the tick in which it fires.
    pub fn instant(&self, ticks: &Ticks) -> Instant {
        ticks.start_of(self.fires())
    }
}

/// When something is to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// In a tick of the wheel.
    Tick(Armed),
    /// At an instant, by a high-resolution timer.
    At(Instant),
}

impl Alarm {
    /// The instant at which it fires.
    pub fn instant(&self, ticks: &Ticks) -> Instant {
        match self {
            Alarm::Tick(armed) => armed.instant(ticks),
            Alarm::At(at) => *at,
        }
    }
}

/// All timers of a full socket.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timers {
    /// Retransmission and its three relatives.
    pub(crate) xmit: Option<(Xmit, Armed)>,
    /// Delayed ACK.
    pub(crate) delack: Option<Armed>,
    /// Keepalive, or an orphan's wait in FIN_WAIT2.
    pub(crate) keepalive: Option<Armed>,
    /// Compressed SACK: a high-resolution timer, not on the wheel.
    pub(crate) comp_sack: Stamp<Instant>,
    /// Where the kernel's timer lies although its purpose was cleared: it is not taken off the wheel.
    xmit_shadow: Option<Armed>,
    delack_shadow: Option<Armed>,
}

impl Timers {
    pub(crate) fn arm_xmit(
        &mut self,
        ticks: &Ticks,
        now: Now,
        what: Xmit,
        delta: TickSpan,
    ) -> Armed {
        let armed = Armed::after(ticks, now, delta, self.xmit_shadow);
        self.xmit = Some((what, armed));
        self.xmit_shadow = Some(armed);
        armed
    }

    pub(crate) fn arm_delack(&mut self, ticks: &Ticks, now: Now, expires: Jiffies) -> Armed {
        let armed = Armed::after(ticks, now, expires.since(now.j), self.delack_shadow);
        self.delack = Some(armed);
        self.delack_shadow = Some(armed);
        armed
    }

    pub(crate) fn arm_keepalive(&mut self, ticks: &Ticks, now: Now, delta: TickSpan) -> Armed {
        let armed = Armed::after(ticks, now, delta, self.keepalive);
        self.keepalive = Some(armed);
        armed
    }

    pub(crate) fn xmit_pending(&self, what: Xmit) -> bool {
        matches!(self.xmit, Some((w, _)) if w == what)
    }

    /// The one that fires first.
    pub(crate) fn next(&self, ticks: &Ticks) -> Option<Alarm> {
        let wheel = [self.xmit.map(|(_, a)| a), self.delack, self.keepalive];
        let armed = wheel.into_iter().flatten().min_by_key(Armed::fires);
        match (armed, self.comp_sack.get()) {
            (Some(armed), Some(at)) if at < armed.instant(ticks) => Some(Alarm::At(at)),
            (Some(armed), _) => Some(Alarm::Tick(armed)),
            (None, at) => at.map(Alarm::At),
        }
    }

    /// Takes every timer down.
    pub(crate) fn clear(&mut self) {
        *self = Timers::default();
    }
}
