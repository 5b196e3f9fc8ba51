//! What is wrong with a scenario, where, and what to do: several faults at once, each with its place.

use std::ops::Range;

/// The longest line that is shown with its fault, bytes.
#[cfg(feature = "cli")]
const LONGEST_LINE: usize = 1000;

/// Faults that are shown; more are counted only.
const SHOWN: usize = 20;

/// One fault: where in the text, what, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Bytes of the text it was found in.
    pub(super) span: Range<usize>,
    /// What is wrong.
    pub(super) what: String,
    /// What to do; empty for nothing to say.
    pub(super) help: String,
}

impl Fault {
    pub(super) fn new(
        span: Range<usize>,
        what: impl Into<String>,
        help: impl Into<String>,
    ) -> Fault {
        Fault {
            span,
            what: what.into(),
            help: help.into(),
        }
    }
}

/// The faults found so far.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    /// Notes a fault.
    pub(super) fn add(
        &mut self,
        span: &Range<usize>,
        what: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.0.push(Fault::new(span.clone(), what, help));
    }

    /// The faults as an error about `text`, in the text's order; none if there are none.
    pub(super) fn into_error(self, file: &str, text: &str) -> Option<ScenarioErrors> {
        let mut faults = self.0;
        if faults.is_empty() {
            return None;
        }
        let text = printable(text);
        for fault in &mut faults {
            fault.span = within(&text, &fault.span);
        }
        faults.sort_by_key(|f| (f.span.start, f.span.end));
        faults.dedup();
        Some(ScenarioErrors {
            file: printable(file).replace('\n', " "),
            text,
            faults,
        })
    }
}

/// Why a text is not a scenario: one fault or several, each with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioErrors {
    file: String,
    text: String,
    faults: Vec<Fault>,
}

impl ScenarioErrors {
    /// How many faults there are, at least one.
    pub fn count(&self) -> usize {
        self.faults.len()
    }

    /// Line and column of each fault, both from 1, the column in characters, and what is wrong.
    pub fn faults(&self) -> impl Iterator<Item = (usize, usize, &str)> {
        self.faults.iter().map(|fault| {
            let (line, column) = line_and_column(&self.text, fault.span.start);
            (line, column, fault.what.as_str())
        })
    }

    /// The faults for people: file, line, column, and what to do, with the feature `cli` also the line itself and carets
    /// under the place. Ends without a line break; the first 20 are shown.
    pub fn report(&self, color: bool) -> String {
        let shown = self.faults.iter().take(SHOWN);
        let mut reports: Vec<String> = shown.map(|f| self.draw(f, color)).collect();
        if self.faults.len() > SHOWN {
            reports.push(format!("and {} more", self.faults.len() - SHOWN));
        }
        reports.join("\n\n")
    }

    /// One fault, with the line of the text and carets where that can be drawn: the feature `cli` draws them, on lines
    /// that are not too long.
    fn draw(&self, fault: &Fault, color: bool) -> String {
        #[cfg(feature = "cli")]
        if line_length(&self.text, fault.span.start) <= LONGEST_LINE {
            let what = printable(&fault.what);
            // the label is what makes a caret; what to do is the best thing to say there
            let help = match fault.help.as_str() {
                "" => "here".to_owned(),
                help => printable(help),
            };
            return super::carets::draw(&self.file, &self.text, &fault.span, &what, &help, color);
        }
        let _ = color;
        let (line, column) = line_and_column(&self.text, fault.span.start);
        let (what, help) = (printable(&fault.what), printable(&fault.help));
        let file = &self.file;
        let place = format!("Error: {what}\n   ,-[ {file}:{line}:{column} ]");
        match help.as_str() {
            "" => format!("{place}\n---'"),
            help => format!("{place}\n   | {help}\n---'"),
        }
    }
}

/// The report without colour.
impl std::fmt::Display for ScenarioErrors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.report(false))
    }
}

impl std::error::Error for ScenarioErrors {}

/// Line and column of byte `at`, both from 1, the column in characters.
pub(super) fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..at.min(text.len())];
    let line = before.iter().filter(|b| **b == b'\n').count() + 1;
    let start = before
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(0, |n| n + 1);
    // a character begins at every byte that is not a continuation byte
    let column = before[start..]
        .iter()
        .filter(|b| **b & 0xc0 != 0x80)
        .count()
        + 1;
    (line, column)
}

/// Length of the line that byte `at` lies on.
#[cfg(feature = "cli")]
fn line_length(text: &str, at: usize) -> usize {
    let (before, after) = text.split_at(at.min(text.len()));
    let start = before.rfind('\n').map_or(0, |n| n + 1);
    let end = after.find('\n').unwrap_or(after.len());
    before.len() - start + end
}

/// `span` moved to whole characters of `text` on one line, and not empty where that is possible.
fn within(text: &str, span: &Range<usize>) -> Range<usize> {
    let mut start = text.floor_char_boundary(span.start.min(text.len()));
    if start == text.len() {
        // the end of the file is shown at its last character
        start = text
            .trim_end()
            .char_indices()
            .next_back()
            .map_or(0, |(i, _)| i);
    }
    let line_end = text[start..].find('\n').map_or(text.len(), |n| start + n);
    let mut end = text.floor_char_boundary(span.end.min(line_end));
    if end <= start {
        end = text[start..]
            .chars()
            .next()
            .map_or(start, |c| start + c.len_utf8());
    }
    start..end
}

/// `text` with what a terminal could act upon, and every line break but `\n`, replaced by characters that take the
/// same number of bytes.
fn printable(text: &str) -> String {
    let replace = |c: char| match c {
        '\n' | '\t' => c,
        c if !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}') => {
            c
        }
        c => match c.len_utf8() {
            1 if c == '\r' => ' ',
            1 => '?',
            2 => '\u{bf}',
            _ => '\u{fffd}',
        },
    };
    text.chars().map(replace).collect()
}
