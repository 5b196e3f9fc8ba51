//! Medians, and how they are shown.

use std::time::Duration;

/// What a measurement may fail with.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// How a measurement is to be done and shown.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Settings {
    /// So short that the figures mean nothing: to see that it works.
    pub(crate) quick: bool,
    /// Tables as Markdown.
    pub(crate) markdown: bool,
}

/// The middle one.
pub(crate) fn median<T: PartialOrd + Copy>(mut values: Vec<T>) -> T {
    values.sort_by(|a, b| a.partial_cmp(b).expect("measurements have an order"));
    values[values.len() / 2]
}

/// `1.234 ms`.
pub(crate) fn ms(time: Duration) -> String {
    format!("{:.3} ms", time.as_secs_f64() * 1e3)
}
