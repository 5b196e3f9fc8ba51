use super::*;

#[test]
fn text_is_wrapped_at_blanks_and_long_words_anywhere() {
    assert_eq!(wrap("one two three", 7), ["one two", "three"]);
    assert_eq!(wrap("ab cdefgh i", 3), ["ab", "cde", "fgh", "i"]);
    assert_eq!(wrap("", 5), [""]);
    assert_eq!(wrap("xyz", 0), ["x", "y", "z"]);
}

#[test]
fn a_column_is_what_a_terminal_shows() {
    // two columns each
    assert_eq!(len("\u{7dda}\u{8def}"), 4);
    assert_eq!(wrap("\u{7dda}\u{8def}", 3), ["\u{7dda}", "\u{8def}"]);
    assert_eq!(wrap("\u{7dda}\u{8def}", 1), ["\u{7dda}", "\u{8def}"]);
    // an accent that combines takes none
    assert_eq!(left("e\u{301}", 3), "e\u{301}  ");
    assert_eq!(right("\u{7dda}", 3), " \u{7dda}");
}

#[test]
fn colour_only_where_it_is_wanted() {
    let plain = Style::default();
    let color = Style {
        color: true,
        ..plain
    };
    assert_eq!(plain.paint("x", Tone::Different), "x");
    assert_eq!(color.paint("x", Tone::Different), "\x1b[1m\x1b[31mx\x1b[0m");
    assert_eq!(color.paint("x", Tone::Plain), "x");
    assert_eq!(color.paint("  ", Tone::Different), "  ");
}
