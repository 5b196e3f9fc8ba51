//! After kill -9 in the middle of a run nothing is left: no process, no TUN; the namespace has no name to be left by.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use halfopen::call::{Call, Outcome};
use halfopen::target::Target;
use halfopen::time::Instant;
use halfopen::wire::Flags;

use crate::bounded;
use crate::by_hand::{answer, connect, linux, next_segment};

/// Not a test but the victim of the one below, which starts it as a process of its own: a connection with data in
/// flight, and a minute of patience.
#[test]
#[ignore = "started by kill_9_leaves_nothing"]
fn victim() {
    let Some(mut linux) = linux(&[]) else {
        return;
    };
    let id = connect(&mut linux);
    let (_, syn) = next_segment(&mut linux, Instant::from_ms(500)).expect("a SYN at once");
    linux.deliver(&answer(&syn, Flags::SYN | Flags::ACK).emit());
    let sent = linux.call(Call::Send(id, vec![7; 100]));
    assert_eq!(sent, Outcome::Bytes(100));
    println!("\nready");
    while linux.wait(Instant::from_ms(60_000)).unwrap() < Instant::from_ms(60_000) {
        while linux.take_packet().is_some() {}
    }
}

/// Processes that hold a TUN of this name, by their numbers; those that end while this looks are left out.
fn holders(tun: &str) -> Vec<String> {
    let line = format!("iff:\t{tun}");
    let entries = |path: String| {
        std::fs::read_dir(path)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path().to_string_lossy().into_owned())
    };
    entries("/proc".to_owned())
        .filter(|path| path.ends_with(|c: char| c.is_ascii_digit()))
        .filter(|process| {
            entries(format!("{process}/fdinfo"))
                .any(|info| std::fs::read_to_string(info).is_ok_and(|t| t.contains(&line)))
        })
        .collect()
}

/// Processes whose parent is this one.
fn children(of: u32) -> Vec<String> {
    let is_child = |status: &str| status.lines().any(|l| l == format!("PPid:\t{of}"));
    std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("status"))
        .filter(|status| std::fs::read_to_string(status).is_ok_and(|t| is_child(&t)))
        .map(|status| status.to_string_lossy().into_owned())
        .collect()
}

#[test]
fn kill_9_leaves_nothing() {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "leftovers::victim", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let first = lines.find_map(|line| {
        let line = line.unwrap_or_default();
        (line == "ready" || line.starts_with("skipped")).then_some(line)
    });
    let tun = format!("ho{}", victim.id());
    let ready = first.as_deref() == Some("ready");
    if ready {
        let process = format!("/proc/{}", victim.id());
        assert_eq!(holders(&tun), [process], "the run holds its TUN");
        assert_eq!(
            children(victim.id()),
            [""; 0],
            "a run needs no second process"
        );
    }
    victim.kill().unwrap();
    bounded::ended(&mut victim);
    match (ready, first) {
        (true, _) => assert_eq!(holders(&tun), [""; 0], "nobody holds it any more"),
        (false, Some(why)) => println!("{why}"),
        (false, None) => panic!("the victim ended before it was ready"),
    }
}

/// Descriptors of the namespace are not handed to programs that this one starts.
#[test]
fn programs_that_this_one_starts_get_no_descriptor_of_it() {
    let Some(mut linux) = linux(&[]) else {
        return;
    };
    let mine = format!("ho{}", std::process::id());
    let before = holders(&mine).len();
    connect(&mut linux);
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "grep -l 'iff:' /proc/$$/fdinfo/* 2>/dev/null"]);
    let started = bounded::output(&mut shell);
    assert_eq!(String::from_utf8_lossy(&started.stdout), "");
    assert_eq!(before, 1, "this process holds its TUN");
    let until = linux.now() + Duration::from_millis(1);
    linux.wait(until).unwrap();
}
