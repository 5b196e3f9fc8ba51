//! `[wire]`: the link between the two ends.

use std::time::Duration;

use super::error::Faults;
use super::section::{Placed, Section};
use super::{Forget, IpVersion, Middlebox};
use crate::sysctl::{nearest, quoted};

/// The longest one-way delay: an hour, in ns.
const MAX_DELAY_NS: u64 = 3_600_000_000_000;

/// What the section says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wire {
    /// One-way delay, ns.
    pub(super) delay_ns: u64,
    /// The IP version of both ends.
    pub(super) ip: IpVersion,
    /// The device in the middle.
    pub(super) middlebox: Option<Middlebox>,
}

/// Reads the section, which may be absent.
pub(super) fn read_wire(root: &Section<'_>, faults: &mut Faults) -> Wire {
    let keys = ["delay", "ip", "forget_after", "forget"];
    let Some(section) = root.table("wire", "[wire]", &keys, faults) else {
        return Wire::default();
    };
    Wire {
        delay_ns: read_delay(&section, faults),
        ip: read_ip(&section, faults),
        middlebox: read_middlebox(&section, faults),
    }
}

fn read_ip(section: &Section<'_>, faults: &mut Faults) -> IpVersion {
    match section.integer("ip", 4, 6, faults) {
        None | Some((4, _)) => IpVersion::V4,
        Some((6, _)) => IpVersion::V6,
        Some((_, place)) => {
            let what = "the IP version is neither 4 nor 6";
            faults.add(&place, what, "ip is 4 or 6");
            IpVersion::V4
        }
    }
}

fn read_delay(section: &Section<'_>, faults: &mut Faults) -> u64 {
    match section.duration_ns("delay", faults) {
        Some((ns, place)) if ns > MAX_DELAY_NS => {
            faults.add(
                &place,
                "the delay is longer than an hour",
                "the longest delay is \"1h\"",
            );
            0
        }
        Some((ns, _)) => ns,
        None => 0,
    }
}

fn read_middlebox(section: &Section<'_>, faults: &mut Faults) -> Option<Middlebox> {
    let after = section.duration_ns("forget_after", faults);
    let how = section.string("forget", faults);
    let forget = how
        .as_ref()
        .map_or(Forget::Drop, |how| read_forget(how, faults));
    match (after, how) {
        (Some((0, place)), _) => {
            let what = "a middlebox that forgets at once carries nothing";
            faults.add(&place, what, "forget_after must be longer than zero");
            None
        }
        (Some((ns, _)), _) => Some(Middlebox {
            forget_after: Duration::from_nanos(ns),
            forget,
        }),
        (None, Some((_, place))) if section.get("forget_after").is_none() => {
            let help = "add the idle time, such as forget_after = \"350s\"";
            faults.add(&place, "forget needs forget_after", help);
            None
        }
        (None, _) => None,
    }
}

fn read_forget((word, place): &Placed<&str>, faults: &mut Faults) -> Forget {
    let names = Forget::ALL.map(Forget::name);
    let found = Forget::ALL.into_iter().find(|f| f.name() == *word);
    found.unwrap_or_else(|| {
        let help = match nearest(word, names) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("forget is {}", names.join(" or ")),
        };
        faults.add(place, format!("unknown value {}", quoted(word)), help);
        Forget::Drop
    })
}
