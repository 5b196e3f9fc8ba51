//! Figures beside those of a contender, and whether what is wanted was reached: a table for a terminal or for Markdown.

use super::measure::Settings;

/// What is wanted of our figure divided by the contender's.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
    /// The first is wanted, the second is the limit.
    AtMostOr(f64, f64),
    /// Nothing: it is shown to be seen.
    None,
}

impl Bound {
    fn words(self, ratio: f64) -> (String, &'static str) {
        let (text, reached) = match self {
            Bound::AtMost(bound) => (format!("at most {bound}"), ratio <= bound),
            Bound::AtLeast(bound) => (format!("at least {bound}"), ratio >= bound),
            Bound::AtMostOr(wanted, limit) => {
                let text = format!("at most {wanted}, limit {limit}");
                let reached = match ratio {
                    r if r <= wanted => "yes",
                    r if r <= limit => "within the limit",
                    _ => "no",
                };
                return (text, reached);
            }
            Bound::None => return ("-".to_owned(), "-"),
        };
        (text, if reached { "yes" } else { "no" })
    }
}

/// One row.
#[derive(Clone, Debug)]
pub(crate) struct Comparison {
    pub(crate) what: String,
    pub(crate) unit: &'static str,
    pub(crate) ours: f64,
    pub(crate) contender: &'static str,
    pub(crate) theirs: f64,
    pub(crate) bound: Bound,
}

const HEAD: [&str; 8] = [
    "measured",
    "unit",
    "ours",
    "contender",
    "its",
    "ratio",
    "wanted",
    "reached",
];

/// Prints the table.
pub(crate) fn show(settings: Settings, rows: &[Comparison]) {
    let mut cells: Vec<[String; 8]> = vec![HEAD.map(str::to_owned)];
    for row in rows {
        let ratio = row.ours / row.theirs;
        let (wanted, reached) = row.bound.words(ratio);
        cells.push([
            row.what.clone(),
            row.unit.to_owned(),
            format!("{:.3}", row.ours),
            row.contender.to_owned(),
            format!("{:.3}", row.theirs),
            format!("{ratio:.2}"),
            wanted,
            reached.to_owned(),
        ]);
    }
    let width = |column: usize| cells.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: [usize; 8] = std::array::from_fn(width);
    for (i, row) in cells.iter().enumerate() {
        let padded = row
            .iter()
            .zip(widths)
            .map(|(cell, w)| format!("{cell:<w$}"));
        let padded: Vec<String> = padded.collect();
        match settings.markdown {
            true => println!("| {} |", padded.join(" | ")),
            false => println!("  {}", padded.join("  ").trim_end()),
        }
        if i == 0 && settings.markdown {
            println!("|{}|", widths.map(|w| "-".repeat(w + 2)).join("|"));
        }
    }
}
