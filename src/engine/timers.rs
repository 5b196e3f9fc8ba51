//! The timers of a connection as named slots, and the rounding of their instants.
//!
//! Linux counterpart: sk_reset_timer, inet_csk_reset_xmit_timer. Linux has one timer for retransmission, window
//! probe, loss probe and reordering; that two of them are armed must not be representable, so they share a slot.

use super::clock::Now;
use crate::time::{Instant, Jiffies, Ticks};

/// What the transmit timer is armed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Xmit {
    /// Retransmission timeout.
    Rto,
    /// Zero-window probe.
    Probe0,
    /// Tail loss probe.
    LossProbe,
    /// Reordering window of RACK.
    Reo,
}

/// When a timer was armed, for when, and when it will really fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Armed {
    /// Tick in which it was armed.
    pub armed_at: Jiffies,
    /// Tick that was asked for.
    pub expires: Jiffies,
    /// Tick in which the wheel fires it.
    pub fires: Jiffies,
    /// Level of the wheel.
    pub level: u32,
}

impl Armed {
    /// Arms for `delta` ticks from now. A pending timer that was armed for the same tick stays in its place.
    pub(super) fn after(ticks: &Ticks, now: Now, delta: Jiffies, pending: Option<Armed>) -> Armed {
        let expires = now.j + delta;
        if let Some(old) = pending.filter(|old| old.expires == expires && old.fires > now.j) {
            return old;
        }
        let (fires, level) = ticks.fires_at(now.j, expires);
        Armed {
            armed_at: now.j,
            expires,
            fires,
            level,
        }
    }

    /// The first instant of the tick in which it fires.
    pub(super) fn instant(&self, ticks: &Ticks) -> Instant {
        ticks.start_of(self.fires)
    }
}

/// When something is to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alarm {
    /// In a tick of the wheel.
    Tick(Armed),
    /// At an instant, by a high-resolution timer.
    At(Instant),
}

impl Alarm {
    /// The instant at which it fires.
    pub(super) fn instant(&self, ticks: &Ticks) -> Instant {
        match self {
            Alarm::Tick(armed) => armed.instant(ticks),
            Alarm::At(at) => *at,
        }
    }
}

/// All timers of a full socket.
#[derive(Clone, Debug, Default)]
pub(super) struct Timers {
    /// Retransmission and its three relatives.
    pub(super) xmit: Option<(Xmit, Armed)>,
    /// Delayed ACK.
    pub(super) delack: Option<Armed>,
    /// Keepalive, or an orphan's wait in FIN_WAIT2.
    pub(super) keepalive: Option<Armed>,
    /// Compressed SACK: a high-resolution timer, not on the wheel.
    pub(super) comp_sack: Option<Instant>,
    /// Where the kernel's timer lies although its purpose was cleared: it is not taken off the wheel.
    xmit_shadow: Option<Armed>,
    delack_shadow: Option<Armed>,
}

impl Timers {
    pub(super) fn arm_xmit(
        &mut self,
        ticks: &Ticks,
        now: Now,
        what: Xmit,
        delta: Jiffies,
    ) -> Armed {
        let armed = Armed::after(ticks, now, delta, self.xmit_shadow);
        self.xmit = Some((what, armed));
        self.xmit_shadow = Some(armed);
        armed
    }

    pub(super) fn arm_delack(&mut self, ticks: &Ticks, now: Now, expires: Jiffies) -> Armed {
        let armed = Armed::after(
            ticks,
            now,
            expires.saturating_sub(now.j),
            self.delack_shadow,
        );
        self.delack = Some(armed);
        self.delack_shadow = Some(armed);
        armed
    }

    pub(super) fn arm_keepalive(&mut self, ticks: &Ticks, now: Now, delta: Jiffies) -> Armed {
        let armed = Armed::after(ticks, now, delta, self.keepalive);
        self.keepalive = Some(armed);
        armed
    }

    pub(super) fn xmit_pending(&self, what: Xmit) -> bool {
        matches!(self.xmit, Some((w, _)) if w == what)
    }

    /// The one that fires first.
    pub(super) fn next(&self, ticks: &Ticks) -> Option<Alarm> {
        let wheel = [self.xmit.map(|(_, a)| a), self.delack, self.keepalive];
        let armed = wheel.into_iter().flatten().min_by_key(|a| a.fires);
        match (armed, self.comp_sack) {
            (Some(armed), Some(at)) if at < armed.instant(ticks) => Some(Alarm::At(at)),
            (Some(armed), _) => Some(Alarm::Tick(armed)),
            (None, at) => at.map(Alarm::At),
        }
    }

    /// Takes every timer down.
    pub(super) fn clear(&mut self) {
        *self = Timers::default();
    }
}
