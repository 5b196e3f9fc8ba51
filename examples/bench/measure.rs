//! Medians, and how they are shown.

use std::time::Duration;

/// What a measurement may fail with.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// How a measurement is to be done and shown.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Settings {
    /// Runs so short that the figures mean nothing: to see that it works
    #[arg(long)]
    pub(crate) quick: bool,
    /// Tables for docs/PERFORMANCE.md
    #[arg(long)]
    pub(crate) markdown: bool,
    /// How long each run over a TUN counts
    #[arg(long, value_name = "MS")]
    pub(crate) run_ms: Option<u64>,
    /// How many runs over a TUN there are
    #[arg(long, value_name = "N")]
    pub(crate) runs: Option<usize>,
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
