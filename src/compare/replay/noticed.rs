//! What can be noticed of a connection from outside, with its cause.

use crate::call::TcpState;
use crate::compare::timing::Cause;
use crate::time::Instant;

/// A result that the application has yet to notice, with its cause.
#[derive(Clone, Debug, Default)]
pub(super) struct Owed {
    pub(super) connected: Option<Cause>,
    pub(super) error: Option<Cause>,
    pub(super) readable: Option<Cause>,
}

/// A state of the connection, with its cause.
#[derive(Clone, Debug)]
pub(super) struct Entered {
    pub(super) state: TcpState,
    pub(super) at: Instant,
    pub(super) cause: Cause,
}
