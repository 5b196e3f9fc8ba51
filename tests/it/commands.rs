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
    let table: [(&[&str], &str); 7] = [
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
        (&["run", "power-off-idle", "--force"], "--out <DIR>"),
        (
            &[
                "compare",
                "power-off-idle",
                "--mode",
                "replay",
                "--on",
                "engine,smoltcp",
            ],
            "--on can only be linux,engine",
        ),
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
fn run_takes_the_engine_where_nothing_else_is_named() {
    let (code, stdout, _) = outcome(halfopen().args(["run", "power-off-idle"]));
    let (_, engine, _) = outcome(halfopen().args(["run", "power-off-idle", "--on", "engine"]));
    assert_eq!((code, stdout), (0, engine));
}

#[test]
fn a_trace_is_overwritten_only_by_force() {
    let out = folder("overwritten");
    let run = |more: &[&str]| {
        let arguments = ["run", "power-off-idle", "--on", "smoltcp"];
        outcome(halfopen().args(arguments).args(more).arg("--out").arg(&out))
    };
    let trace = || std::fs::read(out.join("trace.pcapng")).expect("a trace");
    assert_eq!(run(&[]).0, 0);
    let first = trace();
    let (code, stdout, stderr) = run(&["--seed", "2"]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("--force"), "{stderr}");
    assert_eq!(trace(), first);
    assert_eq!(run(&["--seed", "2", "--force"]).0, 0);
    assert_ne!(trace(), first);

    let compare = |more: &[&str]| {
        let arguments = ["compare", "power-off-idle", "--on", "smoltcp,engine"];
        outcome(halfopen().args(arguments).args(more).arg("--out").arg(&out)).0
    };
    assert_eq!(compare(&[]), 1, "its folders are others");
    assert_eq!(compare(&[]), 2);
    assert_eq!(compare(&["--force"]), 1);
}

#[test]
fn errors_of_exec_are_told_apart_from_its_program() {
    for (arguments, code) in [
        (&["exec"][..], 125),
        (&["-v", "exec", "--sysctl", "x", "--", "true"], 125),
        (&["exec", "--help"], 0),
        (&["serve"], 2),
        (&["run", "exec"], 2),
    ] {
        let (got, _, stderr) = outcome(halfopen().args(arguments));
        assert_eq!(got, code, "{arguments:?}: {stderr}");
    }
}

#[test]
fn messages_are_words_and_modules_are_for_those_who_filter_by_them() {
    let say = |filter: Option<&str>, name: &str| {
        let mut command = halfopen();
        command.args(["run", "power-off-idle", "-v", "--out"]);
        command.arg(folder(name));
        command.envs(filter.map(|filter| ("RUST_LOG", filter)));
        outcome(&mut command).2
    };
    let plain = say(None, "words");
    assert!(plain.starts_with("info: the trace is in "), "{plain}");
    let filtered = say(Some("halfopen=info"), "words-of-modules");
    assert!(
        filtered.starts_with("info: [halfopen::cli::out] the trace is in "),
        "{filtered}"
    );
}

#[test]
fn colour_is_as_the_environment_says() {
    for (environment, is_coloured) in [
        (&[][..], false),
        (&[("CLICOLOR_FORCE", "1")], true),
        // set is set, whatever to; empty is unset (bixense.com/clicolors, anstyle-query)
        (&[("CLICOLOR_FORCE", "0")], true),
        (&[("CLICOLOR_FORCE", "")], false),
        (&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false),
        (&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "")], true),
    ] {
        for arguments in [&["run", "power-off-idle"][..], &["run", "nothing"]] {
            let mut command = halfopen();
            command.env_remove("CLICOLOR_FORCE").env_remove("CLICOLOR");
            command.args(arguments).envs(environment.iter().copied());
            let (_, stdout, stderr) = outcome(&mut command);
            let coloured = (stdout + &stderr).contains('\u{1b}');
            assert_eq!(coloured, is_coloured, "{arguments:?} {environment:?}");
        }
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
