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

use crate::measure::{Outcome, Settings, median};

/// Runs of each measurement.
const RUNS: usize = 5;

/// The median of five runs of what gives nanoseconds.
fn of_five(settings: Settings, mut one: impl FnMut() -> Outcome<f64>) -> Outcome<f64> {
    let runs = if settings.quick { 1 } else { RUNS };
    let all: Outcome<Vec<f64>> = (0..runs).map(|_| one()).collect();
    Ok(median(all?))
}
