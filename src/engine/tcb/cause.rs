//! What is said of packets and timers, kept as parts and put into words only where somebody reads it.

use std::fmt;
use std::sync::Arc;

use crate::call::Errno;
use crate::engine::tcb::give_up_rule::GiveUpRule;
use crate::engine::tcb::timer_slots::Armed;
use crate::time::{Jiffies, Ticks};

/// When a timer was armed and what the wheel made of it, with the tick that its numbers count in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArmedFor {
    armed: Armed,
    tick_ns: u32,
    wheel: bool,
}

impl ArmedFor {
    pub(crate) fn new(armed: &Armed, ticks: &Ticks) -> ArmedFor {
        ArmedFor {
            armed: *armed,
            tick_ns: ticks.tick_ns as u32,
            wheel: ticks.wheel,
        }
    }

    /// Milliseconds from the arming to this tick.
    fn ms(&self, to: Jiffies) -> f64 {
        let ticks = to.since(self.armed.armed_at()).0;
        (ticks * u64::from(self.tick_ns) / 1_000) as f64 / 1e3
    }
}

/// `816 ms, armed at jiffy 4295, wheel level 1 -> 848 ms`.
impl fmt::Display for ArmedFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asked = self.ms(self.armed.expires());
        write!(f, "{asked} ms, armed at jiffy {}", self.armed.armed_at())?;
        match self.wheel {
            true => write!(
                f,
                ", wheel level {} -> {} ms",
                self.armed.level(),
                self.ms(self.armed.fires())
            ),
            false => Ok(()),
        }
    }
}

/// A sentence in parts; [`Display`](fmt::Display) writes it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// As it stands.
    Plain(&'static str),
    /// Put together when it was said, because it is said seldom.
    Seldom(Arc<str>),
    /// `RTO armed anew, data was sent: 204 ms, armed at ...`.
    Armed {
        /// Which timer.
        timer: &'static str,
        /// Armed, armed anew, or in whose place.
        did: &'static str,
        /// Why; empty: it goes without saying.
        why: &'static str,
        /// For when.
        told: ArmedFor,
    },
    /// `RTO cleared: nothing is out`.
    Cleared {
        /// Which timer.
        timer: &'static str,
        /// Why.
        why: &'static str,
    },
    /// `delayed ACK fired: 40 ms, armed at ...`.
    Fired {
        /// Which timer.
        timer: &'static str,
        /// When it was armed.
        told: ArmedFor,
    },
    /// `keepalive probe 2 of 9: 75000 ms, armed at ...`.
    Counted {
        /// What.
        what: &'static str,
        /// The how-manieth.
        n: u32,
        /// How many there will be.
        most: u32,
        /// The timer behind it.
        told: ArmedFor,
    },
    /// `given up (tcp_retries2 15): the application gets ETIMEDOUT`.
    GivenUp {
        /// The rule that decided.
        rule: GiveUpRule,
        /// The error that the application gets; none: no application holds the connection.
        errno: Option<Errno>,
    },
    /// `loss probe timer, 28 ms, armed at ...`.
    By {
        /// Which timer.
        timer: &'static str,
        /// When it was armed.
        told: ArmedFor,
    },
}

impl From<&'static str> for Text {
    fn from(text: &'static str) -> Text {
        Text::Plain(text)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Text {
        Text::Seldom(text.into())
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Text::Plain(text) => f.write_str(text),
            Text::Seldom(text) => f.write_str(text),
            Text::Armed {
                timer,
                did,
                why,
                told,
            } => match *why {
                "" => write!(f, "{timer} {did}: {told}"),
                why => write!(f, "{timer} {did}, {why}: {told}"),
            },
            Text::Cleared { timer, why } => write!(f, "{timer} cleared: {why}"),
            Text::Fired { timer, told } => write!(f, "{timer} fired: {told}"),
            Text::Counted {
                what,
                n,
                most,
                told,
            } => write!(f, "{what} {n} of {most}: {told}"),
            Text::GivenUp {
                rule,
                errno: Some(errno),
            } => write!(f, "given up ({rule}): the application gets {errno}"),
            Text::GivenUp { rule, errno: None } => {
                write!(f, "given up ({rule}): no application holds the connection")
            }
            Text::By { timer, told } => write!(f, "{timer}, {told}"),
        }
    }
}

/// Why a packet left: what it is, and what made it leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    pub(crate) what: &'static str,
    pub(crate) why: Option<Text>,
}

impl From<&'static str> for Cause {
    fn from(what: &'static str) -> Cause {
        Cause { what, why: None }
    }
}

/// `retransmission: RTO 1, backoff 0: 204 ms, ...`.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)?;
        match &self.why {
            Some(why) => write!(f, ": {why}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::clock::now::Now;
    use crate::time::{Instant, TickSpan};

    fn told(ticks: Ticks, delta: u64) -> ArmedFor {
        let now = Now::read(Instant::ZERO, &ticks, 0);
        ArmedFor::new(&Armed::after(&ticks, now, TickSpan(delta), None), &ticks)
    }

    #[test]
    fn the_parts_make_sentences() {
        let at = told(Ticks::default(), 204);
        assert_eq!(
            at.to_string(),
            "816 ms, armed at jiffy 0, wheel level 1 -> 832 ms"
        );
        let exact = told(
            Ticks {
                wheel: false,
                ..Ticks::default()
            },
            204,
        );
        assert_eq!(exact.to_string(), "816 ms, armed at jiffy 0");
        let armed = |why| Text::Armed {
            timer: "RTO",
            did: "armed",
            why,
            told: exact,
        };
        assert_eq!(armed("").to_string(), "RTO armed: 816 ms, armed at jiffy 0");
        assert_eq!(
            armed("why").to_string(),
            "RTO armed, why: 816 ms, armed at jiffy 0"
        );
        let counted = Text::Counted {
            what: "keepalive probe",
            n: 1,
            most: 9,
            told: exact,
        };
        let cause = Cause {
            what: "keepalive probe",
            why: Some(counted),
        };
        let words = "keepalive probe: keepalive probe 1 of 9: 816 ms, armed at jiffy 0";
        assert_eq!(cause.to_string(), words);
        assert_eq!(Cause::from("RST: why").to_string(), "RST: why");
    }
}
