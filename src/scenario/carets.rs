//! A fault in a text, drawn: the line with carets under the place.

use std::ops::Range;

use ariadne::{CharSet, Color, Config, IndexType, Label, Report, ReportKind, Source};

/// Draws the fault `what` at the bytes `span` of `text`, which is the content of `file`, with `help` beside the carets.
/// Ends without a line break.
pub(super) fn draw(
    file: &str,
    text: &str,
    span: &Range<usize>,
    what: &str,
    help: &str,
    color: bool,
) -> String {
    let config = Config::default()
        .with_color(color)
        .with_char_set(CharSet::Ascii)
        .with_index_type(IndexType::Byte);
    let label = Label::new((file, span.clone()))
        .with_message(help)
        .with_color(Color::Red);
    let report = Report::build(ReportKind::Error, (file, span.clone()))
        .with_config(config)
        .with_message(what)
        .with_label(label);
    let mut out = Vec::new();
    // writing into memory cannot fail
    let _ = report.finish().write((file, Source::from(text)), &mut out);
    let drawn = String::from_utf8_lossy(&out);
    let lines: Vec<String> = drawn.lines().map(all_carets).collect();
    lines.join("\n").trim_end().to_owned()
}

/// The line under the place with a caret also where ariadne draws the stem of its label.
fn all_carets(line: &str) -> String {
    const STEM: &str = "\u{1b}[31m|\u{1b}[0m";
    let line = line.trim_end();
    if line.contains(STEM) {
        return line.replace(STEM, "\u{1b}[31m^\u{1b}[0m");
    }
    match line.trim_start().strip_prefix('|') {
        Some(marks) if marks.chars().all(|c| matches!(c, ' ' | '^' | '|')) => {
            let margin = &line[..line.len() - marks.len()];
            format!("{margin}{}", marks.replace('|', "^"))
        }
        _ => line.to_owned(),
    }
}
