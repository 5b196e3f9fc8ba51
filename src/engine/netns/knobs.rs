//! What all connections of a host have in common and none changes: its sysctls and its tick.

use std::ops::Deref;

use crate::sysctl::Sysctl;
use crate::time::Ticks;

/// Both.
#[derive(Clone, Debug, Default)]
pub(crate) struct Knobs {
    pub(crate) sysctl: Sysctl,
    pub(crate) ticks: Ticks,
}

/// The sysctls, which are asked for everywhere.
impl Deref for Knobs {
    type Target = Sysctl;
    fn deref(&self) -> &Sysctl {
        &self.sysctl
    }
}
