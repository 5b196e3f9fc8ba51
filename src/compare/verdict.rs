//! What a comparison says: identical or not, what differs, where and why, and how it ended on both sides.

use serde::{Deserialize, Serialize};

use crate::call::Errno;
use crate::nouns::count;
use crate::time::Instant;
use crate::trace::{Dir, Event, Incident, Trace, Who};
use crate::wire::{Datagram, Flags};

/// How the traces came to be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// A recording's stimuli were fed to the engine.
    Replay,
    /// Both lived through the scenario by themselves.
    Closed,
}

/// What kind of difference it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// A packet of the right side that the left does not have.
    Missing,
    /// A packet of the left side that the right does not have.
    Extra,
    /// A field of a packet.
    Field,
    /// The instant of a packet.
    Time,
    /// What the application was told, or when.
    Application,
    /// The connection's state as the system shows it.
    State,
    /// A value of TCP_INFO; counted apart.
    TcpInfo,
    /// Something that was declared in known.toml and did not occur.
    NoLongerThere,
}

impl Class {
    /// The word for it, as known.toml has it.
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
    /// Its kind.
    pub class: Class,
    /// What differs: a field's name, `time`, `packet`, `errno`, ...
    pub what: String,
    /// Which packet or event, in words: `packet 17 (PA seq 1021:1123 ack 901 win 63)`.
    pub place: String,
    /// When, on the right side where it is there: s since the start.
    #[serde(serialize_with = "seconds")]
    pub at: Instant,
    /// The left side's value.
    pub left: String,
    /// The right side's value.
    pub right: String,
    /// The reason, where one is known: the timer that sent the packet, the rule that was broken.
    pub why: Option<String>,
    /// The declared reason, if known.toml has this difference.
    pub known: Option<String>,
}

impl Difference {
    /// A difference without a reason.
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

    /// With both values.
    pub fn values(mut self, left: impl ToString, right: impl ToString) -> Self {
        self.left = left.to_string();
        self.right = right.to_string();
        self
    }

    /// With a reason.
    pub fn because(mut self, why: impl ToString) -> Self {
        self.why = Some(why.to_string());
        self
    }
}

/// `4.214397 s, packet 12 (...): flags: A / PA (why)`.
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

/// How it ended for the application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ending {
    /// The first error that a call reported, by name.
    pub errno: Option<String>,
    /// The call that reported it.
    pub call: Option<String>,
    /// When, us since the start.
    pub at_us: Option<u64>,
    /// Whether the survivor sent a RST.
    pub rst_sent: bool,
    /// Whether a RST came.
    pub rst_received: bool,
    /// When the socket was seen gone, us since the start.
    pub gone_by_us: Option<u64>,
}

impl Ending {
    /// How a trace ended.
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

    /// The error, if the kernel's name for it is one that we know.
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

/// `ETIMEDOUT at 17.614 s (poll POLLIN|POLLERR|POLLHUP then recv()), no RST`.
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
    /// Packets of the survivor, left.
    pub left_packets: usize,
    /// Packets of the survivor, right.
    pub right_packets: usize,
    /// Packets that have a counterpart.
    pub packets_compared: usize,
    /// Packets the same in every field and at a right instant.
    pub packets_identical: usize,
    /// Fields that differ, over all packets.
    pub fields_differing: usize,
    /// Packets at a wrong instant.
    pub times_differing: usize,
    /// Packets that only the right side has.
    pub missing: usize,
    /// Packets that only the left side has.
    pub extra: usize,
    /// Things the application saw that were compared.
    pub application_compared: usize,
    /// Of these, and of the states, how many differ.
    pub application_differing: usize,
    /// Timer firings that came one tick late, as a kernel's do.
    pub late_firings: usize,
    /// TCP_INFO lines compared.
    pub tcp_info_compared: usize,
    /// TCP_INFO lines that differ.
    pub tcp_info_differing: usize,
    /// Other choices of an unrecorded instant that were tried.
    pub retries: usize,
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Side {
    /// `engine`, `smoltcp`, `linux`.
    pub target: String,
    /// Its version.
    pub version: String,
    /// How it ended for the application.
    pub ending: Ending,
}

impl Side {
    /// The side that a trace is.
    pub fn of(trace: &Trace) -> Side {
        Side {
            target: trace.meta.target.clone(),
            version: trace.meta.version.clone(),
            ending: Ending::of(trace),
        }
    }
}

/// What a comparison says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The scenario's or the recording's name.
    pub scenario: String,
    /// Replay or closed.
    pub mode: Mode,
    /// Nothing differs that is not declared, and everything declared occurred; in replay TCP_INFO included, in closed
    /// mode, where its lines are read at instants of their own, apart from it.
    pub identical: bool,
    /// Why nothing is said of what differs: the machine was late, so that it may be a difference of the machine.
    pub not_judged: Option<String>,
    /// Whether TCP_INFO is identical as well.
    pub tcp_info_identical: bool,
    /// What was compared, in numbers.
    pub counts: Counts,
    /// The left side: in replay the engine.
    pub left: Side,
    /// The right side: in replay the recording.
    pub right: Side,
    /// All differences, by time.
    pub differences: Vec<Difference>,
    /// What a reader must know.
    pub notes: Vec<String>,
}

impl Verdict {
    /// A verdict on these differences.
    pub fn new(mode: Mode, left: &Trace, right: &Trace, differences: Vec<Difference>) -> Verdict {
        let mut verdict = Verdict {
            scenario: right.meta.scenario.clone(),
            mode,
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

    /// Puts the differences in order and says from them what is identical and how much differs.
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

    /// The verdict in one line.
    pub fn line(&self) -> String {
        let c = &self.counts;
        let mut line = match (self.identical, &self.not_judged) {
            (false, Some(why)) => format!("{}: not judged: {why}", self.scenario),
            // in closed mode TCP_INFO does not count, but what is said must not hide it
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

/// `N of M identical`.
pub fn summary(verdicts: &[Verdict]) -> String {
    let identical = verdicts.iter().filter(|v| v.identical).count();
    format!("{identical} of {} identical", verdicts.len())
}
