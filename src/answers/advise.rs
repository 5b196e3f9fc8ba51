//! The smallest set of settings with which a connection detects a dead peer in a given time, and with which an outage of
//! another given time does not end it.
//!
//! A candidate comes from arithmetic and from runs in a few phases of the timer wheel; whether it holds is then decided by
//! runs of the engine in every phase, in each situation that applies. Smallest means: fewest settings, then fewest keepalive
//! probes on an idle connection. Options of the socket are preferred to sysctls, which hold for all connections.
//!
//! RFC 1122 4.2.3.6 (keepalive), RFC 5482 (user timeout). Linux counterpart: tcp_timer.c.

mod audit;
mod case;
mod choice;
mod keepalive;
mod lateness;
mod limits;
mod middlebox;
mod nearest;
mod outage;
mod price;
mod row;
mod search;
mod trial;
mod verify;

use std::time::Duration;

pub use audit::{Audited, audit};
pub use case::{Case, cases};
pub use choice::{Choice, KeepaliveTimes};
pub use lateness::keepalive_ends;
pub use price::Price;
pub use row::Row;
pub use trial::Fault;
pub use verify::{LONGEST as LONGEST_MEASUREMENT, Measured, expected, measure};

use self::trial::Trial;
use super::table::{self, Settings, TableError, What};
use crate::sysctl::Preset;
use crate::time::Ticks;

/// What the connection does most of the time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Load {
    /// It waits, and nothing is in flight.
    Idle,
    /// It always has data to send.
    Busy,
    /// Sometimes one and sometimes the other.
    #[default]
    Both,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// A dead peer is to be detected in this time at the latest.
    pub detect: Duration,
    /// An outage of the link of this length may not end the connection.
    pub survive: Option<Duration>,
    /// What the connection does.
    pub load: Load,
    /// A middlebox between the ends forgets a connection that is idle for so long.
    pub middlebox: Option<Duration>,
    /// The kernel, the clock tick, the role and the round-trip time, and settings that are there already.
    pub settings: Settings,
}

/// Settings that meet a request, and what they cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The settings.
    pub choice: Choice,
    /// Keepalive's numbers that are in force, if it is on.
    pub keepalive: Option<KeepaliveTimes>,
    /// Each situation that applies.
    pub rows: Vec<Row>,
    /// What the settings cost.
    pub price: Price,
}

/// Why a request cannot be met, and what can be had instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What stands in the way.
    pub fault: Fault,
    /// The settings that come nearest, in which this was seen.
    pub choice: Choice,
    /// The shortest detection time with which the rest of the request can be met.
    pub detect: Option<Duration>,
    /// The longest outage that can be lived through with the detection time that was asked for.
    pub survive: Option<Duration>,
    /// Whether the detection time alone could be met.
    pub without_survive: bool,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// These settings meet the request.
    Met(Box<Advice>),
    /// No settings meet it.
    Unmet(Box<Refusal>),
}

/// Looks for the settings.
///
/// # Errors
/// Returns [`TableError::Settings`] if the kernel preset does not exist or a time is out of range, and the error of a run
/// that failed.
pub fn advise(request: &Request) -> Result<Answer, TableError> {
    let trial = Trial {
        request,
        most: u64::MAX,
    };
    match search::solve(trial)? {
        Ok(found) => {
            let kernel = Kernel::of(request)?;
            let price = price::of(request, &kernel, &found)?;
            let keepalive = found
                .choice
                .keepalive
                .then(|| found.choice.keepalive_times(&kernel.preset.sysctl));
            Ok(Answer::Met(Box::new(Advice {
                choice: found.choice,
                keepalive,
                rows: found.rows,
                price,
            })))
        }
        Err(failed) => Ok(Answer::Unmet(Box::new(nearest::to(request, failed)?))),
    }
}

/// The kernel for which settings are looked for.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// Its preset.
    pub preset: &'static Preset,
    /// Its clock tick.
    pub ticks: Ticks,
}

impl Kernel {
    /// Returns the kernel of a request.
    ///
    /// # Errors
    /// Returns [`TableError::Settings`] if there is no such preset.
    pub fn of(request: &Request) -> Result<Kernel, TableError> {
        let scenario = table::scenario(What::Keepalive, &request.settings)?;
        Ok(Kernel {
            preset: scenario.preset,
            ticks: request.settings.ticks(&scenario),
        })
    }
}

#[cfg(test)]
mod tests;
