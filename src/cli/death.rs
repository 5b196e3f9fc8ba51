//! When the endpoint dies, by which means, and whether it comes back: arguments that `serve` and `exec` share.

use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args};

use crate::scenario::parse_duration;
use crate::world::{Death, Failure};

/// A death to come.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Death", group = ArgGroup::new("when").multiple(true))]
pub(super) struct DeathToCome {
    /// The peer dies so long after the start: 3s, 500ms, 2min
    #[arg(long, value_name = "TIME", value_parser = parse_duration, group = "when")]
    die_after: Option<Duration>,
    /// It dies once so many bytes of TCP data have passed, both ways together
    #[arg(long, value_name = "N", group = "when")]
    die_after_bytes: Option<u64>,
    /// It dies once so many TCP packets have passed, both ways together; the last still passes
    #[arg(long, value_name = "N", group = "when")]
    die_after_packets: Option<u64>,
    /// How: its power is gone, its cable is cut, or its process is stopped while its kernel still acknowledges
    #[arg(long, value_name = "FATE", default_value = Death::PowerOff.name(), value_parser = fate())]
    fate: Death,
    /// So long after its death it is back; after a power-off rebooted, without its connections
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    back_after: Option<Duration>,
}

fn fate() -> impl TypedValueParser<Value = Death> {
    let names = [Death::PowerOff, Death::Cut, Death::Freeze].map(Death::name);
    PossibleValuesParser::new(names).try_map(|name| Death::from_name(&name).ok_or("no such fate"))
}

impl DeathToCome {
    /// What is to become of the endpoint; `back_after` alone counts from a death by hand, and is no failure.
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

    /// The means of a death by hand (SIGUSR1).
    pub(super) fn how(&self) -> Death {
        self.fate
    }

    /// After how long one that died by hand is back.
    pub(super) fn back_after(&self) -> Option<Duration> {
        self.back_after
    }
}
