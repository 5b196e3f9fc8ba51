//! The one way to stdout and stderr: what the terminal can do, and what becomes of a stream that takes nothing more.
//!
//! A reader that has gone away (`| head`) ends the output and is no error. A full disk under stdout is one. What cannot
//! be written to stderr is lost: there is nobody left to say it to.

use std::borrow::Cow;
use std::io::{self, ErrorKind, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style as Ansi};

use crate::printable::{escaped_but_colours, escaped_json, escaped_lines};
use crate::report::Style;

/// How the words before a message look.
pub(super) const ERROR: Ansi = AnsiColor::Red.on_default().bold();
/// A warning.
pub(super) const WARNING: Ansi = AnsiColor::Yellow.on_default().bold();

/// Whether stdout takes colour: a terminal that has some, or as NO_COLOR (no-color.org), CLICOLOR and CLICOLOR_FORCE say.
fn color() -> bool {
    AutoStream::choice(&io::stdout()) != ColorChoice::Never
}

/// Whether stderr takes colour.
pub(super) fn error_color() -> bool {
    AutoStream::choice(&io::stderr()) != ColorChoice::Never
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
    let stdout = io::stdout();
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

/// Whether stderr is a terminal.
pub(super) fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// Writes a result to stdout.
pub(super) fn print(text: &str) -> io::Result<()> {
    draw(&safe(text, color()))
}

/// Writes JSON to stdout, as [`print()`] writes text.
pub(super) fn print_json(json: &str) -> io::Result<()> {
    draw(&escaped_json(json))
}

/// Writes to stdout with all control sequences: text of others must have been escaped before.
pub(super) fn draw(text: &str) -> io::Result<()> {
    write(&mut io::stdout().lock(), "stdout", text)
}

/// Writes a result to stderr, for commands whose stdout is used by another program.
pub(super) fn print_beside(text: &str) -> io::Result<()> {
    let text = safe(text, error_color());
    write(&mut io::stderr().lock(), "stderr", &text)
}

/// Writes a message to stderr. A message that cannot be written is lost.
pub(super) fn tell(text: &str) {
    tell_drawn(&safe(text, error_color()));
}

/// Writes a message to stderr with all control sequences: text of others must have been escaped before.
pub(super) fn tell_drawn(text: &str) {
    // there is no other place where the failure could be reported
    let _ = write(&mut io::stderr().lock(), "stderr", text);
}

fn write(stream: &mut impl Write, name: &str, text: &str) -> io::Result<()> {
    let written = stream.write_all(text.as_bytes());
    match written.and_then(|()| stream.flush()) {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(e) => Err(io::Error::new(e.kind(), format!("writing to {name}: {e}"))),
        Ok(()) => Ok(()),
    }
}

/// Writes an error to stderr.
pub(super) fn complain(why: &str) {
    let why = &*safe(why, error_color());
    // an error that draws its own picture already says so
    if why.starts_with("Error") || why.contains("\x1b[") {
        tell(&format!("{why}\n"));
    } else {
        tell(&message(ERROR, "error", why));
    }
}

/// `error: what happened`, in colour where stderr takes it.
fn message(style: Ansi, word: &str, text: &str) -> String {
    match error_color() {
        true => format!("{style}{word}:{style:#} {text}\n"),
        false => format!("{word}: {text}\n"),
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

    /// Takes nothing, for this reason.
    struct Closed(ErrorKind);

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_is_gone_is_no_error_and_a_full_disk_is() {
        let gone = write(&mut Closed(ErrorKind::BrokenPipe), "stdout", "text");
        assert!(gone.is_ok(), "{gone:?}");
        let full = write(&mut Closed(ErrorKind::StorageFull), "stdout", "text");
        let why = full.expect_err("nothing was written").to_string();
        assert!(why.starts_with("writing to stdout: "), "{why}");
    }
}
