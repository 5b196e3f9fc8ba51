//! The search: candidates in the order of their size, each simulated in all situations until one holds.

use std::time::Duration;

use super::case::{Case, cases};
use super::choice::Choice;
use super::keepalive::{Fit, Shape};
use super::limits;
use super::row::Row;
use super::trial::{Failed, Fault, Trial};
use super::{Kernel, Request};
use crate::answers::table::TableError;
use crate::sockopt::OptName;

/// Number of times that a candidate is corrected by what its runs show.
const CORRECTIONS: u32 = 12;

/// Settings that hold, and the runs that show it.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) choice: Choice,
    pub(super) rows: Vec<Row>,
}

/// What limits retransmissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    /// The kernel's own counts are short enough.
    Kernel,
    /// TCP_USER_TIMEOUT.
    UserTimeout,
    /// TCP_SYNCNT, and sysctls.
    Counts,
}

/// Looks for the smallest settings that hold.
pub(super) fn solve(trial: Trial<'_>) -> Result<Result<Found, Failed>, TableError> {
    let request = trial.request;
    let kernel = Kernel::of(request)?;
    let needs_keepalive = cases(request).into_iter().any(Case::is_idle);
    let late = limits::too_late(&trial)?;
    let has_user_timeout = OptName::TCP_USER_TIMEOUT.since() <= kernel.preset.release;
    let limits = match late.as_slice() {
        [] => vec![Limit::Kernel],
        [Case::Connecting] => vec![Limit::Counts, Limit::UserTimeout],
        _ if has_user_timeout => vec![Limit::UserTimeout],
        _ => vec![Limit::Counts],
    };
    let shapes: Vec<Option<Shape>> = match needs_keepalive {
        true => Shape::ALL.into_iter().map(Some).collect(),
        false => vec![None],
    };
    let mut candidates = Vec::new();
    let mut failed = None;
    for limit in limits {
        let longest = match limit {
            Limit::UserTimeout => match longest_user_timeout(&trial)? {
                Ok(longest) => Some(longest),
                Err(why) => return Ok(Err(why)),
            },
            Limit::Kernel | Limit::Counts => None,
        };
        for shape in &shapes {
            let seek = Seek {
                trial,
                kernel: &kernel,
                late: &late,
                limit,
                longest,
            };
            let size = shape.map_or(0, Shape::len) + usize::from(limit != Limit::Kernel);
            candidates.push((size, *shape, seek));
        }
    }
    candidates.sort_by_key(|(size, ..)| *size);
    let mut found: Option<Found> = None;
    for (size, shape, seek) in candidates {
        if found.as_ref().is_some_and(|f| f.choice.len() < size) {
            break;
        }
        match seek.fit(shape)? {
            Some(Ok(holds)) if found.as_ref().is_none_or(|f| f.is_larger(&holds, &kernel)) => {
                found = Some(holds);
            }
            Some(Err(why)) => failed = Some(failed.map_or(why.clone(), |f: Failed| f.or(why))),
            Some(Ok(_)) | None => {}
        }
    }
    let none = || failed.map_or_else(|| too_short(&trial), Ok);
    match found {
        Some(found) => Ok(Ok(found)),
        None => Ok(Err(none()?)),
    }
}

/// Returns the longest TCP_USER_TIMEOUT with which everything but keepalive ends in time.
fn longest_user_timeout(trial: &Trial<'_>) -> Result<Result<Duration, Failed>, TableError> {
    let detect = trial.request.detect;
    let alone = limits::user_timeout(trial, &Choice::default(), detect)?;
    let timeout = |c: Choice| Duration::from_millis(c.user_timeout_ms.unwrap_or(0).into());
    Ok(alone.map(timeout))
}

impl Found {
    /// Returns whether `other` has fewer settings, or as many and fewer probes.
    fn is_larger(&self, other: &Found, kernel: &Kernel) -> bool {
        let size = |f: &Found| {
            let times = f.choice.keepalive_times(&kernel.preset.sysctl);
            let idle = if f.choice.keepalive {
                times.idle_s
            } else {
                u64::MAX
            };
            (f.choice.len(), std::cmp::Reverse(idle))
        };
        size(other) < size(self)
    }
}

/// One kind of candidate.
struct Seek<'a> {
    trial: Trial<'a>,
    kernel: &'a Kernel,
    late: &'a [Case],
    limit: Limit,
    /// The longest TCP_USER_TIMEOUT with which everything but keepalive ends in time, if it is used.
    longest: Option<Duration>,
}

impl Seek<'_> {
    /// Looks for values with which these settings hold. Returns `None` if arithmetic says that there are none.
    fn fit(&self, shape: Option<Shape>) -> Result<Option<Result<Found, Failed>>, TableError> {
        let request = self.trial.request;
        let mut fit = match shape {
            None => None,
            Some(shape) => match shape.fit(request, self.kernel, self.longest) {
                Some(fit) => Some(fit),
                None => return Ok(None),
            },
        };
        let mut less = Less::default();
        let mut last = None;
        for _ in 0..CORRECTIONS {
            let choice = match self.with_limits(fit.as_ref(), less)? {
                Ok(choice) => choice,
                Err(failed) => return Ok(Some(Err(failed))),
            };
            match self.check(&choice)? {
                Ok(rows) => return Ok(Some(Ok(Found { choice, rows }))),
                Err(fault) => {
                    let again = self.corrected(&mut fit, &mut less, &choice, &fault);
                    last = Some(Failed { fault, choice });
                    if !again {
                        break;
                    }
                }
            }
        }
        Ok(last.map(Err))
    }

    fn most_user_timeout(&self, fit: Option<&Fit>) -> Duration {
        let with_keepalive = fit.and_then(|f| f.user_timeout);
        with_keepalive
            .or(self.longest)
            .unwrap_or(self.trial.request.detect)
    }

    fn with_limits(
        &self,
        fit: Option<&Fit>,
        less: Less,
    ) -> Result<Result<Choice, Failed>, TableError> {
        let base = fit.map(|f| f.choice.clone()).unwrap_or_default();
        let limited = match self.limit {
            Limit::Kernel => Ok(base),
            Limit::Counts => limits::counts(&self.trial, &base, self.late)?,
            Limit::UserTimeout => {
                let at_most = self.most_user_timeout(fit).saturating_sub(less.timeout);
                limits::user_timeout(&self.trial, &base, at_most)?
            }
        };
        match limited {
            Ok(choice) => {
                let at_most_s = less.rto_max_s.unwrap_or(u64::MAX);
                limits::rto_max(&self.trial, self.kernel, &choice, at_most_s)
            }
            failed => Ok(failed),
        }
    }

    /// Simulates the candidate in every situation.
    fn check(&self, choice: &Choice) -> Result<Result<Vec<Row>, Fault>, TableError> {
        let mut rows = Vec::new();
        for case in cases(self.trial.request) {
            let row = self.trial.row(case, choice, true)?;
            if let Some(fault) = self.trial.fault(&row) {
                return Ok(Err(fault));
            }
            rows.push(row);
        }
        Ok(Ok(rows))
    }

    /// Changes what the next candidate is made of, so that this fault is gone. Returns false if nothing can be changed.
    fn corrected(
        &self,
        fit: &mut Option<Fit>,
        less: &mut Less,
        choice: &Choice,
        fault: &Fault,
    ) -> bool {
        let detect = self.trial.request.detect;
        match fault {
            Fault::TooLate { case, worst } if case.is_limited_by_retries() => {
                let over = worst.map_or(Duration::ZERO, |w| w.saturating_sub(detect));
                let step = Duration::from_millis(1).max(over);
                let timeout = Duration::from_millis(choice.user_timeout_ms.unwrap_or(0).into());
                let at_most = self.most_user_timeout(fit.as_ref());
                // what was taken off so far, and what the few phases did not show
                let shorter = limits::rounded(timeout.saturating_sub(step), detect);
                less.timeout = at_most.saturating_sub(shorter);
                !shorter.is_zero()
            }
            Fault::Killed { case, .. } if case.is_limited_by_retries() => {
                less.rto_max_s = choice.rto_max_ms.map(|ms| u64::from(ms) / 1_000 - 1);
                less.rto_max_s.is_some_and(|s| s > 0)
            }
            Fault::TooLate { .. } | Fault::Killed { .. } | Fault::Forgotten { .. } => {
                let sooner = fit.as_ref().and_then(Fit::sooner);
                let is_some = sooner.is_some();
                *fit = sooner;
                is_some
            }
        }
    }
}

/// By how much less than the arithmetic says.
#[derive(Clone, Copy, Debug, Default)]
struct Less {
    timeout: Duration,
    rto_max_s: Option<u64>,
}

/// Returns the failure of the shortest times that keepalive can have.
fn too_short(trial: &Trial<'_>) -> Result<Failed, TableError> {
    let choice = Choice {
        keepalive: true,
        idle_s: Some(1),
        interval_s: Some(1),
        probes: Some(1),
        ..Choice::default()
    };
    let request: &Request = trial.request;
    let case = match request.middlebox {
        Some(after) if after <= Duration::from_secs(2) => Case::Middlebox,
        _ => Case::Idle,
    };
    let row = trial.row(case, &choice, false)?;
    let worst = row.ends.map(|s| s.longest);
    let fault = match (case, request.survive) {
        (Case::Middlebox, _) => Fault::Forgotten { silence: worst },
        (_, Some(_)) if worst.is_some_and(|w| w <= request.detect) => Fault::Killed {
            case,
            survives: request
                .detect
                .saturating_sub(worst.unwrap_or(Duration::ZERO)),
        },
        _ => Fault::TooLate { case, worst },
    };
    Ok(Failed { fault, choice })
}
