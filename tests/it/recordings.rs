//! Recordings from the command line.

use std::path::Path;

use crate::commands::{folder, halfopen, outcome};

const RECORDINGS: &str = "examples/recordings/linux-6.18";

fn compare(named: &[&Path]) -> (i32, String, String) {
    outcome(halfopen().args(["compare", "--recording"]).args(named))
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).expect("a folder");
    for file in [
        "scenario.toml",
        "trace.pcap",
        "events.jsonl",
        "summary.json",
    ] {
        std::fs::copy(from.join(file), to.join(file)).expect("a copy");
    }
}

/// A copy of a recording that calls itself by another name.
fn renamed(from: &Path, to: &Path, name: &str) {
    copy(from, to);
    let summary = to.join("summary.json");
    let text = std::fs::read_to_string(&summary).expect("a copy");
    let was = from.file_name().and_then(|n| n.to_str()).expect("a name");
    let changed = text.replace(&format!("{was:?}"), &format!("{name:?}"));
    assert_ne!(text, changed, "the summary says the name");
    std::fs::write(summary, changed).expect("a file");
}

/// r025 has a declared difference, and power-off-idle has none.
#[test]
fn what_is_declared_goes_with_the_content_of_a_recording_and_not_with_its_name() {
    let folder = folder("renamed");
    let (mine, r025) = (folder.join("mine"), folder.join("r025"));
    let ours = Path::new("tests/recordings/linux-6.18-random/r025");
    renamed(ours, &mine, "mine");
    renamed(&Path::new(RECORDINGS).join("power-off-idle"), &r025, "r025");
    for (path, begins) in [(mine, "mine: identical"), (r025, "r025: identical")] {
        let (code, stdout, stderr) = compare(&[&path]);
        assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
        assert!(stdout.starts_with(begins), "{stdout}");
        let declared = stdout.contains("; 1 known difference");
        assert_eq!(declared, begins.starts_with("mine"), "{stdout}");
    }
}

#[test]
fn the_hash_for_a_declaration_is_in_the_json() {
    let path = Path::new("tests/recordings/linux-6.18-random/r025");
    let args = ["compare", "--json", "--recording"];
    let (code, stdout, stderr) = outcome(halfopen().args(args).arg(path));
    assert_eq!((code, stderr.as_str()), (0, ""));
    let all: serde_json::Value = serde_json::from_str(&stdout).expect("JSON");
    let hash = &all["verdicts"][0]["content_hash"];
    let known = halfopen::compare::Known::shipped().known;
    let declared = known.iter().find(|e| e.recording == "r025").expect("it is");
    assert_eq!(*hash, *declared.content_hash);
}

#[test]
fn a_folder_that_is_no_recording_is_an_error() {
    let empty = folder("no-recording");
    let broken = folder("broken-recording");
    std::fs::write(broken.join("trace.pcap"), b"not a capture").expect("a file");
    for (path, says) in [
        (empty.as_path(), "no trace.pcapng or trace.pcap in it"),
        (broken.as_path(), "broken-recording"),
        (Path::new("no-such-folder"), "no-such-folder"),
    ] {
        let (code, stdout, stderr) = compare(&[path]);
        let last = "0 of 1 identical, 1 could not be compared\n";
        assert_eq!((code, stdout.as_str()), (2, last), "{stderr}");
        assert!(stderr.contains(says), "{stderr}");
    }
}

#[test]
fn one_bad_recording_among_good_ones_is_reported_and_the_rest_goes_on() {
    let good = Path::new(RECORDINGS).join("power-off-idle");
    let (code, stdout, stderr) = compare(&[Path::new("no-such-folder"), &good]);
    assert_eq!(code, 2);
    assert!(stderr.contains("no-such-folder"), "{stderr}");
    let last = "1 of 2 identical, 1 could not be compared";
    assert_eq!(stdout.lines().last(), Some(last), "{stdout}");
}

#[test]
fn a_run_of_the_engine_is_no_recording() {
    let out = folder("engines-run");
    let run = ["run", "power-off-idle", "--on", "engine", "--out"];
    let (code, _, stderr) = outcome(halfopen().args(run).arg(&out));
    assert_eq!(code, 0, "{stderr}");
    let (code, _, stderr) = compare(&[&out]);
    assert_eq!(code, 2);
    assert!(stderr.contains("made by the target engine"), "{stderr}");
}

#[test]
fn the_last_line_counts_and_a_folder_of_recordings_is_all_of_them() {
    let family = folder("family");
    for name in ["power-off-idle", "keepalive-power-off"] {
        copy(&Path::new(RECORDINGS).join(name), &family.join(name));
    }
    let (code, stdout, stderr) = compare(&[&family]);
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    assert_eq!(stdout.lines().last(), Some("2 of 2 identical"), "{stdout}");
}

#[test]
fn a_recording_that_the_program_carries_needs_no_folder() {
    let (code, stdout, stderr) = compare(&[Path::new("power-off-idle")]);
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    assert_eq!(stdout.lines().last(), Some("1 of 1 identical"), "{stdout}");
}

#[test]
fn a_recording_that_was_changed_is_different() {
    let changed = folder("changed-recording");
    for file in ["scenario.toml", "events.jsonl", "summary.json"] {
        let from = Path::new(RECORDINGS).join("power-off-idle").join(file);
        std::fs::copy(from, changed.join(file)).expect("a copy");
    }
    let original = Path::new(RECORDINGS).join("power-off-idle/trace.pcap");
    let mut capture = std::fs::read(original).expect("the capture");
    // the last record is a retransmission; a bit of its last byte of data is turned
    *capture.last_mut().expect("bytes") ^= 1;
    std::fs::write(changed.join("trace.pcap"), capture).expect("a file");
    let (code, stdout, _) = compare(&[&changed]);
    assert_eq!(code, 1, "{stdout}");
    assert_eq!(stdout.lines().last(), Some("0 of 1 identical"), "{stdout}");
    let (code, json, _) = outcome(
        halfopen()
            .args(["compare", "--json", "--recording"])
            .arg(&changed),
    );
    let all: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(
        (code, &all["identical"], &all["of"]),
        (1, &0.into(), &1.into())
    );
}
