//! What is written wrongly: the message and its place, in short; and what surrounds it.

use super::errors::{GOOD, errors};
use crate::scenario::Scenario;

/// In the good scenario the left is replaced by the right; what is said of it, and where.
const REFUSALS: &str = r#"
role = "client" -> role = "clent" | 3:8 unknown role "clent"
role = "client"\n ->  | 2:1 [survivor] lacks role
title = -> kernel = "old-hz100"\ntitle = | 1:10 unknown kernel "old-hz100"
title = "t" -> title = 5 | 1:9 title must be a string, not an integer
mss = 1000 -> mss = 0 | 7:7 mss is out of range
mss = 1000 -> mss = 1e3 | 7:7 mss must be an integer from 48 to 65535, not a float
mss = 1000 -> timestamps = 1 | 7:14 timestamps must be true or false, not an integer
mss = 1000 -> wscale = 15 | 7:10 wscale is out of range
mss = 1000 -> wscale = 0\nwindow = 65536 | 8:10 the peer cannot offer 65536 bytes with wscale 0
"5ms" -> "61min" | 9:9 the delay is longer than an hour
"5ms" -> "5 ms" | 9:11 there is a blank before the unit
"5ms" -> "1.0000001ms" | 9:10 the duration is not a whole number of nanoseconds
"5ms" -> "1..5ms" | 9:10 this is not a number
"5ms" -> "" | 9:9 a duration begins with a number
"60s" -> "721h" | 20:10 the duration is longer than 30 days
"60s" -> "99999999999999999999h" | 20:10 the duration is longer than 30 days
"60s" -> "0s" | 20:9 the limit is zero
at = "0s"\n ->  | 10:1 [[step]] lacks at
do = "survivor connect"\n ->  | 10:1 [[step]] lacks do
repeat = 10\n ->  | 16:9 every requires repeat
repeat = 10 -> repeat = 100001 | 16:10 repeat is out of range
repeat = 10 -> repeat = -1 | 16:10 repeat is out of range
send 102 -> send | 15:7 survivor send needs a number
send 102 -> send 102 103 | 15:21 "102 103" is not a number for survivor send
send 102 -> send 100000001 | 15:21 100000001 is not a number for survivor send
send 102 -> close now | 15:22 survivor close takes no argument
survivor send 102 -> survivor | 15:7 unknown action "survivor"
survivor send 102 ->  | 15:6 unknown action ""
survivor send 102 -> peer freze | 15:12 unknown action "peer freze"
survivor send 102 -> pear send 102 | 15:7 unknown action "pear send 102"
send 102 -> set TCP_NODELAY | 15:20 survivor set lacks OPTION=VALUE
send 102 -> set TCP_NODLAY=1 | 15:20 unknown socket option TCP_NODLAY
survivor closed -> peer closed | 19:8 unknown end "peer closed"
when = "survivor closed" -> after = "61s" | 20:9 the limit is earlier than the end
[peer] -> [title2] | 6:2 unknown key title2
"#;

#[test]
fn each_refusal_says_what_and_where() {
    for row in REFUSALS.trim().lines() {
        let (change, expected) = row.split_once(" | ").unwrap();
        let (old, new) = change.split_once(" -> ").unwrap();
        let errors = errors(&old.replace("\\n", "\n"), &new.replace("\\n", "\n"));
        let mut faults = errors
            .faults()
            .map(|(line, column, what)| format!("{line}:{column} {what}"));
        assert!(faults.any(|f| f == expected), "{row}\n{errors}");
    }
}

#[test]
fn the_wire_may_be_left_out() {
    let text = GOOD.replacen("[wire]\ndelay = \"5ms\"", "", 1);
    assert!(
        Scenario::parse("x", "x.toml", &text)
            .unwrap()
            .delay
            .is_zero()
    );
}

#[test]
fn whole_sections_missing() {
    let what = |text: &str| {
        let errors = Scenario::parse("x", "x.toml", text).unwrap_err();
        let faults = errors
            .faults()
            .map(|(line, column, what)| format!("{line}:{column} {what}"));
        faults.collect::<Vec<_>>()
    };
    assert_eq!(
        what(""),
        [
            "1:1 a scenario lacks survivor",
            "1:1 a scenario lacks step",
            "1:1 a scenario lacks end",
        ]
    );
    assert_eq!(
        what("survivor = 1\nstep = []\nend = \"now\"\npeer = 0\nwire = [1]\n"),
        [
            "1:12 survivor must be a table, not an integer",
            "2:8 step must be a list with at least one step",
            "3:7 end must be a table, not a string",
            "4:8 peer must be a table, not an integer",
            "5:8 wire must be a table, not a list",
        ]
    );
}

#[test]
fn bytes_that_are_no_text() {
    let errors =
        Scenario::parse_bytes("x", "x.toml", b"title = \"a\"\nabout = \"\xff\"\n").unwrap_err();
    assert_eq!(
        errors.faults().collect::<Vec<_>>(),
        [(2, 10, "the file is not UTF-8")]
    );
    let long = vec![b'#'; 300_000];
    let errors = Scenario::parse_bytes("x", "x.toml", &long).unwrap_err();
    assert_eq!(
        errors.faults().next(),
        Some((1, 1, "the file is longer than 262144 bytes"))
    );
    assert!(
        errors.to_string().len() < 2000,
        "the file is not quoted at length"
    );
}

#[test]
fn a_report_cannot_drive_a_terminal() {
    let text = "\"\\u001b[2J\u{202e}\" = 1\n\u{7f}\u{85}\u{2028}x\u{1b}]0;y\u{7}\r";
    for file in ["x.toml", "\u{1b}[31m.toml\r\n"] {
        let shown = Scenario::parse("x", file, text).unwrap_err().to_string();
        let is_plain = |c: char| !c.is_control() || c == '\n';
        assert!(shown.chars().all(is_plain), "{shown:?}");
    }
}

#[test]
fn more_than_twenty_are_counted() {
    let keys: String = (0..50).map(|n| format!("k{n} = 1\n")).collect();
    let errors = Scenario::parse("x", "x.toml", &(keys + GOOD)).unwrap_err();
    assert_eq!(errors.count(), 50);
    assert!(errors.to_string().ends_with("\n\nand 30 more"));
}
