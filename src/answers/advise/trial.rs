//! A request and a choice held against each other: what holds, and what does not.

use std::time::Duration;

use super::case::Case;
use super::choice::Choice;
use super::row::Row;
use super::{Request, middlebox, outage};
use crate::answers::table::{self, End, TableError};

/// What does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection ends later than it should.
    TooLate {
        /// The situation.
        case: Case,
        /// When it ends in the worst phase, or `None` if never.
        worst: Option<Duration>,
    },
    /// An outage ends the connection.
    Killed {
        /// The situation.
        case: Case,
        /// The longest outage that does not.
        survives: Duration,
    },
    /// The middlebox forgets the connection.
    Forgotten {
        /// The longest silence in the worst phase, or `None` if keepalive is off.
        silence: Option<Duration>,
    },
}

/// Settings that do not hold, and why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failed {
    pub(super) fault: Fault,
    pub(super) choice: Choice,
}

impl Failed {
    /// Returns the failure that comes nearer to what was asked for: an outage too long is nearer than a detection too late.
    pub(super) fn or(self, other: Failed) -> Failed {
        let rank = |f: &Failed| match f.fault {
            Fault::Killed { survives, .. } => (2, survives, Duration::ZERO),
            Fault::Forgotten { .. } => (1, Duration::ZERO, Duration::ZERO),
            Fault::TooLate { worst, .. } => {
                let worst = worst.unwrap_or(Duration::MAX);
                (0, Duration::ZERO, Duration::MAX.saturating_sub(worst))
            }
        };
        if rank(&other) > rank(&self) {
            other
        } else {
            self
        }
    }
}

/// How thoroughly the engine is run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trial<'a> {
    /// What was asked for.
    pub(super) request: &'a Request,
    /// Number of phases at most.
    pub(super) most: u64,
}

impl Trial<'_> {
    /// Runs the situation. With `cuts`, an outage of the length asked for is simulated too.
    pub(super) fn row(&self, case: Case, choice: &Choice, cuts: bool) -> Result<Row, TableError> {
        let settings = choice.on(&self.request.settings);
        let Some(what) = case.what() else {
            return middlebox::row(self.request, choice, self.most);
        };
        let runs = table::runs(what, &settings, self.most)?;
        let mut row = Row::of(case, &runs);
        if case.is_idle() && !settings.keeps_alive() {
            // the question about keepalive turns it on; an idle connection without it learns nothing
            (row.ends, row.end, row.reset) = (None, End::Never, false);
            return Ok(row);
        }
        if case.can_have_an_outage() {
            row.survives = outage::longest_survived(what, &runs, settings.rtt);
            if let Some(length) = self.request.survive.filter(|_| cuts) {
                let detect = self.request.detect;
                let lived = outage::is_survived(what, &settings, &runs, length, detect)?;
                row.lived = Some(lived);
            }
        }
        Ok(row)
    }

    /// Returns what of the request does not hold in this situation.
    pub(super) fn fault(&self, row: &Row) -> Option<Fault> {
        let case = row.case;
        if case == Case::Middlebox {
            let silence = row.ends.map(|s| s.longest);
            let kept = silence.is_some_and(|s| Some(s) < self.request.middlebox);
            return (!kept || row.lived == Some(false)).then_some(Fault::Forgotten { silence });
        }
        let worst = row.ends.map(|s| s.longest);
        if worst.is_none_or(|w| w > self.request.detect) {
            return Some(Fault::TooLate { case, worst });
        }
        let survives = row.survives.unwrap_or(Duration::MAX);
        let short = self.request.survive.is_some_and(|asked| survives < asked);
        let killed = case.can_have_an_outage() && (short || row.lived == Some(false));
        killed.then_some(Fault::Killed { case, survives })
    }
}

impl<'a> Trial<'a> {
    /// Returns the same in a few phases.
    pub(super) fn in_few(self, few: u64) -> Trial<'a> {
        Trial {
            most: self.most.min(few),
            ..self
        }
    }
}
