//! What can be had instead of a request that cannot be met.

use std::time::Duration;

use super::search::solve;
use super::trial::{Failed, Trial};
use super::{Refusal, Request};
use crate::answers::table::TableError;

/// Runs in which a value is tried before all phases are.
const FEW: u64 = 24;
/// The longest detection time that is looked at: keepalive's times end at 9 hours.
const MOST: Duration = Duration::from_secs(36_000);
/// Values that are tried in all phases, one step apart, if few phases promised too much.
const STEPS: u32 = 4;

/// Returns the detection time and the outage that come nearest to the request.
pub(super) fn to(request: &Request, failed: Failed) -> Result<Refusal, TableError> {
    let without = Request {
        survive: None,
        ..request.clone()
    };
    let without_survive = request.survive.is_some() && is_met(&without, FEW)?;
    let survive = match request.survive {
        Some(asked) if without_survive => longest_outage(request, asked)?,
        _ => None,
    };
    Ok(Refusal {
        fault: failed.fault,
        choice: failed.choice,
        detect: shortest_detection(request)?,
        survive,
        without_survive,
    })
}

fn is_met(request: &Request, most: u64) -> Result<bool, TableError> {
    Ok(solve(Trial { request, most })?.is_ok())
}

/// Returns the distance of values that are looked at: a tenth of a second, above ten seconds a whole one.
fn step(near: Duration) -> Duration {
    match near < Duration::from_secs(10) {
        true => Duration::from_millis(100),
        false => Duration::from_secs(1),
    }
}

/// Rounds up to a multiple of `step`.
fn up(time: Duration, step: Duration) -> Duration {
    let steps = time.as_nanos().div_ceil(step.as_nanos());
    step * u32::try_from(steps).unwrap_or(u32::MAX)
}

fn shortest_detection(request: &Request) -> Result<Option<Duration>, TableError> {
    let with = |detect| Request {
        detect,
        ..request.clone()
    };
    let mut low = request.detect.max(request.survive.unwrap_or_default());
    let mut high = low.max(Duration::from_secs(1)) * 2;
    while !is_met(&with(high), FEW)? {
        low = high;
        high *= 2;
        if high > MOST {
            return Ok(None);
        }
    }
    while high.saturating_sub(low) > step(high) {
        let middle = up(low + (high - low) / 2, step(high)).min(high - step(high));
        if middle <= low {
            break;
        }
        match is_met(&with(middle), FEW)? {
            true => high = middle,
            false => low = middle,
        }
    }
    for _ in 0..STEPS {
        if is_met(&with(high), u64::MAX)? {
            return Ok(Some(high));
        }
        high += step(high);
    }
    Ok(None)
}

fn longest_outage(request: &Request, asked: Duration) -> Result<Option<Duration>, TableError> {
    let with = |survive| Request {
        survive: Some(survive),
        ..request.clone()
    };
    let step = step(asked);
    let (mut low, mut high) = (
        0,
        u32::try_from(asked.as_nanos() / step.as_nanos()).unwrap_or(0),
    );
    while high - low > 1 {
        let middle = low.midpoint(high);
        match is_met(&with(step * middle), FEW)? {
            true => low = middle,
            false => high = middle,
        }
    }
    for n in (1..=low).rev().take(STEPS as usize) {
        if is_met(&with(step * n), u64::MAX)? {
            return Ok(Some(step * n));
        }
    }
    Ok(None)
}
