//! Text from others, as it may be shown on a terminal: process names, file names, titles of recordings.
//!
//! A terminal obeys control sequences (ECMA-48) wherever they come from: a process whose name contains them could move
//! the cursor of the user who lists it, rename the window or hide a line. Control characters are therefore shown as Rust
//! writes them in a string literal. So are the Unicode characters that reorder or hide others (UAX #9), which can make
//! one name look like another. Escaping text that is already escaped changes nothing.

use std::borrow::Cow;

/// Returns the text on one line: every control character is escaped, including line breaks and tabs.
pub fn escaped(text: &str) -> Cow<'_, str> {
    replaced(text, is_dangerous, |c, out| out.extend(c.escape_default()))
}

/// Returns the text with its line breaks and tabs. Every other control character is escaped.
pub fn escaped_lines(text: &str) -> Cow<'_, str> {
    replaced(text, is_dangerous_in_lines, |c, out| {
        out.extend(c.escape_default())
    })
}

/// Returns the text of a report with its line breaks and with the colours that the program has added (SGR, ECMA-48
/// 8.3.117). Every other control character is escaped. Text from others was already escaped when it was inserted, so this
/// is the last line of defence.
pub fn escaped_but_colours(text: &str) -> Cow<'_, str> {
    if !text.contains(is_dangerous_in_lines) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut pieces = text.split('\x1b');
    out.push_str(&escaped_lines(pieces.next().unwrap_or_default()));
    for piece in pieces {
        let colour = colour(piece);
        out.push_str(if colour > 0 { "\x1b" } else { "\\u{1b}" });
        out.push_str(&piece[..colour]);
        out.push_str(&escaped_lines(&piece[colour..]));
    }
    Cow::Owned(out)
}

/// Returns the length in bytes of the colour sequence, without its escape character, with which the text begins, or 0.
fn colour(text: &str) -> usize {
    let Some(parameters) = text.strip_prefix('[') else {
        return 0;
    };
    let end = parameters.find(|c: char| !c.is_ascii_digit() && c != ';');
    match end {
        Some(at) if parameters[at..].starts_with('m') => at + 2,
        _ => 0,
    }
}

/// Returns JSON in which the control characters that it allows in a string (DEL and C1, which terminals obey too) are
/// escaped as in JSON. The value stays the same, and so do the line breaks, which JSON has only between values.
pub fn escaped_json(json: &str) -> Cow<'_, str> {
    replaced(json, is_dangerous_in_lines, |c, out| {
        let mut units = [0; 2];
        for unit in c.encode_utf16(&mut units) {
            out.push_str(&format!("\\u{unit:04x}"));
        }
    })
}

fn replaced(
    text: &str,
    dangerous: impl Fn(char) -> bool,
    replace: impl Fn(char, &mut String),
) -> Cow<'_, str> {
    if !text.contains(&dangerous) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match dangerous(c) {
            true => replace(c, &mut out),
            false => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Control characters (C0, DEL, C1), line and paragraph separators, and characters that hide or reorder others.
fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn is_dangerous_in_lines(c: char) -> bool {
    !matches!(c, '\n' | '\t') && is_dangerous(c)
}

#[cfg(test)]
mod tests;
