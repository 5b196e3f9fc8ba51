//! What a connection shows of the systems at its ends and of their settings, each with what it rests on.

mod limits;
mod running;
mod ticks;
mod timing;

use super::connection::Connection;
use super::mechanism::Sureness;
use super::packet::Side;
use super::span::CaptureSpan;

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
        }
        found
    }
}
