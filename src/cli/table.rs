//! `halfopen table`: when each retransmission, probe or SYN leaves, and how it ends.

use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::play::Players;
use super::{Exit, Failure, terminal};
use crate::answers::table::{self, Settings, What};
use crate::report::tries::{self, Under};
use crate::scenario::parse_duration;
use crate::sockopt::SockOpt;
use crate::sysctl::{Preset, Sysctl};
use crate::target::TargetKind;

/// The round-trip times of the overview: a local network, a far data centre, a satellite or a bad mobile link.
const RTTS: [Duration; 3] = [
    Duration::from_micros(200),
    Duration::from_millis(80),
    Duration::from_millis(300),
];
/// tcp_retries2 of the overview: 1 to the default.
const MOST_RETRIES2: u32 = 15;

/// Arguments of `table`.
#[derive(Debug, Args)]
#[command(before_help = "Example: halfopen table retries2 --rtt 80ms --sysctl tcp_retries2=8")]
pub(super) struct Table {
    /// Which tries: data (retries2, orphan, persist, user-timeout), idle (keepalive), handshake (syn, synack), a peer that
    /// has rebooted (reboot, reboot-idle)
    #[arg(value_parser = what())]
    what: What,
    /// Round-trip time of the link while the peer lives
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    rtt: Option<Duration>,
    /// Kernel preset (`linux-6.18`, see docs/SCENARIOS.md)
    #[arg(long, value_name = "PRESET")]
    kernel: Option<String>,
    /// Clock ticks per second of the kernel
    #[arg(long, value_parser = clap::value_parser!(u32).range(24..=1_000))]
    hz: Option<u32>,
    /// Sets a sysctl of net.ipv4; may be given several times
    #[arg(long = "sysctl", value_name = "NAME=VALUE", value_parser = pair)]
    sysctls: Vec<(String, String)>,
    /// Sets a socket option, in its own unit; may be given several times
    #[arg(long = "option", value_name = "NAME=VALUE", value_parser = option)]
    options: Vec<SockOpt>,
    /// Runs the same scenario on the kernel of this machine, in real time, and shows its times too
    #[arg(long)]
    measure: bool,
    /// Prints the scenario that is run, as a file for `halfopen run`
    #[arg(long, conflicts_with_all = ["measure", "json"])]
    scenario: bool,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

fn what() -> impl TypedValueParser<Value = What> {
    PossibleValuesParser::new(What::ALL.map(What::name))
        .try_map(|name| What::from_name(&name).ok_or("no such table"))
}

pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("a name, = and a value are wanted, as in tcp_retries2=8")?;
    let known = Sysctl::known(name).map_err(|e| e.to_string())?;
    let mut probe = Sysctl::default();
    probe.set(known, value).map_err(|e| e.to_string())?;
    Ok((known.to_owned(), value.to_owned()))
}

pub(super) fn option(text: &str) -> Result<SockOpt, String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("a name, = and a value are wanted, as in TCP_USER_TIMEOUT=30000")?;
    SockOpt::parse(name, value).map_err(|e| e.to_string())
}

impl Table {
    /// Prints the table that was asked for.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let preset = preset(self.kernel.as_deref())?;
        let mut settings = Settings {
            kernel: Some(preset.name.to_owned()),
            hz: self.hz,
            sysctls: self.sysctls.clone(),
            options: self.options.clone(),
            ..Settings::default()
        };
        if let Some(rtt) = self.rtt {
            settings.rtt = rtt;
        }
        let scenario = table::scenario(self.what, &settings)?;
        let under = Under {
            kernel: preset.name.to_owned(),
            hz: settings.ticks(&scenario).hz(),
            rtt: settings.rtt,
        };
        if self.scenario {
            terminal::print(&scenario.toml)?;
            return Ok(Exit::Same);
        }
        if self.wants_overview() {
            let overview = table::overview(&settings, &RTTS, MOST_RETRIES2)?;
            let text = match self.json {
                true => format!("{:#}\n", tries::overview_to_json(&overview, &under)),
                false => tries::render_overview(&overview, &under, terminal::style()),
            };
            terminal::print(&text)?;
            return Ok(Exit::Same);
        }
        let measured = match self.measure {
            true => Some(Players::new(1)?.play(&scenario, TargetKind::Linux)?),
            false => None,
        };
        let table = table::table(self.what, &settings, measured.as_ref())?;
        let text = match self.json {
            true => format!("{:#}\n", tries::to_json(&table, &under)),
            false => tries::render(&table, &under, terminal::style()),
        };
        terminal::print(&text)?;
        Ok(Exit::Same)
    }

    /// `table retries2` alone asks for every value of tcp_retries2.
    fn wants_overview(&self) -> bool {
        self.what == What::Retries2
            && self.rtt.is_none()
            && self.sysctls.is_empty()
            && self.options.is_empty()
            && !self.measure
    }
}

/// Returns the preset of this name, with or without `linux-` before it; the default one without a name.
pub(super) fn preset(name: Option<&str>) -> Result<&'static Preset, Failure> {
    let Some(name) = name else {
        return Ok(Preset::linux());
    };
    let names = || Preset::all().iter().map(|p| p.name).collect::<Vec<_>>();
    let found = Preset::find(name).or_else(|| Preset::find(&format!("linux-{name}")));
    found.ok_or_else(|| {
        Failure(format!(
            "there is no kernel preset {name:?}; there are {}",
            names().join(", ")
        ))
    })
}
