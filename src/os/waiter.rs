//! Waits until a packet arrives, a socket changes, or an instant is reached, as precisely as the clock allows.

use std::io;
use std::num::NonZeroU64;
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{PollFd, PollFlags, Timespec};

use crate::time::Instant;

use super::clock::RealClock;
use super::sys::{Scheduling, Urgency};
use super::tun::Tun;

/// Waits on a TUN and on sockets. While it exists, its thread has the kernel's finest timer slack, and a real-time
/// priority where that is allowed, otherwise the shortest time slice. The thread sleeps nearly all the time, and has to
/// timestamp a packet when it arrives.
#[derive(Debug)]
pub struct Waiter {
    sockets: OwnedFd,
    /// The scheduling of the thread before.
    before: Option<Scheduling>,
    // the scheduling is that of the thread which made this
    _not_send: std::marker::PhantomData<*const ()>,
}

impl Waiter {
    /// Creates a waiter for the calling thread.
    pub fn new() -> io::Result<Waiter> {
        let sockets = epoll::create(CreateFlags::CLOEXEC)?;
        let before = hurry().unwrap_or_else(|e| {
            log::info!("the scheduling of this thread could not be changed: {e}");
            None
        });
        if let Err(e) = rustix::thread::set_current_timer_slack(NonZeroU64::new(1)) {
            log::warn!("the timer slack could not be changed ({e}); waits may take 50 us longer");
        }
        Ok(Waiter {
            sockets,
            before,
            _not_send: std::marker::PhantomData,
        })
    }

    /// Watches a socket until it is closed. Each change of its readiness ends one wait.
    pub fn watch(&self, socket: &impl AsFd) -> io::Result<()> {
        let changes =
            EventFlags::IN | EventFlags::OUT | EventFlags::ERR | EventFlags::HUP | EventFlags::ET;
        Ok(epoll::add(
            &self.sockets,
            socket,
            EventData::new_u64(0),
            changes,
        )?)
    }

    /// Waits until `until`, or until there is a packet on the TUN, a change of a watched socket, or a signal.
    pub fn wait(&self, clock: &RealClock, tun: &Tun, until: Instant) -> io::Result<()> {
        let left = until.since(clock.now());
        let timeout = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        };
        let mut fds = [
            PollFd::new(tun, PollFlags::IN),
            PollFd::new(&self.sockets, PollFlags::IN),
        ];
        match rustix::event::poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
        if fds[1].revents().contains(PollFlags::IN) {
            let mut seen = Vec::with_capacity(16);
            let at_once = Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            // reading consumes the edges; the caller polls the sockets to find out which one changed
            epoll::wait(
                &self.sockets,
                rustix::buffer::spare_capacity(&mut seen),
                Some(&at_once),
            )?;
        }
        Ok(())
    }
}

/// Makes the calling thread as urgent as it may be, and returns its previous scheduling.
fn hurry() -> io::Result<Option<Scheduling>> {
    let before = Scheduling::current()?;
    before
        .more_urgent(Urgency::RealTime)
        .take_effect()
        .or_else(|_| before.more_urgent(Urgency::ShortSlice).take_effect())?;
    Ok(Some(before))
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let _ = rustix::thread::set_current_timer_slack(None);
        if let Some(before) = &self.before
            && let Err(e) = before.take_effect()
        {
            log::warn!("the scheduling of this thread could not be restored: {e}");
        }
    }
}
