//! Why a RST was sent (RFC 9293 3.5.2, RFC 5961 3), as far as the packets before it show.

use std::fmt;

/// The reason for a RST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetReason {
    /// Nothing listens on the port, or a firewall rejects the SYN.
    Refused,
    /// It answers a segment of a connection that its sender does not have (any more).
    NoConnection,
    /// It answers data that arrived after its sender had closed.
    DataAfterClose,
    /// The application aborted: close() with unread data or SO_LINGER 0, or its process died with unread data.
    Abort,
    /// Keepalive probes went unanswered.
    KeepaliveFailed,
    /// The sender gave up after retransmissions, as Windows and others do. Linux sends none then.
    GaveUp,
    /// The closed connection was forgotten, or a client refuses a SYN-ACK that it did not ask for.
    Unexpected,
    /// Its TTL or its numbers are not those of the end whose address it carries: something on the path sent it.
    Middlebox,
}

impl ResetReason {
    /// Returns the word that JSON has for it.
    pub const fn name(self) -> &'static str {
        match self {
            ResetReason::Refused => "refused",
            ResetReason::NoConnection => "no connection",
            ResetReason::DataAfterClose => "data after close",
            ResetReason::Abort => "abort",
            ResetReason::KeepaliveFailed => "keepalive failed",
            ResetReason::GaveUp => "gave up",
            ResetReason::Unexpected => "unexpected segment",
            ResetReason::Middlebox => "middlebox",
        }
    }
}

impl fmt::Display for ResetReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ResetReason::Refused => "nothing listens on this port, or a firewall refuses the connection",
            ResetReason::NoConnection => {
                "answer to a segment for a connection that its sender does not have (any more)"
            }
            ResetReason::DataAfterClose => "answer to data that came after its sender had closed",
            ResetReason::Abort => {
                "its application aborted the connection (unread data at close(), SO_LINGER 0, or the end of the process)"
            }
            ResetReason::KeepaliveFailed => "its keepalive probes were not answered",
            ResetReason::GaveUp => "its retransmissions were not answered and it gave up",
            ResetReason::Unexpected => "answer to a segment that it did not expect",
            ResetReason::Middlebox => "sent by something on the path, not by the end whose address it has",
        })
    }
}
