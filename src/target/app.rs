//! The survivor's application: the same for every target, on nonblocking calls and poll(2).
//!
//! It reads whatever arrives (unless `autoread` is false), writes what the scenario says and the rest when there is space,
//! and learns of an error as any application does: poll(2) reports an event, and the next call returns the error.
//! After an error it asks the dead socket three more times, as a curious reader would: SO_ERROR, recv, send.

use crate::call::{Addr, Call, Errno, Outcome, Readiness, SocketId};
use crate::scenario::{Action, IpVersion, Survivor};
use crate::sockopt::SockOpt;
use crate::time::Instant;
use crate::trace::{Event, Incident, Who};

use super::Target;

/// Most that one recv() asks for, bytes.
const READ_LEN: usize = 1 << 20;
const BACKLOG: u32 = 16;

/// What the application is doing with its socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No step has opened anything yet.
    Idle,
    Listening,
    Connecting,
    Open,
    /// An error was reported and the descriptor is still held.
    Dead,
    /// No descriptor.
    Closed,
}

/// The application.
#[derive(Clone, Debug)]
pub(super) struct App {
    options: Vec<SockOpt>,
    autoread: bool,
    local: Addr,
    remote: Addr,
    phase: Phase,
    listener: Option<SocketId>,
    socket: Option<SocketId>,
    /// Bytes that wait for space in the send buffer, and bytes written so far; byte k of the stream is k mod 251.
    pending: usize,
    sent: usize,
    received: usize,
    eof: bool,
    /// POLLERR or POLLHUP stands and has nothing more to tell.
    told: bool,
    events: Vec<Event>,
}

impl App {
    /// An application that has not done anything yet.
    pub(super) fn new(survivor: &Survivor, ip: IpVersion) -> Self {
        let (local_port, remote_port) = survivor.role.ports();
        App {
            options: survivor.sockopt.clone(),
            autoread: survivor.autoread,
            local: Addr::new(ip.survivor(), local_port),
            remote: Addr::new(ip.peer(), remote_port),
            phase: Phase::Idle,
            listener: None,
            socket: None,
            pending: 0,
            sent: 0,
            received: 0,
            eof: false,
            told: false,
            events: Vec::new(),
        }
    }

    /// Its end of the connection and the other end.
    pub(super) fn addresses(&self) -> (Addr, Addr) {
        (self.local, self.remote)
    }

    /// Whether it holds a descriptor of the connection, so that readiness tells of its end.
    pub(super) fn holds_connection(&self) -> bool {
        matches!(self.phase, Phase::Connecting | Phase::Open)
    }

    /// Whether it is through with its socket, by an error or by closing it.
    pub(super) fn is_finished(&self) -> bool {
        matches!(self.phase, Phase::Dead | Phase::Closed)
    }

    /// What was not yet reported, oldest first.
    pub(super) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Executes a step of the survivor. Steps of the peer and the link do not reach this.
    pub(super) fn step(&mut self, target: &mut dyn Target, action: &Action) {
        match action {
            Action::SurvivorConnect => self.connect(target),
            Action::SurvivorListen => self.listen(target),
            Action::SurvivorSend(n) => self.send(target, *n),
            Action::SurvivorRecv => self.recv(target, "recv()"),
            Action::SurvivorShutdown => {
                self.report(target, Incident::Shutdown);
                self.call_on_socket(target, "shutdown()", Call::ShutdownWrite);
            }
            Action::SurvivorClose => {
                self.report(target, Incident::Close);
                self.call_on_socket(target, "close()", Call::Close);
                self.report(target, Incident::ClosedFd);
                self.let_go();
            }
            Action::SurvivorKill => {
                self.report(target, Incident::Kill);
                target.call(Call::Kill);
                self.listener = None;
                self.let_go();
            }
            Action::SurvivorSet(option) => {
                let opt = option.name.name().to_owned();
                let val = option.value.to_string();
                self.report(target, Incident::Set { opt, val });
                let how = set_how(option);
                self.call_on_socket(target, &how, |id| Call::Set(id, option.clone()));
            }
            _ => {}
        }
    }

    /// Looks at the readiness of its sockets once; whether it made a call.
    pub(super) fn poll(&mut self, target: &mut dyn Target) -> bool {
        match (self.phase, self.socket, self.listener) {
            (Phase::Listening, _, Some(listener)) => self.poll_listener(target, listener),
            (Phase::Connecting, Some(socket), _) => self.poll_connecting(target, socket),
            (Phase::Open, Some(socket), _) => self.poll_open(target, socket),
            _ => false,
        }
    }

    fn open(&mut self, target: &mut dyn Target) -> Option<SocketId> {
        let Outcome::Socket(id) = target.call(Call::Socket) else {
            return None;
        };
        for option in self.options.clone() {
            let outcome = target.call(Call::Set(id, option.clone()));
            self.report_failure(target, &outcome, &set_how(&option));
        }
        let outcome = target.call(Call::Bind(id, self.local));
        self.report_failure(target, &outcome, "bind()");
        Some(id)
    }

    fn connect(&mut self, target: &mut dyn Target) {
        let Some(id) = self.open(target) else {
            return;
        };
        self.socket = Some(id);
        let at = target.now();
        let outcome = target.call(Call::Connect(id, self.remote));
        let (result, phase) = match outcome {
            Outcome::InProgress => (Errno::EINPROGRESS.name(), Phase::Connecting),
            Outcome::Failed(e) => (e.name(), Phase::Dead),
            _ => ("0", Phase::Connecting),
        };
        let result = result.to_owned();
        self.report_at(at, Incident::Connect { result });
        self.phase = phase;
    }

    fn listen(&mut self, target: &mut dyn Target) {
        let Some(id) = self.open(target) else {
            return;
        };
        self.report(target, Incident::Listen);
        let outcome = target.call(Call::Listen(id, BACKLOG));
        self.report_failure(target, &outcome, "listen()");
        self.listener = Some(id);
        self.phase = Phase::Listening;
    }

    fn send(&mut self, target: &mut dyn Target, n: usize) {
        self.report(target, Incident::Send { bytes: n });
        match (self.phase, self.socket) {
            (Phase::Dead, Some(id)) => {
                let outcome = target.call(Call::Send(id, self.stream(n)));
                self.report_failure(target, &outcome, "send() on a dead socket");
            }
            (Phase::Closed, _) => {
                let outcome = Outcome::Failed(Errno::EBADF);
                self.report_failure(target, &outcome, "send() on a closed descriptor");
            }
            _ => {
                self.pending += n;
                self.flush(target);
            }
        }
    }

    /// One send() of all that waits; what does not fit goes on waiting.
    fn flush(&mut self, target: &mut dyn Target) {
        let Some(id) = self.socket.filter(|_| self.phase == Phase::Open) else {
            return;
        };
        if self.pending == 0 {
            return;
        }
        match target.call(Call::Send(id, self.stream(self.pending))) {
            Outcome::Bytes(bytes) if bytes > 0 => {
                self.pending -= bytes.min(self.pending);
                self.sent += bytes;
                let (pending, total) = (self.pending, self.sent);
                self.report(
                    target,
                    Incident::SendAccepted {
                        bytes,
                        pending,
                        total,
                    },
                );
            }
            Outcome::Failed(e) if e != Errno::EAGAIN => {
                // what waited can never be written: shutdown() came first, or the connection is over
                self.pending = 0;
                self.fail(target, id, e, "send()".into());
            }
            _ => {}
        }
    }

    fn recv(&mut self, target: &mut dyn Target, how: &str) {
        let Some(id) = self.socket else {
            return;
        };
        match target.call(Call::Recv(id, READ_LEN)) {
            Outcome::Data(data) if data.is_empty() => {
                self.eof = true;
                let how = how.to_owned();
                self.report(target, Incident::Eof { how });
            }
            Outcome::Data(data) => {
                self.received += data.len();
                let (bytes, total) = (data.len(), self.received);
                self.report(target, Incident::Recv { bytes, total });
            }
            Outcome::Failed(e) if e != Errno::EAGAIN => self.fail(target, id, e, how.to_owned()),
            _ => {}
        }
    }

    fn poll_listener(&mut self, target: &mut dyn Target, listener: SocketId) -> bool {
        if !target.readiness(listener).readable {
            return false;
        }
        let Outcome::Socket(id) = target.call(Call::Accept(listener)) else {
            return false;
        };
        self.socket = Some(id);
        self.phase = Phase::Open;
        self.report(target, Incident::Accept);
        self.flush(target);
        true
    }

    fn poll_connecting(&mut self, target: &mut dyn Target, id: SocketId) -> bool {
        let ready = Readiness {
            readable: false,
            ..target.readiness(id)
        };
        if ready == Readiness::default() {
            return false;
        }
        match target.call(Call::SoError(id)) {
            Outcome::SoError(Some(e)) => {
                let how = format!("connect: poll {} then SO_ERROR", mask(ready));
                self.fail(target, id, e, how);
            }
            _ => {
                let how = format!("poll {} then SO_ERROR=0", mask(ready));
                self.report(target, Incident::Connected { how });
                self.phase = Phase::Open;
                self.flush(target);
            }
        }
        true
    }

    fn poll_open(&mut self, target: &mut dyn Target, id: SocketId) -> bool {
        let seen = target.readiness(id);
        let ready = Readiness {
            readable: seen.readable && self.autoread && !self.eof,
            writable: seen.writable && self.pending > 0,
            error: seen.error && !self.told,
            hangup: seen.hangup && !self.told,
        };
        if ready == Readiness::default() {
            return false;
        }
        if ready.readable {
            self.recv(target, &format!("poll {} then recv()", mask(ready)));
        } else if ready.error || ready.hangup {
            match target.call(Call::SoError(id)) {
                Outcome::SoError(Some(e)) => {
                    let how = format!("poll {} then SO_ERROR", mask(ready));
                    self.fail(target, id, e, how);
                }
                _ => self.told = true,
            }
        }
        if ready.writable {
            self.flush(target);
        }
        true
    }

    /// Records an error. If the connection is over, also records what the next calls return.
    fn fail(&mut self, target: &mut dyn Target, id: SocketId, errno: Errno, how: String) {
        self.report(target, Incident::Error { errno, how });
        let over = self.phase == Phase::Connecting || target.readiness(id).hangup;
        if !over {
            return;
        }
        self.phase = Phase::Dead;
        let so_error_next = match target.call(Call::SoError(id)) {
            Outcome::SoError(e) => e,
            _ => None,
        };
        let recv_next = match target.call(Call::Recv(id, READ_LEN)) {
            Outcome::Data(data) if data.is_empty() => "EOF".to_owned(),
            Outcome::Data(data) => format!("{} bytes", data.len()),
            Outcome::Failed(e) => e.name().to_owned(),
            other => format!("{other:?}"),
        };
        let send_next = match target.call(Call::Send(id, self.stream(1))) {
            Outcome::Bytes(n) => format!("{n} bytes"),
            Outcome::Failed(e) => e.name().to_owned(),
            other => format!("{other:?}"),
        };
        self.report(
            target,
            Incident::PostMortem {
                so_error_next,
                recv_next,
                send_next,
            },
        );
    }

    fn call_on_socket(
        &mut self,
        target: &mut dyn Target,
        how: &str,
        call: impl FnOnce(SocketId) -> Call,
    ) {
        if let Some(id) = self.socket.or(self.listener) {
            let outcome = target.call(call(id));
            self.report_failure(target, &outcome, how);
        }
    }

    fn let_go(&mut self) {
        self.socket = None;
        self.pending = 0;
        self.phase = Phase::Closed;
    }

    /// The next `n` bytes to write.
    fn stream(&self, n: usize) -> Vec<u8> {
        let from = self.sent;
        (from..from + n).map(|k| (k % 251) as u8).collect()
    }

    fn report_failure(&mut self, target: &mut dyn Target, outcome: &Outcome, how: &str) {
        if let Outcome::Failed(errno) = *outcome {
            let how = how.to_owned();
            self.report(target, Incident::Error { errno, how });
        }
    }

    fn report(&mut self, target: &mut dyn Target, what: Incident) {
        self.report_at(target.now(), what);
    }

    fn report_at(&mut self, at: Instant, what: Incident) {
        let who = Who::Survivor;
        self.events.push(Event { at, who, what });
    }
}

fn set_how(option: &SockOpt) -> String {
    format!("setsockopt({}, {})", option.name.name(), option.value)
}

/// `POLLIN|POLLERR|POLLHUP`.
fn mask(ready: Readiness) -> String {
    let bits = [
        (ready.readable, "POLLIN"),
        (ready.writable, "POLLOUT"),
        (ready.error, "POLLERR"),
        (ready.hangup, "POLLHUP"),
    ];
    let set: Vec<&str> = bits.iter().filter(|b| b.0).map(|b| b.1).collect();
    set.join("|")
}

#[cfg(test)]
mod tests;
