//! `halfopen watch`: the connections of this network namespace, their timers, and when each application will get
//! an error.

mod screen;

use std::io::IsTerminal;
use std::time::Duration;

use clap::Args;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGWINCH};

use self::screen::{Screen, Wish};
use super::signals::Signals;
use super::{Exit, Failure, terminal};
use crate::call::TcpState;
use crate::report::{Style, watch as report};
use crate::scenario::parse_duration;
use crate::watch::{AddressFilter, Filter, Look, Watcher};

/// Arguments of `watch`.
#[derive(Debug, Args)]
pub(super) struct Watch {
    /// Shows only connections with this address or port at either end: 10.0.0.1, 10.0.0.1:80, [::1]:80, :80
    #[arg(value_name = "ADDR")]
    addresses: Vec<AddressFilter>,
    /// Prints one snapshot and exits
    #[arg(long)]
    once: bool,
    /// Prints one JSON object a line for each connection in each snapshot
    #[arg(long)]
    json: bool,
    /// Time between two snapshots
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = interval)]
    interval: Duration,
    /// Shows only connections in this state (established, syn-sent, fin-wait-1, ...); may be repeated. The default is every
    /// state but listen
    #[arg(long, value_name = "STATE", value_parser = state)]
    state: Vec<TcpState>,
    /// Shows only connections with this port at either end; may be repeated
    #[arg(long, value_name = "PORT")]
    port: Vec<u16>,
    /// Shows only connections of this process
    #[arg(long)]
    pid: Option<u32>,
    /// Does not read the socket options of other processes (which is done with pidfd_getfd, through a duplicate of their
    /// descriptor). Forecasts then use the keepalive times of the sysctls and assume that TCP_USER_TIMEOUT is unset
    #[arg(long)]
    no_options: bool,
}

fn interval(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        short if short < Duration::from_millis(20) => {
            Err("the interval must be at least 20ms".to_owned())
        }
        fits => Ok(fits),
    }
}

fn state(name: &str) -> Result<TcpState, String> {
    Filter::state(name).ok_or_else(|| {
        "this is not a TCP state; the states are established, syn-sent, syn-recv, fin-wait-1, fin-wait-2, close-wait, \
         closing, last-ack, time-wait and listen"
            .to_owned()
    })
}

impl Watch {
    /// Prints snapshots until a key or a signal ends it.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let filter = Filter {
            states: self.state.clone(),
            ends: self.addresses.clone(),
            ports: self.port.clone(),
            pid: self.pid,
        };
        let mut watcher = Watcher::open(filter, !self.no_options).map_err(|e| {
            Failure(format!(
                "the kernel's connections cannot be read (sock_diag: {e}); this needs a Linux kernel with inet_diag: try \
                 modprobe tcp_diag as root"
            ))
        })?;
        if self.once {
            self.print(&mut watcher)?;
            return Ok(Exit::Same);
        }
        let is_screen = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
        let is_screen = is_screen && !self.json;
        let caught: &[i32] = match is_screen {
            // whatever ends it, the terminal is restored first
            true => &[SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGWINCH],
            // under nohup SIGHUP stays ignored
            false => &[SIGINT, SIGTERM],
        };
        // as descriptors: a signal that comes just before a wait must end it
        let mut signals = Signals::catch(caught)?;
        if is_screen {
            self.live(&mut watcher, &mut signals)?;
            return Ok(Exit::Same);
        }
        loop {
            self.print(&mut watcher)?;
            if screen::wait(None, &mut signals, self.interval)? == Wish::Quit {
                return Ok(Exit::Same);
            }
            if !self.json {
                terminal::print("\n")?;
            }
        }
    }

    /// Takes one snapshot and prints it.
    fn print(&self, watcher: &mut Watcher) -> Result<(), Failure> {
        let look = watcher.look(usize::MAX)?;
        if self.json {
            let lines = look.rows.iter().map(|r| r.to_json() + "\n");
            terminal::print_json(&lines.collect::<String>())?;
            look.notes.iter().for_each(|n| log::warn!("{n}"));
        } else {
            let lines = report::render(&look, &kernel(watcher), terminal::style());
            terminal::print(&(lines.join("\n") + "\n"))?;
        }
        Ok(())
    }

    /// Redraws the whole terminal with each snapshot.
    fn live(&self, watcher: &mut Watcher, signals: &mut Signals) -> Result<(), Failure> {
        let mut screen = Screen::open()?;
        let mut is_paused = false;
        let mut look = Look::default();
        loop {
            let (columns, rows) = screen.size();
            if !is_paused {
                // a connection takes two lines at the least
                look = watcher.look(rows / 2 + 1)?;
            }
            let style = Style {
                width: Some(columns),
                ..terminal::style()
            };
            let mut lines = report::render(&look, &kernel(watcher), style);
            let last = if is_paused {
                "paused; p resumes, q quits"
            } else {
                "q quits, p pauses"
            };
            lines.truncate(rows.saturating_sub(2));
            lines.resize(rows.saturating_sub(1), String::new());
            lines.push(last.chars().take(columns).collect());
            screen.draw(&lines)?;
            match screen::wait(Some(&screen), signals, self.interval)? {
                Wish::Quit => return Ok(()),
                Wish::Pause => is_paused = !is_paused,
                Wish::Nothing => {}
            }
        }
    }
}

/// `linux 6.18.44, HZ 250`.
fn kernel(watcher: &Watcher) -> String {
    let name = rustix::system::uname();
    let release = name.release().to_string_lossy().into_owned();
    format!("linux {release}, HZ {}", watcher.hz())
}
