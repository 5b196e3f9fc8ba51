//! What can be wrong with a connection.

use super::packet::Side;

/// A pause that is worth a word, ns.
pub(super) const IDLE_NS: u64 = 1_000_000_000;

/// The trouble, the verdict, and who went silent since when.
pub(super) type Judged = (Trouble, String, Option<(Side, u64)>);

/// What is wrong with a connection; the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// One end has become silent while the other sent data.
    Silent,
    /// One end sends but acknowledges nothing: the packets to it are lost.
    OneWayLoss,
    /// Keepalive probes are not answered.
    Keepalive,
    /// One end has lost the connection and answers with a RST.
    HalfOpen,
    /// A RST ended it.
    Reset,
    /// The SYN was refused, by a RST or an ICMP error.
    Refused,
    /// The SYN was never answered.
    NeverAnswered,
    /// A window stays closed.
    ZeroWindow,
    /// The last data or the FIN was not acknowledged, after the other end had closed.
    CloseLost,
    /// One end was silent for a while, and came back.
    Outage,
    /// Data was retransmitted.
    Retransmissions,
    /// The capture shows only one direction.
    OneSided,
    /// Nothing.
    None,
}

impl Trouble {
    /// Returns the words for it.
    pub const fn name(self) -> &'static str {
        match self {
            Trouble::Silent => "dead peer",
            Trouble::OneWayLoss => "one-way loss",
            Trouble::Keepalive => "keepalive unanswered",
            Trouble::HalfOpen => "half-open",
            Trouble::Reset => "reset",
            Trouble::Refused => "refused",
            Trouble::NeverAnswered => "never answered",
            Trouble::ZeroWindow => "zero window",
            Trouble::CloseLost => "close unanswered",
            Trouble::Outage => "outage, recovered",
            Trouble::Retransmissions => "retransmissions",
            Trouble::OneSided => "one direction only",
            Trouble::None => "healthy",
        }
    }
}
