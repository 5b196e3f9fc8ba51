//! `halfopen advise`: the smallest settings that detect a dead peer in time.

use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use super::table::{option, pair, preset};
use super::{Exit, Failure, terminal};
use crate::answers::advise::{
    Advice, Answer, Kernel, LONGEST_MEASUREMENT, Load, Measured, Request, advise, audit, expected,
    measure,
};
use crate::answers::table::Settings;
use crate::forecast::span;
use crate::report::advise::{self as report, audit as audited, measured};
use crate::report::emit::{self, Form};
use crate::report::tries::Under;
use crate::scenario::{Role, parse_duration};
use crate::sockopt::SockOpt;

/// Arguments of `advise`.
#[derive(Debug, Args)]
#[command(before_help = "Example: halfopen advise --detect 30s --survive 20s --rtt 80ms")]
pub(super) struct Advise {
    /// Time in which a dead peer is to be detected
    #[arg(long, value_name = "TIME", value_parser = time, required_unless_present = "audit")]
    detect: Option<Duration>,
    /// Length of an outage that must not end the connection
    #[arg(long, value_name = "TIME", value_parser = time, requires = "detect")]
    survive: Option<Duration>,
    /// Round-trip time of the link while the peer lives
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    rtt: Option<Duration>,
    /// The connection waits most of the time, with nothing in flight
    #[arg(long, conflicts_with_all = ["busy", "both"])]
    idle: bool,
    /// The connection always has data to send
    #[arg(long, conflicts_with = "both")]
    busy: bool,
    /// The connection is sometimes idle and sometimes busy; this is the default
    #[arg(long)]
    both: bool,
    /// Which end of the connection the settings are for
    #[arg(long, value_enum, default_value_t = End::Client)]
    role: End,
    /// Idle time after which a middlebox (NAT, firewall, load balancer) forgets the connection
    #[arg(long, value_name = "TIME", value_parser = time)]
    middlebox: Option<Duration>,
    /// Kernel preset (`linux-6.18`, see docs/SCENARIOS.md)
    #[arg(long, value_name = "PRESET")]
    kernel: Option<String>,
    /// Clock ticks per second of the kernel
    #[arg(long, value_parser = clap::value_parser!(u32).range(24..=1_000))]
    hz: Option<u32>,
    /// Prints the settings only, in the form that a program or a language takes them
    #[arg(long, value_name = "FORM", value_parser = form(), conflicts_with_all = ["json", "verify", "audit"])]
    emit: Option<Form>,
    /// Runs the situations on the kernel of this machine too, in real time and all at once, and shows the measured times
    #[arg(long, conflicts_with = "audit")]
    verify: bool,
    /// Says what the settings given by --option and --sysctl detect and what they miss, and looks for no others
    #[arg(long)]
    audit: bool,
    /// A socket option that is set already, in its own unit; may be given several times
    #[arg(long = "option", value_name = "NAME=VALUE", value_parser = option, requires = "audit")]
    options: Vec<SockOpt>,
    /// A sysctl of net.ipv4 that is set already; may be given several times
    #[arg(long = "sysctl", value_name = "NAME=VALUE", value_parser = pair, requires = "audit")]
    sysctls: Vec<(String, String)>,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

fn form() -> impl TypedValueParser<Value = Form> {
    PossibleValuesParser::new(Form::ALL.map(Form::name))
        .try_map(|name| Form::from_name(&name).ok_or("no such form"))
}

/// An end of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum End {
    /// The one that connects
    Client,
    /// The one that accepts
    Server,
}

/// The longest time that can be asked for. Keepalive's times end at 9 hours.
const LONGEST: Duration = Duration::from_secs(36_000);

fn time(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        d if d < Duration::from_millis(1) => Err("the time must be at least 1ms".to_owned()),
        d if d > LONGEST => Err("the time must be at most 10h".to_owned()),
        d => Ok(d),
    }
}

impl Advise {
    /// Prints the settings, or why there are none.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let preset = preset(self.kernel.as_deref())?;
        let settings = Settings {
            kernel: Some(preset.name.to_owned()),
            hz: self.hz,
            rtt: self.rtt.unwrap_or(Settings::default().rtt),
            role: match self.role {
                End::Client => Role::Client,
                End::Server => Role::Server,
            },
            options: self.options.clone(),
            sysctls: self.sysctls.clone(),
        };
        let request = Request {
            // an audit without a time misses what is never detected
            detect: self.detect.unwrap_or(Duration::MAX),
            survive: self.survive,
            load: match (self.idle, self.busy) {
                (true, _) => Load::Idle,
                (_, true) => Load::Busy,
                _ => Load::Both,
            },
            middlebox: self.middlebox,
            settings,
        };
        let kernel = Kernel::of(&request)?;
        let under = Under {
            kernel: preset.name.to_owned(),
            hz: kernel.ticks.hz(),
            rtt: request.settings.rtt,
        };
        if self.audit {
            return self.audit(&request, &under);
        }
        if self.verify {
            is_short_enough(request.detect)?;
        }
        let answer = advise(&request)?;
        if let (Answer::Met(advice), Some(form)) = (&answer, self.emit) {
            terminal::print(&emit::render(form, &request, advice, &kernel, &under))?;
            return Ok(Exit::Same);
        }
        let Answer::Met(advice) = &answer else {
            self.print(&request, &answer, &under, None)?;
            return Ok(Exit::Different);
        };
        let measured = match self.verify {
            true => Some(measured_here(advice)?),
            false => None,
        };
        self.print(&request, &answer, &under, measured.as_deref())?;
        let holds = measured.is_none_or(|m| measured::all_within(&m, request.detect));
        Ok(if holds { Exit::Same } else { Exit::Different })
    }

    fn print(
        &self,
        request: &Request,
        answer: &Answer,
        under: &Under,
        measured: Option<&[Measured]>,
    ) -> Result<(), Failure> {
        let mut text;
        if self.json {
            let mut json = report::to_json(request, answer, under);
            if let Some(all) = measured {
                json["measured"] = measured::to_json(all);
            }
            text = format!("{json:#}\n");
        } else {
            text = report::render(request, answer, under, terminal::style());
            if let (Answer::Met(advice), Some(all)) = (answer, measured) {
                text += &measured::render(advice, all, terminal::style());
            }
        }
        terminal::print(&text)?;
        Ok(())
    }

    fn audit(&self, request: &Request, under: &Under) -> Result<Exit, Failure> {
        let all = audit(request)?;
        let text = match self.json {
            true => format!(
                "{:#}\n",
                audited::to_json(request, &all, self.detect, under)
            ),
            false => audited::render(request, &all, self.detect, under, terminal::style()),
        };
        terminal::print(&text)?;
        let misses = all.iter().any(|a| a.fault.is_some());
        Ok(if misses { Exit::Different } else { Exit::Same })
    }
}

/// Runs the situations on this machine's kernel.
fn measured_here(advice: &Advice) -> Result<Vec<Measured>, Failure> {
    let takes = expected(&advice.rows);
    is_short_enough(takes)?;
    terminal::tell(&format!(
        "The situations run on the kernel of this machine, which takes up to {}.\n",
        span(takes)
    ));
    measure(&advice.rows).map_err(Failure)
}

/// Refuses a measurement that would take too long.
fn is_short_enough(takes: Duration) -> Result<(), Failure> {
    match takes <= LONGEST_MEASUREMENT {
        true => Ok(()),
        false => Err(Failure(format!(
            "--verify would take {} in real time, and takes at most {}; leave it out, or measure one situation with \
             halfopen table NAME --measure",
            span(takes),
            span(LONGEST_MEASUREMENT)
        ))),
    }
}
