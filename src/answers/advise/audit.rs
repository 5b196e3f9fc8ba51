//! What settings detect that are there already, and what they miss.

use super::Request;
use super::case::cases;
use super::choice::Choice;
use super::row::Row;
use super::trial::{Fault, Trial};
use crate::answers::table::TableError;

/// Phases in which each situation is run. Settings that were not made for it can take hours, and have many phases.
const PHASES: u64 = 1_536;

/// A situation with the settings of the request, and what does not hold in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audited {
    /// What was simulated.
    pub row: Row,
    /// What of the request does not hold, if anything.
    pub fault: Option<Fault>,
}

/// Runs every situation that applies with the settings of the request alone.
///
/// # Errors
/// Returns [`TableError::Settings`] if a setting does not exist, and the error of a run that failed.
pub fn audit(request: &Request) -> Result<Vec<Audited>, TableError> {
    let trial = Trial {
        request,
        most: PHASES,
    };
    let mut out = Vec::new();
    for case in cases(request) {
        let row = trial.row(case, &Choice::default(), true)?;
        let fault = trial.fault(&row);
        out.push(Audited { row, fault });
    }
    Ok(out)
}
