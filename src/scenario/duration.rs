//! Durations in a scenario: a number and a unit.

use std::ops::Range;

use super::error::Fault;
use crate::sysctl::nearest;

/// The units and their length in ns.
const UNITS: [(&str, u64); 5] = [
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("min", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// The longest duration: 30 days, in ns.
pub(super) const MAX_NS: u64 = 720 * 3_600_000_000_000;

/// Parses a duration and returns it in ns. It has digits, optionally a point and more digits, and directly after them a
/// unit. It must be a whole number of nanoseconds, and at most 30 days.
pub(super) fn parse_ns(text: &str) -> Result<u64, Fault> {
    let all = 0..text.len();
    let example = "write a number and a unit (us, ms, s, min or h), such as \"1500ms\"";
    if text.starts_with('-') {
        return Err(Fault::new(all, "a duration cannot be negative", example));
    }
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    let end = text.find(|c| !is_number(c)).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    if number.is_empty() {
        return Err(Fault::new(all, "a duration begins with a number", example));
    }
    let unit_ns = unit_ns(unit, end..text.len(), number)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || fraction.is_empty() || fraction.contains('.') {
        return Err(Fault::new(0..end, "this is not a number", example));
    }
    let too_long = || {
        Fault::new(
            all.clone(),
            "the duration is longer than 30 days",
            "the longest duration is \"720h\"",
        )
    };
    let whole: u64 = whole.parse().map_err(|_| too_long())?;
    let ns = whole.checked_mul(unit_ns).ok_or_else(too_long)?;
    let ns = ns.saturating_add(fraction_ns(fraction, unit_ns).ok_or_else(|| {
        let help = "round it to whole nanoseconds";
        Fault::new(
            0..end,
            "the duration is not a whole number of nanoseconds",
            help,
        )
    })?);
    if ns > MAX_NS {
        return Err(too_long());
    }
    Ok(ns)
}

/// Formats `ns` for a scenario file, in the largest unit of which it is a whole number: `5s`, `1500ms`, `0.25us`.
pub(super) fn text(ns: u64) -> String {
    for (unit, length) in [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)] {
        if ns.is_multiple_of(length) {
            return format!("{}{unit}", ns / length);
        }
    }
    format!("{}.{:03}us", ns / 1_000, ns % 1_000)
}

fn unit_ns(unit: &str, place: Range<usize>, number: &str) -> Result<u64, Fault> {
    if let Some((_, ns)) = UNITS.iter().find(|(name, _)| *name == unit) {
        return Ok(*ns);
    }
    let bare = unit.trim();
    let (what, help) = if bare.is_empty() {
        let help =
            format!("write \"{number}ms\" or \"{number}s\"; the other units are us, min and h");
        return Err(Fault::new(0..place.end, "a duration needs a unit", help));
    } else if UNITS.iter().any(|(name, _)| *name == bare) {
        let help = format!("write \"{number}{bare}\"");
        return Err(Fault::new(place, "there is a blank before the unit", help));
    } else {
        let near = match bare.to_lowercase().as_str() {
            "m" | "minute" | "minutes" | "mins" => Some("min"),
            "sec" | "secs" | "second" | "seconds" => Some("s"),
            "hr" | "hour" | "hours" => Some("h"),
            "ns" | "\u{b5}s" | "\u{3bc}s" | "usec" => Some("us"),
            other => nearest(other, UNITS.iter().map(|u| u.0)),
        };
        let near = near
            .map(|u| format!("did you mean {u}? "))
            .unwrap_or_default();
        let help = format!("{near}the units are us, ms, s, min and h");
        (
            format!("unknown unit {}", crate::sysctl::quoted(bare)),
            help,
        )
    };
    Err(Fault::new(place, what, help))
}

/// Returns `0.fraction` of a unit in ns, if that is a whole number.
fn fraction_ns(fraction: &str, unit_ns: u64) -> Option<u64> {
    let digits = fraction.trim_end_matches('0');
    if digits.is_empty() {
        return Some(0);
    }
    // the longest unit has 14 decimal digits, so a longer fraction never comes out even
    let places = u32::try_from(digits.len()).ok().filter(|n| *n <= 14)?;
    let scaled = digits.parse::<u128>().ok()? * u128::from(unit_ns);
    let one = 10_u128.pow(places);
    (scaled % one == 0).then(|| (scaled / one) as u64)
}
