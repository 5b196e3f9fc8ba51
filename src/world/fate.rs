//! The fate of a host or of one connection: how it dies, in what state it is, and which death is planned.

use std::time::Duration;

use crate::time::Instant;

/// The ways in which a host or a connection dies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Death {
    /// The power is lost: all state is gone and nothing is answered. When the host is back, it has rebooted: it knows no
    /// connection and answers packets of unknown connections with RST.
    #[default]
    PowerOff,
    /// The cable is pulled: no packet passes in either direction. Both hosts keep their state, and their timers run.
    Cut,
    /// The process is stopped: its calls do not return. Its TCP still acknowledges data until the window closes.
    Freeze,
}

impl Death {
    /// Returns its name: `power-off`, `cut` or `freeze`.
    pub const fn name(self) -> &'static str {
        match self {
            Death::PowerOff => "power-off",
            Death::Cut => "cut",
            Death::Freeze => "freeze",
        }
    }

    /// Returns the death that has this name.
    pub fn from_name(name: &str) -> Option<Death> {
        let all = [Death::PowerOff, Death::Cut, Death::Freeze];
        all.into_iter().find(|d| d.name() == name)
    }
}

/// The state that the deaths so far have left a host or a connection in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    /// It has no power.
    pub powered_off: bool,
    /// Its packets do not pass.
    pub cut: bool,
    /// Its process is stopped.
    pub frozen: bool,
}

/// Displays the state in words: `powered off`, `cut and frozen`, `alive`.
impl std::fmt::Display for Fate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = self.words();
        match parts.is_empty() {
            true => f.write_str("alive"),
            false => f.write_str(&parts.join(" and ")),
        }
    }
}

impl Fate {
    /// Returns one word or two for each part of the state: `powered off`, `cut`, `frozen`.
    pub fn words(self) -> Vec<&'static str> {
        let all = [
            (self.powered_off, "powered off"),
            (self.cut, "cut"),
            (self.frozen, "frozen"),
        ];
        let held = all.into_iter().filter(|(held, _)| *held);
        held.map(|(_, word)| word).collect()
    }

    /// Returns whether its packets pass.
    pub(crate) fn passes(self) -> bool {
        !self.powered_off && !self.cut
    }
}

/// A planned death: when it comes, in which way, and how long it lasts. If there are several conditions, the first that
/// becomes true counts.
///
/// ```
/// use halfopen::world::{Death, Failure};
/// use std::time::Duration;
/// let failure = Failure::new(Death::PowerOff).die_after(Duration::from_secs(3)).back_after(Duration::from_secs(30));
/// assert_eq!(failure.back_after, Some(Duration::from_secs(30)));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// The way in which it dies.
    pub how: Death,
    /// It dies when this time has passed.
    pub die_after: Option<Duration>,
    /// It dies when this number of bytes of TCP data has passed, both directions together, retransmissions included.
    pub die_after_bytes: Option<u64>,
    /// It dies when this number of TCP packets has passed, both directions together. The last of them still passes.
    pub die_after_packets: Option<u64>,
    /// The time from its death until it is back. With `None` it never comes back.
    pub back_after: Option<Duration>,
}

impl Failure {
    /// Creates a death without a condition. It does not come until a condition is added.
    pub const fn new(how: Death) -> Failure {
        Failure {
            how,
            die_after: None,
            die_after_bytes: None,
            die_after_packets: None,
            back_after: None,
        }
    }

    /// Dies when this time has passed since the failure was set.
    pub const fn die_after(mut self, d: Duration) -> Failure {
        self.die_after = Some(d);
        self
    }

    /// Dies when this number of bytes of TCP data has passed.
    pub const fn die_after_bytes(mut self, bytes: u64) -> Failure {
        self.die_after_bytes = Some(bytes);
        self
    }

    /// Dies when this number of TCP packets has passed.
    pub const fn die_after_packets(mut self, packets: u64) -> Failure {
        self.die_after_packets = Some(packets);
        self
    }

    /// Comes back when this time has passed since the death.
    pub const fn back_after(mut self, d: Duration) -> Failure {
        self.back_after = Some(d);
        self
    }
}

/// What a planned failure demands at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// The host or connection dies now.
    Die(Death),
    /// The host or connection comes back now.
    Back(Death),
}

/// A [`Failure`] that was set, with what is left of its conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PendingFailure {
    failure: Failure,
    /// Returns the next instant at which the failure acts without a packet.
    pub(crate) due: Option<Instant>,
    died: bool,
    bytes: u64,
    packets: u64,
}

impl PendingFailure {
    pub(crate) fn new(now: Instant, failure: Failure) -> PendingFailure {
        PendingFailure {
            due: failure.die_after.map(|d| now + d),
            failure,
            died: false,
            bytes: 0,
            packets: 0,
        }
    }

    /// Counts a TCP packet with `bytes` bytes of data that passed.
    pub(crate) fn saw(&mut self, now: Instant, bytes: usize) -> Option<Order> {
        self.bytes += bytes as u64;
        self.packets += 1;
        let enough = |limit: Option<u64>, seen| limit.is_some_and(|limit| seen >= limit);
        let due = enough(self.failure.die_after_bytes, self.bytes)
            || enough(self.failure.die_after_packets, self.packets);
        (due && !self.died).then(|| self.die(now))
    }

    /// Returns what is due at `now`. Call it until it returns `None`.
    pub(crate) fn on_deadline(&mut self, now: Instant) -> Option<Order> {
        self.due.filter(|due| *due <= now)?;
        if self.died {
            self.due = None;
            return Some(Order::Back(self.failure.how));
        }
        Some(self.die(now))
    }

    fn die(&mut self, now: Instant) -> Order {
        self.died = true;
        self.due = self.failure.back_after.map(|d| now + d);
        Order::Die(self.failure.how)
    }
}

#[cfg(test)]
mod tests;
