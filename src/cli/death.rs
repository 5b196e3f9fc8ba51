//! Arguments that `serve` and `exec` share: when the peer dies, how it dies, and whether it comes back.

use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args};

use crate::scenario::parse_duration;
use crate::world::{Death, Failure};

/// The death that the arguments describe.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Death", group = ArgGroup::new("when").multiple(true))]
pub(super) struct DeathToCome {
    /// The peer dies this long after the start: 3s, 500ms, 2min
    #[arg(long, value_name = "TIME", value_parser = parse_duration, group = "when")]
    die_after: Option<Duration>,
    /// The peer dies after N bytes of TCP data, counted in both directions
    #[arg(long, value_name = "N", group = "when")]
    die_after_bytes: Option<u64>,
    /// The peer dies after N TCP packets, counted in both directions; the last one is still delivered
    #[arg(long, value_name = "N", group = "when")]
    die_after_packets: Option<u64>,
    /// How the peer dies: it loses its power, its cable is cut, or its process stops while its kernel still acknowledges
    #[arg(long, value_name = "FATE", default_value = Death::PowerOff.name(), value_parser = fate())]
    fate: Death,
    /// The peer comes back this long after its death; after a power-off it has rebooted and lost its connections
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    back_after: Option<Duration>,
}

fn fate() -> impl TypedValueParser<Value = Death> {
    let names = [Death::PowerOff, Death::Cut, Death::Freeze].map(Death::name);
    PossibleValuesParser::new(names)
        .try_map(|name| Death::from_name(&name).ok_or("there is no such fate"))
}

impl DeathToCome {
    /// Returns the failure that the arguments describe. `back_after` alone describes none: it counts from a death by key
    /// or signal.
    pub(super) fn failure(&self) -> Option<Failure> {
        let comes = self.die_after.is_some()
            || self.die_after_bytes.is_some()
            || self.die_after_packets.is_some();
        comes.then_some(Failure {
            how: self.fate,
            die_after: self.die_after,
            die_after_bytes: self.die_after_bytes,
            die_after_packets: self.die_after_packets,
            back_after: self.back_after,
        })
    }

    /// Returns how the peer dies when a signal (SIGUSR1) kills it.
    pub(super) fn how(&self) -> Death {
        self.fate
    }

    /// Returns how long after a death by key or signal the peer comes back.
    pub(super) fn back_after(&self) -> Option<Duration> {
        self.back_after
    }
}
