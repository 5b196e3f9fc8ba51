//! `halfopen advise`: the smallest settings that detect a dead peer in time.

use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use super::table::preset;
use super::{Exit, Failure, terminal};
use crate::answers::advise::{Answer, Kernel, Load, Request, advise};
use crate::answers::table::Settings;
use crate::report::advise as report;
use crate::report::emit::{self, Form};
use crate::report::tries::Under;
use crate::scenario::{Role, parse_duration};

/// Arguments of `advise`.
#[derive(Debug, Args)]
#[command(before_help = "Example: halfopen advise --detect 30s --survive 20s --rtt 80ms")]
pub(super) struct Advise {
    /// Time in which a dead peer is to be detected
    #[arg(long, value_name = "TIME", value_parser = time)]
    detect: Duration,
    /// Length of an outage that must not end the connection
    #[arg(long, value_name = "TIME", value_parser = time)]
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
    #[arg(long, value_name = "FORM", value_parser = form(), conflicts_with = "json")]
    emit: Option<Form>,
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
        let usual = Settings::default();
        let settings = Settings {
            kernel: Some(preset.name.to_owned()),
            hz: self.hz,
            rtt: self.rtt.unwrap_or(usual.rtt),
            role: match self.role {
                End::Client => Role::Client,
                End::Server => Role::Server,
            },
            ..usual
        };
        let request = Request {
            detect: self.detect,
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
        let answer = advise(&request)?;
        if let (Answer::Met(advice), Some(form)) = (&answer, self.emit) {
            terminal::print(&emit::render(form, &request, advice, &kernel, &under))?;
            return Ok(Exit::Same);
        }
        match self.json {
            true => {
                let json = report::to_json(&request, &answer, &under);
                terminal::print(&format!("{json:#}\n"))?;
            }
            false => {
                let text = report::render(&request, &answer, &under, terminal::style());
                terminal::print(&text)?;
            }
        }
        Ok(match answer {
            Answer::Met(_) => Exit::Same,
            Answer::Unmet(_) => Exit::Different,
        })
    }
}
