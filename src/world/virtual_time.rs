//! Endpoints in memory and in virtual time: a test of an application's reconnect logic takes no real time, needs no
//! privileges, and gives the same result every time.
//!
//! A link with a delay joins two hosts. Their handles are the same as behind a TUN ([`Endpoint`],
//! [`TcpStream`](super::TcpStream), [`TcpListener`](super::TcpListener), [`Service`](super::Service)), and they can die
//! in the same ways. Applications are threads of the world: one runs at a time, and when all of them wait, time jumps to
//! the next event. So a wait of fifteen minutes for ETIMEDOUT is over at once.
//!
//! ```
//! use halfopen::{TcpListener, TcpStream, World};
//! use std::io::{Read, Write};
//! use std::time::Duration;
//!
//! let mut world = World::new();
//! let (client, server) = world.endpoints();
//! world.spawn({
//!     let server = server.clone();
//!     move || {
//!         let listener = TcpListener::bind(&server, "10.77.0.2:7")?;
//!         let (_stream, _) = listener.accept()?;
//!         server.pause(Duration::from_secs(1));
//!         server.power_off();
//!         Ok(())
//!     }
//! });
//! let told = world.spawn(move || {
//!     let mut stream = TcpStream::connect(&client, "10.77.0.2:7")?;
//!     client.pause(Duration::from_secs(2));
//!     stream.write_all(b"anybody there?")?;
//!     let error = stream.read(&mut [0]).unwrap_err();
//!     assert_eq!(error.raw_os_error(), Some(110)); // ETIMEDOUT
//!     Ok(client.now().secs_f64())
//! });
//! world.run();
//! let told_at = told.result().unwrap();
//! assert!((900.0..1000.0).contains(&told_at), "{told_at} s of virtual time");
//! ```

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use super::endpoint::{Endpoint, Guard};
use super::host::{Attempt, Host, Key, Timeout};
use super::machine::{Machine, Parts};
use crate::call::{Errno, SocketId};
use crate::engine::Config;
use crate::sysctl::Sysctl;
use crate::time::Instant;

/// The default delay of the link in one direction.
const DELAY: Duration = Duration::from_millis(1);

/// The virtual time that a run may take. Without a limit, keepalive alone would keep two idle hosts busy forever.
const MOST: Instant = Instant::from_ms(366 * 86_400_000);

/// What a thread waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waits {
    /// It waits for its turn.
    Turn,
    /// It waits for a change of a socket of one host, until an instant.
    Socket(usize, SocketId, Option<Instant>),
    /// It waits for an instant.
    Instant(Instant),
}

#[derive(Debug)]
struct Task {
    waits: Waits,
    /// Its socket has changed.
    changed: bool,
    condvar: Arc<Condvar>,
}

#[derive(Debug)]
struct State {
    now: Instant,
    delay: Duration,
    machines: [Machine; 2],
    /// Packets on the link, by the instant of arrival and the order in which they were sent, with the host that receives
    /// them.
    wire: BTreeMap<(Instant, u64), (usize, Vec<u8>)>,
    sent: u64,
    /// The threads that have not ended, by number.
    tasks: BTreeMap<u64, Task>,
    next_task: u64,
    /// The thread whose turn it is. With `None` it is the world's own turn.
    running: Option<u64>,
    /// Nothing can ever happen again: the calls that wait return EDEADLK.
    stuck: bool,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Signals the world's own turn.
    idle: Condvar,
}

thread_local! {
    /// The number of this thread in its world.
    static TASK: std::cell::Cell<Option<u64>> = const { std::cell::Cell::new(None) };
}

/// Two hosts, a link between them, and virtual time.
#[derive(Debug)]
pub struct World {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// The future result of a thread of a world.
#[derive(Debug)]
pub struct Outcome<T>(mpsc::Receiver<io::Result<T>>);

impl<T> Outcome<T> {
    /// Returns what the thread returned.
    ///
    /// # Errors
    /// Returns the thread's own error, or `BrokenPipe` if it panicked or [`World::run`] was not called.
    pub fn result(self) -> io::Result<T> {
        let lost = || io::Error::new(io::ErrorKind::BrokenPipe, "the thread did not end");
        self.0.try_recv().unwrap_or_else(|_| Err(lost()))
    }
}

impl Default for World {
    fn default() -> Self {
        World::new()
    }
}

impl World {
    /// Creates two hosts with the sysctls of Linux 6.18 and a link with a delay of 1 ms in each direction. The seed is 0.
    pub fn new() -> World {
        World::with(Sysctl::default(), Sysctl::default(), DELAY, 0)
    }

    /// Creates the hosts 10.77.0.1 (fd77::1) and 10.77.0.2 (fd77::2) with these sysctls, and a link with this delay in
    /// each direction.
    pub fn with(first: Sysctl, second: Sysctl, delay: Duration, seed: u64) -> World {
        let machine = |last: u8, sysctl: Sysctl| {
            let v6 = Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, last.into());
            let addrs = vec![(IpAddr::from([10, 77, 0, last]), 24), (v6.into(), 64)];
            let mut engine = Config::new(addrs[0].0);
            engine.addrs = addrs.iter().map(|a| a.0).collect();
            engine.sysctl = sysctl;
            engine.seed = seed.wrapping_mul(2).wrapping_add(last.into());
            let parts = Parts {
                engine,
                addrs,
                mtu: 1500,
            };
            Machine::new(parts, None)
        };
        let state = State {
            now: Instant::ZERO,
            delay,
            machines: [machine(1, first), machine(2, second)],
            wire: BTreeMap::new(),
            sent: 0,
            tasks: BTreeMap::new(),
            next_task: 0,
            running: None,
            stuck: false,
        };
        World {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                idle: Condvar::new(),
            }),
            threads: Vec::new(),
        }
    }

    /// Returns the two hosts, 10.77.0.1 (fd77::1) and 10.77.0.2 (fd77::2).
    pub fn endpoints(&self) -> (Endpoint, Endpoint) {
        (self.endpoint(0), self.endpoint(1))
    }

    fn endpoint(&self, side: usize) -> Endpoint {
        let shared = self.shared.clone();
        let addrs = shared.lock().machines[side].addrs().collect();
        Endpoint {
            host: Arc::new(Side { shared, side }),
            name: ["first", "second"][side].into(),
            addrs,
            _guard: Arc::new(Guard(None)),
        }
    }

    /// Returns the present instant of the world.
    pub fn now(&self) -> Instant {
        self.shared.lock().now
    }

    /// Adds a thread to this world. It runs in its turns while [`run`](World::run) runs.
    pub fn spawn<T: Send + 'static>(
        &mut self,
        f: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Outcome<T> {
        let (sender, receiver) = mpsc::channel();
        let shared = self.shared.clone();
        let number = {
            let mut state = shared.lock();
            let number = state.next_task;
            state.next_task += 1;
            let task = Task {
                waits: Waits::Turn,
                changed: false,
                condvar: Arc::default(),
            };
            state.tasks.insert(number, task);
            number
        };
        self.threads.push(std::thread::spawn(move || {
            TASK.set(Some(number));
            drop(shared.wait_for_turn(shared.lock(), number));
            let _turn = Turn(&shared, number);
            let _ = sender.send(f());
        }));
        Outcome(receiver)
    }

    /// Runs `f` at this instant of virtual time.
    pub fn at(&mut self, time: Duration, f: impl FnOnce() + Send + 'static) {
        let world = self.endpoint(0);
        self.spawn(move || {
            let left = time.saturating_sub(world.now().since(Instant::ZERO));
            world.pause(left);
            f();
            Ok(())
        });
    }

    /// Runs until every thread has ended. A call that can never return gets EDEADLK, and so does one that has not
    /// returned after a year of virtual time.
    ///
    /// # Panics
    /// Panics if one of the threads panicked.
    pub fn run(&mut self) {
        let mut state = self.shared.lock();
        while !state.tasks.is_empty() {
            state.give_turn(None);
            state = self.shared.wait_for_idle(state);
        }
        drop(state);
        for thread in self.threads.drain(..) {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    }

    /// Runs for this span of virtual time, and leaves the threads where they are.
    pub fn run_for(&mut self, time: Duration) {
        let mut state = self.shared.lock();
        let until = state.now + time;
        while !state.give_turn(Some(until)) {
            state = self.shared.wait_for_idle(state);
        }
        state.now = until;
    }
}

/// Dropping a world ends the waits of its threads with EDEADLK.
impl Drop for World {
    fn drop(&mut self) {
        self.shared.lock().stuck = true;
        if std::thread::panicking() {
            return;
        }
        self.run();
    }
}

/// A thread's turn. It ends when this is dropped, also by a panic.
struct Turn<'a>(&'a Shared, u64);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.tasks.remove(&self.1);
        state.running = None;
        self.0.idle.notify_all();
    }
}

impl State {
    /// Lets time pass until a thread can go on, and gives it the turn. It returns true if `until` comes first or nothing
    /// can happen any more.
    fn give_turn(&mut self, until: Option<Instant>) -> bool {
        loop {
            if let Some(number) = self.ready() {
                self.running = Some(number);
                let task = self.tasks.get(&number);
                task.iter().for_each(|t| t.condvar.notify_all());
                return false;
            }
            match self.next_instant() {
                Some(next) if next <= until.unwrap_or(MOST) => self.pass(next),
                _ if until.is_none() && !self.tasks.is_empty() => self.stuck = true,
                _ => return true,
            }
        }
    }

    /// Returns a thread that can go on, the one that has waited longest for its turn first.
    fn ready(&self) -> Option<u64> {
        let can_go_on = |task: &Task| match task.waits {
            Waits::Turn => true,
            Waits::Socket(_, _, deadline) => {
                task.changed || self.stuck || deadline.is_some_and(|d| d <= self.now)
            }
            Waits::Instant(at) => self.stuck || at <= self.now,
        };
        let mut tasks = self.tasks.iter();
        tasks.find(|(_, t)| can_go_on(t)).map(|(number, _)| *number)
    }

    fn next_instant(&self) -> Option<Instant> {
        let wire = self.wire.keys().next().map(|(at, _)| *at);
        let machines = self.machines.iter().filter_map(Machine::next_deadline);
        let tasks = self.tasks.values().filter_map(|t| match t.waits {
            Waits::Turn => None,
            Waits::Socket(_, _, deadline) => deadline,
            Waits::Instant(at) => Some(at),
        });
        machines.chain(wire).chain(tasks).min()
    }

    /// Handles everything that is due at the instant that has just come.
    fn pass(&mut self, next: Instant) {
        self.now = self.now.max(next);
        let now = self.now;
        while let Some(first) = self.wire.first_entry() {
            if first.key().0 > now {
                break;
            }
            let (side, bytes) = first.remove();
            self.machines[side].on_packet(now, &bytes);
            self.settle(side);
        }
        for side in 0..2 {
            self.machines[side].on_deadline(now);
            self.settle(side);
        }
    }

    /// Acts on a change of a host: its services are called, its packets enter the link, and waiting threads are woken.
    fn settle(&mut self, side: usize) {
        let now = self.now;
        self.carry(side);
        self.machines[side].dispatch(now);
        self.carry(side);
        let all = self.machines[side].take_upheaval();
        let mut touched = Vec::new();
        while let Some(socket) = self.machines[side].poll_touched() {
            touched.push(socket);
        }
        for task in self.tasks.values_mut() {
            if let Waits::Socket(at, socket, _) = task.waits {
                task.changed |= at == side && (all || touched.contains(&socket));
            }
        }
    }

    fn carry(&mut self, side: usize) {
        while let Some(outgoing) = self.machines[side].poll_transmit(self.now) {
            let arrives = (self.now + self.delay, self.sent);
            self.wire.insert(arrives, (1 - side, outgoing.into_bytes()));
            self.sent += 1;
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_for_turn<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        number: u64,
    ) -> MutexGuard<'a, State> {
        while state.running != Some(number) {
            let Some(task) = state.tasks.get(&number) else {
                return state;
            };
            let condvar = task.condvar.clone();
            state = condvar.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state
    }

    fn wait_for_idle<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        while state.running.is_some() {
            let woken = self.idle.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
        state
    }

    /// Makes the calling thread wait. It returns false if the thread could wait forever.
    fn park<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        waits: Waits,
    ) -> Result<MutexGuard<'a, State>, Errno> {
        let Some(number) = TASK.get().filter(|n| state.running == Some(*n)) else {
            // a thread that is not of this world would stop the time for which it waits
            return Err(Errno::EDEADLK);
        };
        if let Some(task) = state.tasks.get_mut(&number) {
            task.waits = waits;
            task.changed = false;
        }
        state.running = None;
        self.idle.notify_all();
        state = self.wait_for_turn(state, number);
        if let Some(task) = state.tasks.get_mut(&number) {
            task.waits = Waits::Turn;
        }
        Ok(state)
    }
}

/// One of a world's hosts.
#[derive(Debug)]
struct Side {
    shared: Arc<Shared>,
    side: usize,
}

impl Host for Side {
    fn with(&self, f: &mut dyn FnMut(&mut Machine, Instant)) {
        let mut state = self.shared.lock();
        let now = state.now;
        f(&mut state.machines[self.side], now);
        state.settle(self.side);
    }

    fn attempt(&self, key: Key, timeout: Timeout, f: Attempt<'_>) -> Result<(), Errno> {
        let mut state = self.shared.lock();
        let deadline = match timeout {
            Timeout::Until(time) => Some(state.now + time),
            Timeout::None | Timeout::Forever => None,
        };
        loop {
            let now = state.now;
            let machine = &mut state.machines[self.side];
            if machine.is_lost(key.life, key.id) {
                return Err(Errno::ENETDOWN);
            }
            let mut until = deadline;
            if machine.is_frozen(key.id) {
                until = None;
            } else {
                let result = f(machine, now);
                state.settle(self.side);
                let is_over = deadline.is_some_and(|deadline| deadline <= now);
                if result != Err(Errno::EAGAIN) || timeout == Timeout::None || is_over {
                    return result;
                }
            }
            if state.stuck {
                return Err(Errno::EDEADLK);
            }
            let waits = Waits::Socket(self.side, key.id, until);
            state = self.shared.park(state, waits)?;
        }
    }

    fn now(&self) -> Instant {
        self.shared.lock().now
    }

    fn pause(&self, time: Duration) {
        let state = self.shared.lock();
        let until = state.now + time;
        // outside of the world's threads nothing can be waited for
        drop(self.shared.park(state, Waits::Instant(until)));
    }
}

#[cfg(test)]
mod tests;
