//! What a connection shows of the systems at its ends and of their settings, each with what it rests on.

mod limits;
mod running;
mod ticks;
mod timing;

use super::connection::Connection;
use super::mechanism::Sureness;
use super::packet::Side;
use super::rerun::Rerun;
use super::span::{CaptureSpan, length};
use crate::nouns::count;

/// Something that was inferred.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inferred {
    /// The end that it is about; none: the path.
    pub side: Option<Side>,
    /// What: `RTT`, `RTO`, `system`.
    pub what: &'static str,
    /// Its value in words, with its unit.
    pub value: String,
    /// What it rests on.
    pub rests_on: String,
    /// How sure it is.
    pub sureness: Sureness,
}

impl Inferred {
    /// What runs of the engine have shown.
    pub(super) fn of_engine(rerun: &Rerun) -> Inferred {
        let runs = format!(
            "{} of the engine with other clock ticks, phases and settings",
            count(rerun.runs, "run")
        );
        let (packets, reproduced) = (rerun.packets, rerun.reproduced);
        if !rerun.is_whole() {
            let at = rerun.differs_at.unwrap_or_default();
            let value = format!(
                "Linux 6.18's rules give the first {reproduced} of its {packets} packets; packet {at} differs (another kernel, settings or \
                 writes of the application that the capture does not show)"
            );
            return Inferred::new(rerun.side, "engine", value, runs, Sureness::Unclear);
        }
        let rates: Vec<String> = rerun.hz.iter().map(u32::to_string).collect();
        let rates = match rates.is_empty() {
            true => "HZ cannot be told".to_owned(),
            false => format!("HZ {}", rates.join(" or ")),
        };
        let wheel = match rerun.wheel {
            Some(true) => ", timers on the timer wheel",
            Some(false) => ", timers not on the timer wheel",
            None => "",
        };
        let probe = match rerun.tail_loss_probe {
            Some(true) => ", tail loss probes on",
            Some(false) => ", tail loss probes off",
            None => "",
        };
        let sysctls = match rerun.sysctls.as_str() {
            "" => String::new(),
            other => format!(", {other}"),
        };
        let value = format!(
            "Linux 6.18's rules send all of its {packets} packets at the same instants (within {}): {rates}{wheel}{probe}{sysctls}",
            length(rerun.off_ns),
        );
        let sureness = if packets >= 6 {
            Sureness::Certain
        } else {
            Sureness::Likely
        };
        Inferred::new(rerun.side, "engine", value, runs, sureness)
    }

    fn new(
        side: impl Into<Option<Side>>,
        what: &'static str,
        value: impl Into<String>,
        rests_on: impl Into<String>,
        sureness: Sureness,
    ) -> Inferred {
        Inferred {
            side: side.into(),
            what,
            value: value.into(),
            rests_on: rests_on.into(),
            sureness,
        }
    }
}

impl Connection {
    /// Returns all that can be inferred.
    pub(super) fn inferred(&self, span: &CaptureSpan) -> Vec<Inferred> {
        let mut found = self.path();
        for side in Side::BOTH {
            if self.end(side).packets == 0 {
                continue;
            }
            if let Some((system, rests_on)) = self.runs(side) {
                let value = system.to_string();
                found.push(Inferred::new(
                    side,
                    "system",
                    value,
                    rests_on,
                    Sureness::Likely,
                ));
            }
            found.extend(self.clock(side));
            found.extend(self.wheel(side));
            found.extend(self.rto(side));
            found.extend(self.limit(side, span));
            found.extend(self.keepalive(side));
            if self.unanswered(side).is_some() {
                found.extend(self.state(side));
            }
        }
        found
    }
}
