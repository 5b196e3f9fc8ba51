//! `halfopen exec` with programs that people have: what is told of them, and that nothing is left behind.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::bounded;
use crate::own_programs::{Report, TALKER, User, halfopen, is_possible, start, text, users};

#[test]
fn a_program_that_sends_is_told_when_the_kernel_gives_up() {
    if !is_possible(&["python3"]) {
        return;
    }
    let report = Report::of(&[
        "--die-after-bytes",
        "6",
        "--sysctl",
        "tcp_retries2=3",
        "--sysctl",
        "tcp_early_retrans=0",
        "--",
        "python3",
        "-c",
        TALKER,
        "0.3",
    ]);
    let said = text(&report.output);
    assert_eq!(
        report.output.status.code(),
        Some(3),
        "the program's own code: {said}"
    );
    assert!(said.contains("b'one'") && said.contains("110"), "{said}");
    let connection = report.connection();
    assert_eq!(connection["end"]["kind"], "given up", "{connection:#}");
    assert_eq!(connection["end"]["errno"], "ETIMEDOUT");
    assert_eq!(connection["end"]["rst_sent"], false);
    assert_eq!(connection["sent_before_death_bytes"], 3);
    assert_eq!(connection["received_before_death_bytes"], 3);
    assert_eq!(
        connection["forecast_at_death"]["kind"], "never",
        "{connection:#}"
    );
    // tcp_retries2 = 3 is a time, and whether the fourth expiry lies in it depends on the RTT that a busy machine gave
    let sent = connection["sent_into_silence"].as_array().expect("a list");
    let again = sent.iter().filter(|t| t["sent"] == "again").count();
    assert!((3..=4).contains(&again), "{connection:#}");
    assert_eq!(sent[0]["sent"], "new");
    assert_eq!(sent.len(), 1 + again, "{connection:#}");
    // it gives up where the next retransmission would have been: twice the last gap later
    let at: Vec<f64> = sent.iter().filter_map(|t| t["at_s"].as_f64()).collect();
    let last = at[again] - at[again - 1];
    let waited = report.seconds("/end/at_s") - at[again];
    assert!((1.8..2.4).contains(&(waited / last)), "{connection:#}");
}

#[test]
fn a_program_with_keepalive_is_told_when_it_was_forecast() {
    if !is_possible(&["python3"]) {
        return;
    }
    let report = Report::of(&[
        "--die-after-bytes",
        "6",
        "--",
        "python3",
        "-c",
        TALKER,
        "30",
        "SOL_SOCKET:SO_KEEPALIVE:1",
        "IPPROTO_TCP:TCP_KEEPIDLE:2",
        "IPPROTO_TCP:TCP_KEEPINTVL:1",
        "IPPROTO_TCP:TCP_KEEPCNT:2",
    ]);
    let connection = report.connection();
    assert_eq!(connection["end"]["kind"], "given up", "{connection:#}");
    assert_eq!(connection["end"]["rst_sent"], true);
    let forecast = report.seconds("/forecast_at_death/at_s");
    let ended = report.seconds("/end/at_s");
    assert!(
        (forecast - ended).abs() < 0.5,
        "forecast {forecast} s, ended {ended} s"
    );
}

#[test]
fn a_program_that_ends_first_is_told_when_it_would_have_been_told() {
    if !is_possible(&["nc"]) {
        return;
    }
    let program = ["--", "nc", "10.77.0.2", "9"];
    let report = Report::of_one_that_is_ready(&program, Report::was_connected);
    assert_eq!(
        report.output.status.code(),
        Some(124),
        "{}",
        text(&report.output)
    );
    assert_eq!(report.json["by_timeout"], true);
    let connection = report.connection();
    assert_eq!(
        connection["end"]["kind"], "closed by the program",
        "{connection:#}"
    );
    assert_eq!(connection["would_be_told"]["kind"], "never");
    let wrote = &connection["would_be_told_if_it_wrote"];
    assert_eq!(wrote["errno"], "ETIMEDOUT", "{connection:#}");
    let number = |name: &str| wrote[name].as_f64().expect("a number");
    // the model of 15 retries is 924.6 s; the wheel and the first waits make it longer
    let took = number("at_s") - number("from_s");
    assert!((924.6..960.0).contains(&took), "{took}");
}

#[test]
fn the_codes_of_exec() {
    if !is_possible(&[]) {
        return;
    }
    let plain = std::env::current_exe().expect("a path");
    let folder = plain.parent().and_then(|f| f.to_str()).expect("a folder");
    for (arguments, code, part) in [
        (
            vec!["exec", "--", "sh", "-c", "exit 42"],
            42,
            "exit code 42",
        ),
        (
            vec!["exec", "--", "sh", "-c", "kill -9 $$"],
            137,
            "signal 9",
        ),
        (vec!["exec", "--", "/nonexistent"], 127, "No such file"),
        (vec!["exec", "--", folder], 126, "Permission denied"),
        (
            vec!["exec", "--sysctl", "tcp_mem=1 2 3", "--", "true"],
            125,
            "belongs to the whole machine",
        ),
        (
            vec!["exec", "--sysctl", "tcp_retires2=1", "--", "true"],
            125,
            "this kernel has no",
        ),
        (
            vec!["exec", "--timeout", "200ms", "--", "sleep", "60"],
            124,
            "by --timeout",
        ),
        (
            vec!["exec", "--trace", "/nonexistent/t.pcapng", "--", "true"],
            125,
            "/nonexistent/t.pcapng",
        ),
        (vec!["exec"], 125, "required"),
        (vec!["serve"], 2, "required"),
        (
            vec!["serve", "echo", "--addr", "10.77.0.2"],
            2,
            "must be an address with a prefix length",
        ),
        (
            vec!["serve", "echo", "--sysctl", "tcp_retires2=1"],
            2,
            "did you mean tcp_retries2",
        ),
    ] {
        let output = halfopen(&arguments);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(part), "{arguments:?}: {said}");
    }
}

#[test]
fn redis_cli_is_told_by_its_own_keepalive() {
    if !is_possible(&["redis-cli", "redis-server"]) {
        return;
    }
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|l| l.local_addr())
        .expect("a free port")
        .port();
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Command::new("redis-server")
        .args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
        ])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("redis-server starts");
    let mut log = BufReader::new(server.stdout.take().expect("piped")).lines();
    let is_ready = log
        .by_ref()
        .map_while(Result::ok)
        .any(|l| l.contains("Ready to accept"));
    assert!(is_ready, "redis-server did not start");
    let real = format!("127.0.0.1:{port}");
    let program = [
        "--forward",
        &real,
        "--",
        "redis-cli",
        "-h",
        "10.77.0.2",
        "subscribe",
        "news",
    ];
    let has_subscribed = |r: &Report| r.was_connected() && text(&r.output).contains("subscribe");
    let report = Report::of_one_that_is_ready(&program, has_subscribed);
    server.kill().expect("a signal to a child");
    bounded::ended(&mut server);
    assert!(
        text(&report.output).contains("subscribe"),
        "{}",
        text(&report.output)
    );
    let connection = report.connection();
    // redis-cli sets 15 s, and a third of that between three probes: about 28 s after the last segment
    assert_eq!(
        connection["forecast_at_death"]["errno"], "ETIMEDOUT",
        "{connection:#}"
    );
    let told = report.seconds("/would_be_told/at_s") - report.seconds("/peer_died_s");
    assert!((27.0..31.0).contains(&told), "{told}");
}

#[test]
fn ctrl_c_ends_the_program_too_and_leaves_nothing() {
    if !is_possible(&[]) {
        return;
    }
    let mut run = start(
        &[
            "exec",
            "--",
            "sh",
            "-c",
            "sleep 61 & echo $!; exec sleep 62",
        ],
        Stdio::null(),
    );
    let mut first = String::new();
    let stdout = run.stdout.take().expect("piped");
    BufReader::new(stdout)
        .read_line(&mut first)
        .expect("a line");
    let daemon = format!("/proc/{}", first.trim());
    assert!(std::path::Path::new(&daemon).exists(), "{first}");
    let pid = rustix::process::Pid::from_child(&run);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("a signal to a child");
    let output = bounded::ended_with_output(run);
    assert_eq!(output.status.code(), Some(130), "{}", text(&output));
    assert!(text(&output).contains("left sleep"), "{}", text(&output));
    assert!(
        !std::path::Path::new(&daemon).exists(),
        "{daemon} is still there"
    );
}

/// As an ordinary user, where all of it takes a user namespace: the program is its user's, and its options are seen.
#[test]
fn exec_without_privileges() {
    if !is_possible(&["python3"]) {
        return;
    }
    let Some(nobody) = users().pop().filter(User::is_nobody) else {
        return;
    };
    let run = |arguments: &[&str]| nobody.halfopen(arguments);
    let output = run(&["exec", "--", "sh", "-c", "id -u; exit 9"]);
    assert_eq!(output.status.code(), Some(9), "{}", text(&output));
    assert!(text(&output).starts_with("65534\n"), "{}", text(&output));
    let output = run(&[
        "exec",
        "--sysctl",
        "tcp_retries2=3",
        "--die-after-bytes",
        "6",
        "--timeout",
        "2s",
        "--json",
        "--",
        "python3",
        "-c",
        TALKER,
        "60",
        "SOL_SOCKET:SO_KEEPALIVE:1",
        "IPPROTO_TCP:TCP_KEEPIDLE:42",
    ]);
    let report: Value =
        serde_json::from_slice(&output.stderr).unwrap_or_else(|e| panic!("{e}: {}", text(&output)));
    let connection = &report["connections"][0];
    // at the end, when its options have been seen on any machine
    let forecast = &connection["would_be_told"];
    let told = forecast["at_s"].as_f64().expect("a number")
        - connection["peer_died_s"].as_f64().expect("a number");
    // 42 s idle and nine probes of 75 s; with the wheel's rounding
    assert!((710.0..780.0).contains(&told), "{connection:#}");
}
