//! `halfopen advise`, as its user calls it. Its output is in docs/ANSWERS.md.

use crate::commands::{halfopen, outcome};

fn advise(args: &[&str]) -> (i32, String, String) {
    outcome(halfopen().arg("advise").args(args))
}

#[test]
fn json_has_the_settings_and_the_situations() {
    let (code, stdout, stderr) =
        advise(&["--detect", "9s", "--idle", "--role", "server", "--json"]);
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    let json: serde_json::Value = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!(json["met"], true);
    assert_eq!(json["settings"]["options"]["SO_KEEPALIVE"], 1);
    assert_eq!(
        (&json["kernel"], &json["hz"]),
        (&"linux-6.18".into(), &250.into())
    );
    let rows = json["situations"].as_array().expect("a list");
    let idle = rows
        .iter()
        .find(|r| r["situation"] == "idle")
        .expect("it applies");
    assert!(
        idle["detected_simulated_s"]["latest"].as_f64() <= Some(9.0),
        "{idle}"
    );
    assert_eq!(idle["errno"], "ETIMEDOUT");
}

#[test]
fn what_makes_no_sense_is_refused_with_what_does() {
    for (args, says) in [
        (&["--detect", "30"][..], "30s"),
        (&["--detect", "0s"][..], "at least 1ms"),
        (&["--detect", "30s", "--kernel", "5.99"][..], "linux-6.18"),
        (&["--detect", "30s", "--idle", "--busy"][..], "--busy"),
        (&["--survive", "30s"][..], "--detect"),
    ] {
        let (code, stdout, stderr) = advise(args);
        assert_eq!((code, stdout.as_str()), (2, ""), "{args:?}");
        assert!(stderr.contains(says), "{args:?}: {stderr}");
    }
}

#[test]
fn an_audit_names_what_is_missed() {
    let keepalive = [
        "--audit",
        "--idle",
        "--role",
        "server",
        "--option",
        "SO_KEEPALIVE=1",
        "--option",
        "TCP_KEEPIDLE=3",
        "--option",
        "TCP_KEEPINTVL=1",
        "--option",
        "TCP_KEEPCNT=2",
    ];
    let with = |more: &[&'static str]| [&keepalive[..], more].concat();
    let (code, stdout, stderr) = advise(&with(&["--detect", "200s"]));
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    assert!(stdout.contains("Nothing is missed."), "{stdout}");
    let (code, stdout, _) = advise(&with(&["--detect", "6s", "--json"]));
    assert_eq!(code, 1, "{stdout}");
    let json: serde_json::Value = serde_json::from_str(&stdout).expect("JSON");
    let rows = json["situations"].as_array().expect("a list");
    let missed: Vec<&str> = rows
        .iter()
        .filter(|r| !r["missed"].is_null())
        .filter_map(|r| r["situation"].as_str())
        .collect();
    // a closed connection is limited by tcp_orphan_retries
    assert_eq!(missed, ["closing"], "{stdout}");
    let (code, stdout, _) = advise(&["--audit", "--idle", "--role", "server"]);
    assert_eq!(code, 1, "{stdout}");
    assert!(
        stdout.contains("Missed: idle: never detected, because SO_KEEPALIVE is off."),
        "{stdout}"
    );
}

#[test]
fn a_measurement_that_takes_too_long_is_refused() {
    let (code, stdout, stderr) = advise(&[
        "--detect", "20min", "--idle", "--role", "server", "--verify", "--hz", "100",
    ]);
    assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
    assert!(stderr.contains("--verify would take"), "{stderr}");
}
