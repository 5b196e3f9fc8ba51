//! The program on the real kernel: its first command, and Ctrl-C.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use crate::bounded;
use crate::skip;

fn start(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_halfopen"))
        .args(arguments)
        .env_remove("RUST_LOG")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Whether this machine can have the target; says why not.
fn is_possible() -> bool {
    let doctor = bounded::ended_with_output(start(&["doctor"]));
    if !doctor.status.success() {
        skip::no_kernel(text(&doctor));
    }
    doctor.status.success()
}

#[test]
fn three_targets_side_by_side_and_a_verdict() {
    if !is_possible() {
        return;
    }
    for _ in 0..3 {
        let run = start(&["compare", "power-off-idle"]);
        let output = bounded::ended_with_output(run);
        let said = text(&output);
        // a machine that does the steps late says nothing about its kernel
        let not_judged = output.status.code() == Some(2) && said.contains("not judged");
        let is_identical = said.contains("power-off-idle: identical, 20 packets");
        if not_judged || (said.contains(halfopen::trace::BUSY) && !is_identical) {
            continue;
        }
        assert_eq!(output.status.code(), Some(0), "{said}");
        for part in [
            "engine against linux",
            "power-off-idle: identical, 20 packets",
            "engine against smoltcp",
            "power-off-idle: different",
            "ETIMEDOUT by recv()",
        ] {
            assert!(said.contains(part), "no {part:?} in:\n{said}");
        }
        return;
    }
    println!("not judged: this machine was too busy three times");
}

#[test]
fn ctrl_c_ends_a_run_with_what_there_is() {
    if !is_possible() {
        return;
    }
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("interrupted");
    let _ = std::fs::remove_dir_all(&out);
    let folder = out.to_str().expect("a path in UTF-8");
    let mut run = start(&[
        "run",
        "power-off-idle",
        "--on",
        "linux",
        "-vv",
        "--out",
        folder,
    ]);
    let mut log = BufReader::new(run.stderr.take().expect("piped")).lines();
    let under_way = |line: &String| line.contains("linux: running");
    assert!(
        log.by_ref()
            .map_while(Result::ok)
            .any(|line| under_way(&line))
    );
    let pid = rustix::process::Pid::from_child(&run);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("a signal to a child");
    let rest: Vec<String> = log.map_while(Result::ok).collect();
    let output = bounded::ended_with_output(run);
    assert_eq!(output.status.code(), Some(130), "{rest:?}");
    assert!(
        rest.iter().any(|line| line.contains("interrupted at")),
        "{rest:?}"
    );
    let summary = std::fs::read_to_string(out.join("summary.json")).expect("it was written");
    assert!(
        summary.contains("\"stopped\": \"interrupted\""),
        "{summary}"
    );
}

#[test]
fn an_advice_is_measured_beside_what_was_simulated() {
    if !is_possible() {
        return;
    }
    let run = start(&[
        "advise", "--detect", "4s", "--idle", "--role", "server", "--verify", "--json",
    ]);
    let output = bounded::ended_with_output(run);
    let said = text(&output);
    let json = serde_json::from_slice::<serde_json::Value>(&output.stdout).expect(&said);
    let measured = json["measured"].as_array().expect(&said);
    assert_eq!(measured.len(), 3, "{said}");
    for one in measured {
        let rows = json["situations"].as_array().expect(&said);
        let row = rows.iter().find(|r| r["situation"] == one["situation"]);
        let earliest = row.and_then(|r| r["detected_simulated_s"]["earliest"].as_f64());
        // a timer is never early; how late it is depends on how busy the machine is
        let at = one["measured_s"].as_f64().expect(&said);
        assert!(earliest.is_some_and(|e| at > e - 0.01), "{said}");
    }
}
