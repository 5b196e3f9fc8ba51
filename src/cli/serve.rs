//! `halfopen serve`: a server for other programs that dies on demand.

mod keys;
mod show;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::{ArgGroup, Args, ValueEnum};
use rustix::event::{PollFd, PollFlags, Timespec};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};

use super::death::DeathToCome;
use super::exec::{server, sysctl};
use super::record::{Recorder, TraceFile};
use super::signals::Signals;
use super::{Exit, Failure, terminal};
use crate::live::{Builder, Private};
use crate::postmortem::Witness;
use crate::scenario::parse_duration;
use crate::service::{Chargen, Discard, Echo, Forward, Http, Relayed};
use crate::sysctl::Sysctl;
use crate::time::Instant;
use crate::world::{Death, Endpoint, Fate, Service};

use keys::{Key, Keys};

/// Longest time between two readings of the clock.
const TURN: Duration = Duration::from_millis(200);

/// The services that can be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Served {
    /// Sends back what it receives (port 7)
    Echo,
    /// Discards what it receives (port 9)
    Discard,
    /// Sends characters without end (port 19)
    Chargen,
    /// Answers every request with the same page (port 80)
    Http,
}

/// Arguments of `serve`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true), after_help = "\
Keys, where stdin is a terminal: p power off, o power on, c cut, r restore, f freeze, t thaw, q quit.
Signals: SIGUSR1 makes the server die as --fate says, SIGUSR2 revives it; SIGINT and SIGTERM end the command.

Exit codes: 0 if it ended on request, 2 if it could not run.")]
pub(super) struct Serve {
    /// The service to run
    #[arg(value_enum, group = "what")]
    service: Option<Served>,
    /// Relays to this server instead, which then seems to lose its power; it is reached from the network of this machine
    #[arg(long, value_name = "HOST:PORT", value_parser = server, group = "what")]
    forward: Option<SocketAddr>,
    /// The port to listen on; the default is that of the service or of the real server
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// The IPv4 address and prefix of the server; the kernel gets the first other address of that network
    #[arg(long, value_name = "ADDR/PREFIX", default_value = "10.77.0.2/24")]
    addr: String,
    /// The IPv6 address and prefix of the server
    #[arg(long, value_name = "ADDR/PREFIX", default_value = "fd77::2/64")]
    addr6: String,
    #[command(flatten)]
    death: DeathToCome,
    /// Sets a sysctl of the server's TCP, such as tcp_retries2=5; may be repeated
    #[arg(long, value_name = "SYSCTL=VALUE", value_parser = sysctl)]
    sysctl: Vec<(String, String)>,
    /// Writes the packets to this file, for Wireshark
    #[arg(long, value_name = "FILE.pcapng")]
    trace: Option<PathBuf>,
    /// Creates the interface in the network of this machine instead of a private one; needs CAP_NET_ADMIN
    #[arg(long)]
    here: bool,
    /// Name of the interface, which exists until the command ends
    #[arg(long, value_name = "NAME", default_value = "halfopen0")]
    name: String,
    /// Ends the command after this time
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    timeout: Option<Duration>,
}

/// A running server, and the signals and keys that control it.
struct Session<'a> {
    options: &'a Serve,
    endpoint: Endpoint,
    signals: Signals,
    keys: Option<Keys>,
    changed: Receiver<(Instant, Fate)>,
    /// When a server that died by key or signal is revived, and from which death.
    back: Option<(Instant, Death)>,
}

impl Serve {
    /// Serves until a signal, a key or the timeout ends it.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let signals = Signals::catch(&[SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2])?;
        let (endpoint, private) = self.open()?;
        let witness = Arc::new(Mutex::new(Witness::new()));
        let file = self
            .trace
            .as_ref()
            .map(|path| TraceFile::create(path, "serve"));
        let (changes, changed) = mpsc::channel();
        let recorder = Recorder {
            witness: Some(witness.clone()),
            file: file.transpose()?,
            changes,
        };
        endpoint.tap(Box::new(recorder));
        let port = self.port();
        let relayed: Arc<Relayed> = Arc::default();
        let mut served = Vec::new();
        for addr in endpoint.addrs().iter().map(|ip| SocketAddr::new(*ip, port)) {
            match endpoint.serve(addr, self.service(&relayed)) {
                Ok(()) => served.push(addr),
                Err(e) => log::warn!("cannot serve at {addr}: {e}"),
            }
        }
        if served.is_empty() {
            return Err(Failure(
                "there is no address at which the service can run".to_owned(),
            ));
        }

        self.greet(endpoint.name(), private.as_ref(), &served)?;
        if let Some(failure) = self.death.failure() {
            endpoint.failure(failure);
        }
        let mut session = Session {
            options: self,
            endpoint,
            signals,
            keys: Keys::listen()?,
            changed,
            back: None,
        };
        session.run()?;
        // the terminal is as it was before the last lines are printed
        session.keys = None;
        // not locked while the endpoint is asked: the endpoint's thread takes the two in the other order
        let totals = witness
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .totals();
        terminal::print(&show::at_the_end(
            &session.endpoint,
            totals,
            self.forward.map(|_| &*relayed),
        ))?;
        Ok(Exit::Same)
    }

    fn open(&self) -> Result<(Endpoint, Option<Private>), Failure> {
        let mut sysctl = Sysctl::default();
        for (name, value) in &self.sysctl {
            sysctl.set(name, value)?;
        }
        let builder: Builder = Endpoint::builder()
            .addr(&self.addr)
            .addr(&self.addr6)
            .sysctl(sysctl)
            .name(&self.name);
        if self.here {
            return Ok((builder.open_here()?, None));
        }
        let (endpoint, private) = builder.open_private()?;
        Ok((endpoint, Some(private)))
    }

    fn service(&self, relayed: &Arc<Relayed>) -> Box<dyn Service> {
        match (self.forward, self.service) {
            (Some(to), _) => Box::new(Forward::to(to).counted_by(relayed.clone())),
            (None, Some(Served::Discard)) => Box::<Discard>::default(),
            (None, Some(Served::Chargen)) => Box::<Chargen>::default(),
            (None, Some(Served::Http)) => Box::<Http>::default(),
            (None, _) => Box::<Echo>::default(),
        }
    }

    fn port(&self) -> u16 {
        self.port.unwrap_or(match (self.forward, self.service) {
            (Some(to), _) => to.port(),
            (None, Some(Served::Discard)) => 9,
            (None, Some(Served::Chargen)) => 19,
            (None, Some(Served::Http)) => 80,
            (None, _) => 7,
        })
    }

    fn greet(
        &self,
        interface: &str,
        private: Option<&Private>,
        served: &[SocketAddr],
    ) -> Result<(), Failure> {
        let what = match (self.forward, self.service) {
            (Some(to), _) => format!("a relay to {to}"),
            (None, Some(service)) => format!("{service:?}").to_lowercase(),
            (None, None) => "echo".to_owned(),
        };
        let addrs: Vec<_> = served.iter().map(SocketAddr::to_string).collect();
        let mut text = format!("{what} at {}, behind {interface}\n", addrs.join(" and "));
        if let (Some(private), Some(first)) = (private, served.first()) {
            text += &format!(
                "the network is private; to connect from another terminal, as the same user:\n  {} nc {} {}\n",
                private.entry.nsenter(),
                first.ip(),
                first.port()
            );
        }
        if Keys::is_possible() {
            text += "keys: p power off, o power on, c cut, r restore, f freeze, t thaw, q quit\n";
        }
        text += &format!(
            "signals: kill -USR1 {0} {1}, kill -USR2 {0} revive, kill {0} or Ctrl-C end\n",
            std::process::id(),
            self.death.how().name()
        );
        Ok(terminal::print(&text)?)
    }
}

impl Session<'_> {
    fn run(&mut self) -> Result<(), Failure> {
        let end_at = self.options.timeout.map(|t| self.endpoint.now() + t);
        loop {
            let now = self.endpoint.now();
            for (at, fate) in self.changed.try_iter() {
                terminal::print(&format!(
                    "{:10.3} s  the endpoint is {fate}\n",
                    at.secs_f64()
                ))?;
            }
            if end_at.is_some_and(|at| at <= now) {
                return Ok(());
            }
            if let Some((_, death)) = self.back.take_if(|(at, _)| *at <= now) {
                self.back(death);
            }
            for number in self.signals.take() {
                match number {
                    SIGUSR1 => self.die(self.options.death.how()),
                    SIGUSR2 => self.back_from_all(),
                    _ => return Ok(()),
                }
            }
            let pressed = self.keys.as_mut().map(Keys::take).unwrap_or_default();
            for key in pressed {
                match key {
                    Key::Die(death) => self.die(death),
                    Key::Back(death) => self.back(death),
                    Key::Quit => return Ok(()),
                }
            }
            self.wait()?;
        }
    }

    fn die(&mut self, death: Death) {
        match death {
            Death::PowerOff => self.endpoint.power_off(),
            Death::Cut => self.endpoint.cut(),
            Death::Freeze => self.endpoint.freeze(),
        }
        let after = self.options.death.back_after();
        self.back = after.map(|after| (self.endpoint.now() + after, death));
    }

    fn back(&self, death: Death) {
        match death {
            Death::PowerOff => self.endpoint.power_on(),
            Death::Cut => self.endpoint.restore(),
            Death::Freeze => self.endpoint.thaw(),
        }
    }

    fn back_from_all(&mut self) {
        self.back = None;
        let fate = self.endpoint.fate();
        let all = [
            (fate.powered_off, Death::PowerOff),
            (fate.cut, Death::Cut),
            (fate.frozen, Death::Freeze),
        ];
        for (_, death) in all.into_iter().filter(|(is, _)| *is) {
            self.back(death);
        }
    }

    /// Waits until a signal or a key arrives, but not longer than `TURN`.
    fn wait(&self) -> Result<(), Failure> {
        let stdin = std::io::stdin();
        let signals = self.signals.descriptors();
        let mut fds: Vec<_> = signals
            .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
            .collect();
        if self.keys.is_some() {
            fds.push(PollFd::new(&stdin, PollFlags::IN));
        }
        let time = Timespec {
            tv_sec: 0,
            tv_nsec: TURN.subsec_nanos().into(),
        };
        match rustix::event::poll(&mut fds, Some(&time)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }
}
