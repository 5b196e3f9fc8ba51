//! What the terminal can do: colour only where it is wanted, errors in one form.

use std::io::IsTerminal;

/// Whether stdout takes colour: a terminal, and NO_COLOR is not set (no-color.org).
pub(super) fn color() -> bool {
    allowed(std::io::stdout().is_terminal(), no_color())
}

/// Whether stderr takes colour.
pub(super) fn error_color() -> bool {
    allowed(std::io::stderr().is_terminal(), no_color())
}

fn no_color() -> Option<std::ffi::OsString> {
    std::env::var_os("NO_COLOR")
}

fn allowed(terminal: bool, no_color: Option<std::ffi::OsString>) -> bool {
    terminal && no_color.is_none_or(|value| value.is_empty())
}

/// Writes an error to stderr.
pub(super) fn complain(why: &str) {
    let (on, off) = if error_color() {
        ("\x1b[1;31m", "\x1b[0m")
    } else {
        ("", "")
    };
    // an error that draws its own picture already says so
    if why.starts_with("Error") || why.contains("\x1b[") {
        eprintln!("{why}");
    } else {
        eprintln!("{on}error:{off} {why}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_needs_a_terminal_that_nobody_asked_to_stay_plain() {
        let set = |value: &str| Some(value.into());
        for (terminal, no_color, colour) in [
            (true, None, true),
            (true, set(""), true),
            (true, set("1"), false),
            (false, None, false),
        ] {
            assert_eq!(allowed(terminal, no_color), colour);
        }
    }
}
