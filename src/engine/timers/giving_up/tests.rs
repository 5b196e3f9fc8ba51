//! The time that retries stand for: rows of the fact sheet, section 2.4.

use super::*;

/// (retries, rto_max in ms, seconds)
const ROWS: [(u32, u64, f64); 15] = [
    (0, 120_000, 0.2),
    (1, 120_000, 0.6),
    (2, 120_000, 1.4),
    (3, 120_000, 3.0),
    (5, 120_000, 12.6),
    (8, 120_000, 102.2),
    (10, 120_000, 324.6),
    (15, 120_000, 924.6),
    (15, 1_000, 14.4),
    (15, 2_000, 27.0),
    (15, 5_000, 61.2),
    (15, 10_000, 112.6),
    (15, 30_000, 291.0),
    (8, 1_000, 7.4),
    (3, 1_000, 2.4),
];

#[test]
fn retries_are_a_time() {
    let ticks = Ticks::default();
    for (retries, rto_max_ms, seconds) in ROWS {
        let j = model_timeout(&ticks, retries, MODEL_BASE_US, rto_max_ms * 1_000);
        let got = ticks.to_us(j) as f64 / 1e6;
        assert!(
            (got - seconds).abs() < 0.004,
            "{retries} at {rto_max_ms}: {got} s, not {seconds} s"
        );
    }
}

#[test]
fn syn_retries_are_a_time_from_one_second() {
    let ticks = Ticks::default();
    for (retries, seconds) in [(1, 3), (2, 7), (3, 15), (6, 127)] {
        let j = model_timeout(&ticks, retries, MODEL_BASE_SYN_US, 120_000_000);
        assert_eq!(ticks.to_us(j), seconds * 1_000_000);
    }
}
