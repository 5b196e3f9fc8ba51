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

/// Exit codes for a program that was not found, could not be started or took too long, and for a failure of this
/// command itself. They are those of env(1) and timeout(1).
const NOT_FOUND: u8 = 127;
const NOT_STARTED: u8 = 126;
pub(super) const COULD_NOT_RUN: u8 = 125;
const TOOK_TOO_LONG: u8 = 124;

/// Signals that are the program's: those that would end this command and leave the program without its network.
const PASSED_ON: &[i32] = &[SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM];

/// Arguments of `exec`.
#[derive(Debug, Args)]
#[command(after_help = "\
The program runs in a private network at 10.77.0.1 (fd77::1) with its own loopback. Its peer is at 10.77.0.2 (fd77::2).
Without --forward, an echo server answers on every port of the peer.

The exit code is that of the program, or 128 plus the number of the signal that ended it; 124 if --timeout ended it; 125
if halfopen itself failed; 126 if the program could not be started; 127 if it was not found.")]
pub(super) struct Exec {
    /// Sets a sysctl in the network namespace of the program, such as tcp_retries2=5; may be repeated
    #[arg(long, value_name = "SYSCTL=VALUE", value_parser = sysctl)]
    sysctl: Vec<(String, String)>,
    /// Relays every port of the peer to this server, which is reached from the network of this machine
    #[arg(long, value_name = "HOST:PORT", value_parser = server)]
    forward: Option<SocketAddr>,
    #[command(flatten)]
    death: DeathToCome,
    /// Writes the packets to this file, for Wireshark
    #[arg(long, value_name = "FILE.pcapng")]
    trace: Option<PathBuf>,
    /// Ends the program after this time with SIGTERM, and two seconds later with SIGKILL
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    timeout: Option<Duration>,
    /// Prints the report as one JSON object
    #[arg(long)]
    json: bool,
    /// Writes the report to this file instead of stderr
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The program to run and its arguments
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "PROGRAM"
    )]
    program: Vec<OsString>,
}

/// Parses the name and value of a sysctl: `tcp_retries2=5`.
pub(super) fn sysctl(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("a sysctl must be given as NAME=VALUE, such as tcp_retries2=5".to_owned()),
    }
}

/// Parses and resolves the address of a server: `127.0.0.1:6379`, `localhost:6379`.
pub(super) fn server(text: &str) -> Result<SocketAddr, String> {
    let found = text
        .to_socket_addrs()
        .map_err(|e| format!("{e}; a server must be given as HOST:PORT, such as 127.0.0.1:6379"))?;
    let mut found: Vec<_> = found.collect();
    // a server on localhost listens on IPv4 more often than on IPv6
    found.sort_by_key(|a| a.is_ipv6());
    let first = found.into_iter().next();
    first.ok_or_else(|| "this host name has no address".to_owned())
}

impl Exec {
    /// Runs the program and reports what happened to its connections. A failure of this command itself has the exit
    /// code 125 and not 2, which the program may use.
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
            private.entry.set_sysctl(name, value)?;
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
            .ok_or(Failure("no program was given".to_owned()))?;
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
        let sysctl = sysctls_of(&private)?;
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

    /// Prints the report to stderr, because stdout belongs to the program, or writes it to the file of `--output`.
    fn write(&self, report: &str) -> Result<(), Failure> {
        match &self.output {
            Some(path) => std::fs::write(path, report)
                .map_err(|e| Failure(format!("{}: {e}", path.display()))),
            None => Ok(terminal::print_beside(report)?),
        }
    }
}

/// Returns the sysctls of the namespace, as far as they are modelled.
fn sysctls_of(private: &Private) -> Result<Sysctl, Failure> {
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
        log::info!("forecasts ignore this sysctl: {note}");
    }
    Ok(sysctl)
}

/// Returns the phase of the kernel's ticks relative to the endpoint's clock.
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
    fn sysctls_and_servers_are_read_or_refused() {
        assert_eq!(
            sysctl("tcp_retries2 = 5"),
            Ok(("tcp_retries2".into(), "5".into()))
        );
        assert_eq!(
            sysctl("tcp_rmem=1 2 3"),
            Ok(("tcp_rmem".into(), "1 2 3".into()))
        );
        assert!(sysctl("tcp_retries2").is_err());
        assert!(sysctl("=5").is_err());
        assert_eq!(server("127.0.0.1:6379"), Ok(([127, 0, 0, 1], 6379).into()));
        assert!(server("127.0.0.1").unwrap_err().contains("127.0.0.1:6379"));
    }
}
