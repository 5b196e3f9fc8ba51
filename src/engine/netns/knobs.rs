//! What all connections of a host share and none changes: its sysctls and its clock tick.

use std::ops::Deref;

use crate::sysctl::Sysctl;
use crate::time::Ticks;

/// The sysctls and the clock tick of a host.
#[derive(Clone, Debug, Default)]
pub(crate) struct Knobs {
    pub(crate) sysctl: Sysctl,
    pub(crate) ticks: Ticks,
}

/// Returns the sysctls.
impl Deref for Knobs {
    type Target = Sysctl;
    fn deref(&self) -> &Sysctl {
        &self.sysctl
    }
}
