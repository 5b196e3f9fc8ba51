//! `halfopen serve`: entered as it says, killed and revived by signals, and gone without a trace.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::bounded;
use crate::own_programs::{is_possible, start, text};

/// The lines of a `serve` until one contains `part`.
fn lines_until(serve: &mut BufReader<std::process::ChildStdout>, part: &str) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        let len = serve.read_line(&mut line).expect("a line");
        assert!(len > 0, "no {part:?} in {lines:?}");
        lines.push(line.trim_end().to_owned());
        if line.contains(part) {
            return lines;
        }
    }
}

#[test]
fn serve_dies_and_comes_back_by_signals_and_is_entered_as_it_says() {
    if !is_possible(&["nsenter", "nc"]) {
        return;
    }
    let mut serve = start(&["serve", "echo", "--port", "4000"], Stdio::null());
    let mut out = BufReader::new(serve.stdout.take().expect("piped"));
    let lines = lines_until(&mut out, "kill -USR1");
    let command = lines
        .iter()
        .find(|l| l.contains("nsenter"))
        .expect("a way in");
    let nc = |input: &str| {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("echo {input} | {command} -N -w 1")]);
        let ran = bounded::output(&mut shell);
        String::from_utf8_lossy(&ran.stdout).trim().to_owned()
    };
    assert_eq!(nc("alive"), "alive");
    let pid = rustix::process::Pid::from_child(&serve);
    let signal = |signal| rustix::process::kill_process(pid, signal).expect("a signal to a child");
    signal(rustix::process::Signal::USR1);
    lines_until(&mut out, "powered off");
    assert_eq!(nc("dead"), "");
    signal(rustix::process::Signal::USR2);
    lines_until(&mut out, "alive");
    assert_eq!(nc("back"), "back");
    signal(rustix::process::Signal::TERM);
    let end = lines_until(&mut out, "connections,");
    assert!(
        end.last()
            .is_some_and(|l| l.starts_with("3 connections") || l.starts_with("2 connections")),
        "{end:?}"
    );
    assert_eq!(bounded::ended(&mut serve).code(), Some(0));
}

#[test]
fn serve_here_makes_an_interface_that_is_gone_at_its_end() {
    if !is_possible(&["unshare", "nc"]) {
        return;
    }
    // "here" is a namespace of the test's own
    let script = r#"
        "$1" serve http --here --name dies0 > "$2/said" &
        serve=$!
        i=0
        until grep -qs "kill -USR1" "$2/said" || [ $i = 3000 ]; do i=$((i + 1)); sleep 0.02; done
        grep -c dies0: /proc/net/dev
        printf 'GET / HTTP/1.0\r\n\r\n' | nc -w 1 10.77.0.2 80 | head -1
        kill $serve
        wait $serve
        echo "code $?"
        grep -c dies0: /proc/net/dev
    "#;
    let folder = tempfile::tempdir().expect("a folder");
    let unshare: &[&str] = match rustix::process::geteuid().is_root() {
        true => &["-n"],
        false => &["-rn"],
    };
    let mut inside = Command::new("unshare");
    inside
        .args(unshare)
        .args(["sh", "-c", script, "sh", env!("CARGO_BIN_EXE_halfopen")])
        .arg(folder.path());
    let ran = bounded::output(&mut inside);
    let said = text(&ran);
    assert_eq!(
        said.lines().collect::<Vec<_>>(),
        ["1", "HTTP/1.1 200 OK", "code 0", "0"],
        "{said}"
    );
}
