//! Limits on retransmissions: TCP_USER_TIMEOUT where the kernel has it, counts of retries where it has not, and
//! TCP_RTO_MAX_MS where waits that double would miss the end of an outage.

use std::time::Duration;

use super::Kernel;
use super::case::{Case, cases};
use super::choice::Choice;
use super::trial::{Failed, Fault, Trial};
use crate::answers::table::TableError;
use crate::sockopt::OptName;

/// Runs in which a value is tried before the whole set is.
const FEW: u64 = 24;
/// Number of times that a time is corrected by what a run exceeds it.
const CORRECTIONS: u32 = 2;
/// The shortest TCP_USER_TIMEOUT.
const LEAST: Duration = Duration::from_millis(1);
/// The range of TCP_RTO_MAX_MS, s.
const RTO_MAX_S: (u64, u64) = (1, 120);

/// Returns the situations in which such a limit decides.
pub(super) fn limited(trial: &Trial<'_>) -> Vec<Case> {
    let mut all = cases(trial.request);
    all.retain(|case| case.is_limited_by_retries());
    all
}

/// Returns the situations in which the kernel's own limits are too long.
pub(super) fn too_late(trial: &Trial<'_>) -> Result<Vec<Case>, TableError> {
    let few = trial.in_few(FEW);
    let mut late = Vec::new();
    for case in limited(trial) {
        let row = few.row(case, &Choice::default(), false)?;
        if let Some(Fault::TooLate { .. }) = few.fault(&row) {
            late.push(case);
        }
    }
    Ok(late)
}

/// Returns `choice` with the longest TCP_USER_TIMEOUT, `at_most` at most, with which all situations end in time.
pub(super) fn user_timeout(
    trial: &Trial<'_>,
    choice: &Choice,
    at_most: Duration,
) -> Result<Result<Choice, Failed>, TableError> {
    let detect = trial.request.detect;
    let set = |timeout| with_user_timeout(choice, timeout);
    let mut high = rounded(detect.min(at_most), detect).max(LEAST);
    // what a run exceeds the time by is nearly what the timeout has to be shorter
    for _ in 0..CORRECTIONS {
        let Some((over, _)) = latest(trial, &set(high))? else {
            return Ok(Ok(set(high)));
        };
        let shorter = rounded(high.saturating_sub(over), detect).max(LEAST);
        if latest(trial, &set(shorter))?.is_none() {
            return Ok(Ok(set(shorter)));
        }
        high = shorter;
    }
    if let Some((_, fault)) = latest(trial, &set(LEAST))? {
        let choice = set(LEAST);
        return Ok(Err(Failed { fault, choice }));
    }
    let mut low = LEAST;
    loop {
        let middle = rounded((low + high) / 2, detect);
        if middle <= low {
            return Ok(Ok(set(low)));
        }
        match latest(trial, &set(middle))? {
            None => low = middle,
            Some(_) => high = middle,
        }
    }
}

/// Returns by how much the latest situation ends too late, and what it is, or `None` if all end in time.
fn latest(trial: &Trial<'_>, choice: &Choice) -> Result<Option<(Duration, Fault)>, TableError> {
    let few = trial.in_few(FEW);
    let mut worst: Option<(Duration, Fault)> = None;
    for case in limited(trial) {
        let row = few.row(case, choice, false)?;
        let Some(fault @ Fault::TooLate { worst: end, .. }) = few.fault(&row) else {
            continue;
        };
        let over = end.map_or(Duration::MAX, |e| e.saturating_sub(trial.request.detect));
        if worst.as_ref().is_none_or(|(w, _)| over > *w) {
            worst = Some((over, fault));
        }
    }
    Ok(worst)
}

fn with_user_timeout(choice: &Choice, timeout: Duration) -> Choice {
    Choice {
        user_timeout_ms: u32::try_from(timeout.as_millis()).ok(),
        ..choice.clone()
    }
}

/// Rounds a time down to one that people like to write, the coarser the longer `detect` is.
pub(super) fn rounded(time: Duration, detect: Duration) -> Duration {
    let step_ms = match detect.as_millis() {
        0..500 => 1,
        500..2_000 => 10,
        2_000..60_000 => 100,
        _ => 1_000,
    };
    let ms = time.as_millis() / step_ms * step_ms;
    Duration::from_millis(u64::try_from(ms).unwrap_or(u64::MAX))
}

/// Returns `choice` with counts of retries, for the situations that are `late` and for kernels without TCP_USER_TIMEOUT.
pub(super) fn counts(
    trial: &Trial<'_>,
    choice: &Choice,
    late: &[Case],
) -> Result<Result<Choice, Failed>, TableError> {
    let mut set = choice.clone();
    let together = [
        &[Case::Connecting][..],
        &[Case::InFlight, Case::ZeroWindow],
        &[Case::Closing],
    ];
    for cases in together {
        if !cases.iter().any(|c| late.contains(c)) {
            continue;
        }
        let mut longest = None;
        for n in 1..=127 {
            let mut next = set.clone();
            match cases[0] {
                Case::Connecting => next.syn_count = Some(n),
                Case::Closing => next.orphan_retries = Some(n),
                _ => next.retries2 = Some(n),
            }
            let applying = limited(trial).into_iter().filter(|c| cases.contains(c));
            match first_fault(trial, &next, applying)? {
                None => longest = Some(next),
                Some(fault) if longest.is_none() => {
                    return Ok(Err(Failed {
                        fault,
                        choice: next,
                    }));
                }
                Some(_) => break,
            }
        }
        set = longest.unwrap_or(set);
    }
    Ok(Ok(set))
}

fn first_fault(
    trial: &Trial<'_>,
    choice: &Choice,
    cases: impl Iterator<Item = Case>,
) -> Result<Option<Fault>, TableError> {
    let few = trial.in_few(FEW);
    for case in cases {
        let row = few.row(case, choice, false)?;
        if let Some(fault @ Fault::TooLate { .. }) = few.fault(&row) {
            return Ok(Some(fault));
        }
    }
    Ok(None)
}

/// Returns `choice` with the largest TCP_RTO_MAX_MS, `at_most_s` at most, with which the outage is lived through; without
/// one if none is needed.
pub(super) fn rto_max(
    trial: &Trial<'_>,
    kernel: &Kernel,
    choice: &Choice,
    at_most_s: u64,
) -> Result<Result<Choice, Failed>, TableError> {
    let Some(mut fault) = first_killed(trial, choice)? else {
        return Ok(Ok(choice.clone()));
    };
    let mut best = choice.clone();
    let has = OptName::TCP_RTO_MAX_MS.since() <= kernel.preset.release;
    let longest_s = trial
        .request
        .detect
        .as_secs()
        .min(at_most_s)
        .min(RTO_MAX_S.1);
    for seconds in (RTO_MAX_S.0..=longest_s).rev().filter(|_| has) {
        let set = Choice {
            rto_max_ms: Some(seconds as u32 * 1_000),
            ..choice.clone()
        };
        match first_killed(trial, &set)? {
            None => return Ok(Ok(set)),
            Some(now) if survived(&now) > survived(&fault) => (fault, best) = (now, set),
            Some(_) => {}
        }
    }
    Ok(Err(Failed {
        fault,
        choice: best,
    }))
}

fn survived(fault: &Fault) -> Duration {
    match fault {
        Fault::Killed { survives, .. } => *survives,
        _ => Duration::ZERO,
    }
}

/// Returns the situation in which the shortest outage ends the connection, if one of the length asked for does.
fn first_killed(trial: &Trial<'_>, choice: &Choice) -> Result<Option<Fault>, TableError> {
    let Some(asked) = trial.request.survive else {
        return Ok(None);
    };
    for most in [1, FEW] {
        let mut worst: Option<Fault> = None;
        for case in limited(trial) {
            let row = trial.in_few(most).row(case, choice, false)?;
            let survives = row.survives.unwrap_or(Duration::MAX);
            let is_worse = worst.as_ref().is_none_or(|w| survives < survived(w));
            if survives < asked && is_worse {
                worst = Some(Fault::Killed { case, survives });
            }
        }
        // one phase is enough to see that it does not hold
        if worst.is_some() {
            return Ok(worst);
        }
    }
    Ok(None)
}
