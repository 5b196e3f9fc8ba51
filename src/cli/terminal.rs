//! What the terminal can do: colour only where it is wanted, errors in one form.

use std::borrow::Cow;
use std::io::{ErrorKind, IsTerminal, Write};

use crate::printable::{escaped_but_colours, escaped_json, escaped_lines};
use crate::report::Style;

/// Whether stdout takes colour: a terminal, and NO_COLOR is not set (no-color.org).
fn color() -> bool {
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

/// How reports are printed on stdout.
pub(super) fn style() -> Style {
    Style {
        width: width(),
        color: color(),
        fold: None,
    }
}

/// Columns of the terminal that stdout is; none where it is none.
fn width() -> Option<usize> {
    let stdout = std::io::stdout();
    let size = rustix::termios::tcgetwinsize(&stdout).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Text as it may be written to a terminal: of control sequences, colours are let through where they are wanted.
pub(super) fn safe(text: &str, color: bool) -> Cow<'_, str> {
    match color {
        true => escaped_but_colours(text),
        false => escaped_lines(text),
    }
}

/// Writes JSON to stdout, as [`print`] writes text.
pub(super) fn print_json(json: &str) -> std::io::Result<()> {
    write(&escaped_json(json))
}

/// Writes a result to stdout. A reader that has gone away (`| head`) is no error.
pub(super) fn print(text: &str) -> std::io::Result<()> {
    write(&safe(text, color()))
}

fn write(text: &str) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Writes an error to stderr.
pub(super) fn complain(why: &str) {
    let (on, off) = if error_color() {
        ("\x1b[1;31m", "\x1b[0m")
    } else {
        ("", "")
    };
    let why = safe(why, error_color());
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
    fn only_colours_pass_and_only_where_they_are_wanted() {
        let text = "\x1b[31mred\x1b[2J\n";
        assert_eq!(safe(text, true), "\x1b[31mred\\u{1b}[2J\n");
        assert_eq!(safe(text, false), "\\u{1b}[31mred\\u{1b}[2J\n");
    }

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
