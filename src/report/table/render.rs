//! The table as lines of text: widths, folding, colours, legend.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::{Style, Tone, left, len, right, wrap};
use super::{Cell, Mark, Row, Table};
use crate::nouns::count;
use crate::time::Instant;
use crate::trace::Dir;

/// How precisely and how much is shown; the first that fits the terminal is taken.
#[derive(Clone, Copy)]
struct Detail {
    /// Decimals of instants, in seconds.
    s: usize,
    /// Decimals of gaps, in milliseconds.
    ms: usize,
    /// Whether sequence number and length have columns.
    numbers: bool,
}

const DETAILS: [Detail; 4] = [
    Detail {
        s: 6,
        ms: 3,
        numbers: true,
    },
    Detail {
        s: 6,
        ms: 0,
        numbers: true,
    },
    Detail {
        s: 3,
        ms: 0,
        numbers: true,
    },
    Detail {
        s: 3,
        ms: 0,
        numbers: false,
    },
];

/// Widths of the columns, in characters.
struct Layout {
    detail: Detail,
    flags: usize,
    what: usize,
    seq: usize,
    len: usize,
    targets: Vec<Column>,
}

/// A target's column: its widths, and what is said above it and not in each row.
#[derive(Clone, Default)]
struct Column {
    at: usize,
    gap: usize,
    marks: usize,
    /// The whole column.
    all: usize,
    /// Marks that all of its packets to the peer have.
    throughout: Vec<Mark>,
}

/// Stands before the marks that all packets of a target have.
const THROUGHOUT: &str = "all packets";

/// Narrowest column that a text under the packets still gets.
const TEXT: usize = 22;

pub(super) fn render(table: &Table, style: Style) -> String {
    let layouts = DETAILS.map(|detail| Layout::of(table, detail));
    let fits = |l: &&Layout| style.width.is_none_or(|width| l.width() <= width);
    let narrowest = &layouts[DETAILS.len() - 1];
    let layout = layouts.iter().find(fits).unwrap_or(narrowest);
    let mut lines = layout.headings(table, style);
    let mut texts = false;
    for part in fold(&table.rows, style.fold) {
        match part {
            Part::Row(Row::Packet(cells)) => lines.extend(layout.packet(cells, style)),
            Part::Row(Row::Event { at, text }) => {
                let at = seconds(*at, layout.detail.s);
                lines.push(style.paint(&format!("  * {at} s  {text}"), Tone::Event));
            }
            Part::Row(Row::Text {
                label,
                cells,
                differs,
            }) => {
                if !texts {
                    lines.push(layout.rule());
                }
                texts = true;
                lines.extend(layout.texts(label, cells, differs, style));
            }
            Part::Folded { rows, marks } => {
                let differing = match marks.is_empty() {
                    true => String::new(),
                    false => format!(", but for: {}", words(&marks)),
                };
                let text = format!(
                    "    ... {} more, the same for all{differing}",
                    count(rows, "packet")
                );
                lines.push(style.paint(&text, Tone::Faint));
            }
        }
    }
    lines.extend(legend(table));
    lines
        .iter()
        .map(|l| format!("{}\n", l.trim_end()))
        .collect()
}

/// What is printed in place of rows.
enum Part<'a> {
    Row(&'a Row),
    /// So many rows, and the marks that they have.
    Folded {
        rows: usize,
        marks: BTreeSet<Mark>,
    },
}

/// Of each run of dull rows longer than `longest`, the first and the last two are kept.
fn fold(rows: &[Row], longest: Option<usize>) -> Vec<Part<'_>> {
    const KEPT: usize = 2;
    let mut parts = Vec::new();
    for run in rows.chunk_by(|a, b| a.is_dull() == b.is_dull()) {
        let longest = longest.unwrap_or(usize::MAX).max(2 * KEPT);
        if run.len() <= longest || !run[0].is_dull() {
            parts.extend(run.iter().map(Part::Row));
            continue;
        }
        let (first, rest) = run.split_at(KEPT);
        let (folded, last) = rest.split_at(rest.len() - KEPT);
        parts.extend(first.iter().map(Part::Row));
        parts.push(Part::Folded {
            rows: folded.len(),
            marks: marks(folded),
        });
        parts.extend(last.iter().map(Part::Row));
    }
    parts
}

fn marks(rows: &[Row]) -> BTreeSet<Mark> {
    let cells = rows.iter().flat_map(|row| match row {
        Row::Packet(cells) => cells.as_slice(),
        _ => &[],
    });
    cells
        .flatten()
        .flat_map(|c| c.marks.iter().copied())
        .collect()
}

fn words(marks: &BTreeSet<Mark>) -> String {
    let words: Vec<_> = marks.iter().map(|m| m.letter().1).collect();
    words.join(", ")
}

/// What the letters mean, of those that are there.
fn legend(table: &Table) -> Option<String> {
    let used = marks(&table.rows);
    let missing = |row: &Row| matches!(row, Row::Packet(cells) if cells.contains(&None));
    let used: Vec<_> = Mark::ALL
        .iter()
        .filter(|m| used.contains(m))
        .map(|m| format!("{} {}", m.letter().0, m.letter().1))
        .collect();
    let first = &table.targets.first()?.name;
    let mut legend = Vec::new();
    if !used.is_empty() {
        legend.push(format!(
            "\u{2260} differs from {first} in: {}",
            used.join(", ")
        ));
    }
    if table.rows.iter().any(missing) {
        legend.push("- no such packet".to_owned());
    }
    (!legend.is_empty()).then(|| legend.join("; "))
}

fn seconds(at: Instant, decimals: usize) -> String {
    format!("{:.decimals$}", at.secs_f64())
}

fn millis(gap: Option<Duration>, decimals: usize) -> String {
    gap.map_or(String::new(), |gap| {
        format!("+{:.decimals$}", gap.as_secs_f64() * 1e3)
    })
}

/// ` ≠to`; nothing if there are none but those that are said once for all packets.
fn letters(marks: &[Mark], said: &[Mark]) -> String {
    let letters: String = Mark::ALL
        .iter()
        .filter(|m| marks.contains(m) && !said.contains(m))
        .map(|m| m.letter().0)
        .collect();
    match letters.is_empty() {
        true => letters,
        false => format!(" \u{2260}{letters}"),
    }
}

/// The marks, of those that do not tell, which all packets of a target have that the first target has as well.
fn throughout(rows: &[Row], column: usize) -> Vec<Mark> {
    let packets = rows.iter().filter_map(|row| match row {
        Row::Packet(cells) => cells.get(column)?.as_ref(),
        _ => None,
    });
    let sent: Vec<_> = packets
        .filter(|c| c.dir == Dir::Out && !c.marks.contains(&Mark::Extra))
        .collect();
    let everywhere = |m: &&Mark| sent.iter().all(|c| c.marks.contains(m));
    let marks = Mark::ALL.iter().filter(|m| !m.is_telling());
    match sent.len() {
        // of one or two packets it is no less work to read the rows
        0..=2 => Vec::new(),
        _ => marks.filter(everywhere).copied().collect(),
    }
}

fn seq(cell: &Cell) -> String {
    cell.seq.map_or(String::new(), |seq| seq.to_string())
}

/// The cell that says what a row's packet is.
fn face(cells: &[Option<Cell>]) -> Option<&Cell> {
    cells.iter().flatten().next()
}

/// What a row's packet is: without the count, where the targets count differently.
fn what(cells: &[Option<Cell>]) -> &str {
    let Some(first) = face(cells) else { return "" };
    match cells.iter().flatten().all(|c| c.what == first.what) {
        true => &first.what,
        false => first
            .what
            .trim_end_matches(|c: char| c.is_ascii_digit())
            .trim_end(),
    }
}

impl Layout {
    fn of(table: &Table, detail: Detail) -> Layout {
        let mut layout = Layout {
            detail,
            flags: len("flags"),
            what: len("packet"),
            seq: len("seq"),
            len: len("bytes"),
            targets: (0..table.targets.len())
                .map(|column| Column {
                    throughout: throughout(&table.rows, column),
                    ..Column::default()
                })
                .collect(),
        };
        for row in &table.rows {
            match row {
                Row::Packet(cells) => layout.widen_packet(cells),
                Row::Text { label, .. } => layout.what = layout.what.max(len(label)),
                Row::Event { .. } => {}
            }
        }
        let has_texts = table.rows.iter().any(|r| matches!(r, Row::Text { .. }));
        for (heading, w) in table.targets.iter().zip(&mut layout.targets) {
            w.at = w.at.max(len(&seconds(Instant::ZERO, detail.s)));
            w.gap = w.gap.max(len("+ms"));
            let text = if has_texts && detail.s > 3 { TEXT } else { 0 };
            let packet = w.at + 1 + w.gap + w.marks;
            let all = letters(&w.throughout, &[]);
            w.all = packet
                .max(len(&heading.name))
                .max(text)
                .max(len(THROUGHOUT) + len(&all));
        }
        layout
    }

    fn widen_packet(&mut self, cells: &[Option<Cell>]) {
        if let Some(face) = face(cells) {
            self.flags = self.flags.max(len(&face.flags));
            self.what = self.what.max(len(what(cells)));
            self.seq = self.seq.max(len(&seq(face)));
            self.len = self.len.max(len(&face.len.to_string()));
        }
        for (cell, w) in cells.iter().zip(&mut self.targets) {
            if let Some(cell) = cell {
                w.at = w.at.max(len(&seconds(cell.at, self.detail.s)));
                w.gap = w.gap.max(len(&millis(cell.since_previous, self.detail.ms)));
                w.marks = w.marks.max(len(&letters(&cell.marks, &w.throughout)));
            }
        }
    }

    /// Of what says what a packet is.
    fn left_width(&self) -> usize {
        let numbers = if self.detail.numbers {
            2 + self.seq + self.len
        } else {
            0
        };
        2 + self.flags + 1 + self.what + numbers
    }

    fn width(&self) -> usize {
        self.left_width() + self.targets.iter().map(|w| 3 + w.all).sum::<usize>()
    }

    fn line(&self, left_part: String, cells: impl IntoIterator<Item = String>) -> String {
        cells
            .into_iter()
            .fold(left_part, |line, cell| line + " \u{2502} " + &cell)
    }

    fn left_part(&self, arrow: &str, flags: &str, what: &str, numbers: [&str; 2]) -> String {
        let [seq, bytes] = numbers;
        let numbers = match self.detail.numbers {
            true => format!(" {} {}", right(seq, self.seq), right(bytes, self.len)),
            false => String::new(),
        };
        let (flags, what) = (left(flags, self.flags), left(what, self.what));
        format!("{} {flags} {what}{numbers}", left(arrow, 1))
    }

    fn rule(&self) -> String {
        let bar = |n: usize| "\u{2500}".repeat(n);
        let cells = self.targets.iter().map(|w| bar(w.all + 2));
        cells.fold(bar(self.left_width() + 1), |line, cell| {
            line + "\u{253c}" + &cell
        })
    }

    fn headings(&self, table: &Table, style: Style) -> Vec<String> {
        let columns = || table.targets.iter().zip(&self.targets);
        let names = columns().map(|(h, w)| style.paint(&left(&h.name, w.all), Tone::Heading));
        let times = columns().map(|(h, w)| left(&h.times, w.all));
        let units = columns().map(|(_, w)| {
            let units = format!("{} {}", right("s", w.at), right("+ms", w.gap));
            left(&units, w.all)
        });
        let all = columns().map(|(_, w)| {
            let all = letters(&w.throughout, &[]);
            let all = if all.is_empty() {
                all
            } else {
                format!("{THROUGHOUT}{all}")
            };
            style.paint(&left(&all, w.all), Tone::Different)
        });
        let blank = || self.left_part("", "", "", ["", ""]);
        let fields = self.left_part("", "flags", "packet", ["seq", "bytes"]);
        let mut lines = vec![self.line(blank(), names), self.line(blank(), times)];
        if self.targets.iter().any(|w| !w.throughout.is_empty()) {
            lines.push(self.line(blank(), all));
        }
        lines.extend([self.line(fields, units), self.rule()]);
        lines
    }

    fn packet(&self, cells: &[Option<Cell>], style: Style) -> Vec<String> {
        let Some(face) = face(cells) else {
            return Vec::new();
        };
        let (arrow, tone) = match face.dir {
            Dir::Out => ("\u{2192}", Tone::Plain),
            Dir::In => ("\u{2190}", Tone::Faint),
        };
        let numbers = [&*seq(face), &*face.len.to_string()];
        let left_part = self.left_part(arrow, &face.flags, what(cells), numbers);
        let columns = || cells.iter().zip(&self.targets);
        let shown = columns().map(|(cell, w)| self.cell(cell.as_ref(), w, tone, style));
        let mut lines = vec![self.line(style.paint(&left_part, tone), shown)];
        let own = |cell: &Option<Cell>| {
            let cell = cell.as_ref().filter(|c| !c.looks_like(face));
            cell.map(|c| format!("{} {} {}", c.flags, seq(c), count(c.len, "byte")))
        };
        if cells.iter().any(|c| own(c).is_some()) {
            let blank = self.left_part("", "", "", ["", ""]);
            let own = columns().map(|(c, w)| {
                let text = left(&own(c).unwrap_or_default(), w.all);
                style.paint(&text, Tone::Different)
            });
            lines.push(self.line(blank, own));
        }
        lines
    }

    fn cell(&self, cell: Option<&Cell>, w: &Column, tone: Tone, style: Style) -> String {
        let Some(cell) = cell else {
            let dash = right("-", w.at);
            return style.paint(&left(&dash, w.all), Tone::Different);
        };
        let at = right(&seconds(cell.at, self.detail.s), w.at);
        let gap = right(&millis(cell.since_previous, self.detail.ms), w.gap);
        let time_tone = match cell.marks.contains(&Mark::Time) {
            true => Tone::Different,
            false => tone,
        };
        let rest = left(
            &letters(&cell.marks, &w.throughout),
            w.all - w.at - 1 - w.gap,
        );
        let times = style.paint(&format!("{at} {gap}"), time_tone);
        times + &style.paint(&rest, Tone::Different)
    }

    fn texts(&self, label: &str, cells: &[String], differs: &[bool], style: Style) -> Vec<String> {
        let columns: Vec<_> = cells
            .iter()
            .zip(&self.targets)
            .map(|(text, w)| wrap(text, w.all))
            .collect();
        let height = columns.iter().map(Vec::len).max().unwrap_or(0);
        (0..height)
            .map(|n| {
                let label = if n == 0 { label } else { "" };
                let label = left(label, self.left_width());
                let cells = columns.iter().zip(&self.targets).zip(differs);
                let cells = cells.map(|((lines, w), differs)| {
                    let text = left(lines.get(n).map_or("", String::as_str), w.all);
                    let tone = if *differs {
                        Tone::Different
                    } else {
                        Tone::Plain
                    };
                    style.paint(&text, tone)
                });
                self.line(style.paint(&label, Tone::Heading), cells)
            })
            .collect()
    }
}
