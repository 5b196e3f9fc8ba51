//! What a program under `halfopen exec` inherits: the same as without it, for root and for an ordinary user.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::bounded;
use crate::own_programs::{is_possible, text, users};
use crate::skip;

/// Prints the signal mask, the ignored signals, the process group, the session, and the first ten descriptors.
const ASK: &str = r#"grep -E '^Sig(Blk|Ign):' /proc/self/status
cut -d' ' -f5,6 /proc/self/stat
for fd in 0 1 2 3 4 5 6 7 8 9; do
    if [ -e /proc/$$/fd/$fd ]; then echo fd $fd; fi
done"#;

/// Callers that leave something to inherit; each runs the arguments that follow.
const CALLERS: [&str; 4] = [
    r#"exec "$@""#,
    r#"exec env --block-signal=USR2,WINCH --ignore-signal=PIPE,HUP,INT "$@""#,
    r#"exec env --default-signal "$@" 7</dev/null 9</dev/null"#,
    r#"exec "$@" 0<&-"#,
];

#[test]
fn signals_session_and_descriptors_are_the_callers() {
    if !is_possible(&["grep", "cut"]) || !has_env_with_signals() {
        return;
    }
    for user in users() {
        for caller in CALLERS {
            let ask = |before: &[&str]| {
                let mut command = user.command("sh");
                command.args(["-c", caller, "sh"]);
                command.args(before).args(["sh", "-c", ASK]);
                let output = bounded::output(&mut command);
                assert!(output.status.success(), "{caller}: {}", text(&output));
                without_signals_of_libc(&text(&output))
            };
            let halfopen = user.program.to_str().expect("a path in UTF-8");
            let inside = ask(&[halfopen, "exec", "-o", "/dev/null", "--"]);
            assert_eq!(inside, ask(&[]), "{user}: {caller}");
            assert!(inside.contains("fd 1"), "{inside}");
        }
    }
}

#[test]
fn signals_end_the_program_and_reach_it() {
    if !is_possible(&["timeout"]) {
        return;
    }
    for user in users() {
        let output = user.halfopen(&["exec", "--", "timeout", "0.2", "sleep", "20"]);
        assert_eq!(output.status.code(), Some(124), "{user}: {}", text(&output));
        for (signal, program, code) in [
            (Signal::TERM, "echo ready; exec sleep 20", 143),
            (Signal::INT, "echo ready; exec sleep 20", 130),
            (
                Signal::USR1,
                "trap 'exit 7' USR1; echo ready; sleep 20 & wait",
                7,
            ),
        ] {
            let mut run = user.command("env");
            run.arg("--default-signal").arg(&user.program);
            let run = run.args(["exec", "--", "sh", "-c", program]).spawn();
            let run = ready(run.expect("it starts"));
            kill_process(Pid::from_child(&run), signal).expect("a signal to a child");
            let output = bounded::ended_with_output(run);
            assert_eq!(
                output.status.code(),
                Some(code),
                "{user}, {signal:?}: {}",
                text(&output)
            );
        }
    }
}

#[test]
fn a_signal_that_the_caller_ignores_is_ignored() {
    if !is_possible(&[]) || !has_env_with_signals() {
        return;
    }
    for user in users() {
        let mut run = user.command("env");
        run.arg("--ignore-signal=HUP").arg(&user.program);
        run.args(["exec", "--", "sh", "-c", "echo ready; read line; exit 5"]);
        let run = run.stdin(Stdio::piped()).spawn().expect("it starts");
        let mut run = ready(run);
        kill_process(Pid::from_child(&run), Signal::HUP).expect("a signal to a child");
        let mut stdin = run.stdin.take().expect("piped");
        stdin.write_all(b"go on\n").expect("it reads");
        let output = bounded::ended_with_output(run);
        assert_eq!(output.status.code(), Some(5), "{user}: {}", text(&output));
    }
}

/// A report that cannot be written is an error; one that nobody reads any more is not.
#[test]
fn the_report_on_a_stderr_that_takes_nothing() {
    if !is_possible(&[]) {
        return;
    }
    let exit = |stderr: Stdio| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_halfopen"));
        command.args(["exec", "--", "sh", "-c", "exit 9"]);
        let run = command.stderr(stderr).spawn();
        bounded::ended(&mut run.expect("it starts")).code()
    };
    let (_, closed) = std::io::pipe().expect("a pipe");
    assert_eq!(exit(closed.into()), Some(9));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    assert_eq!(exit(full.expect("/dev/full").into()), Some(125));
}

/// Signals 32 and 33 are glibc's, which does with them what it likes in every program that has a thread.
fn without_signals_of_libc(answer: &str) -> String {
    let line = |line: &str| match line.split_once(":\t") {
        Some((what, mask)) => {
            let mask = u64::from_str_radix(mask, 16).expect("a mask");
            format!("{what} {:016x}\n", mask & !(0b11 << 31))
        }
        None => format!("{line}\n"),
    };
    answer.lines().map(line).collect()
}

/// Waits until the program inside says that it runs.
fn ready(mut run: Child) -> Child {
    let stdout = run.stdout.as_mut().expect("piped");
    let mut first = String::new();
    BufReader::new(stdout)
        .read_line(&mut first)
        .expect("a line");
    assert_eq!(first, "ready\n");
    run
}

/// Whether env(1) can set dispositions (GNU coreutils 8.31).
fn has_env_with_signals() -> bool {
    let mut tried = Command::new("env");
    tried.args(["--default-signal", "true"]);
    let can = bounded::output(&mut tried).status.success();
    if !can {
        skip::because("env has no --default-signal here");
    }
    can
}
