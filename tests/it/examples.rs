//! The examples do what they say. Each is compiled in here, and its parts are called.

#[expect(dead_code, reason = "its main() is not called")]
#[path = "../../examples/scenario_in_code.rs"]
mod scenario_in_code;

#[test]
fn a_scenario_built_in_code_tells_what_a_user_timeout_does() {
    // the numbers of docs/LINUX.md: a loss probe, a retransmission, and then the time that was set
    let rows = [
        (0, 940.0..960.0),
        (500, 0.9..1.1),
        (5_000, 5.4..5.6),
        (60_000, 60.4..62.0),
    ];
    for (ms, expected) in rows {
        let (errno, after) = scenario_in_code::told(ms).expect("a run");
        assert_eq!(errno, "ETIMEDOUT");
        let seconds = after.as_secs_f64();
        assert!(expected.contains(&seconds), "{ms} ms: {seconds} s");
    }
}
