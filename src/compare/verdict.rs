//! The result of a comparison: identical or not, what differs, where and why, and how the connection ended on both sides.

use serde::{Deserialize, Serialize};

use crate::call::Errno;
use crate::compare::content_hash;
use crate::nouns::count;
use crate::time::Instant;
use crate::trace::{Dir, Event, Incident, Trace, Who};
use crate::wire::{Datagram, Flags};

/// The mode of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Replay: a recording's packets and calls were fed to the engine.
    Replay,
    /// Closed mode: both targets ran the scenario on their own.
    Closed,
}

/// The kind of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The right side has a packet that the left side does not have.
    Missing,
    /// The left side has a packet that the right side does not have.
    Extra,
    /// A field of a packet differs.
    Field,
    /// The instant of a packet differs.
    Time,
    /// The application got another result, or got it at another time.
    Application,
    /// The connection's state, as the system shows it, differs.
    State,
    /// A value of TCP_INFO differs. These differences are counted separately.
    TcpInfo,
    /// A difference that is declared in known.toml did not occur.
    NoLongerThere,
}

impl Class {
    /// Returns the name of the kind, as in known.toml.
    pub const fn name(self) -> &'static str {
        match self {
            Class::Missing => "missing",
            Class::Extra => "extra",
            Class::Field => "field",
            Class::Time => "time",
            Class::Application => "application",
            Class::State => "state",
            Class::TcpInfo => "tcp-info",
            Class::NoLongerThere => "no-longer-there",
        }
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The kind of difference.
    pub class: Class,
    /// What differs: a field's name, `time`, `packet`, `errno`, ...
    pub what: String,
    /// The packet or event, in words: `packet 17 (PA seq 1021:1123 ack 901 win 63)`.
    pub place: String,
    /// Its instant, on the right side if it is there, in s since the start.
    #[serde(serialize_with = "seconds")]
    pub at: Instant,
    /// The left side's value.
    pub left: String,
    /// The right side's value.
    pub right: String,
    /// The reason, if one is known: the timer that sent the packet, or the rule that was broken.
    pub why: Option<String>,
    /// The declared reason, if known.toml declares this difference.
    pub known: Option<String>,
}

impl Difference {
    /// Creates a difference without a reason.
    pub fn new(class: Class, what: &str, place: String, at: Instant) -> Self {
        Difference {
            class,
            what: what.to_owned(),
            place,
            at,
            left: String::new(),
            right: String::new(),
            why: None,
            known: None,
        }
    }

    /// Adds both values.
    pub fn values(mut self, left: impl ToString, right: impl ToString) -> Self {
        self.left = left.to_string();
        self.right = right.to_string();
        self
    }

    /// Adds a reason.
    pub fn because(mut self, why: impl ToString) -> Self {
        self.why = Some(why.to_string());
        self
    }
}

/// Displays the difference: `4.214397 s, packet 12 (...): flags: A / PA (why)`.
impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:.6} s, {}: {}",
            self.at.secs_f64(),
            self.place,
            self.what
        )?;
        if !self.left.is_empty() || !self.right.is_empty() {
            write!(f, ": {} / {}", self.left, self.right)?;
        }
        if let Some(why) = &self.why {
            write!(f, " ({why})")?;
        }
        match &self.known {
            Some(reason) => write!(f, " [known: {reason}]"),
            None => Ok(()),
        }
    }
}

fn seconds<S: serde::Serializer>(at: &Instant, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_f64(at.secs_f64())
}

/// How the connection ended for the application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ending {
    /// The first error that a call returned, by name.
    pub errno: Option<String>,
    /// The call that returned it.
    pub call: Option<String>,
    /// When it was returned, us since the start.
    pub at_us: Option<u64>,
    /// Whether the survivor sent a RST.
    pub rst_sent: bool,
    /// Whether the survivor received a RST.
    pub rst_received: bool,
    /// When the socket was seen to be gone, us since the start.
    pub gone_by_us: Option<u64>,
}

impl Ending {
    /// Returns how the connection of a trace ended.
    pub fn of(trace: &Trace) -> Ending {
        let error = trace.events.iter().find_map(|e| match &e.what {
            Incident::Error { errno, how } if e.who == Who::Survivor => Some((e.at, *errno, how)),
            _ => None,
        });
        let rst = |dir| {
            trace.packets.iter().any(|p| {
                let parsed = Datagram::parse(&p.bytes).ok();
                let segment = parsed.as_ref().and_then(Datagram::segment);
                p.dir == dir && segment.is_some_and(|s| s.flags.has(Flags::RST))
            })
        };
        Ending {
            errno: error.map(|(_, errno, _)| errno.name().to_owned()),
            call: error.map(|(_, _, how)| how.clone()),
            at_us: error.map(|(at, ..)| at.us()),
            rst_sent: rst(Dir::Out),
            rst_received: rst(Dir::In),
            gone_by_us: trace.events.iter().find_map(gone).map(Instant::us),
        }
    }

    /// Returns the error, if its name is one that this project knows.
    pub fn errno(&self) -> Option<Errno> {
        self.errno.as_deref().and_then(Errno::from_name)
    }
}

fn gone(event: &Event) -> Option<Instant> {
    match event.what {
        Incident::State {
            state: crate::call::TcpState::Closed,
        } if event.who == Who::Survivor => Some(event.at),
        _ => None,
    }
}

/// Displays the end: `ETIMEDOUT at 17.614 s (poll POLLIN|POLLERR|POLLHUP then recv()), no RST`.
impl std::fmt::Display for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.errno, &self.call, self.at_us) {
            (Some(errno), Some(call), Some(us)) => {
                write!(f, "{errno} at {:.3} s ({call})", us as f64 / 1e6)?;
            }
            _ => f.write_str("no error")?,
        }
        f.write_str(match (self.rst_sent, self.rst_received) {
            (false, false) => ", no RST",
            (true, false) => ", RST sent",
            (false, true) => ", RST received",
            (true, true) => ", RST sent and received",
        })
    }
}

/// What was compared, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Number of packets of the survivor on the left side.
    pub left_packets: usize,
    /// Number of packets of the survivor on the right side.
    pub right_packets: usize,
    /// Number of packets that have a counterpart.
    pub packets_compared: usize,
    /// Number of packets that are the same in every field and at a right instant.
    pub packets_identical: usize,
    /// Number of fields that differ, over all packets.
    pub fields_differing: usize,
    /// Number of packets at a wrong instant.
    pub times_differing: usize,
    /// Number of packets that only the right side has.
    pub missing: usize,
    /// Number of packets that only the left side has.
    pub extra: usize,
    /// Number of the application's observations that were compared.
    pub application_compared: usize,
    /// Number of the observations and states that differ.
    pub application_differing: usize,
    /// Number of timers that fired one tick late, as those of a kernel may.
    pub late_firings: usize,
    /// Number of TCP_INFO lines that were compared.
    pub tcp_info_compared: usize,
    /// Number of TCP_INFO lines that differ.
    pub tcp_info_differing: usize,
    /// Number of other choices of an unrecorded instant that were tried.
    pub retries: usize,
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Side {
    /// The target: `engine`, `smoltcp` or `linux`.
    pub target: String,
    /// Its version.
    pub version: String,
    /// How the connection ended for the application.
    pub ending: Ending,
}

impl Side {
    /// Returns the side of a comparison that a trace is.
    pub fn of(trace: &Trace) -> Side {
        Side {
            target: trace.meta.target.clone(),
            version: trace.meta.version.clone(),
            ending: Ending::of(trace),
        }
    }
}

/// The verdict: the result of a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The name of the scenario or the recording.
    pub scenario: String,
    /// The mode: replay or closed.
    pub mode: Mode,
    /// The hash of the right side that a declaration in known.toml is bound to.
    pub content_hash: String,
    /// Whether nothing differs that is not declared, and everything declared occurred. In replay this includes TCP_INFO.
    /// In closed mode it does not, because each side's lines are read at instants of its own.
    pub identical: bool,
    /// Why the differences are not judged: the machine was late, and they may come from that.
    pub not_judged: Option<String>,
    /// Whether TCP_INFO is identical too.
    pub tcp_info_identical: bool,
    /// What was compared, in numbers.
    pub counts: Counts,
    /// The left side. In replay it is the engine.
    pub left: Side,
    /// The right side. In replay it is the recording.
    pub right: Side,
    /// All differences, ordered by time.
    pub differences: Vec<Difference>,
    /// What a reader has to know.
    pub notes: Vec<String>,
}

impl Verdict {
    /// Creates the verdict on these differences.
    pub fn new(mode: Mode, left: &Trace, right: &Trace, differences: Vec<Difference>) -> Verdict {
        let mut verdict = Verdict {
            scenario: right.meta.scenario.clone(),
            mode,
            content_hash: match mode {
                Mode::Replay => content_hash::of_recording(right),
                Mode::Closed => content_hash::of_scenario(&right.meta.scenario_toml),
            },
            identical: false,
            not_judged: None,
            tcp_info_identical: false,
            counts: Counts::default(),
            left: Side::of(left),
            right: Side::of(right),
            differences,
            notes: [&left.meta.notes[..], &right.meta.notes[..]].concat(),
        };
        verdict.settle();
        verdict
    }

    /// Sorts the differences, and derives from them what is identical and how much differs.
    pub fn settle(&mut self) {
        self.differences.sort_by_key(|d| d.at);
        let open = |d: &&Difference| d.known.is_none();
        let is_info = |d: &Difference| d.class == Class::TcpInfo;
        let all = || self.differences.iter();
        self.tcp_info_identical = !all().filter(open).any(is_info);
        let rest = !all().filter(open).any(|d| !is_info(d));
        self.identical = rest && (self.mode == Mode::Closed || self.tcp_info_identical);
        let count = |class| all().filter(|d| d.class == class).count();
        self.counts.fields_differing = count(Class::Field);
        self.counts.times_differing = count(Class::Time);
        self.counts.missing = count(Class::Missing);
        self.counts.extra = count(Class::Extra);
        self.counts.application_differing = count(Class::Application) + count(Class::State);
    }

    /// Returns the verdict in one line.
    pub fn line(&self) -> String {
        let c = &self.counts;
        let mut line = match (self.identical, &self.not_judged) {
            (false, Some(why)) => format!("{}: not judged: {why}", self.scenario),
            // in closed mode TCP_INFO does not count, but the line must not hide it
            (true, _) if !self.tcp_info_identical => format!(
                "{}: the same {}, and the application saw the same",
                self.scenario,
                count(c.packets_compared, "packet")
            ),
            (true, _) => format!(
                "{}: identical, {}",
                self.scenario,
                count(c.packets_compared, "packet")
            ),
            (false, None) => {
                let parts = [
                    (c.fields_differing, count(c.fields_differing, "field")),
                    (c.times_differing, count(c.times_differing, "time")),
                    (c.missing, format!("{} missing", c.missing)),
                    (c.extra, format!("{} extra", c.extra)),
                    (
                        c.application_differing,
                        format!("{} application", c.application_differing),
                    ),
                    (
                        c.tcp_info_differing,
                        count(c.tcp_info_differing, "TCP_INFO line"),
                    ),
                ];
                let parts: Vec<_> = parts
                    .into_iter()
                    .filter(|(n, _)| *n > 0)
                    .map(|(_, text)| text)
                    .collect();
                format!(
                    "{}: different, {} of {} identical; {}",
                    self.scenario,
                    c.packets_identical,
                    count(c.left_packets.max(c.right_packets), "packet"),
                    parts.join(", ")
                )
            }
        };
        let known = self
            .differences
            .iter()
            .filter(|d| d.known.is_some())
            .count();
        if known > 0 {
            line += &format!("; {}", count(known, "known difference"));
        }
        if c.late_firings > 0 {
            line += &format!("; {} a tick late", count(c.late_firings, "timer firing"));
        }
        if c.tcp_info_compared > 0 {
            line += &match c.tcp_info_differing {
                0 => format!(
                    "; TCP_INFO: {} identical",
                    count(c.tcp_info_compared, "line")
                ),
                n => format!(
                    "; TCP_INFO: {n} of {} different",
                    count(c.tcp_info_compared, "line")
                ),
            };
        }
        line
    }
}

/// Formats `N of M identical`.
pub fn summary(verdicts: &[Verdict]) -> String {
    let identical = verdicts.iter().filter(|v| v.identical).count();
    format!("{identical} of {} identical", verdicts.len())
}
