//! The kernel of this machine as the survivor: real sockets in a private network namespace, behind a TUN.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::os::fd::OwnedFd;

use crate::call::{Addr, Call, Errno, Outcome, Readiness, SocketId, TcpInfo};
use crate::os::{
    Device, EndpointError, Entry, Isolation, Namespace, RealClock, SockDiag, Socket, TickPhase,
    Tun, Waiter, Wanted, counters,
};
use crate::scenario::{IpVersion, SURVIVOR_IP, Scenario};
use crate::sysctl::Preset;
use crate::time::{Instant, Ticks};

use super::{Sent, Target, TargetError};

/// How many sockets the application may open; a scenario opens one, accepted ones are not counted.
const SOCKETS: usize = 4;
const PREFIX: u8 = 24;
const MTU: u32 = 1500;

/// The kernel's TCP.
///
/// It lives on the thread that made it. Its namespace, its TUN and all its sockets are gone when it is dropped, or when
/// the process ends in whatever way. One thing can outlast it: a connection that the scenario's application has closed
/// and that waits for the peer keeps its namespace in the kernel's memory, without a TUN, until its own timers end it.
///
/// `Call::Kill` closes all sockets at once, as the exit of a process does; no process dies for it.
#[derive(Debug)]
pub struct Linux {
    clock: RealClock,
    ip: IpVersion,
    tun: Tun,
    waiter: Waiter,
    diag: SockDiag,
    entry: Entry,
    /// Made in the namespace and not yet handed out.
    spare: Vec<OwnedFd>,
    /// In the order of their making, which is that of a process's descriptors.
    sockets: BTreeMap<SocketId, Socket>,
    next_id: u32,
    packets: VecDeque<Sent>,
    ticks: Option<Ticks>,
    congestion: String,
    notes: Vec<String>,
}

impl From<EndpointError> for TargetError {
    fn from(error: EndpointError) -> TargetError {
        match error {
            EndpointError::Os { what, source } => TargetError::Os { what, source },
            EndpointError::Unavailable(text) => TargetError::Unavailable(text),
        }
    }
}

fn os(what: &str) -> impl FnOnce(std::io::Error) -> TargetError {
    let what = what.to_owned();
    move |source| TargetError::Os { what, source }
}

/// A scenario for another kernel gets that kernel's sysctls, and no more.
fn other_kernel(scenario: &Scenario) -> Option<String> {
    let preset = scenario.preset;
    (preset != Preset::linux()).then(|| {
        format!(
            "kernel = {:?} is not this kernel: its sysctls were set, but ticks and mechanisms are those of this kernel",
            preset.name
        )
    })
}

impl Linux {
    /// Creates a network namespace with the sysctls of the scenario. Time 0 is the moment at which this returns.
    ///
    /// Returns [`TargetError::Unavailable`], which says what to do, if this machine or this user does not allow it.
    pub fn new(scenario: &Scenario) -> Result<Linux, TargetError> {
        let sysctl = &scenario.survivor.sysctl;
        let mut sysctls: BTreeMap<String, String> = sysctl
            .values()
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        sysctls.extend(scenario.survivor.sysctl_set.iter().cloned());
        let v6 = scenario.ip == IpVersion::V6;
        let wanted = Wanted {
            addr: SURVIVOR_IP,
            ipv6: match scenario.ip.survivor() {
                IpAddr::V4(_) => None,
                IpAddr::V6(addr) => Some((addr, 64)),
            },
            ipv6_sockets: v6,
            name: None,
            loopback: false,
            prefix: PREFIX,
            mtu: MTU,
            device: Device::default(),
            sysctl: sysctls.into_iter().collect(),
            named: scenario
                .survivor
                .sysctl_set
                .iter()
                .map(|(name, _)| name.clone())
                .collect(),
            congestion: sysctl.tcp_congestion_control.name().to_owned(),
            sockets: SOCKETS,
        };
        let phase = TickPhase::of_this_machine();
        let mut namespace = crate::os::open(&wanted)?;
        namespace.notes.extend(other_kernel(scenario));
        Linux::in_namespace(namespace, phase, scenario.ip)
    }

    fn in_namespace(
        namespace: Namespace,
        phase: Option<TickPhase>,
        ip: IpVersion,
    ) -> Result<Linux, TargetError> {
        let waiter = Waiter::new().map_err(os("an epoll descriptor could not be created"))?;
        let mut notes = namespace.notes;
        if phase.is_none() {
            notes.push(
                "this kernel does not show its jiffies, so the tick phase of this run is unknown"
                    .into(),
            );
        }
        if namespace.isolation == Isolation::UserNamespace {
            log::info!("the network namespace belongs to a user namespace of this user");
        }
        let clock = RealClock::start();
        Ok(Linux {
            ticks: phase.map(|p| p.of_run(&clock)),
            clock,
            ip,
            tun: namespace.tun,
            waiter,
            diag: namespace.diag,
            entry: namespace.entry,
            spare: namespace.sockets,
            sockets: BTreeMap::new(),
            next_id: 0,
            packets: VecDeque::new(),
            congestion: namespace.congestion,
            notes,
        })
    }

    /// Reads all that waits on the TUN, each packet stamped right after it was read.
    fn drain(&mut self) -> std::io::Result<()> {
        while let Some(bytes) = self.tun.read()? {
            let at = self.clock.now();
            if self.is_part(&bytes) {
                self.packets.push_back(Sent {
                    at,
                    bytes,
                    cause: None,
                });
            } else {
                log::debug!(
                    "ignored a packet of {} bytes on the TUN that does not belong to the scenario",
                    bytes.len()
                );
            }
        }
        Ok(())
    }

    /// Returns whether a packet belongs to the trace: it has this IP version, and is not IPv6 neighbour discovery.
    fn is_part(&self, bytes: &[u8]) -> bool {
        const TCP: u8 = 6;
        match self.ip {
            IpVersion::V4 => bytes.first().is_some_and(|b| b >> 4 == 4),
            IpVersion::V6 => {
                bytes.first().is_some_and(|b| b >> 4 == 6) && bytes.get(6) == Some(&TCP)
            }
        }
    }

    /// After a call or a delivery, whose packets the kernel has sent before it returned.
    fn drain_after(&mut self, what: &str) {
        if let Err(e) = self.drain() {
            log::error!("the TUN could not be read after {what}: {e}");
        }
    }

    fn adopt(&mut self, socket: Socket) -> Outcome {
        if let Err(e) = self.waiter.watch(&socket) {
            log::error!("a socket could not be watched: {e}");
            return Outcome::Failed(Errno::ENOMEM);
        }
        let id = SocketId(self.next_id);
        self.next_id += 1;
        self.sockets.insert(id, socket);
        Outcome::Socket(id)
    }

    fn on(&self, id: SocketId, f: impl FnOnce(&Socket) -> Outcome) -> Outcome {
        match self.sockets.get(&id) {
            Some(socket) => f(socket),
            None => Outcome::Failed(Errno::EBADF),
        }
    }

    fn make(&mut self, call: Call) -> Outcome {
        match call {
            Call::Socket => match self.spare.pop() {
                Some(fd) => self.adopt(Socket::new(fd)),
                None => Outcome::Failed(Errno::ENOBUFS),
            },
            Call::Accept(id) => {
                let accepted = match self.sockets.get(&id) {
                    Some(listener) => listener.accept(),
                    None => Err(Errno::EBADF),
                };
                match accepted {
                    Ok(socket) => self.adopt(socket),
                    Err(e) => Outcome::Failed(e),
                }
            }
            Call::Set(id, option) => match self.sockets.get_mut(&id) {
                Some(socket) => socket.set(&option),
                None => Outcome::Failed(Errno::EBADF),
            },
            Call::Bind(id, addr) => self.on(id, |s| s.bind(addr)),
            Call::Connect(id, addr) => self.on(id, |s| s.connect(addr)),
            Call::Listen(id, backlog) => self.on(id, |s| s.listen(backlog)),
            Call::Send(id, bytes) => self.on(id, |s| s.send(&bytes)),
            Call::Recv(id, len) => self.on(id, |s| s.recv(len)),
            Call::ShutdownWrite(id) => self.on(id, Socket::shutdown_write),
            Call::SoError(id) => self.on(id, Socket::so_error),
            Call::Close(id) => match self.sockets.remove(&id) {
                Some(socket) => {
                    socket.close();
                    Outcome::Done
                }
                None => Outcome::Failed(Errno::EBADF),
            },
            // a dying process's descriptors are closed one by one, in their order
            Call::Kill => {
                while let Some((_, socket)) = self.sockets.pop_first() {
                    socket.close_by_exit();
                }
                Outcome::Done
            }
        }
    }
}

impl Target for Linux {
    fn name(&self) -> &'static str {
        "linux"
    }

    fn version(&self) -> String {
        rustix::system::uname()
            .release()
            .to_string_lossy()
            .into_owned()
    }

    fn is_real_time(&self) -> bool {
        true
    }

    fn ticks(&self) -> Option<Ticks> {
        self.ticks
    }

    fn congestion_control(&self) -> String {
        self.congestion.clone()
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    fn now(&mut self) -> Instant {
        self.clock.now()
    }

    fn wait(&mut self, until: Instant) -> Result<Instant, TargetError> {
        self.drain().map_err(os("the TUN could not be read"))?;
        if self.packets.is_empty() {
            self.waiter
                .wait(&self.clock, &self.tun, until)
                .map_err(os("waiting for the TUN failed"))?;
            self.drain().map_err(os("the TUN could not be read"))?;
        }
        Ok(self.clock.now())
    }

    fn call(&mut self, call: Call) -> Outcome {
        let outcome = self.make(call);
        self.drain_after("a call");
        outcome
    }

    fn readiness(&mut self, socket: SocketId) -> Readiness {
        self.sockets
            .get(&socket)
            .map(Socket::readiness)
            .unwrap_or_default()
    }

    fn deliver(&mut self, datagram: &[u8]) {
        if let Err(e) = self.tun.write(datagram) {
            log::warn!(
                "a packet of {} bytes could not be written to the TUN: {e}",
                datagram.len()
            );
        }
        self.drain_after("a delivery");
    }

    fn take_packet(&mut self) -> Option<Sent> {
        self.packets.pop_front()
    }

    fn counters(&mut self) -> Vec<(String, String, i64)> {
        match self.entry.run(counters::here) {
            Ok(Ok(all)) => all,
            Ok(Err(e)) | Err(e) => {
                log::warn!("the counters of the namespace could not be read: {e}");
                Vec::new()
            }
        }
    }

    fn connection(&mut self, local: Addr, remote: Addr) -> Option<TcpInfo> {
        let at = self.clock.now();
        match self.diag.connection(local, remote) {
            Ok(found) => found.map(|info| TcpInfo { at, ..info }),
            Err(e) => {
                log::warn!("sock_diag failed: {e}");
                None
            }
        }
    }
}
