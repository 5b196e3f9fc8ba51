//! One TUN, one machine and the real clock: the core with one thread and no locks.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec};

use super::device::{Arrival, Device};
use crate::call::{Call, Outcome, Readiness, SocketId};
use crate::os::{RealClock, Tun};
use crate::time::Instant;
use crate::world::machine::{Machine, Outgoing, Parts};
use crate::world::net::Descriptors;

/// Packets that are read from the TUN before other work gets a turn.
const BUDGET: usize = 128;

/// The descriptors that services watch, in an epoll instance.
#[derive(Debug)]
struct Epoll(OwnedFd);

impl Descriptors for Epoll {
    fn add(&self, descriptor: BorrowedFd<'_>, key: u64) -> io::Result<()> {
        let changes =
            EventFlags::IN | EventFlags::OUT | EventFlags::ERR | EventFlags::HUP | EventFlags::ET;
        Ok(epoll::add(
            &self.0,
            descriptor,
            EventData::new_u64(key),
            changes,
        )?)
    }
}

/// What can end a wait: the TUN, descriptors of services, or another thread.
#[derive(Debug)]
pub(crate) struct Wait {
    tun: Arc<Tun>,
    poller: Arc<Epoll>,
    waker: OwnedFd,
}

impl Wait {
    /// Ends the wait of the thread that waits, or the next wait.
    pub(crate) fn wake(&self) {
        // a full counter means that it is awake already
        let _ = rustix::io::write(&self.waker, &1_u64.to_ne_bytes());
    }

    /// Waits until one of them is ready, or until `until` on this clock.
    pub(crate) fn wait(&self, clock: &RealClock, until: Option<Instant>) -> io::Result<()> {
        let timeout = until.map(|until| {
            let left = until.since(clock.now());
            Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            }
        });
        let mut fds = [
            PollFd::new(&*self.tun, PollFlags::IN),
            PollFd::new(&self.poller.0, PollFlags::IN),
            PollFd::new(&self.waker, PollFlags::IN),
        ];
        match rustix::event::poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
        if fds[2].revents().contains(PollFlags::IN) {
            let _ = rustix::io::read(&self.waker, &mut [0; 8]);
        }
        Ok(())
    }
}

/// An endpoint without threads: call [`turn`](Stack::turn) in a loop.
#[derive(Debug)]
pub struct Stack {
    machine: Machine,
    wait: Arc<Wait>,
    clock: RealClock,
    device: Device,
}

impl Stack {
    pub(crate) fn new(parts: Parts, tun: Tun) -> io::Result<Stack> {
        let poller = Arc::new(Epoll(epoll::create(CreateFlags::CLOEXEC)?));
        let waker = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let tun = Arc::new(tun);
        let device = Device::new(tun.clone());
        let wait = Wait {
            tun,
            poller: poller.clone(),
            waker,
        };
        Ok(Stack {
            device,
            machine: Machine::new(parts, Some(poller)),
            wait: Arc::new(wait),
            clock: RealClock::start(),
        })
    }

    pub(crate) fn waiter(&self) -> (Arc<Wait>, RealClock) {
        (self.wait.clone(), self.clock)
    }

    pub(crate) fn machine(&mut self) -> &mut Machine {
        &mut self.machine
    }

    /// Returns the time since the stack was made.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Returns the interface's name.
    pub fn name(&self) -> &str {
        self.device.tun().name()
    }

    /// Returns when the stack has to act next if no packet arrives.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.machine.next_deadline()
    }

    /// Waits until packets arrive, something is due, or `until`. Then does everything that is due.
    ///
    /// # Errors
    /// Returns the errors of poll(2) and of reading the TUN.
    pub fn turn(&mut self, until: Instant) -> io::Result<()> {
        let due = self.next_deadline().map_or(until, |due| due.min(until));
        self.wait.wait(&self.clock, Some(due))?;
        self.work()
    }

    /// Makes a socket call. The packets that it causes are on the TUN when this returns.
    pub fn call(&mut self, call: Call) -> Outcome {
        let accepts = matches!(call, Call::Accept(_));
        let outcome = self.machine.call(self.clock.now(), call);
        if let (true, Outcome::Socket(socket)) = (accepts, &outcome) {
            // its data may have arrived before it had a number
            self.machine.touched(*socket);
        }
        self.settle();
        outcome
    }

    /// Returns the next socket whose readiness may have changed since it was last returned. A socket that was just
    /// accepted is returned too.
    pub fn poll_ready(&mut self) -> Option<(SocketId, Readiness)> {
        let socket = self.machine.poll_touched()?;
        Some((socket, self.machine.engine().readiness(socket)))
    }

    /// Does what is due now: reads a limited number of packets, fires timers, calls services, sends.
    pub(crate) fn work(&mut self) -> io::Result<()> {
        self.device.set_merging(!self.machine.counts_packets());
        let mut budget = BUDGET;
        while let Some(arrival) = self.device.receive(&mut budget)? {
            let at = self.clock.now();
            match arrival {
                Arrival::Tcp(datagram) => self.machine.on_datagram(at, &datagram),
                Arrival::Other(bytes) => self.machine.on_packet(at, bytes),
            }
            self.transmit(at);
            self.machine.dispatch(at);
            self.transmit(at);
        }
        self.descriptors()?;
        let at = self.clock.now();
        self.machine.on_deadline(at);
        self.settle();
        Ok(())
    }

    /// Acts on any change of the machine: calls services, and sends all that can be sent.
    pub(crate) fn settle(&mut self) {
        let at = self.clock.now();
        self.transmit(at);
        self.machine.dispatch(at);
        self.transmit(at);
    }

    fn transmit(&mut self, at: Instant) {
        while let Some(outgoing) = self.machine.poll_transmit(at) {
            match outgoing {
                Outgoing::Tcp(transmit) => self.device.send(&transmit.datagram),
                Outgoing::Other(bytes) => self.device.send_bytes(&bytes),
            }
        }
    }

    fn descriptors(&mut self) -> io::Result<()> {
        if !self.machine.has_watched() {
            return Ok(());
        }
        let mut events = Vec::with_capacity(64);
        let at_once = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let room = rustix::buffer::spare_capacity(&mut events);
        epoll::wait(self.wait.poller.0.as_fd(), room, Some(&at_once))?;
        for event in events {
            let at = self.clock.now();
            self.machine.on_descriptor(at, event.data.u64());
            self.transmit(at);
        }
        Ok(())
    }
}
