//! A stack that several threads use: a lock, one loop thread, and the threads that wait for a socket.
//!
//! A caller's thread works on the stack itself and sends the packets of its call. It wakes the loop thread only if
//! something is due earlier than that thread expects.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::stack::{Stack, Wait};
use crate::call::{Errno, SocketId};
use crate::os::RealClock;
use crate::time::Instant;
use crate::world::host::{Attempt, Host, Key, Timeout};
use crate::world::machine::Machine;

struct Inner {
    stack: Stack,
    /// The threads that wait for a socket.
    waiting: BTreeMap<SocketId, Arc<Condvar>>,
    /// The instant until which the loop thread sleeps, or `None` if it is awake.
    asleep_until: Option<Instant>,
    stop: bool,
}

/// The stack, its lock, and what wakes the loop thread.
pub(crate) struct Shared {
    inner: Mutex<Inner>,
    paused: Condvar,
    wait: Arc<Wait>,
    clock: RealClock,
}

/// If a panic of a service ends the loop thread, this wakes everybody who would wait for it.
struct Last<'a>(&'a Shared);

impl Drop for Last<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut inner = self.0.lock();
            log::error!("a service panicked: the endpoint has no power any more");
            let at = self.0.clock.now();
            inner.stack.machine().power_off(at);
            self.0.tell(&mut inner);
        }
    }
}

/// An instant that never comes.
const NEVER: Instant = Instant::from_ns(u64::MAX);

impl Shared {
    pub(crate) fn new(stack: Stack) -> Shared {
        let (wait, clock) = stack.waiter();
        Shared {
            inner: Mutex::new(Inner {
                stack,
                waiting: BTreeMap::new(),
                asleep_until: None,
                stop: false,
            }),
            paused: Condvar::new(),
            wait,
            clock,
        }
    }

    /// Locks the stack. A thread that panicked inside a service leaves the stack consistent, so the others go on.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The body of the loop thread. It runs until [`stop`](Shared::stop).
    pub(crate) fn run(&self) {
        let _last = Last(self);
        // the default timer slack of 50 us is longer than many round-trip times
        let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
        loop {
            let until = {
                let mut inner = self.lock();
                if inner.stop {
                    return;
                }
                let due = inner.stack.next_deadline();
                inner.asleep_until = Some(due.unwrap_or(NEVER));
                due
            };
            let waited = self.wait.wait(&self.clock, until);
            let mut inner = self.lock();
            inner.asleep_until = None;
            if let Err(e) = waited.and_then(|()| inner.stack.work()) {
                log::error!("the interface {} is lost: {e}", inner.stack.name());
                let at = self.clock.now();
                inner.stack.machine().power_off(at);
                inner.stop = true;
            }
            self.tell(&mut inner);
        }
    }

    pub(crate) fn stop(&self) {
        self.lock().stop = true;
        self.wait.wake();
    }

    /// Acts on a change: sends everything, and wakes the threads that wait for a socket that has changed.
    fn settle(&self, inner: &mut Inner) {
        inner.stack.settle();
        self.tell(inner);
        let due = inner.stack.next_deadline();
        if let (Some(due), Some(asleep)) = (due, inner.asleep_until)
            && due < asleep
        {
            inner.asleep_until = None;
            self.wait.wake();
        }
    }

    fn tell(&self, inner: &mut Inner) {
        let machine = inner.stack.machine();
        if machine.take_upheaval() {
            inner.waiting.values().for_each(|c| c.notify_all());
        }
        while let Some(socket) = inner.stack.machine().poll_touched() {
            if let Some(condvar) = inner.waiting.get(&socket) {
                condvar.notify_all();
            }
        }
    }

    /// Waits for a change of a socket, until `deadline`.
    fn park<'a>(
        &'a self,
        mut inner: MutexGuard<'a, Inner>,
        socket: SocketId,
        deadline: Option<Instant>,
    ) -> MutexGuard<'a, Inner> {
        let condvar = inner.waiting.entry(socket).or_default().clone();
        let mut inner = match deadline {
            None => condvar.wait(inner).unwrap_or_else(PoisonError::into_inner),
            Some(deadline) => {
                let left = deadline.since(self.clock.now());
                let woken = condvar.wait_timeout(inner, left);
                woken.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        // one reference is the table's and one is this thread's: nobody else waits
        if Arc::strong_count(&condvar) == 2 {
            inner.waiting.remove(&socket);
        }
        inner
    }
}

impl Host for Shared {
    fn with(&self, f: &mut dyn FnMut(&mut Machine, Instant)) {
        let mut inner = self.lock();
        let at = self.clock.now();
        f(inner.stack.machine(), at);
        self.settle(&mut inner);
    }

    fn attempt(&self, key: Key, timeout: Timeout, f: Attempt<'_>) -> Result<(), Errno> {
        let mut inner = self.lock();
        let deadline = match timeout {
            Timeout::Until(time) => Some(self.clock.now() + time),
            Timeout::None | Timeout::Forever => None,
        };
        loop {
            let machine = inner.stack.machine();
            if machine.is_lost(key.life, key.id) {
                return Err(Errno::ENETDOWN);
            }
            if machine.is_frozen(key.id) {
                inner = self.park(inner, key.id, None);
                continue;
            }
            let at = self.clock.now();
            let result = f(machine, at);
            self.settle(&mut inner);
            let is_over = deadline.is_some_and(|deadline| deadline <= at);
            if result != Err(Errno::EAGAIN) || timeout == Timeout::None || is_over {
                return result;
            }
            // settling may have run a service or a timer, whose changes must be reported before the wait
            inner = self.park(inner, key.id, deadline);
        }
    }

    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn pause(&self, time: Duration) {
        let until = self.clock.now() + time;
        let mut inner = self.lock();
        loop {
            let left = until.since(self.clock.now());
            if left.is_zero() {
                return;
            }
            let woken = self.paused.wait_timeout(inner, left);
            inner = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
