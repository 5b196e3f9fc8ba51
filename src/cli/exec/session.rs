//! The program's time: waits for its end, passes signals on, looks at its sockets, and clears up after it.

use std::io::IsTerminal;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use signal_hook::consts::{SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGTERM};

use super::look::Looker;
use super::report::{Ending, Report};
use crate::cli::Failure;
use crate::cli::signals::Signals;
use crate::live::Private;
use crate::os::{Entry, LeftBehind, Program};
use crate::postmortem::{Run, Witness};
use crate::time::{Instant, Ticks};
use crate::world::{Endpoint, Fate};

/// Time between two looks at the program's sockets.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Time from a polite end to one by force.
const PATIENCE: Duration = Duration::from_secs(2);
/// What the kernel does with the sockets of a program that has ended, it does at once; this is for its packets.
const AFTERWARDS: Duration = Duration::from_millis(60);

/// A program under way.
pub(super) struct Session {
    endpoint: Endpoint,
    // what it left behind lives in here until it is ended
    _entry: Entry,
    looker: Looker,
    program: Program,
    signals: Signals,
    witness: Arc<Mutex<Witness>>,
    changed: Receiver<(Instant, Fate)>,
    /// When force is used.
    kill_at: Option<Instant>,
    by_timeout: bool,
    look_failed: bool,
}

impl Session {
    pub(super) fn new(
        endpoint: Endpoint,
        private: Private,
        program: Program,
        signals: Signals,
        witness: Arc<Mutex<Witness>>,
        changed: Receiver<(Instant, Fate)>,
    ) -> Session {
        Session {
            endpoint,
            _entry: private.entry,
            looker: Looker::new(private.diag),
            program,
            signals,
            witness,
            changed,
            kill_at: None,
            by_timeout: false,
            look_failed: false,
        }
    }

    pub(super) fn ticks(&self) -> Ticks {
        super::ticks_of(&self.endpoint)
    }

    /// Until the program has ended and nothing of it is left.
    pub(super) fn run(&mut self, timeout: Option<Duration>) -> Result<Ending, Failure> {
        let mut end_at = timeout.map(|t| self.endpoint.now() + t);
        let how = loop {
            let now = self.endpoint.now();
            if let Some(ended) = self.program.ended()? {
                break ended;
            }
            self.look();
            for (at, fate) in self.changed.try_iter() {
                log::info!("{:.3} s: the peer is {fate}", at.secs_f64());
            }
            self.pass_signals(now)?;
            if end_at.is_some_and(|at| at <= now) {
                end_at = None;
                self.by_timeout = true;
                self.end_program(now)?;
            }
            if self.kill_at.is_some_and(|at| at <= now) {
                self.kill_at = None;
                self.program.signal(SIGKILL)?;
            }
            self.wait(LOOK_EVERY, true)?;
        };
        let at = self.endpoint.now();
        self.look();
        self.clear_up()?;
        self.endpoint.pause(AFTERWARDS);
        self.look();
        Ok(Ending {
            at,
            how,
            by_timeout: self.by_timeout,
        })
    }

    fn look(&mut self) {
        let at = self.endpoint.now();
        match self.looker.look(|| self.endpoint.now()) {
            Ok(all) => self.witness().sightings(at, all),
            Err(e) if !self.look_failed => {
                self.look_failed = true;
                log::warn!("sock_diag cannot be asked ({e}): the report tells packets only");
            }
            Err(_) => {}
        }
    }

    fn witness(&self) -> MutexGuard<'_, Witness> {
        self.witness.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ctrl-C and Ctrl-\ reach the program from the terminal itself, as it is in the same process group; all other
    /// signals that are meant for it are passed on.
    fn pass_signals(&mut self, now: Instant) -> Result<(), Failure> {
        for number in self.signals.take() {
            let of_terminal = matches!(number, SIGINT | SIGQUIT) && is_foreground();
            if of_terminal {
                continue;
            }
            // asked a second time, it is ended by force
            if matches!(number, SIGTERM | SIGINT | SIGHUP) && self.kill_at.is_some() {
                self.program.signal(SIGKILL)?;
            } else {
                self.program.signal(number)?;
                if number == SIGTERM {
                    self.kill_at = Some(now + PATIENCE);
                }
            }
        }
        Ok(())
    }

    fn end_program(&mut self, now: Instant) -> Result<(), Failure> {
        self.program.signal(SIGTERM)?;
        self.kill_at = Some(now + PATIENCE);
        Ok(())
    }

    fn wait(&self, time: Duration, for_program: bool) -> Result<(), Failure> {
        let mut fds: Vec<_> = self
            .signals
            .descriptors()
            .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
            .collect();
        if for_program {
            fds.push(PollFd::new(&self.program, PollFlags::IN));
        }
        let time = Timespec {
            tv_sec: time.as_secs() as i64,
            tv_nsec: time.subsec_nanos().into(),
        };
        match rustix::event::poll(&mut fds, Some(&time)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    /// What the program left running is ended: its network goes away with us.
    fn clear_up(&mut self) -> Result<(), Failure> {
        let mut left = LeftBehind::all();
        if left.is_empty() {
            return Ok(());
        }
        for process in &left {
            log::warn!(
                "the program left {} (process {}) running; it is ended, as its network goes away",
                process.name,
                process.pid
            );
            process.signal(SIGTERM)?;
        }
        let until = self.endpoint.now() + PATIENCE;
        while !left.is_empty() && self.endpoint.now() < until {
            self.wait(LOOK_EVERY, false)?;
            left = LeftBehind::all();
        }
        left.iter()
            .try_for_each(|process| process.signal(SIGKILL))?;
        Ok(())
    }

    /// The stories of all connections, as text or as JSON.
    pub(super) fn report(&self, report: &Report<'_>, json: bool) -> String {
        let run = Run {
            ended_at: self.endpoint.now(),
            program_ended_at: Some(report.ended.at),
        };
        let witness = self.witness();
        let stories = witness.stories(&run, report.sysctl, report.ticks);
        match json {
            true => report.json(&stories, witness.happenings()),
            false => report.text(&stories, witness.happenings()),
        }
    }
}

/// Whether this process's group is the one that the terminal's keys signal.
fn is_foreground() -> bool {
    let stdin = std::io::stdin();
    let group = rustix::termios::tcgetpgrp(&stdin).ok();
    stdin.is_terminal() && group == Some(rustix::process::getpgrp())
}
