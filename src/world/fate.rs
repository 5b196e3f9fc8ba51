//! What has become of a host or of one connection, and what is to become of it: death on demand.

use std::time::Duration;

use crate::time::Instant;

/// How something dies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Death {
    /// The power is gone: all state is lost, nothing is answered. Back means: rebooted, empty, RST to what it does not
    /// know.
    #[default]
    PowerOff,
    /// The cable is pulled: no packet passes either way; state stays and timers run.
    Cut,
    /// The process is stopped: its calls do not return, its stack still acknowledges until its window closes.
    Freeze,
}

impl Death {
    /// The word for it: `power-off`, `cut`, `freeze`.
    pub const fn name(self) -> &'static str {
        match self {
            Death::PowerOff => "power-off",
            Death::Cut => "cut",
            Death::Freeze => "freeze",
        }
    }

    /// The one of this name.
    pub fn from_name(name: &str) -> Option<Death> {
        let all = [Death::PowerOff, Death::Cut, Death::Freeze];
        all.into_iter().find(|d| d.name() == name)
    }
}

/// What has become of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    /// Without power.
    pub powered_off: bool,
    /// No packet passes.
    pub cut: bool,
    /// Its process is stopped.
    pub frozen: bool,
}

/// `powered off`, `cut and frozen`, `alive`.
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
    /// In words, one each: `powered off`, `cut`, `frozen`.
    pub fn words(self) -> Vec<&'static str> {
        let all = [
            (self.powered_off, "powered off"),
            (self.cut, "cut"),
            (self.frozen, "frozen"),
        ];
        let held = all.into_iter().filter(|(held, _)| *held);
        held.map(|(_, word)| word).collect()
    }

    /// Whether packets pass.
    pub(crate) fn passes(self) -> bool {
        !self.powered_off && !self.cut
    }
}

/// A death to come: when, by which means, and for how long. Of several conditions the first that comes true counts.
///
/// ```
/// use halfopen::world::{Death, Failure};
/// use std::time::Duration;
/// let failure = Failure::new(Death::PowerOff).die_after(Duration::from_secs(3)).back_after(Duration::from_secs(30));
/// assert_eq!(failure.back_after, Some(Duration::from_secs(30)));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// How.
    pub how: Death,
    /// This long from now.
    pub die_after: Option<Duration>,
    /// Once so many bytes of TCP data have passed, both ways together, retransmissions included.
    pub die_after_bytes: Option<u64>,
    /// Once so many TCP packets have passed, both ways together; the last of them still passes.
    pub die_after_packets: Option<u64>,
    /// So long after its death it is back; none: never.
    pub back_after: Option<Duration>,
}

impl Failure {
    /// A death without a condition: it does not come until one is added.
    pub const fn new(how: Death) -> Failure {
        Failure {
            how,
            die_after: None,
            die_after_bytes: None,
            die_after_packets: None,
            back_after: None,
        }
    }

    /// Dies this long from the moment at which the failure is pronounced.
    pub const fn die_after(mut self, d: Duration) -> Failure {
        self.die_after = Some(d);
        self
    }

    /// Dies once so many bytes of TCP data have passed.
    pub const fn die_after_bytes(mut self, bytes: u64) -> Failure {
        self.die_after_bytes = Some(bytes);
        self
    }

    /// Dies once so many TCP packets have passed.
    pub const fn die_after_packets(mut self, packets: u64) -> Failure {
        self.die_after_packets = Some(packets);
        self
    }

    /// Is back so long after its death.
    pub const fn back_after(mut self, d: Duration) -> Failure {
        self.back_after = Some(d);
        self
    }
}

/// What a pending_failure orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Die now.
    Die(Death),
    /// Be back now.
    Back(Death),
}

/// A [`Failure`] pronounced: what is left of its conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PendingFailure {
    failure: Failure,
    /// The next instant at which something happens by itself.
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

    /// A TCP packet with so many bytes of data has passed.
    pub(crate) fn saw(&mut self, now: Instant, bytes: usize) -> Option<Order> {
        self.bytes += bytes as u64;
        self.packets += 1;
        let enough = |limit: Option<u64>, seen| limit.is_some_and(|limit| seen >= limit);
        let due = enough(self.failure.die_after_bytes, self.bytes)
            || enough(self.failure.die_after_packets, self.packets);
        (due && !self.died).then(|| self.die(now))
    }

    /// What is due by now; call until there is nothing.
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
