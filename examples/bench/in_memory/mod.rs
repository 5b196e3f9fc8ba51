//! What needs no device: hosts in memory, in virtual time.

mod crowd;
mod idle;
mod packets;
mod simulation;
mod stock;
mod timers;

pub(crate) use idle::run as idle;
pub(crate) use packets::run as packets;
pub(crate) use simulation::run as simulation;
pub(crate) use timers::run as timers;

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::measure::{Outcome, Settings, median};

/// This process's CPU time, user and system: what others do at the same time does not count.
#[derive(Clone, Copy, Debug)]
struct Clock(Duration);

impl Clock {
    fn now() -> Clock {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        Clock(Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
    }

    fn elapsed(self) -> Duration {
        Clock::now().0.saturating_sub(self.0)
    }
}

/// Runs of each measurement.
const RUNS: usize = 5;

/// The median of five runs of what gives nanoseconds.
fn of_five(settings: Settings, mut one: impl FnMut() -> Outcome<f64>) -> Outcome<f64> {
    let runs = if settings.quick { 1 } else { RUNS };
    let all: Outcome<Vec<f64>> = (0..runs).map(|_| one()).collect();
    Ok(median(all?))
}
