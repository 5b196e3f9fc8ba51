//! A verdict or a trace for people and for programs: terminal, JSON, ladder.

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
        let code = match tone {
            Tone::Heading => "1",
            Tone::Faint => "2",
            Tone::Event => "36",
            Tone::Different => "1;31",
            Tone::Plain => return text.to_owned(),
        };
        match self.color && !text.trim().is_empty() {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }
}

/// A blank at which [`wrap`] breaks no line; printed as a plain blank.
const NO_BREAK: char = '\u{a0}';

/// Lines of at most `width` characters, broken at blanks; a longer word is broken anywhere. Control characters are
/// escaped.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let text = escaped(text);
    let width = width.max(1);
    let mut lines = vec![String::new()];
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let mut word: Vec<char> = word.replace(NO_BREAK, " ").chars().collect();
        loop {
            let line = lines.last_mut().expect("there is always a line");
            let taken = line.chars().count();
            let blank = usize::from(taken > 0);
            if taken + blank + word.len() <= width {
                line.extend(std::iter::repeat_n(' ', blank));
                line.extend(&word);
                break;
            }
            if taken == 0 {
                line.extend(word.drain(..width));
            }
            lines.push(String::new());
        }
    }
    lines
}

/// The text, escaped, with blanks after it, up to `width` characters.
fn left(text: &str, width: usize) -> String {
    format!("{:<width$}", escaped(text))
}

/// The text, escaped, with blanks before it, up to `width` characters.
fn right(text: &str, width: usize) -> String {
    format!("{:>width$}", escaped(text))
}

/// Characters that the text takes once it is escaped.
fn len(text: &str) -> usize {
    escaped(text).chars().count()
}

#[cfg(test)]
mod tests;
