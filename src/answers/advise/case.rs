//! The situations in which a connection can learn that its peer is gone, and which of them apply.

use super::{Load, Request};
use crate::answers::table::What;
use crate::scenario::Role;

/// A situation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Case {
    /// Nothing is in flight; the peer is dead.
    Idle,
    /// Data is written to a dead peer.
    InFlight,
    /// Data waits for the window of a peer that is dead.
    ZeroWindow,
    /// connect() to a host that does not answer.
    Connecting,
    /// Data and close() to a dead peer.
    Closing,
    /// The peer has rebooted while the connection was idle.
    RebootedIdle,
    /// The peer has rebooted, and data is written.
    RebootedBusy,
    /// Idle behind a middlebox that forgets; the peer lives.
    Middlebox,
}

impl Case {
    /// Returns its name in a table.
    pub const fn name(self) -> &'static str {
        match self {
            Case::Idle => "idle",
            Case::InFlight => "data in flight",
            Case::ZeroWindow => "zero window",
            Case::Connecting => "connecting",
            Case::Closing => "closing",
            Case::RebootedIdle => "peer rebooted, idle",
            Case::RebootedBusy => "peer rebooted, data",
            Case::Middlebox => "behind middlebox",
        }
    }

    /// Returns the question of `halfopen table` that this situation is, if it is one.
    pub const fn what(self) -> Option<What> {
        match self {
            Case::Idle => Some(What::Keepalive),
            Case::InFlight => Some(What::Retries2),
            Case::ZeroWindow => Some(What::Persist),
            Case::Connecting => Some(What::Syn),
            Case::Closing => Some(What::Orphan),
            Case::RebootedIdle => Some(What::RebootIdle),
            Case::RebootedBusy => Some(What::Reboot),
            Case::Middlebox => None,
        }
    }

    /// Returns whether keepalive decides in it.
    pub const fn is_idle(self) -> bool {
        matches!(self, Case::Idle | Case::RebootedIdle | Case::Middlebox)
    }

    /// Returns whether a limit on retransmissions decides in it: TCP_USER_TIMEOUT or a count of retries.
    pub const fn is_limited_by_retries(self) -> bool {
        matches!(
            self,
            Case::InFlight | Case::ZeroWindow | Case::Connecting | Case::Closing
        )
    }

    /// Returns whether an outage of the link can end the connection in it.
    pub const fn can_have_an_outage(self) -> bool {
        matches!(self, Case::Idle) || self.is_limited_by_retries()
    }
}

/// Returns the situations that apply, in the order in which they are shown.
pub fn cases(request: &Request) -> Vec<Case> {
    let idle = request.load != Load::Busy || request.middlebox.is_some();
    let busy = request.load != Load::Idle;
    let all = [
        (Case::Idle, idle),
        (Case::InFlight, busy),
        (Case::ZeroWindow, busy),
        (Case::Connecting, request.settings.role == Role::Client),
        (Case::Closing, true),
        (Case::RebootedIdle, idle),
        (Case::RebootedBusy, busy),
        (Case::Middlebox, request.middlebox.is_some()),
    ];
    let apply = all.into_iter().filter(|(_, applies)| *applies);
    apply.map(|(case, _)| case).collect()
}
