//! `halfopen exec`: any program as the survivor, in a private namespace, while its peer dies.

mod look;
mod report;
mod session;

use std::ffi::OsString;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use clap::Args;
use signal_hook::consts::{SIGALRM, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

use super::death::DeathToCome;
use super::record::{Recorder, TraceFile};
use super::signals::Signals;
use super::{Exit, Failure, terminal};
use crate::live::Private;
use crate::os::{TickPhase, tick_ns};
use crate::postmortem::Witness;
use crate::scenario::parse_duration;
use crate::service::{Echo, Forward, Relayed};
use crate::sysctl::Sysctl;
use crate::time::Ticks;
use crate::world::{Endpoint, Service};

pub(super) use report::relay;
use session::Session;

/// The program could not be found, could not be started, took too long; this command itself could not run: as
/// env(1) and timeout(1) say it.
const NOT_FOUND: u8 = 127;
const NOT_STARTED: u8 = 126;
const COULD_NOT_RUN: u8 = 125;
const TOOK_TOO_LONG: u8 = 124;

/// Signals that are the program's: those that would end this command and leave the program without its network.
const PASSED_ON: &[i32] = &[SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM];

/// Arguments of `exec`.
#[derive(Debug, Args)]
#[command(after_help = "\
The program sees a network with itself at 10.77.0.1 (fd77::1), the peer at 10.77.0.2 (fd77::2), and its own loopback.
Without --forward an echo server answers on every port of the peer.

Exit codes: the program's own; 128 and the signal's number where a signal ended it; 124 where --timeout did; 125 where
halfopen itself could not run; 126 and 127 where the program could not be started or was not found.")]
pub(super) struct Exec {
    /// A knob of the program's kernel, as tcp_retries2=5 or net.core.somaxconn=128; may be given more than once
    #[arg(long, value_name = "KNOB=VALUE", value_parser = knob)]
    sysctl: Vec<(String, String)>,
    /// The peer is this real server, as the host reaches it: every port of the peer leads there
    #[arg(long, value_name = "HOST:PORT", value_parser = server)]
    forward: Option<SocketAddr>,
    #[command(flatten)]
    death: DeathToCome,
    /// Keeps the packets in this file, for Wireshark
    #[arg(long, value_name = "FILE.pcapng")]
    trace: Option<PathBuf>,
    /// Ends the program after so long, with SIGTERM, and two seconds later with SIGKILL
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    timeout: Option<Duration>,
    /// The report as one JSON object
    #[arg(long)]
    json: bool,
    /// Writes the report to this file, not to stderr
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The program and its arguments
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "PROGRAM"
    )]
    program: Vec<OsString>,
}

/// `tcp_retries2=5`.
pub(super) fn knob(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("KNOB=VALUE is wanted, as in tcp_retries2=5".to_owned()),
    }
}

/// `127.0.0.1:6379`, `localhost:6379`.
pub(super) fn server(text: &str) -> Result<SocketAddr, String> {
    let found = text
        .to_socket_addrs()
        .map_err(|e| format!("{e}; HOST:PORT is wanted, as in 127.0.0.1:6379"))?;
    let mut found: Vec<_> = found.collect();
    // a server on localhost listens on IPv4 more often than on IPv6
    found.sort_by_key(|a| a.is_ipv6());
    let first = found.into_iter().next();
    first.ok_or_else(|| "the host has no address".to_owned())
}

impl Exec {
    /// Runs the program and tells its story. Failures of its own end with 125, and not with 2, which may be the
    /// program's.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        match self.run_program() {
            Ok(exit) => Ok(exit),
            Err(Failure(why)) => {
                terminal::complain(&why);
                Ok(Exit::Code(COULD_NOT_RUN))
            }
        }
    }

    fn run_program(&self) -> Result<Exit, Failure> {
        let signals = Signals::catch(PASSED_ON)?;
        let (endpoint, private) = Endpoint::builder().open_private()?;
        for note in &private.notes {
            log::info!("{note}");
        }
        for (name, value) in &self.sysctl {
            private.entry.set_knob(name, value)?;
        }
        let witness = Arc::new(Mutex::new(Witness::new()));
        let file = self
            .trace
            .as_ref()
            .map(|path| TraceFile::create(path, &self.title()));
        let (changes, changed) = mpsc::channel();
        let recorder = Recorder {
            witness: Some(witness.clone()),
            file: file.transpose()?,
            changes,
        };
        endpoint.tap(Box::new(recorder));
        let (service, relayed) = self.peer();
        endpoint.serve_every_port(service);

        let (first, arguments) = self
            .program
            .split_first()
            .ok_or(Failure("no program".to_owned()))?;
        let program = match private.entry.start(first, arguments) {
            Ok(program) => program,
            Err(e) => {
                terminal::complain(&format!("{}: {e}", first.to_string_lossy()));
                return Ok(Exit::Code(match e.kind() {
                    std::io::ErrorKind::NotFound => NOT_FOUND,
                    _ => NOT_STARTED,
                }));
            }
        };
        if let Some(failure) = self.death.failure() {
            endpoint.failure(failure);
        }
        let sysctl = knobs_of(&private)?;
        let mut session = Session::new(endpoint, private, program, signals, witness, changed);
        let ended = session.run(self.timeout)?;
        let report = report::Report {
            command: self.title(),
            ended,
            sysctl: &sysctl,
            set: &self.sysctl,
            ticks: session.ticks(),
            relayed: relayed.as_deref(),
            trace: self.trace.as_deref(),
        };
        self.write(&session.report(&report, self.json))?;
        Ok(Exit::Code(match ended.by_timeout {
            true => TOOK_TOO_LONG,
            false => ended.how.code(),
        }))
    }

    fn peer(&self) -> (Box<dyn Service>, Option<Arc<Relayed>>) {
        match self.forward {
            Some(to) => {
                let forward = Forward::to(to);
                let relayed = forward.relayed();
                (Box::new(forward), Some(relayed))
            }
            None => (Box::new(Echo::default()), None),
        }
    }

    fn title(&self) -> String {
        let words = self.program.iter().map(|w| w.to_string_lossy());
        words.collect::<Vec<_>>().join(" ")
    }

    /// The program's output stays its own: the report goes to stderr.
    fn write(&self, report: &str) -> Result<(), Failure> {
        match &self.output {
            Some(path) => std::fs::write(path, report)
                .map_err(|e| Failure(format!("{}: {e}", path.display()))),
            None => {
                eprint!("{report}");
                Ok(())
            }
        }
    }
}

/// The knobs in force in the namespace, as far as they are modelled.
fn knobs_of(private: &Private) -> Result<Sysctl, Failure> {
    let listing = private.entry.run(|| {
        let read = |name: &'static str| {
            let value = crate::os::sysctl_files::read(name).ok().flatten();
            value.map(|value| (name, value))
        };
        Sysctl::names().filter_map(read).collect::<Vec<_>>()
    })?;
    let listing = listing.iter().map(|(name, value)| (*name, value.as_str()));
    let (sysctl, notes) = Sysctl::from_listing(listing);
    for note in notes {
        log::info!("a forecast does without: {note}");
    }
    Ok(sysctl)
}

/// The kernel's ticks on the endpoint's clock.
fn ticks_of(endpoint: &Endpoint) -> Ticks {
    match TickPhase::of_this_machine() {
        Some(phase) => phase.of_clock(endpoint.now()),
        None => Ticks {
            tick_ns: tick_ns(),
            ..Ticks::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knobs_and_servers_are_read_or_refused() {
        assert_eq!(
            knob("tcp_retries2 = 5"),
            Ok(("tcp_retries2".into(), "5".into()))
        );
        assert_eq!(
            knob("tcp_rmem=1 2 3"),
            Ok(("tcp_rmem".into(), "1 2 3".into()))
        );
        assert!(knob("tcp_retries2").is_err());
        assert!(knob("=5").is_err());
        assert_eq!(server("127.0.0.1:6379"), Ok(([127, 0, 0, 1], 6379).into()));
        assert!(server("127.0.0.1").unwrap_err().contains("127.0.0.1:6379"));
    }
}
