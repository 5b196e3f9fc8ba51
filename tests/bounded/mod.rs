//! No test waits without a bound. A test says that it begins; from then on it is watched: one that takes long is named on
//! stderr now and then, and one that takes longer than [`LIMIT`] ends the whole run with its name, whatever it waits for.
//! The functions here wait for a program or for another thread, and panic with a reason when nothing comes.

#![allow(
    dead_code,
    reason = "each test program that includes this file uses a part of it"
)]

use std::cell::RefCell;
use std::os::fd::AsFd;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use halfopen::os::RealClock;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

/// The longest that a test may take. It says nothing about how fast a machine is: it tells slow from never.
const LIMIT: Duration = Duration::from_secs(600);
/// The longest wait for one program or one thread.
const WAIT: Duration = Duration::from_secs(240);
/// A test that takes longer is named, again and again.
const SLOW: Duration = Duration::from_secs(10);

thread_local! {
    /// The test that runs on this thread; the watching ends when the thread does, or when another test begins on it.
    static WATCHED: RefCell<Option<Sender<()>>> = const { RefCell::new(None) };
}

/// The test of this thread begins, if it has not begun already.
pub(crate) fn begin() {
    let name = match std::thread::current().name() {
        // with --test-threads=1 all tests run on the main thread, and their names are not known
        Some("main") | None => return,
        Some(name) => name.to_owned(),
    };
    WATCHED.with_borrow_mut(|watched| {
        watched.get_or_insert_with(|| {
            let (ends, ended) = channel();
            std::thread::spawn(move || watch(&name, &ended));
            ends
        });
    });
}

fn watch(name: &str, ended: &Receiver<()>) {
    let clock = RealClock::start();
    let seconds = || clock.now().secs_f64();
    // nothing is ever sent: the other side goes away when the test ends
    while ended.recv_timeout(SLOW) == Err(RecvTimeoutError::Timeout) {
        eprintln!("{name}: {:.0} s so far", seconds());
        if seconds() > LIMIT.as_secs_f64() {
            eprintln!("{name} waits for something that does not come: the run ends here");
            std::process::abort();
        }
    }
}

/// Runs a command to its end; what it wrote.
pub(crate) fn output(command: &mut Command) -> Output {
    try_output(command).expect("the program starts")
}

/// The same for a program that may not be there.
pub(crate) fn try_output(command: &mut Command) -> std::io::Result<Output> {
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().map(ended_with_output)
}

/// Waits for the end of a program, and reads what it writes meanwhile.
pub(crate) fn ended_with_output(child: Child) -> Output {
    begin();
    let pid = Pid::from_child(&child);
    let (tell, told) = channel();
    std::thread::spawn(move || {
        // whoever waited may have given up
        let _ = tell.send(child.wait_with_output());
    });
    match told.recv_timeout(WAIT) {
        Ok(output) => output.expect("its output"),
        Err(_) => {
            // it has not been waited for, so the number is still its own
            let _ = kill_process(pid, Signal::KILL);
            panic!("a program has not ended within {WAIT:?}");
        }
    }
}

/// Waits for the end of a program.
pub(crate) fn ended(child: &mut Child) -> ExitStatus {
    begin();
    let pidfd = pidfd_open(Pid::from_child(child), PidfdFlags::empty());
    if !is_readable(&pidfd.expect("a child")) {
        let _ = child.kill();
        panic!("a program has not ended within {WAIT:?}");
    }
    child.wait().expect("a child")
}

/// Waits until this can be read: for a pidfd, until the process has ended.
pub(crate) fn is_readable(what: &impl AsFd) -> bool {
    let timeout = Timespec {
        tv_sec: WAIT.as_secs() as i64,
        tv_nsec: 0,
    };
    let mut fds = [PollFd::new(what, PollFlags::IN)];
    poll(&mut fds, Some(&timeout)).expect("waiting") > 0
}

/// Waits for what another thread says.
pub(crate) fn heard<T>(from: &Receiver<T>) -> T {
    begin();
    match from.recv_timeout(WAIT) {
        Ok(said) => said,
        Err(e) => panic!("another thread said nothing within {WAIT:?}: {e}"),
    }
}

#[test]
fn a_test_that_has_begun_is_watched_once() {
    begin();
    begin();
    assert!(WATCHED.with_borrow(Option::is_some) || std::thread::current().name() == Some("main"));
    assert!(ended(&mut Command::new("true").spawn().expect("true")).success());
    let said = output(Command::new("sh").args(["-c", "cat; echo out; echo err >&2; exit 3"]));
    assert_eq!(
        (said.status.code(), &said.stdout[..], &said.stderr[..]),
        (Some(3), &b"out\n"[..], &b"err\n"[..])
    );
}
