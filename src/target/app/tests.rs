use std::collections::VecDeque;

use super::*;
use crate::call::TcpInfo;
use crate::scenario::{IpVersion, Role};
use crate::target::{Sent, TargetError};
use crate::time::Ticks;

/// A target that says what it is told to say.
#[derive(Default)]
struct Script {
    readiness: Readiness,
    recv: VecDeque<Outcome>,
    send: VecDeque<Outcome>,
    so_error: VecDeque<Option<Errno>>,
    sent: Vec<Vec<u8>>,
}

impl Target for Script {
    fn name(&self) -> &'static str {
        "script"
    }
    fn version(&self) -> String {
        String::new()
    }
    fn is_real_time(&self) -> bool {
        false
    }
    fn ticks(&self) -> Option<Ticks> {
        None
    }
    fn congestion_control(&self) -> String {
        String::new()
    }
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
    fn now(&mut self) -> Instant {
        Instant::ZERO
    }
    fn wait(&mut self, until: Instant) -> Result<Instant, TargetError> {
        Ok(until)
    }
    fn call(&mut self, call: Call) -> Outcome {
        match call {
            Call::Socket => Outcome::Socket(SocketId(1)),
            Call::Connect(..) => Outcome::InProgress,
            Call::Recv(..) => self.recv.pop_front().unwrap_or(Outcome::Data(Vec::new())),
            Call::SoError(_) => Outcome::SoError(self.so_error.pop_front().flatten()),
            Call::Send(_, bytes) => {
                self.sent.push(bytes);
                self.send
                    .pop_front()
                    .unwrap_or(Outcome::Failed(Errno::EPIPE))
            }
            _ => Outcome::Done,
        }
    }
    fn readiness(&mut self, _: SocketId) -> Readiness {
        self.readiness
    }
    fn deliver(&mut self, _: &[u8]) {}
    fn take_packet(&mut self) -> Option<Sent> {
        None
    }
    fn connection(&mut self, _: Addr, _: Addr) -> Option<TcpInfo> {
        None
    }
}

const WRITABLE: Readiness = Readiness {
    readable: false,
    writable: true,
    error: false,
    hangup: false,
};
const OVER: Readiness = Readiness {
    readable: true,
    writable: true,
    error: true,
    hangup: true,
};

fn open(autoread: bool) -> (App, Script) {
    let survivor = Survivor {
        role: Role::Client,
        sysctl: crate::sysctl::Sysctl::default(),
        sysctl_set: Vec::new(),
        sockopt: Vec::new(),
        autoread,
    };
    let mut app = App::new(&survivor, IpVersion::V4);
    let mut target = Script::default();
    app.step(&mut target, &Action::SurvivorConnect);
    assert!(
        !app.poll(&mut target),
        "nothing to see while the SYN is out"
    );
    target.readiness = WRITABLE;
    assert!(app.poll(&mut target));
    assert!(!app.poll(&mut target), "room for nothing is no news");
    let how = "poll POLLOUT then SO_ERROR=0".to_owned();
    let connected = app.take_events().pop().map(|e| e.what);
    assert_eq!(connected, Some(Incident::Connected { how }));
    (app, target)
}

fn words(app: &mut App) -> Vec<String> {
    let word = |e: Event| match e.what {
        Incident::Error { errno, how } => format!("{errno} by {how}"),
        Incident::PostMortem {
            so_error_next,
            recv_next,
            send_next,
        } => format!("then {so_error_next:?} {recv_next} {send_next}"),
        other => format!("{other:?}"),
    };
    app.take_events().into_iter().map(word).collect()
}

#[test]
fn an_error_is_read_once_and_the_socket_asked_thrice() {
    let (mut app, mut target) = open(true);
    target.readiness = OVER;
    target.recv.push_back(Outcome::Failed(Errno::ETIMEDOUT));
    assert!(app.poll(&mut target));
    assert!(!app.poll(&mut target), "nobody polls a dead socket");
    let expected = [
        "ETIMEDOUT by poll POLLIN|POLLERR|POLLHUP then recv()",
        "then None EOF EPIPE",
    ];
    assert_eq!(words(&mut app), expected);
    app.step(&mut target, &Action::SurvivorSend(3));
    assert_eq!(words(&mut app)[1..], ["EPIPE by send() on a dead socket"]);
    assert!(app.is_finished());
}

#[test]
fn after_the_end_of_the_stream_so_error_tells() {
    let (mut app, mut target) = open(true);
    target.readiness.readable = true;
    assert!(app.poll(&mut target));
    assert!(!app.poll(&mut target), "the end of the stream is read once");
    target.readiness = OVER;
    target.so_error.push_back(Some(Errno::EPIPE));
    assert!(app.poll(&mut target));
    let seen = words(&mut app);
    assert_eq!(
        seen[1..],
        [
            "EPIPE by poll POLLERR|POLLHUP then SO_ERROR",
            "then None EOF EPIPE"
        ]
    );
}

#[test]
fn a_reader_that_does_not_read_learns_of_the_end_by_so_error() {
    let (mut app, mut target) = open(false);
    target.readiness.readable = true;
    assert!(!app.poll(&mut target));
    target.recv.push_back(Outcome::Data(vec![0; 5]));
    app.step(&mut target, &Action::SurvivorRecv);
    assert_eq!(words(&mut app), ["Recv { bytes: 5, total: 5 }"]);
    target.readiness = OVER;
    target.so_error.push_back(Some(Errno::ECONNRESET));
    assert!(app.poll(&mut target));
    assert_eq!(
        words(&mut app)[0],
        "ECONNRESET by poll POLLERR|POLLHUP then SO_ERROR"
    );
}

#[test]
fn what_does_not_fit_follows_when_there_is_room() {
    let (mut app, mut target) = open(true);
    target.readiness = Readiness::default();
    target.send.extend([
        Outcome::Bytes(300),
        Outcome::Failed(Errno::EAGAIN),
        Outcome::Bytes(250),
    ]);
    app.step(&mut target, &Action::SurvivorSend(500));
    app.step(&mut target, &Action::SurvivorSend(50));
    assert!(!app.poll(&mut target));
    target.readiness = WRITABLE;
    assert!(app.poll(&mut target));
    let accepted = |bytes, pending, total| {
        format!("SendAccepted {{ bytes: {bytes}, pending: {pending}, total: {total} }}")
    };
    let sends = ["Send { bytes: 500 }", "Send { bytes: 50 }"].map(str::to_owned);
    let [first, second] = sends;
    let expected = [
        first,
        accepted(300, 200, 300),
        second,
        accepted(250, 0, 550),
    ];
    assert_eq!(words(&mut app), expected);
    let lens: Vec<_> = target.sent.iter().map(Vec::len).collect();
    assert_eq!(lens, [500, 250, 250]);
    assert_eq!(
        target.sent[2][..2],
        [49, 50],
        "byte 300 of the stream is 300 mod 251"
    );
}

#[test]
fn an_error_that_leaves_the_connection_up_is_told_and_no_more() {
    let (mut app, mut target) = open(true);
    target.readiness.error = true;
    target.so_error.push_back(Some(Errno::EHOSTUNREACH));
    assert!(app.poll(&mut target));
    assert_eq!(
        words(&mut app),
        ["EHOSTUNREACH by poll POLLERR then SO_ERROR"]
    );
    assert!(app.holds_connection());
    assert!(
        app.poll(&mut target),
        "it asks again, and hears nothing new"
    );
    assert!(!app.poll(&mut target), "and lets it be");
}
