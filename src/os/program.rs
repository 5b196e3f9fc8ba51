//! A program that was started in a private namespace: its end, signals, and the processes that it leaves behind.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::Child;

use rustix::process::{Pid, PidfdFlags, Signal};

/// Whether this process ignores the signal of this number, as those do that nohup(1) or a script's `&` started.
pub fn is_ignored(signal: i32) -> bool {
    super::sys::is_ignored(signal)
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It exited with this code.
    Code(u8),
    /// This signal ended it.
    Signal(i32),
}

impl Ended {
    /// Returns the exit code as a shell reports it: the code, or 128 plus the number of the signal.
    pub fn code(self) -> u8 {
        match self {
            Ended::Code(code) => code,
            Ended::Signal(signal) => 128_u8.saturating_add(signal.unsigned_abs() as u8),
        }
    }
}

/// `exit code 0`, `signal 15`.
impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Ended::Code(code) => write!(f, "exit code {code}"),
            Ended::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

/// A running program. It is not killed when this is dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    /// Readable once the program has ended.
    pidfd: OwnedFd,
}

impl Program {
    pub(super) fn new(child: Child) -> io::Result<Program> {
        let pidfd = rustix::process::pidfd_open(Pid::from_child(&child), PidfdFlags::empty())?;
        Ok(Program { child, pidfd })
    }

    /// Returns its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns how it ended, or None while it runs.
    pub fn ended(&mut self) -> io::Result<Option<Ended>> {
        let status = self.child.try_wait()?;
        Ok(status.map(|s| match (s.code(), s.signal()) {
            (Some(code), _) => Ended::Code(code as u8),
            (None, signal) => Ended::Signal(signal.unwrap_or_default()),
        }))
    }

    /// Sends a signal by number. It is not an error if the process has ended.
    pub fn signal(&self, number: i32) -> io::Result<()> {
        let signal = Signal::from_named_raw(number)
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        match rustix::process::pidfd_send_signal(&self.pidfd, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }
}

/// Readable once the program has ended.
impl AsFd for Program {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

/// A process that a program started and did not wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftBehind {
    /// Its process id.
    pub pid: u32,
    /// Its name, as `ps` shows it.
    pub name: String,
}

impl LeftBehind {
    /// Returns the remaining children of this process. Once its programs have ended, these are the processes that they
    /// left behind.
    pub fn all() -> Vec<LeftBehind> {
        // processes that have ended are reaped
        while let Ok(Some(_)) = rustix::process::wait(rustix::process::WaitOptions::NOHANG) {}
        let mine = format!("PPid:\t{}", std::process::id());
        let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        entries
            .filter_map(|entry| {
                let pid = entry.file_name().to_str()?.parse().ok()?;
                // a name may be any bytes
                let status = std::fs::read(entry.path().join("status")).ok()?;
                let status = String::from_utf8_lossy(&status);
                let name = status.lines().find_map(|l| l.strip_prefix("Name:\t"))?;
                status.lines().any(|l| l == mine).then(|| LeftBehind {
                    pid,
                    name: name.to_owned(),
                })
            })
            .collect()
    }

    /// Sends a signal by number. It is not an error if the process has ended.
    pub fn signal(&self, number: i32) -> io::Result<()> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        let target = pid.zip(Signal::from_named_raw(number));
        let (pid, signal) = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        match rustix::process::kill_process(pid, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }
}
