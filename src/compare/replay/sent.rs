//! A packet of the engine, held against a recorded one: every field, and the instant.

use crate::compare::fields::{Fields, TsvalRule};
use crate::compare::replay::script::{Recorded, Script};
use crate::compare::timing::{Cause, Timely};
use crate::compare::verdict::{Class, Difference};
use crate::time::Instant;
use crate::wire::Datagram;

/// A packet that the engine sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// The engine's instant.
    pub(crate) at: Instant,
    /// The packet.
    pub(crate) datagram: Datagram,
    /// Its fields, relative.
    pub(crate) fields: Fields,
    /// Why, in the engine's words.
    pub(crate) text: String,
    /// What caused it.
    pub(crate) cause: Cause,
}

impl Sent {
    /// Every way in which a recorded packet is not this one; whether it came a tick late.
    pub(crate) fn held_against(
        &self,
        recorded: &Recorded,
        place: String,
        script: &Script,
    ) -> (Vec<Difference>, bool) {
        let tsval = match script.clock {
            None => TsvalRule::Equal,
            Some(clock) => {
                let relative = |at| clock.value(at).wrapping_sub(script.origin.tsval);
                TsvalRule::Within {
                    first: relative(self.cause.earliest()),
                    last: relative(recorded.at),
                }
            }
        };
        let difference = |class, what| {
            Difference::new(class, what, place.clone(), recorded.at).because(&self.text)
        };
        let mut found: Vec<Difference> = self
            .fields
            .differences(&recorded.fields, tsval)
            .into_iter()
            .map(|d| difference(Class::Field, d.field).values(d.left, d.right))
            .collect();
        let timely = self.cause.judge(recorded.at, &script.ticks);
        if matches!(timely, Timely::Early | Timely::TooLate) {
            let from = self.cause.earliest().secs_f64();
            let to = self.cause.latest(&script.ticks).secs_f64();
            let allowed = format!("{from:.6} to {to:.6} s");
            let at = format!("{:.6} s", recorded.at.secs_f64());
            found.push(difference(Class::Time, "time").values(allowed, at));
        }
        (found, timely == Timely::Late)
    }
}

/// `packet 12 (PA seq 1021:1123 ack 901 win 63)`; counted from 1.
pub(crate) fn packet_place(index: usize, fields: &Fields) -> String {
    format!("packet {} ({})", index + 1, fields.brief())
}
