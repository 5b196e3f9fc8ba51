//! The connections of this network namespace with their timers and forecasts: those of the kernel, read with sock_diag,
//! and those of every halfopen endpoint that runs here, read from its control socket.
//!
//! Linux counterpart: `ss -tino`, which shows the same timers without a forecast.

mod filter;
mod others;
mod row;

pub use filter::{AddressFilter, Filter};
pub use others::NAME_PREFIX;
pub use row::{Coming, HeldBy, Outlook, Pending, Process, Row, Stack};

use std::collections::BTreeSet;
use std::io;

use crate::call::TcpState;
use crate::forecast;
use crate::os::processes::{Holder, holders, options};
use crate::os::{Diagnosed, RealClock, SockDiag, TickPhase, sysctl_files, tick_ns};
use crate::sysctl::Sysctl;
use crate::time::{Jiffies, Ticks};

/// Jiffies at the start if the kernel's cannot be read. They are far from zero, because ages are counted backwards.
const SOME_JIFFIES: Jiffies = Jiffies(1 << 40);

/// Takes snapshots of the connections.
#[derive(Debug)]
pub struct Watcher {
    diag: SockDiag,
    clock: RealClock,
    ticks: Ticks,
    filter: Filter,
    asks_options: bool,
    notes: Vec<String>,
}

/// One snapshot.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// The selected connections, those that wait for an answer first, and not more than were requested.
    pub rows: Vec<Row>,
    /// How many connections were selected.
    pub of: usize,
    /// The most important sysctls: `tcp_retries2 15, keepalive 7200/75/9 s`.
    pub sysctls: String,
    /// What could not be read, one line each.
    pub notes: Vec<String>,
}

impl Watcher {
    /// Creates a watcher for the network namespace of the calling thread. With `asks_options`, the options of other
    /// processes' sockets are read through a duplicate of their descriptor, where that is allowed.
    pub fn open(filter: Filter, asks_options: bool) -> io::Result<Watcher> {
        let diag = SockDiag::here()?;
        // first the phase, whose measuring takes some ticks, so that the clock starts near the first look
        let phase = TickPhase::of_this_machine();
        let clock = RealClock::start();
        let mut notes = Vec::new();
        let ticks = match phase {
            Some(phase) => phase.of_run(&clock),
            None => {
                notes.push("this kernel does not show the phase of its clock ticks; times may be wrong by what the timer wheel adds".to_owned());
                Ticks {
                    tick_ns: tick_ns().max(100_000),
                    jiffies_at_t0: SOME_JIFFIES,
                    ..Ticks::default()
                }
            }
        };
        Ok(Watcher {
            diag,
            clock,
            ticks,
            filter,
            asks_options,
            notes,
        })
    }

    /// Returns the clock ticks per second of the kernel.
    pub fn hz(&self) -> u64 {
        self.ticks.hz()
    }

    /// Takes a snapshot with at most `most` rows.
    pub fn look(&mut self, most: usize) -> io::Result<Look> {
        let (sysctl, mut notes) = sysctls();
        notes.splice(0..0, self.notes.iter().cloned());
        let clock = self.clock;
        let mut sockets = self.diag.all(|| clock.now())?;
        sockets.retain(|s| self.filter.takes(s.seen.info.state, s.local, s.remote));
        let mut held = Default::default();
        if self.filter.pid.is_some() {
            held = holders(&inodes(&sockets));
            let is_its = |h: &Holder| Some(h.pid) == self.filter.pid;
            sockets.retain(|s| held.get(&s.inode).is_some_and(|all| all.iter().any(is_its)));
        }
        let place = |s: &Diagnosed| (row::rank_of(&s.seen.info), s.local, s.remote);
        sockets.sort_by_key(place);
        let (others, refused) = others::rows(&self.filter);
        notes.extend(refused);
        let of = sockets.len() + others.len();
        sockets.truncate(most);
        if self.filter.pid.is_none() {
            held = holders(&inodes(&sockets));
        }
        let mut rows = others;
        for socket in &mut sockets {
            let holders = held.get(&socket.inode).map_or(&[][..], Vec::as_slice);
            rows.push(self.row(socket, holders, &sysctl));
        }
        rows.sort_by_key(|r| (r.rank(), r.local, r.remote));
        rows.truncate(most);
        Ok(Look {
            rows,
            of,
            sysctls: in_short(&sysctl),
            notes,
        })
    }

    fn row(&self, socket: &mut Diagnosed, holders: &[Holder], sysctl: &Sysctl) -> Row {
        if self.asks_options && socket.seen.info.state != TcpState::Listen {
            socket.seen.options = holders.iter().find_map(|h| options(h, socket.inode));
        }
        let forecast = forecast::of_seen(&socket.seen, sysctl, self.ticks);
        let ends = (socket.local, socket.remote);
        let mut row = Row::new(Stack::Kernel, ends, &socket.seen.info, &forecast);
        if row.asks_what_if() {
            let what_if = forecast::of_seen_if_it_sends(&socket.seen, sysctl, self.ticks);
            row.told_if_it_sends = what_if.map(|f| Outlook::of(&f));
        }
        if socket.is_unaccepted() {
            row.held_by = HeldBy::AcceptQueue;
        }
        row.congestion = socket.congestion.clone();
        row.options = socket.seen.options.as_ref().map(|all| {
            let text = |o: &crate::sockopt::SockOpt| format!("{}={}", o.name.name(), o.value);
            all.iter().map(text).collect()
        });
        row.processes = processes(holders);
        row
    }
}

/// Removes duplicates: a process can hold a socket by two descriptors.
fn processes(holders: &[Holder]) -> Vec<Process> {
    let mut all: Vec<Process> = Vec::new();
    for holder in holders {
        if all.iter().all(|p| p.pid != holder.pid) {
            all.push(Process {
                pid: holder.pid,
                name: holder.name.clone(),
            });
        }
    }
    all
}

fn inodes(sockets: &[Diagnosed]) -> BTreeSet<u32> {
    let inodes = sockets.iter().map(|s| s.inode);
    inodes.filter(|inode| *inode != 0).collect()
}

/// Returns the sysctls of this namespace, and a note for each one whose value is not modelled.
fn sysctls() -> (Sysctl, Vec<String>) {
    let mut listing = Vec::new();
    for name in Sysctl::names() {
        if let Ok(Some(value)) = sysctl_files::read(name) {
            listing.push((name, value));
        }
    }
    // another congestion control than the modelled ones changes no timer
    listing.retain(|(name, _)| *name != "tcp_congestion_control");
    Sysctl::from_listing(listing.iter().map(|(n, v)| (*n, v.as_str())))
}

fn in_short(sysctl: &Sysctl) -> String {
    format!(
        "tcp_retries2 {}, keepalive {}/{}/{} s, TLP {}",
        sysctl.tcp_retries2,
        sysctl.tcp_keepalive_time,
        sysctl.tcp_keepalive_intvl,
        sysctl.tcp_keepalive_probes,
        if matches!(sysctl.tcp_early_retrans, 3 | 4) {
            "on"
        } else {
            "off"
        },
    )
}

#[cfg(test)]
mod tests;
