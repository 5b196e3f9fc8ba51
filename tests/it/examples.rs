//! The examples do what they say. Each is compiled in here, and its parts are called.

use std::time::Duration;

#[expect(dead_code, reason = "its main() is not called")]
#[path = "../../examples/scenario_in_code.rs"]
mod scenario_in_code;

#[expect(dead_code, reason = "its main() is not called")]
#[path = "../../examples/reconnect_in_virtual_time.rs"]
mod reconnect_in_virtual_time;

#[test]
fn a_client_with_patience_of_its_own_is_back_long_before_one_that_waits_for_tcp() {
    use reconnect_in_virtual_time::{Timeout, live_through};
    let two_seconds = Some(Duration::from_secs(2));
    let own = Timeout {
        answer: two_seconds,
        connect: two_seconds,
    };
    let outage = |timeout| live_through(timeout).expect("a world").outage();
    let (from, to) = outage(own);
    assert!((9.0..10.1).contains(&from.as_secs_f64()), "{from:?}");
    // the pause between two tries is 5 s at most, and a try takes 2 s
    assert!((40.0..47.1).contains(&to.as_secs_f64()), "{to:?}");
    // TCP finds out with the first retransmission after the reboot: they come ever more rarely
    let (_, to) = outage(Timeout::default());
    assert!((60.0..65.0).contains(&to.as_secs_f64()), "{to:?}");
    // in virtual time it is the same every time
    assert_eq!(outage(own), outage(own));
}

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
