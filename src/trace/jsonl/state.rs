//! The states of a connection by their names in events.jsonl.

use crate::call::TcpState;

/// The words for "no socket" at the survivor and at the peer.
pub(super) const GONE: [&str; 2] = ["(none)", "CLOSED"];

/// Returns the state with this name.
pub(super) fn read(name: &str) -> Result<TcpState, String> {
    if GONE.contains(&name) {
        return Ok(TcpState::Closed);
    }
    TcpState::NOT_CLOSED
        .into_iter()
        .find(|s| s.name() == name)
        .ok_or(format!("unknown TCP state {name:?}"))
}
