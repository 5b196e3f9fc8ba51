//! `halfopen table`, as its user calls it.

use crate::commands::{halfopen, outcome};

fn table(args: &[&str]) -> (i32, String, String) {
    outcome(halfopen().arg("table").args(args))
}

#[test]
fn each_try_has_its_time_by_the_formula_and_on_the_engine() {
    let (code, stdout, stderr) = table(&["retries2", "--sysctl", "tcp_retries2=3"]);
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    let rows: Vec<Vec<&str>> = stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let row = |first: &[&str]| {
        let found = rows.iter().find(|r| r.starts_with(first));
        found.unwrap_or_else(|| panic!("{first:?} is missing:\n{stdout}"))
    };
    assert_eq!(row(&["tail", "loss", "probe"])[3], "-");
    assert_eq!(row(&["retransmission", "1"])[2], "0.200");
    assert_eq!(row(&["retransmission", "3"])[2], "1.400");
    // the wheel makes each wait longer, and the tail loss probe comes first
    assert_eq!(row(&["ETIMEDOUT"])[1..5], ["3.000", "6.617", "to", "6.871"]);
    assert!(
        stdout.contains("linux-6.18 at HZ 250, RTT 200 us"),
        "{stdout}"
    );
    assert!(stdout.contains("No RST is sent."), "{stdout}");
}

#[test]
fn json_says_what_is_computed_and_what_is_simulated() {
    let (code, stdout, _) = table(&["syn", "--sysctl", "tcp_syn_retries=1", "--json"]);
    assert_eq!(code, 0);
    let json: serde_json::Value = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!(json["end"]["errno"], "ETIMEDOUT");
    assert_eq!(json["end"]["computed_s"], 3.0);
    assert!(
        json["end"]["simulated_s"]["latest"].as_f64() > Some(3.0),
        "{stdout}"
    );
    assert!(json["end"]["measured_s"].is_null());
    assert_eq!(json["tries"].as_array().map(Vec::len), Some(3));
}

#[test]
fn the_scenario_can_be_had_and_run() {
    let (code, toml, _) = table(&["synack", "--sysctl", "tcp_synack_retries=1", "--scenario"]);
    assert_eq!(code, 0);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("asked.toml");
    std::fs::write(&file, toml).expect("written");
    let (code, stdout, stderr) = outcome(halfopen().arg("run").arg(&file).args(["--on", "engine"]));
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(stdout.contains("retransmission 1"), "{stdout}");
}

#[test]
fn what_does_not_exist_is_refused_with_what_does() {
    for (args, says) in [
        (
            &["retries2", "--sysctl", "tcp_retris2=4"][..],
            "tcp_retries2",
        ),
        (&["retries2", "--kernel", "linux-0.99"][..], "linux-6.18"),
        (
            &["retries2", "--option", "TCP_USER_TIMEOT=4"][..],
            "TCP_USER_TIMEOUT",
        ),
        (&["retries2", "--rtt", "80"][..], "ms"),
        (&["retries3"][..], "retries2"),
    ] {
        let (code, stdout, stderr) = table(args);
        assert_eq!((code, stdout.as_str()), (2, ""), "{args:?}");
        assert!(stderr.contains(says), "{args:?}: {stderr}");
    }
}
