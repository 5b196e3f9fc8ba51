//! Finds the phase of the kernel's jiffies relative to CLOCK_MONOTONIC, without privileges.
//!
//! A TCP socket that never sent anything reports the age of its last data as the age of jiffy 0, so TCP_INFO of a new
//! socket shows `jiffies` in ms, modulo 2^32. The upper part follows from the time since boot: jiffies start five minutes
//! before a 32-bit wrap and count CLOCK_MONOTONIC. The instant at which the value changes is the start of a tick, delayed
//! by the interrupt; the earliest of several observations is used.
//!
//! Linux counterpart: `tcp_get_info()`, `tick_do_update_jiffies64()`, `INITIAL_JIFFIES`.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::OnceLock;

use linux_raw_sys::net::tcp_info;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use rustix::time::{ClockId, clock_getres};

use crate::time::{Instant, Jiffies, Ticks};

use super::clock::{RealClock, monotonic_ns};
use super::netlink::u32_at;
use super::sys;

const LAST_DATA_SENT: usize = std::mem::offset_of!(tcp_info, tcpi_last_data_sent);
/// How many changes of `jiffies` are observed, and how many if all of those were observed late or the kernel is old.
const CHANGES: usize = 8;
const MOST_CHANGES: usize = 64;

/// The start of one tick, from which all others can be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TickPhase {
    /// Length of a tick, ns.
    pub tick_ns: u64,
    /// Number of the tick.
    pub jiffies: Jiffies,
    /// Its start on CLOCK_MONOTONIC, ns.
    pub starts_at_ns: u64,
}

impl TickPhase {
    /// Returns the phase of this machine, measured once in each process (by spinning for some ten ticks, at most 64), or
    /// None if this kernel does not show it.
    pub fn of_this_machine() -> Option<TickPhase> {
        static PHASE: OnceLock<Option<TickPhase>> = OnceLock::new();
        *PHASE.get_or_init(measure)
    }

    /// Returns the ticks relative to the clock of a run.
    pub fn of_run(&self, clock: &RealClock) -> Ticks {
        self.at(clock.zero_ns())
    }

    /// Returns the ticks relative to a clock that currently shows `now`.
    pub fn of_clock(&self, now: Instant) -> Ticks {
        self.at(monotonic_ns().saturating_sub(now.ns()))
    }

    /// Returns the ticks relative to a clock that was zero at `zero_ns` on CLOCK_MONOTONIC.
    fn at(&self, zero_ns: u64) -> Ticks {
        let signed = zero_ns as i64 - self.starts_at_ns as i64;
        let tick = self.tick_ns as i64;
        Ticks {
            tick_ns: self.tick_ns,
            jiffies_at_t0: Jiffies(
                self.jiffies
                    .0
                    .saturating_add_signed(signed.div_euclid(tick)),
            ),
            ns_into_tick: signed.rem_euclid(tick) as u64,
            wheel: true,
        }
    }
}

/// Returns the length of a tick, which is the resolution of the coarse clock.
pub fn tick_ns() -> u64 {
    let resolution = clock_getres(ClockId::MonotonicCoarse);
    resolution.tv_sec as u64 * 1_000_000_000 + resolution.tv_nsec as u64
}

fn measure() -> Option<TickPhase> {
    let tick_ns = tick_ns();
    if !(100_000..=100_000_000).contains(&tick_ns) {
        return None;
    }
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).ok()?;
    let give_up_ns = monotonic_ns() + 2 * MOST_CHANGES as u64 * tick_ns;
    let mut earliest: Option<TickPhase> = None;
    let mut changes = 0;
    let (_, mut last) = reading(&socket, tick_ns)?;
    loop {
        let (read_at_ns, jiffies) = reading(&socket, tick_ns)?;
        if jiffies != last {
            changes += 1;
            last = jiffies;
            let seen = TickPhase {
                tick_ns,
                jiffies,
                starts_at_ns: read_at_ns,
            };
            let best = earliest.map_or(seen, |best| best.earlier(seen));
            let enough = changes >= CHANGES && best.is_almost_aligned();
            if enough || changes >= MOST_CHANGES {
                return Some(best.aligned());
            }
            earliest = Some(best);
        } else if read_at_ns > give_up_ns {
            return None;
        }
    }
}

/// Reads `jiffies`, and CLOCK_MONOTONIC just after it.
fn reading(socket: &OwnedFd, tick_ns: u64) -> Option<(u64, Jiffies)> {
    let mut info = [0; 104];
    let len = sys::get_option(socket.as_fd(), libc::SOL_TCP, libc::TCP_INFO, &mut info).ok()?;
    let now_ns = monotonic_ns();
    if len < LAST_DATA_SENT + 4 {
        return None;
    }
    Some((
        now_ns,
        full_jiffies(u32_at(&info, LAST_DATA_SENT), now_ns, tick_ns)?,
    ))
}

/// Returns the jiffies whose value in ms is `low_ms` modulo 2^32 and which are nearest to the time since boot. Returns None
/// if they differ by more than a minute, because then `low_ms` does not show jiffies.
fn full_jiffies(low_ms: u32, since_boot_ns: u64, tick_ns: u64) -> Option<Jiffies> {
    let hz = (1_000_000_000 + tick_ns / 2) / tick_ns;
    let initial = (1u64 << 32) - 300 * hz;
    let guess_ms = (initial + since_boot_ns / tick_ns) * 1000 / hz;
    let off_ms = low_ms.wrapping_sub(guess_ms as u32) as i32;
    if off_ms.unsigned_abs() > 60_000 {
        return None;
    }
    // a ms value is rounded down, so the tick that it stands for is found by rounding up
    let jiffies = (guess_ms.checked_add_signed(off_ms.into())? * hz).div_ceil(1000);
    Some(Jiffies(jiffies))
}

impl TickPhase {
    /// Returns the one of two observations that was less late after the start of its tick.
    fn earlier(self, seen: TickPhase) -> TickPhase {
        let ticks = seen.jiffies.since(self.jiffies);
        let due_ns = self.starts_at_ns + ticks.0 * self.tick_ns;
        if seen.starts_at_ns < due_ns {
            seen
        } else {
            self
        }
    }

    /// Since Linux 6.4, ticks start at multiples of their length; the rest of an observation is the delay of the interrupt.
    fn is_almost_aligned(&self) -> bool {
        self.starts_at_ns % self.tick_ns < self.tick_ns / 20
    }

    fn aligned(self) -> TickPhase {
        if !self.is_almost_aligned() {
            return self;
        }
        TickPhase {
            starts_at_ns: self.starts_at_ns - self.starts_at_ns % self.tick_ns,
            ..self
        }
    }
}

#[cfg(test)]
mod tests;
