//! What is written wrongly: the message, its place, and the carets, exactly.

use crate::scenario::{Scenario, ScenarioErrors};

pub(super) const GOOD: &str = r#"title = "t"
[survivor]
role = "client"
sysctl = { tcp_retries2 = 5 }
sockopt = { SO_KEEPALIVE = 1 }
[peer]
mss = 1000
[wire]
delay = "5ms"
[[step]]
at = "0s"
do = "survivor connect"
[[step]]
at = "100ms"
do = "survivor send 102"
repeat = 10
every = "50ms"
[end]
when = "survivor closed"
limit = "60s"
"#;

/// The errors about GOOD with `old` replaced by `new`.
pub(super) fn errors(old: &str, new: &str) -> ScenarioErrors {
    assert!(GOOD.contains(old), "{old}");
    let text = GOOD.replacen(old, new, 1);
    Scenario::parse("x", "x.toml", &text).unwrap_err()
}

fn check(old: &str, new: &str, expected: &str) {
    let shown = errors(old, new).to_string();
    check_text(&format!("\n{shown}\n"), expected);
}

/// The text is what is expected, with carets; without the feature `cli` it has the same messages and places.
pub(super) fn check_text(shown: &str, expected: &str) {
    if cfg!(feature = "cli") {
        assert_eq!(shown, expected, "\n{shown}");
    } else {
        let told = messages_and_places(shown);
        assert_eq!(told, messages_and_places(expected), "\n{shown}");
        assert!(!told.is_empty() && told.len().is_multiple_of(2), "{told:?}");
    }
}

/// The lines `Error: ...` and `,-[ x.toml:14:10 ]`.
fn messages_and_places(text: &str) -> Vec<&str> {
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| line.starts_with("Error: ") || line.starts_with(",-["))
        .collect()
}

#[test]
fn the_base_is_good() {
    Scenario::parse("x", "x.toml", GOOD).unwrap();
}

#[test]
fn unknown_key() {
    check(
        "delay =",
        "dealy =",
        r#"
Error: unknown key dealy
   ,-[ x.toml:9:1 ]
   |
 9 | dealy = "5ms"
   | ^^^^^
   |   `---- did you mean delay?
---'
"#,
    );
}

#[test]
fn unknown_key_at_the_top() {
    check(
        "title =",
        "seed = 5\ntitle =",
        r#"
Error: unknown key seed
   ,-[ x.toml:1:1 ]
   |
 1 | seed = 5
   | ^^^^
   |   `--- a scenario takes title, about, kernel, survivor, peer, wire, step, end
---'
"#,
    );
}

#[test]
fn forget_without_its_time() {
    check(
        "delay = \"5ms\"",
        "forget = \"reset\"",
        r#"
Error: forget needs forget_after
   ,-[ x.toml:9:10 ]
   |
 9 | forget = "reset"
   |          ^^^^^^^
   |             `----- add the idle time, such as forget_after = "350s"
---'
"#,
    );
}

#[test]
fn forget_in_no_known_way() {
    check(
        "delay = \"5ms\"",
        "forget_after = \"0s\"\nforget = \"rest\"",
        r#"
Error: a middlebox that forgets at once carries nothing
   ,-[ x.toml:9:16 ]
   |
 9 | forget_after = "0s"
   |                ^^^^
   |                  `--- forget_after must be longer than zero
---'

Error: unknown value "rest"
    ,-[ x.toml:10:10 ]
    |
 10 | forget = "rest"
    |          ^^^^^^
    |             `---- did you mean reset?
----'
"#,
    );
}

#[test]
fn unknown_action() {
    check(
        "survivor send 102",
        "survivor sned 102",
        r#"
Error: unknown action "survivor sned 102"
    ,-[ x.toml:15:16 ]
    |
 15 | do = "survivor sned 102"
    |                ^^^^
    |                  `--- did you mean survivor send?
----'
"#,
    );
}

#[test]
fn bad_unit() {
    check(
        "\"100ms\"",
        "\"100sec\"",
        r#"
Error: unknown unit "sec"
    ,-[ x.toml:14:10 ]
    |
 14 | at = "100sec"
    |          ^^^
    |           `--- did you mean s? the units are us, ms, s, min and h
----'
"#,
    );
}

#[test]
fn no_unit_and_no_quotes() {
    check(
        "\"100ms\"",
        "\"100\"",
        r#"
Error: a duration needs a unit
    ,-[ x.toml:14:7 ]
    |
 14 | at = "100"
    |       ^^^
    |        `--- write "100ms" or "100s"; the other units are us, min and h
----'
"#,
    );
    check(
        "\"100ms\"",
        "100",
        r#"
Error: at must be a duration such as "1500ms", not an integer
    ,-[ x.toml:14:6 ]
    |
 14 | at = 100
    |      ^^^
    |       `--- write a number and a unit (us, ms, s, min or h) in quotes
----'
"#,
    );
}

#[test]
fn unknown_sysctl_and_option() {
    check(
        "tcp_retries2 = 5",
        "tcp_retires2 = 5",
        r#"
Error: unknown sysctl tcp_retires2
   ,-[ x.toml:4:12 ]
   |
 4 | sysctl = { tcp_retires2 = 5 }
   |            ^^^^^^^^^^^^
   |                  `------- did you mean tcp_retries2?
---'
"#,
    );
    check(
        "SO_KEEPALIVE = 1",
        "SO_KEEPALIVE = 1, TCP_KEEPIDEL = 3",
        r#"
Error: unknown socket option TCP_KEEPIDEL
   ,-[ x.toml:5:31 ]
   |
 5 | sockopt = { SO_KEEPALIVE = 1, TCP_KEEPIDEL = 3 }
   |                               ^^^^^^^^^^^^
   |                                     `------- did you mean TCP_KEEPIDLE?
---'
"#,
    );
}

#[test]
fn sysctl_out_of_range_and_not_modelled() {
    check(
        "tcp_retries2 = 5",
        "tcp_retries2 = 256",
        r#"
Error: tcp_retries2 must be a number from 0 to 255, not 256
   ,-[ x.toml:4:27 ]
   |
 4 | sysctl = { tcp_retries2 = 256 }
   |                           ^^^
   |                            `--- tcp_retries2: retries that make up the time after which a connection is given up
---'
"#,
    );
    check(
        "tcp_retries2 = 5",
        "tcp_plb_enabled = 1",
        r#"
Error: tcp_plb_enabled is not modelled
   ,-[ x.toml:4:12 ]
   |
 4 | sysctl = { tcp_plb_enabled = 1 }
   |            ^^^^^^^^^^^^^^^
   |                   `--------- protective load balancing, which changes IPv6 flow labels, is not modelled
---'
"#,
    );
}

#[test]
fn values_of_the_wrong_kind() {
    check(
        "SO_KEEPALIVE = 1",
        "SO_KEEPALIVE = true",
        r#"
Error: SO_KEEPALIVE must be a number or a string, not a boolean
   ,-[ x.toml:5:28 ]
   |
 5 | sockopt = { SO_KEEPALIVE = true }
   |                            ^^^^
   |                              `--- write 1 or 0
---'
"#,
    );
    check(
        "tcp_retries2 = 5",
        "net.ipv4.tcp_retries2 = 5",
        r#"
Error: net must be a number or a string, not a table
   ,-[ x.toml:4:12 ]
   |
 4 | sysctl = { net.ipv4.tcp_retries2 = 5 }
   |            ^^^
   |             `--- write a name with dots in quotes, or without net.ipv4.
---'
"#,
    );
}

#[test]
fn send_nothing() {
    check(
        "survivor send 102",
        "survivor send 0",
        r#"
Error: 0 is not a number for survivor send
    ,-[ x.toml:15:21 ]
    |
 15 | do = "survivor send 0"
    |                     ^
    |                     `-- survivor send takes a number of bytes from 1 to 100000000
----'
"#,
    );
}

#[test]
fn repeat_without_every() {
    check(
        "every = \"50ms\"\n",
        "",
        r#"
Error: repeat requires every
    ,-[ x.toml:16:10 ]
    |
 16 | repeat = 10
    |          ^^
    |           `-- add the interval, such as every = "50ms"
----'
"#,
    );
}

#[test]
fn two_ends_and_none() {
    check(
        "when =",
        "after = \"5s\"\nwhen =",
        r#"
Error: [end] has both when and after
    ,-[ x.toml:19:9 ]
    |
 19 | after = "5s"
    |         ^^^^
    |           `--- a run ends when the survivor is closed, or after a time; remove one of the two
----'
"#,
    );
    check(
        "when = \"survivor closed\"\n",
        "",
        r#"
Error: [end] lacks when or after
    ,-[ x.toml:18:1 ]
    |
 18 | [end]
    | ^^^^^
    |   `---- add when = "survivor closed" or after = "12s"
----'
"#,
    );
}

#[test]
fn missing_limit() {
    check(
        "limit = \"60s\"\n",
        "",
        r#"
Error: [end] lacks limit
    ,-[ x.toml:18:1 ]
    |
 18 | [end]
    | ^^^^^
    |   `---- add the time at which the run is stopped, such as limit = "60s"
----'
"#,
    );
}

#[test]
fn step_after_the_limit() {
    check(
        "every = \"50ms\"",
        "every = \"10s\"",
        r#"
Error: the run ends before this step, because [end] limit is earlier
    ,-[ x.toml:15:6 ]
    |
 15 | do = "survivor send 102"
    |      ^^^^^^^^^^^^^^^^^^^
    |               `----------- the step is at 60.1s; move it to an earlier time, or make [end] limit later
----'
"#,
    );
}

#[test]
fn not_toml() {
    check(
        "role = \"client\"",
        "role = client",
        r#"
Error: string values must be quoted, expected literal string
   ,-[ x.toml:3:8 ]
   |
 3 | role = client
   |        ^^^^^^
   |           `---- a scenario is a TOML file
---'
"#,
    );
}

#[test]
fn several_at_once_in_the_order_of_the_file() {
    let text = GOOD
        .replace("\"5ms\"", "\"-5ms\"")
        .replace("mss = 1000", "mss = 1000\nmtu = 1500")
        .replace("repeat = 10", "repeat = 0");
    let errors = Scenario::parse("x", "dir/x.toml", &text).unwrap_err();
    let faults: Vec<_> = errors.faults().collect();
    assert_eq!(
        faults,
        [
            (8, 1, "unknown key mtu"),
            (10, 10, "a duration cannot be negative"),
            (17, 10, "repeat is out of range"),
        ]
    );
    assert_eq!(errors.count(), 3);
    assert!(errors.to_string().contains("dir/x.toml:10:10"));
    assert!(!errors.to_string().contains('\u{1b}'));
    assert_eq!(
        errors.report(true).contains('\u{1b}'),
        cfg!(feature = "cli")
    );
}
