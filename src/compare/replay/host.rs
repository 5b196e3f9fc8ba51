//! The application of a replay: it makes the recorded calls, and reports where their outcomes differ.

use crate::call::{Addr, Call, Errno, Outcome, Readiness, SocketId, TcpInfo};
use crate::compare::fields::FieldDifference;
use crate::compare::replay::machine::Machine;
use crate::compare::replay::script::Act;
use crate::compare::replay::written::Written;
use crate::sockopt::SockOpt;
use crate::time::Instant;

/// What the scenario says of the application.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// Its own address.
    pub(crate) local: Addr,
    /// The peer's.
    pub(crate) remote: Addr,
    /// Options set before connect or listen.
    pub(crate) sockopt: Vec<SockOpt>,
    /// Whether it reads whatever arrives at once.
    pub(crate) autoread: bool,
    /// More bytes than the send buffer can ever hold: the rest of a longer write is not offered, because nothing could
    /// take it.
    pub(crate) most_offered: usize,
    /// What it writes, all in all.
    pub(crate) written: Written,
}

/// The engine and the sockets that the application holds.
#[derive(Clone)]
pub(crate) struct Host<M> {
    /// The engine.
    pub(crate) m: M,
    listener: Option<SocketId>,
    /// The connection's socket, while the application holds it.
    pub(crate) socket: Option<SocketId>,
    /// The error that the last call told, if it told one.
    pub(crate) told: Option<Errno>,
}

/// An outcome as the recordings' words have it.
fn word(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done => "done".to_owned(),
        Outcome::InProgress => Errno::EINPROGRESS.name().to_owned(),
        Outcome::Socket(_) => "a socket".to_owned(),
        Outcome::Bytes(n) => format!("{n} bytes"),
        Outcome::Data(data) if data.is_empty() => "EOF".to_owned(),
        Outcome::Data(data) => format!("{} bytes", data.len()),
        Outcome::SoError(error) => error_word(*error),
        Outcome::Failed(errno) => errno.name().to_owned(),
    }
}

fn error_word(error: Option<Errno>) -> String {
    error.map_or_else(|| "0".to_owned(), |e| e.name().to_owned())
}

impl<M: Machine> Host<M> {
    /// An application that has not done anything yet.
    pub(crate) fn new(m: M) -> Self {
        Host {
            m,
            listener: None,
            socket: None,
            told: None,
        }
    }

    /// What poll(2) says of the connection's socket; none while there is none.
    pub(crate) fn readiness(&self) -> Option<Readiness> {
        self.socket.map(|s| self.m.readiness(s))
    }

    /// The connection.
    pub(crate) fn info(&self, now: Instant, setup: &Setup) -> Option<TcpInfo> {
        self.m.info(now, setup.local, setup.remote)
    }

    /// Does what the script says; gives what turned out otherwise.
    pub(crate) fn perform(
        &mut self,
        now: Instant,
        act: &Act,
        setup: &Setup,
    ) -> Vec<FieldDifference> {
        match act {
            Act::Deliver(datagram) => {
                self.m.deliver(now, datagram);
                Vec::new()
            }
            Act::Connect => self.open(now, setup, Call::Connect, Outcome::InProgress),
            Act::Listen => self.open(now, setup, |s, _| Call::Listen(s, 16), Outcome::Done),
            Act::Kill => {
                (self.socket, self.listener) = (None, None);
                self.expect(now, "kill", Call::Kill, &Outcome::Done)
            }
            Act::Accept => match self.listener.map(|l| self.m.call(now, Call::Accept(l))) {
                Some(Outcome::Socket(id)) => {
                    self.socket = Some(id);
                    Vec::new()
                }
                Some(other) => vec![FieldDifference::new("accept()", word(&other), "a socket")],
                None => vec![FieldDifference::new("accept()", "no listener", "a socket")],
            },
            other => match self.socket {
                Some(socket) => self.on_socket(now, other, socket, setup),
                None => vec![FieldDifference::new("socket", "none", "one in use")],
            },
        }
    }

    fn open(
        &mut self,
        now: Instant,
        setup: &Setup,
        last: impl Fn(SocketId, Addr) -> Call,
        wanted: Outcome,
    ) -> Vec<FieldDifference> {
        let socket = match self.m.call(now, Call::Socket) {
            Outcome::Socket(id) => id,
            other => return vec![FieldDifference::new("socket()", word(&other), "a socket")],
        };
        let mut found = Vec::new();
        for option in &setup.sockopt {
            let call = Call::Set(socket, option.clone());
            found.extend(self.expect(now, "setsockopt()", call, &Outcome::Done));
        }
        found.extend(self.expect(
            now,
            "bind()",
            Call::Bind(socket, setup.local),
            &Outcome::Done,
        ));
        let call = last(socket, setup.remote);
        match call {
            Call::Listen(..) => self.listener = Some(socket),
            _ => self.socket = Some(socket),
        }
        found.extend(self.expect(now, "connect() or listen()", call, &wanted));
        found
    }

    fn on_socket(
        &mut self,
        now: Instant,
        act: &Act,
        socket: SocketId,
        setup: &Setup,
    ) -> Vec<FieldDifference> {
        match act {
            Act::Send {
                from,
                offered,
                result,
            } => {
                let wanted = match result {
                    Ok(n) => Outcome::Bytes(*n),
                    Err(errno) => Outcome::Failed(*errno),
                };
                let offered = (*offered).min(setup.most_offered);
                let call = Call::Send(socket, setup.written.bytes(*from, offered));
                self.expect(now, "send()", call, &wanted)
            }
            Act::Recv(bytes) => self.recv(now, socket, *bytes),
            Act::Shutdown(failed) => {
                let wanted = failed.map_or(Outcome::Done, Outcome::Failed);
                self.expect(now, "shutdown()", Call::ShutdownWrite(socket), &wanted)
            }
            Act::Close => {
                self.socket = None;
                self.expect(now, "close()", Call::Close(socket), &Outcome::Done)
            }
            Act::Set(option) => {
                let call = Call::Set(socket, option.clone());
                self.expect(now, "setsockopt()", call, &Outcome::Done)
            }
            Act::Connected => self.expect(
                now,
                "SO_ERROR",
                Call::SoError(socket),
                &Outcome::SoError(None),
            ),
            Act::Error { errno, how } => self.error(now, socket, *errno, how),
            Act::PostMortem {
                so_error,
                recv,
                send,
            } => {
                let outcomes = [
                    (
                        "SO_ERROR next",
                        Call::SoError(socket),
                        error_word(*so_error),
                    ),
                    ("recv() next", Call::Recv(socket, 1 << 16), recv.clone()),
                    ("send() next", Call::Send(socket, vec![0]), send.clone()),
                ];
                let mut found = Vec::new();
                for (name, call, wanted) in outcomes {
                    let got = word(&self.m.call(now, call));
                    if got != wanted {
                        found.push(FieldDifference::new(name, got, wanted));
                    }
                }
                found
            }
            _ => Vec::new(),
        }
    }

    /// Reads what the recorded call read; the content must be the stream's.
    fn recv(&mut self, now: Instant, socket: SocketId, bytes: usize) -> Vec<FieldDifference> {
        let got = self.m.call(now, Call::Recv(socket, bytes.max(1)));
        let wanted = match bytes {
            0 => "EOF".to_owned(),
            n => format!("{n} bytes"),
        };
        match word(&got) {
            same if same == wanted => Vec::new(),
            other => vec![FieldDifference::new("recv()", other, wanted)],
        }
    }

    fn expect(
        &mut self,
        now: Instant,
        name: &'static str,
        call: Call,
        wanted: &Outcome,
    ) -> Vec<FieldDifference> {
        let got = self.m.call(now, call);
        self.told = match got {
            Outcome::Failed(errno) => Some(errno),
            Outcome::SoError(error) => error,
            _ => None,
        };
        match got == *wanted {
            true => Vec::new(),
            false => vec![FieldDifference::new(name, word(&got), word(wanted))],
        }
    }

    /// `poll POLLIN|POLLERR|POLLHUP then recv()`: what poll said, and the call that told the error.
    fn error(
        &mut self,
        now: Instant,
        socket: SocketId,
        errno: Errno,
        how: &str,
    ) -> Vec<FieldDifference> {
        let mut found = Vec::new();
        let polled = how
            .split("poll ")
            .nth(1)
            .and_then(|rest| rest.split(" then").next());
        if let Some(polled) = polled {
            let ready = self.m.readiness(socket);
            let said = |name| polled.split('|').any(|p| p == name);
            // POLLIN and POLLOUT are shown only where they were asked for
            let rows = [
                ("POLLIN", ready.readable, true),
                ("POLLOUT", ready.writable, true),
                ("POLLERR", ready.error, false),
                ("POLLHUP", ready.hangup, false),
            ];
            for (name, is, asked_for) in rows {
                if said(name) != is && (said(name) || !asked_for) {
                    found.push(FieldDifference::new(name, is, said(name)));
                }
            }
        }
        found.extend(if how.ends_with("recv()") {
            self.expect(
                now,
                "recv()",
                Call::Recv(socket, 1 << 16),
                &Outcome::Failed(errno),
            )
        } else {
            let wanted = Outcome::SoError(Some(errno));
            self.expect(now, "SO_ERROR", Call::SoError(socket), &wanted)
        });
        found
    }
}
