//! `halfopen watch` as its user sees it: on a terminal, into a pipe, as JSON.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

use halfopen::watch::Row;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};

use crate::bounded;
use crate::commands::{halfopen, outcome};

/// Both ends of a connection over the loopback, and the filter that finds it.
fn connection() -> (TcpStream, TcpStream, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = listener.local_addr().expect("an address");
    let client = TcpStream::connect(address).expect("a connection");
    let (server, _) = listener.accept().expect("its other end");
    (client, server, address.to_string())
}

/// Whether this machine tells of its connections; says so if not.
fn can_watch() -> bool {
    let (code, _, stderr) = outcome(halfopen().args(["watch", "--once"]));
    if code == 2 {
        println!("skipped: {stderr}");
    }
    code == 0
}

#[test]
fn one_look_shows_both_ends_of_a_connection_and_their_process() {
    if !can_watch() {
        return;
    }
    let (_client, _server, address) = connection();
    let (code, stdout, stderr) = outcome(halfopen().args(["watch", "--once", &address]));
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    assert!(stdout.starts_with("2 connections; linux "), "{stdout}");
    assert!(!stdout.contains('\x1b'), "no colours in a pipe: {stdout}");
    assert_eq!(
        stdout
            .matches("never: nothing is in flight and keepalive is off")
            .count(),
        2,
        "{stdout}"
    );
    assert_eq!(
        stdout
            .matches(&format!(" {}\n", std::process::id()))
            .count(),
        2,
        "{stdout}"
    );

    let (code, stdout, _) = outcome(halfopen().args(["watch", "--once", "--json", &address]));
    assert_eq!(code, 0);
    let rows: Vec<Row> = stdout
        .lines()
        .map(|l| Row::from_json(l).expect("a row"))
        .collect();
    assert_eq!(rows.len(), 2, "{stdout}");
    assert!(
        rows.iter()
            .all(|r| r.state == "ESTABLISHED" && r.told.kind == "never")
    );
    let pid = std::process::id().to_string();
    for (arguments, count) in [
        (["--pid", &pid], 2),
        (["--pid", "1"], 0),
        (["--state", "established"], 2),
        (["--state", "syn-sent"], 0),
        (["--port", "1"], 0),
    ] {
        let mut watch = halfopen();
        watch.args(["watch", "--once", "--json", &address]);
        let (_, lines, _) = outcome(watch.args(arguments));
        assert_eq!(lines.lines().count(), count, "{arguments:?}: {lines}");
    }
}

#[test]
fn it_ends_when_its_reader_does() {
    if !can_watch() {
        return;
    }
    let mut watch = Command::new(env!("CARGO_BIN_EXE_halfopen"));
    let watch = watch
        .args(["watch", "--interval", "20ms"])
        .stdout(Stdio::piped());
    let mut watch = watch.spawn().expect("the program");
    let mut pipe = watch.stdout.take().expect("its output");
    pipe.read_exact(&mut [0; 10]).expect("a beginning");
    drop(pipe);
    assert!(bounded::ended(&mut watch).success());
}

#[test]
fn what_it_does_not_understand_is_said() {
    for (arguments, says) in [
        (&["--state", "dead"][..], "not a TCP state"),
        (&["--interval", "5"], "a duration needs a unit"),
        (&["--interval", "1ms"], "at least 20ms"),
        (&["example.org"], "is not an address"),
    ] {
        let (code, stdout, stderr) = outcome(halfopen().arg("watch").args(arguments));
        assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(stderr.contains(says), "{arguments:?}: {stderr}");
    }
}

/// A program on a terminal of its own, seen from the other side of it.
struct Terminal {
    ours: File,
    theirs: OwnedFd,
    before: Termios,
    child: Child,
    seen: String,
}

impl Terminal {
    fn run(arguments: &[&str], columns: u16, rows: u16) -> Terminal {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)
            .expect("a terminal");
        grantpt(&ours).expect("the right to it");
        unlockpt(&ours).expect("its lock");
        let path = ptsname(&ours, Vec::new()).expect("its name");
        let flags =
            rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC;
        let theirs =
            rustix::fs::open(path, flags, rustix::fs::Mode::empty()).expect("its other side");
        let before = tcgetattr(&theirs).expect("its settings");
        let end = || Stdio::from(theirs.try_clone().expect("a descriptor"));
        let mut terminal = Command::new(env!("CARGO_BIN_EXE_halfopen"));
        terminal.arg("watch").args(arguments).env_remove("NO_COLOR");
        terminal.env_remove("CLICOLOR").env("TERM", "xterm");
        terminal.stdin(end()).stdout(end()).stderr(end());
        resize(&ours.try_clone().expect("a descriptor"), columns, rows);
        let child = terminal.spawn().expect("the program");
        Terminal {
            ours: File::from(ours),
            theirs,
            before,
            child,
            seen: String::new(),
        }
    }

    /// Reads until `wanted` was drawn (what was drawn before is forgotten), 20 s at the most; gives what was.
    fn until(&mut self, wanted: &str) -> String {
        let timeout = Timespec {
            tv_sec: 20,
            tv_nsec: 0,
        };
        while !self.seen.contains(wanted) {
            let mut fds = [PollFd::new(&self.ours, PollFlags::IN)];
            let ready = poll(&mut fds, Some(&timeout)).expect("waiting");
            assert!(ready > 0, "no {wanted:?} in {:?}", self.seen);
            // it goes on drawing, so the time without output is no bound
            assert!(
                self.seen.len() < 1 << 18,
                "no {wanted:?} in {:?}",
                self.seen
            );
            let mut bytes = [0; 4096];
            let len = self.ours.read(&mut bytes).expect("what it drew");
            self.seen.push_str(&String::from_utf8_lossy(&bytes[..len]));
        }
        std::mem::take(&mut self.seen)
    }

    /// Its process number.
    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// It must have ended well and left the terminal as it was.
    fn ended(mut self) {
        self.until("\x1b[?1049l");
        let status = bounded::ended(&mut self.child);
        assert!(status.success(), "{status}");
        let after = tcgetattr(&self.theirs).expect("its settings");
        assert_eq!(after.local_modes, self.before.local_modes);
        assert_eq!(after.input_modes, self.before.input_modes);
    }
}

fn resize(terminal: &OwnedFd, columns: u16, rows: u16) {
    let size = Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(terminal, size).expect("its size");
}

/// The lines of the last whole frame, colours taken out.
fn frame(drawn: &str) -> Vec<String> {
    let end = drawn.rfind("\x1b[J").expect("a frame's end");
    let start = drawn[..end].rfind("\x1b[H").expect("a frame's start");
    let lines = drawn[start + 3..end].split("\r\n");
    // the terminal adds a carriage return of its own
    let plain = |line: &str| without_colours(line).trim_end_matches('\r').to_owned();
    lines.map(plain).collect()
}

fn without_colours(line: &str) -> String {
    let mut plain = String::new();
    let mut parts = line.split('\x1b');
    plain.push_str(parts.next().unwrap_or_default());
    for part in parts {
        // a sequence ends with its first letter
        let end = part
            .find(|c: char| c.is_ascii_alphabetic())
            .map_or(part.len(), |i| i + 1);
        plain.push_str(&part[end..]);
    }
    plain
}

#[test]
fn on_a_terminal_it_is_redrawn_fits_and_gives_the_terminal_back() {
    if !can_watch() {
        return;
    }
    let (_client, _server, address) = connection();
    let arguments = ["--interval", "100ms", &address];
    let mut terminal = Terminal::run(&arguments, 100, 12);
    let drawn = terminal.until("\x1b[J") + &terminal.until("\x1b[J");
    assert!(
        drawn.contains("\x1b[?1049h") && drawn.contains("ESTABLISHED"),
        "{drawn:?}"
    );
    assert!(
        drawn.contains("\x1b[1m"),
        "colours on a terminal: {drawn:?}"
    );
    let lines = frame(&drawn);
    assert_eq!(lines.len(), 12, "{lines:#?}");
    assert_eq!(lines.last().map(String::as_str), Some("q quits, p pauses"));

    let ours = OwnedFd::from(terminal.ours.try_clone().expect("a descriptor"));
    resize(&ours, 40, 9);
    kill_process(terminal.pid(), Signal::WINCH).expect("a signal");
    loop {
        let lines = frame(&terminal.until("\x1b[J"));
        if lines.len() == 9 {
            let widest = lines.iter().map(|l| l.chars().count()).max();
            assert!(widest <= Some(40), "{lines:#?}");
            break;
        }
    }
    terminal.ours.write_all(b"p").expect("a key");
    terminal.until("paused; p resumes");
    terminal.ours.write_all(b"q").expect("a key");
    terminal.ended();
}

/// Whether this process ignores the signal, as one does that a script's `&` started: its children inherit that, and `watch`
/// leaves it so.
fn is_ignored(signal: Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").expect("proc(5)");
    let mask = status.lines().find_map(|l| l.strip_prefix("SigIgn:"));
    let mask = u64::from_str_radix(mask.expect("a mask").trim(), 16).expect("hexadecimal");
    mask >> (signal.as_raw() - 1) & 1 == 1
}

#[test]
fn a_signal_ends_it_as_a_key_does() {
    if !can_watch() {
        return;
    }
    let signals = [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT];
    for signal in signals.into_iter().filter(|s| !is_ignored(*s)) {
        let mut terminal = Terminal::run(&["--interval", "10s"], 80, 24);
        terminal.until("q quits");
        kill_process(terminal.pid(), signal).expect("a signal");
        terminal.ended();
    }
}
