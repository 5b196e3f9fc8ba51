//! A verdict or a trace for people and for programs: terminal, JSON, ladder.

#[cfg(feature = "cli")]
pub mod advise;
#[cfg(feature = "cli")]
pub mod emit;
#[cfg(feature = "cli")]
pub mod explain;
#[cfg(feature = "cli")]
pub mod plot;
pub mod side;
pub mod single;
pub mod smoltcp;
pub mod story;
#[cfg(feature = "cli")]
pub mod sweep;
pub mod table;
#[cfg(feature = "cli")]
pub mod tries;
#[cfg(feature = "os")]
pub mod watch;

use anstyle::{AnsiColor, Style as Ansi};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::printable::escaped;

/// How a report is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Columns of the terminal; none: as wide as it needs.
    pub width: Option<usize>,
    /// Whether ANSI colours are wanted: a terminal, and no NO_COLOR.
    pub color: bool,
    /// Longest run of rows without a difference that is printed whole; none: all of them.
    pub fold: Option<usize>,
}

/// What a piece of text is, for its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tone {
    Plain,
    Heading,
    Faint,
    Event,
    Different,
}

impl Style {
    /// The text in its colour; without colours where none are wanted. Control characters in it are escaped.
    fn paint(self, text: &str, tone: Tone) -> String {
        let text = &*escaped(text);
        let ansi = match tone {
            Tone::Heading => Ansi::new().bold(),
            Tone::Faint => Ansi::new().dimmed(),
            Tone::Event => AnsiColor::Cyan.on_default(),
            Tone::Different => AnsiColor::Red.on_default().bold(),
            Tone::Plain => return text.to_owned(),
        };
        match self.color && !text.trim().is_empty() {
            true => format!("{ansi}{text}{ansi:#}"),
            false => text.to_owned(),
        }
    }
}

/// A blank at which [`wrap`] breaks no line; printed as a plain blank.
const NO_BREAK: char = '\u{a0}';

/// Lines of at most `width` columns, broken at blanks; a longer word is broken anywhere. Control characters are
/// escaped.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let text = escaped(text);
    let width = width.max(1);
    let mut lines = vec![String::new()];
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let word = word.replace(NO_BREAK, " ");
        let mut word = word.as_str();
        loop {
            let line = lines.last_mut().expect("there is always a line");
            let taken = len(line);
            let blank = usize::from(taken > 0);
            if taken + blank + len(word) <= width {
                line.extend(std::iter::repeat_n(' ', blank));
                line.push_str(word);
                break;
            }
            if taken == 0 {
                let (now, later) = word.split_at(bytes_that_fit(word, width));
                line.push_str(now);
                word = later;
            }
            if word.is_empty() {
                break;
            }
            lines.push(String::new());
        }
    }
    lines
}

/// Length in bytes of the longest beginning that fits `width` columns; one character at least.
fn bytes_that_fit(text: &str, width: usize) -> usize {
    let mut columns = 0;
    let too_far = |(n, (_, c)): &(usize, (usize, char))| {
        columns += c.width().unwrap_or(1);
        *n > 0 && columns > width
    };
    let end = text.char_indices().enumerate().find(too_far);
    end.map_or(text.len(), |(_, (byte, _))| byte)
}

/// The text, escaped, with blanks after it, up to `width` columns.
fn left(text: &str, width: usize) -> String {
    escaped(text).into_owned() + &blanks(text, width)
}

/// The text, escaped, with blanks before it, up to `width` columns.
fn right(text: &str, width: usize) -> String {
    blanks(text, width) + &escaped(text)
}

fn blanks(text: &str, width: usize) -> String {
    " ".repeat(width.saturating_sub(len(text)))
}

/// Columns of a terminal that the text takes once it is escaped: two for a wide character, none for one that combines.
fn len(text: &str) -> usize {
    escaped(text).width()
}

#[cfg(test)]
mod tests;
