//! Arguments, exit codes, and what goes to stdout, to stderr and to a folder.

use std::path::{Path, PathBuf};

use assert_cmd::Command;

use crate::bounded;

pub(crate) fn halfopen() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_halfopen"));
    bounded::begin();
    command.env_remove("RUST_LOG").env_remove("NO_COLOR");
    command.timeout(std::time::Duration::from_secs(240));
    command
}

/// What a command printed, and its exit code.
pub(crate) fn outcome(command: &mut Command) -> (i32, String, String) {
    let output = command.assert().get_output().clone();
    (
        output.status.code().expect("it was not killed"),
        String::from_utf8(output.stdout).expect("stdout is UTF-8"),
        String::from_utf8(output.stderr).expect("stderr is UTF-8"),
    )
}

/// An empty folder of this name.
pub(crate) fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).expect("a temporary folder");
    path
}

#[test]
fn a_fault_in_a_scenario_is_shown_in_its_place_and_nothing_is_run() {
    let file = folder("faulty").join("faulty.toml");
    let good = include_str!("../../examples/scenarios/power-off-idle.toml");
    let bad = good.replace("peer power-off", "peer power-of");
    assert_ne!(
        good, bad,
        "the sample must have the action that is misspelt"
    );
    std::fs::write(&file, &bad).expect("a file");
    let line = bad
        .lines()
        .position(|l| l.contains("peer power-of"))
        .expect("it is there")
        + 1;
    for arguments in [&["run", "--on", "engine"][..], &["compare"][..]] {
        let (code, stdout, stderr) = outcome(halfopen().args(arguments).arg(&file));
        assert_eq!(code, 2, "{stderr}");
        assert_eq!(stdout, "");
        let place = format!("faulty.toml:{line}:");
        for part in [place.as_str(), "peer power-of", "peer power-off", "^"] {
            assert!(stderr.contains(part), "no {part:?} in:\n{stderr}");
        }
    }
}

#[test]
fn what_is_not_there_is_an_error_that_says_what_to_do() {
    let table: [(&[&str], &str); 6] = [
        (
            &["run", "powr-off-idle", "--on", "engine"],
            "did you mean power-off-idle?",
        ),
        (
            &["run", "no-such-file.toml", "--on", "engine"],
            "no-such-file.toml",
        ),
        (
            &["run", "power-off-idle", "--on", "windows"],
            "possible values: engine, smoltcp, linux",
        ),
        (&["run", "power-off-idle"], "--on"),
        (&["compare"], "--recording"),
        (
            &["compare", "power-off-idle", "--recording", "x"],
            "cannot be used with",
        ),
    ];
    for (arguments, says) in table {
        let (code, stdout, stderr) = outcome(halfopen().args(arguments));
        assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(
            stderr.contains(says),
            "{arguments:?} says no {says:?}:\n{stderr}"
        );
    }
}

#[test]
fn list_has_every_scenario_with_title_and_duration() {
    let (code, text, _) = outcome(halfopen().arg("list"));
    assert_eq!(code, 0);
    let (code, json, _) = outcome(halfopen().args(["list", "--json"]));
    assert_eq!(code, 0);
    let all: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let files = std::fs::read_dir("examples/scenarios")
        .expect("the scenarios")
        .count();
    let entries = all.as_array().expect("an array");
    assert_eq!(entries.len(), files);
    for entry in entries {
        let name = entry["name"].as_str().expect("a name");
        let title = entry["title"].as_str().expect("a title");
        assert!(entry["lasts_s"].as_f64().expect("seconds") > 0.0, "{name}");
        let shown = |line: &str| line.starts_with(name) && line.ends_with(title);
        assert!(text.lines().any(shown), "{name} is not in the text");
    }
}

#[test]
fn a_run_leaves_a_folder_and_the_same_seed_leaves_the_same_bytes() {
    let run = |name: &str, seed: &str| {
        let out = folder(name);
        let arguments = [
            "run",
            "power-off-idle",
            "--on",
            "smoltcp",
            "--seed",
            seed,
            "--json",
            "--out",
        ];
        let (code, stdout, stderr) = outcome(halfopen().args(arguments).arg(&out));
        assert_eq!((code, stderr.as_str()), (0, ""));
        let read = |file: &str| std::fs::read(out.join(file)).expect(file);
        assert_eq!(stdout.as_bytes(), read("summary.json"));
        [
            "scenario.toml",
            "trace.pcapng",
            "events.jsonl",
            "summary.json",
        ]
        .map(read)
    };
    let (first, again, other) = (
        run("seed-7", "7"),
        run("seed-7-again", "7"),
        run("seed-8", "8"),
    );
    assert_eq!(first, again);
    assert_ne!(first[1], other[1], "another seed, other initial numbers");
}

#[test]
fn the_exit_code_says_whether_it_is_the_same() {
    for (on, code) in [("smoltcp,smoltcp", 0), ("smoltcp,engine", 1)] {
        let (got, stdout, _) = outcome(halfopen().args(["compare", "power-off-idle", "--on", on]));
        assert_eq!(got, code, "{on}:\n{stdout}");
        let (got, stdout, _) =
            outcome(halfopen().args(["compare", "power-off-idle", "--on", on, "--json"]));
        assert_eq!(got, code, "{on} --json");
        let all: serde_json::Value = serde_json::from_str(&stdout).expect("JSON");
        assert_eq!(all["verdicts"][0]["identical"], code == 0, "{on}");
        assert_eq!(all["runs"].as_array().map(Vec::len), Some(2));
    }
}

#[test]
fn a_pipe_gets_no_colour_and_no_progress() {
    let (_, stdout, stderr) =
        outcome(halfopen().args(["run", "power-off-idle", "--on", "smoltcp"]));
    assert!(!stdout.contains('\u{1b}'), "{stdout}");
    assert_eq!(stderr, "");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_halfopen"))
        .arg("list")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let output = bounded::ended_with_output(child);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}
