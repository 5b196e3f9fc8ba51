//! Recordings whose bytes were changed: each is refused with a sentence, or compared, and never ends in a panic, in
//! gigabytes or in a replay without an end.

use std::path::{Path, PathBuf};

use halfopen::compare::closed::compare;
use halfopen::compare::replay::replay;
use halfopen::scenario::Scenario;
use halfopen::trace::Trace;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::commands::folder;

const FILES: [&str; 4] = [
    "events.jsonl",
    "summary.json",
    "scenario.toml",
    "trace.pcap",
];
/// Short ones, of which each has another mechanism.
const WHOLE: [&str; 4] = [
    "connect-cut-and-restore",
    "keepalive-power-off",
    "server-power-off",
    "unreachable-and-back",
];

/// One change of a file's bytes; places are fractions of its length, so that any file has them.
#[derive(Clone, Debug)]
enum Damage {
    Byte(f64, u8),
    Cut(f64),
    Gone(f64, usize),
    /// A number becomes this one.
    Number(f64, &'static str),
    /// This line and another change places.
    Lines(f64, f64),
}

const NUMBERS: [&str; 10] = [
    "0",
    "-1",
    "1e9",
    "4294967295",
    "2147479552",
    "9223372036854775807",
    "18446744073709551615",
    "1e308",
    "0.000000001",
    "99999999",
];

fn damage() -> impl Strategy<Value = Damage> {
    let place = 0.0..1.0;
    prop_oneof![
        2 => (place.clone(), any::<u8>()).prop_map(|(at, to)| Damage::Byte(at, to)),
        1 => place.clone().prop_map(Damage::Cut),
        1 => (place.clone(), 1_usize..400).prop_map(|(at, len)| Damage::Gone(at, len)),
        6 => (place.clone(), prop::sample::select(&NUMBERS[..]))
            .prop_map(|(at, to)| Damage::Number(at, to)),
        1 => (place.clone(), place).prop_map(|(one, other)| Damage::Lines(one, other)),
    ]
}

fn place(at: f64, len: usize) -> usize {
    ((at * len as f64) as usize).min(len.saturating_sub(1))
}

fn apply(bytes: &mut Vec<u8>, damage: &Damage) {
    let len = bytes.len();
    if len == 0 {
        return;
    }
    match *damage {
        Damage::Byte(at, to) => bytes[place(at, len)] = to,
        Damage::Cut(at) => bytes.truncate(place(at, len)),
        Damage::Gone(at, gone) => {
            let from = place(at, len);
            bytes.drain(from..len.min(from + gone));
        }
        Damage::Number(at, to) => {
            let digit = |b: &u8| b.is_ascii_digit();
            let Some(first) = bytes[place(at, len)..].iter().position(digit) else {
                return;
            };
            let first = place(at, len) + first;
            let rest = bytes[first..].iter().position(|b| !digit(b));
            let end = rest.map_or(len, |n| first + n);
            bytes.splice(first..end, to.bytes());
        }
        Damage::Lines(one, other) => {
            let mut lines: Vec<&[u8]> = bytes.split(|b| *b == b'\n').collect();
            let (one, other) = (place(one, lines.len()), place(other, lines.len()));
            lines.swap(one, other);
            *bytes = lines.join(&b'\n');
        }
    }
}

/// Reads the folder and compares it, if it can be; says how far it came.
fn outcome(dir: &Path) -> Result<(), String> {
    let trace = Trace::load(dir).map_err(|e| e.to_string())?;
    let toml = &trace.meta.scenario_toml;
    let scenario =
        Scenario::parse("damaged", "scenario.toml", toml).map_err(|e| e.report(false))?;
    compare(&trace, &trace);
    let replayed = replay(&trace, &scenario).map_err(|e| e.to_string())?;
    replayed.verdict.line();
    Ok(())
}

const CALL: &str = "one call moves at most 2147479552 bytes";
const NAGLE: &str = "power-off-backlog-nagle";
const CUT: &str = "connect-cut-and-restore";
const TAKEN: &str = "\"bytes\": 102, \"pending\"";

/// A recording, the file, what stands there, what is put there instead, and what is said of it. The first three once
/// ended in a panic, in 4 GB, and in a replay without an end.
#[rustfmt::skip]
const ROWS: [(&str, usize, &str, &str, &str); 10] = [
    (NAGLE, 0, TAKEN, "\"bytes\": 9223372036854775807, \"pending\"", CALL),
    (CUT, 0, TAKEN, "\"bytes\": 4294967295, \"pending\"", CALL),
    ("keepalive-power-off", 0, "\"pending\": 0", "\"pending\": 4294967295", CALL),
    (CUT, 0, "\"bytes\": 90, \"total\"", "\"bytes\": 18446744073709551615, \"total\"", CALL),
    // as much as a call may move: compared, and made only as far as a send buffer goes
    (CUT, 0, TAKEN, "\"bytes\": 2147479552, \"pending\"", ""),
    (CUT, 0, "\"t\": 5.", "\"t\": 9e9, \"was\": 5.", "no trace lasts that long"),
    (CUT, 0, "\"jiffies\": ", "\"jiffies\": 99999", "ticks have passed"),
    (CUT, 0, "\"tick_ns\": 4000000", "\"tick_ns\": 4000000000", "a tick lasts"),
    (CUT, 1, "\"jiffies_at_t0\": ", "\"jiffies_at_t0\": 99999", "ticks have passed"),
    (CUT, 1, "\"tick_ns\": 4000000", "\"tick_ns\": 1", "a tick lasts"),
];

#[test]
fn a_number_is_checked_before_it_is_believed() {
    for (name, file, was, is, says) in ROWS {
        let dir = folder("damaged-number");
        write(&dir, name, None);
        let path = dir.join(FILES[file]);
        let whole = std::fs::read_to_string(&path).expect("it is text");
        assert!(whole.contains(was), "{name} has no {was}");
        std::fs::write(&path, whole.replacen(was, is, 1)).expect("a file");
        match outcome(&dir) {
            Ok(()) => assert_eq!(says, "", "{name}, {is}: it was compared"),
            Err(why) => assert!(
                !says.is_empty() && why.contains(says),
                "{name}, {is}: {why}"
            ),
        }
    }
}

#[test]
fn a_packet_later_than_any_trace_and_lines_out_of_order_are_refused() {
    let dir = folder("damaged-order");
    write(&dir, WHOLE[0], None);
    let path = dir.join("trace.pcap");
    let mut capture = std::fs::read(&path).expect("it is kept");
    // behind the file's header: the seconds of the first packet
    capture[24..28].copy_from_slice(&u32::MAX.to_le_bytes());
    std::fs::write(&path, capture).expect("a file");
    let why = outcome(&dir).expect_err("136 years");
    assert!(why.contains("packet 1 is stamped 4294967295 s"), "{why}");

    write(&dir, WHOLE[0], None);
    let path = dir.join("events.jsonl");
    let text = std::fs::read_to_string(&path).expect("it is text");
    let mut lines: Vec<&str> = text.lines().collect();
    let last = lines.len() - 2;
    lines.swap(1, last);
    std::fs::write(&path, lines.join("\n")).expect("a file");
    let why = outcome(&dir).expect_err("the last event comes first");
    assert!(why.contains("line 3: its time"), "{why}");
}

fn write(dir: &Path, name: &str, damaged: Option<(usize, &[Damage])>) {
    let whole = Path::new("examples/recordings/linux-6.18").join(name);
    for (n, file) in FILES.iter().enumerate() {
        let mut bytes = std::fs::read(whole.join(file)).expect("it is kept");
        for damage in damaged.iter().filter(|(m, _)| *m == n).flat_map(|d| d.1) {
            apply(&mut bytes, damage);
        }
        std::fs::write(dir.join(file), bytes).expect("a file");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 60,
        rng_seed: RngSeed::Fixed(1734),
        ..ProptestConfig::with_failure_persistence(
            proptest::test_runner::FileFailurePersistence::WithSource("regressions")
        )
    })]

    #[test]
    fn a_damaged_recording_is_refused_or_compared(
        name in prop::sample::select(&WHOLE[..]),
        file in prop_oneof![5 => Just(0_usize), 1 => Just(1), 1 => Just(2), 3 => Just(3)],
        damages in prop::collection::vec(damage(), 1..4),
    ) {
        let dir: PathBuf = folder("damaged-recording");
        write(&dir, name, Some((file, &damages)));
        if let Err(why) = outcome(&dir) {
            prop_assert!(!why.is_empty());
        }
    }
}
