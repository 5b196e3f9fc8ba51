//! Finds a scenario by name or path, and formats its errors for the terminal.

use super::{Failure, terminal};
use crate::scenario::{LoadError, Scenario, load};

/// Returns the built-in scenario of this name, or the one in this file.
pub(super) fn find(name_or_path: &str) -> Result<Scenario, Failure> {
    load(name_or_path).map_err(|error| match error {
        LoadError::Wrong(faults) => Failure(faults.report(terminal::error_color())),
        other => other.into(),
    })
}
