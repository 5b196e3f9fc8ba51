//! Any byte string is a scenario or an error with a place, never a panic.

use proptest::prelude::*;

use crate::scenario::{Scenario, builtin};

/// Parses, and draws the errors if there are some.
fn survive(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Err(errors) = Scenario::parse_bytes("x", "x.toml", bytes) {
        prop_assert!(errors.count() > 0);
        let report = errors.report(false);
        prop_assert!(report.starts_with("Error: "), "{report}");
        let (line, column, _) = errors.faults().next().unwrap();
        let place = format!("x.toml:{line}:{column} ]");
        prop_assert!(report.contains(&place), "{place} is not in\n{report}");
        // a character without width has no place for a caret
        let drawn = cfg!(feature = "cli") && bytes.is_ascii();
        prop_assert!(report.contains('^') || !drawn, "{report}");
        errors.report(true);
    }
    Ok(())
}

/// One change to a text.
#[derive(Clone, Debug)]
enum Change {
    Insert(usize, Vec<u8>),
    Remove(usize, usize),
    Replace(usize, u8),
    CopyLine(usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let bits = prop::sample::select(vec![
        &b"\""[..],
        b"[",
        b"]",
        b"{",
        b"}",
        b"=",
        b",",
        b".",
        b"\n",
        b"\r\n",
        b"\\",
        b"'''",
        b"\"\"\"",
        b"#",
        b"0",
        b"-",
        b"999999999999999999999",
        b"1e400",
        b"nan",
        b"\\u0000",
        b"\xff",
        b"\x1b",
        b"\xc2\x85",
        b"\xe2\x80\xa8",
        b"at",
        b"do",
        b"us",
        b"h",
        b"survivor ",
        b"peer ",
        b"repeat = 100000\n",
        b"every = \"720h\"\n",
    ]);
    prop_oneof![
        (any::<usize>(), bits).prop_map(|(at, b)| Change::Insert(at, b.to_vec())),
        (any::<usize>(), 1_usize..30).prop_map(|(at, n)| Change::Remove(at, n)),
        (any::<usize>(), any::<u8>()).prop_map(|(at, b)| Change::Replace(at, b)),
        (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Change::CopyLine(a, b)),
    ]
}

fn apply(text: &mut Vec<u8>, change: &Change) {
    let place = |at: usize, len: usize| at % (len + 1);
    match change {
        Change::Insert(at, bytes) => {
            let at = place(*at, text.len());
            text.splice(at..at, bytes.iter().copied());
        }
        Change::Remove(at, n) => {
            let at = place(*at, text.len());
            let end = (at + n).min(text.len());
            text.drain(at..end);
        }
        Change::Replace(at, byte) => {
            let at = place(*at, text.len());
            if let Some(b) = text.get_mut(at) {
                *b = *byte;
            }
        }
        Change::CopyLine(from, to) => {
            let mut lines: Vec<Vec<u8>> = text.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
            let line = lines[from % lines.len()].clone();
            lines.insert(place(*to, lines.len()), line);
            *text = lines.join(&b'\n');
        }
    }
}

proptest! {
    #![proptest_config(proptest::test_runner::Config::with_failure_persistence(proptest::test_runner::FileFailurePersistence::WithSource("regressions")))]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        survive(&bytes)?;
    }

    #[test]
    fn any_text(text in "(\\PC|[ -~\\n]){0,200}") {
        survive(text.as_bytes())?;
    }

    #[test]
    fn any_value_in_any_place(
        line in any::<usize>(),
        value in "(\"[a-z0-9 .=-]{0,20}\"|[0-9._eE+-]{1,24}|true|\\[\\[?\\]?\\]|\\{[a-z]?=?1?\\}|inf|1979-05-27)",
        which in any::<usize>(),
    ) {
        let builtin = builtin::all()[which % builtin::all().len()];
        let mut lines: Vec<String> = builtin.toml.lines().map(str::to_owned).collect();
        let at = line % lines.len();
        if let Some((key, _)) = lines[at].split_once('=') {
            lines[at] = format!("{key}= {value}");
        }
        survive(lines.join("\n").as_bytes())?;
    }

    #[test]
    fn damaged_scenarios(
        which in any::<usize>(),
        changes in prop::collection::vec(change(), 1..6),
    ) {
        let mut text = builtin::all()[which % builtin::all().len()].toml.as_bytes().to_vec();
        for change in &changes {
            apply(&mut text, change);
        }
        survive(&text)?;
    }
}
