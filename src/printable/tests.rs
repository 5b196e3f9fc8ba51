//! Tests of what is escaped and what is not.

use proptest::prelude::*;

use super::*;

#[test]
fn control_sequences_are_shown_and_not_obeyed() {
    for (text, shown) in [
        ("redis-server", "redis-server"),
        ("naïve 名前 \u{a0}→", "naïve 名前 \u{a0}→"),
        ("\x1b[31mred", "\\u{1b}[31mred"),
        ("\x1b]0;title\x07", "\\u{1b}]0;title\\u{7}"),
        ("\u{9b}31m", "\\u{9b}31m"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("del\x7f", "del\\u{7f}"),
        ("\u{202e}fdp.exe", "\\u{202e}fdp.exe"),
        ("ze\u{200b}ro", "ze\\u{200b}ro"),
    ] {
        assert_eq!(escaped(text), shown);
    }
    assert_eq!(escaped_lines("a\nb\t\x1bc"), "a\nb\t\\u{1b}c");
}

#[test]
fn of_control_sequences_only_colours_are_let_through() {
    for (text, shown) in [
        ("\x1b[1;31mred\x1b[0m\n", "\x1b[1;31mred\x1b[0m\n"),
        ("\x1b[2J", "\\u{1b}[2J"),
        ("\x1b[1;31", "\\u{1b}[1;31"),
        ("\x1b]0;t\x07\x1b[m", "\\u{1b}]0;t\\u{7}\x1b[m"),
        ("\x1b\x1b[0m", "\\u{1b}\x1b[0m"),
        ("\x1b[é", "\\u{1b}[é"),
    ] {
        assert_eq!(escaped_but_colours(text), shown);
    }
}

proptest! {
    #![proptest_config(proptest::test_runner::Config::with_failure_persistence(proptest::test_runner::FileFailurePersistence::WithSource("regressions")))]
    #[test]
    fn nothing_dangerous_is_left_and_twice_is_as_once(text in any::<String>()) {
        let once = escaped(&text).into_owned();
        prop_assert!(!once.contains(is_dangerous));
        prop_assert_eq!(escaped(&once), once.as_str());
        prop_assert!(!escaped_but_colours(&text).contains(|c| c != '\x1b' && is_dangerous_in_lines(c)));
    }

    #[test]
    fn json_keeps_its_value(text in any::<String>()) {
        let line = serde_json::to_string(&text).expect("a string");
        let shown = escaped_json(&line);
        prop_assert!(!shown.contains(is_dangerous));
        prop_assert_eq!(serde_json::from_str::<String>(&shown).expect("JSON"), text);
    }
}
