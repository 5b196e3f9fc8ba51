//! A Rust file as the rules see it: without comments and without what stands in quotes.

use std::path::Path;

/// A file of the repository.
pub(crate) struct Source {
    /// Path from the top, with `/`.
    pub(crate) path: String,
    /// The text as it is.
    pub(crate) text: String,
    /// The text with comments and the contents of literals blanked; lines stay lines.
    pub(crate) code: String,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Source {
            path: path.to_owned(),
            text: text.to_owned(),
            code: blank(text),
        }
    }

    /// Every Rust file below `folders`, sorted by path.
    pub(crate) fn below(top: &Path, folders: &[&str]) -> Vec<Source> {
        let mut found = Vec::new();
        for folder in folders {
            walk(top, &top.join(folder), &mut found);
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        found
    }

    /// The line of a byte of `code`, from 1.
    pub(crate) fn line(&self, byte: usize) -> usize {
        self.code[..byte].matches('\n').count() + 1
    }

    /// `src/wire/seq.rs` -> `["wire", "seq"]`; `mod`, `lib` and `main` name no module of their own. None
    /// outside `src`.
    pub(crate) fn module(&self) -> Option<Vec<&str>> {
        let inside = self.path.strip_prefix("src/")?.strip_suffix(".rs")?;
        let mut parts: Vec<_> = inside.split('/').collect();
        if parts
            .last()
            .is_some_and(|p| ["mod", "lib", "main"].contains(p))
        {
            parts.pop();
        }
        Some(parts)
    }

    /// `path:line: what`, the form in which every rule reports.
    pub(crate) fn finding(&self, byte: usize, what: impl std::fmt::Display) -> String {
        format!("{}:{}: {what}", self.path, self.line(byte))
    }
}

fn walk(top: &Path, folder: &Path, found: &mut Vec<Source>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(top, &path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source file is UTF-8");
            let relative = path.strip_prefix(top).expect("walked from the top");
            found.push(Source::new(&relative.to_string_lossy(), &text));
        }
    }
}

/// Blanks comments and the insides of string and character literals.
fn blank(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skip = literal_or_comment(rest, out.chars().next_back());
        if skip == 0 {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            out.extend(
                rest[..skip]
                    .chars()
                    .map(|c| if c == '\n' { c } else { ' ' }),
            );
            rest = &rest[skip..];
        }
    }
    out
}

/// Bytes of the comment or literal that `s` begins with, 0 if it begins with neither.
fn literal_or_comment(s: &str, before: Option<char>) -> usize {
    if s.starts_with("//") {
        return s.find('\n').unwrap_or(s.len());
    }
    if s.starts_with("/*") {
        return s.find("*/").map_or(s.len(), |end| end + 2);
    }
    if s.starts_with('"') {
        return quoted(s, '"');
    }
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if s.starts_with('r') && !in_word {
        let hashes = s[1..].chars().take_while(|c| *c == '#').count();
        if s[1 + hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let body = 2 + hashes;
            return s[body..]
                .find(&end)
                .map_or(s.len(), |n| body + n + end.len());
        }
    }
    // 'a' and '\n' are characters, 'a is a lifetime
    let mut chars = s.chars();
    if chars.next() == Some('\'') {
        match (chars.next(), chars.next()) {
            (Some('\\'), _) => return quoted(s, '\''),
            (Some(c), Some('\'')) => return 2 + c.len_utf8(),
            _ => {}
        }
    }
    0
}

fn quoted(s: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in s.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    s.len()
}

#[test]
fn comments_and_literals_are_blanked_and_lines_stay() {
    let table = [
        ("a // b\nc", "a     \nc"),
        ("a /* b\n */ c", "a     \n    c"),
        ("f(\"x \\\" y\")", "f(        )"),
        ("r#\"x \" y\"# z", "           z"),
        ("'a' 'x: &'a str", "    'x: &'a str"),
        ("'\\'' b", "     b"),
    ];
    for (text, code) in table {
        assert_eq!(blank(text), code, "{text}");
    }
}
