//! stdout and stderr that take nothing more: whatever is written, on whatever way out, nothing panics.

use std::fs::OpenOptions;
use std::process::{Command, Stdio};

use crate::bounded;
use crate::commands::folder;

/// A stream whose reader has gone away.
fn closed() -> Stdio {
    let (_reader, writer) = std::io::pipe().expect("a pipe");
    writer.into()
}

/// A stream on a full disk.
fn full() -> Stdio {
    let file = OpenOptions::new().write(true).open("/dev/full");
    file.expect("/dev/full").into()
}

fn exit(arguments: &[&str], stdout: Stdio, stderr: Stdio) -> Option<i32> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_halfopen"));
    command.args(arguments).env_remove("RUST_LOG");
    command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
    bounded::ended(&mut command.spawn().expect("the program starts")).code()
}

#[test]
fn no_way_out_of_the_program_panics() {
    let faulty = folder("two-faults").join("two-faults.toml");
    std::fs::write(&faulty, "titel = 1\nsteps = 2\n").expect("a file");
    let faulty = faulty.to_str().expect("a path in UTF-8");
    // the arguments, the exit code where it is always the same, and whether stdout gets anything
    let table: [(&[&str], Option<i32>, bool); 16] = [
        (&["run", "power-off-idle"], Some(0), true),
        (&["run", "power-off-idle", "-vvv"], Some(0), true),
        (&["run", "power-off-idle", "--json"], Some(0), true),
        (&["run", faulty], Some(2), false),
        (&["run", "no-such-scenario"], Some(2), false),
        (&["run", "--no-such-option"], Some(2), false),
        (
            &["compare", "power-off-idle", "--on", "engine,smoltcp"],
            Some(1),
            true,
        ),
        (&["compare", "--recording", "power-off-idle"], Some(0), true),
        (&["compare", faulty], Some(2), false),
        (&["compare", "--recording", "/dev/null"], Some(2), false),
        (&["list"], Some(0), true),
        (&["doctor"], None, true),
        (&["doctor", "--json"], None, true),
        (&["--help"], Some(0), true),
        (&["exec"], Some(125), false),
        (&["serve"], Some(2), false),
    ];
    for (arguments, code, prints) in table {
        let code = code.or_else(|| exit(arguments, Stdio::null(), Stdio::null()));
        let got = exit(arguments, closed(), closed());
        assert_eq!(got, code, "{arguments:?}: both closed");
        let got = exit(arguments, Stdio::null(), full());
        assert_eq!(got, code, "{arguments:?}: stderr full");
        let got = exit(arguments, full(), full());
        let expected = if prints { Some(2) } else { code };
        assert_eq!(got, expected, "{arguments:?}: both full");
    }
}

/// What there is to watch, and whether it may be watched, is the machine's.
#[test]
fn watch_does_not_panic_either() {
    let once = ["watch", "--once", "--json"];
    for (stdout, stderr) in [
        (closed(), closed()),
        (Stdio::null(), full()),
        (full(), full()),
    ] {
        let got = exit(&once, stdout, stderr);
        assert!(matches!(got, Some(0 | 2)), "{got:?}");
    }
}

#[test]
fn a_full_disk_under_stdout_is_said() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_halfopen"));
    command.arg("list").stdout(full()).stderr(Stdio::piped());
    let output = bounded::ended_with_output(command.spawn().expect("the program starts"));
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("writing to stdout: No space left on device"),
        "{said}"
    );
}
