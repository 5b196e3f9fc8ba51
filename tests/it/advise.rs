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
