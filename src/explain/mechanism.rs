//! The mechanism that sent a packet, and how sure that is.
//!
//! The names are those of RFC 9293, RFC 6298 (RTO), RFC 8985 (RACK and tail loss probes), RFC 5682 (F-RTO) and RFC 5961
//! (challenge ACKs).

use std::fmt;

use super::reset::ResetReason;

/// How sure the explanation of a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sureness {
    /// The capture fits several mechanisms.
    Unclear,
    /// The mechanism named fits best.
    Likely,
    /// Only the mechanism named fits.
    Certain,
}

impl Sureness {
    /// Returns the word that is shown for it.
    pub const fn name(self) -> &'static str {
        match self {
            Sureness::Unclear => "cannot be told",
            Sureness::Likely => "likely",
            Sureness::Certain => "certain",
        }
    }
}

/// Why a packet was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// The first SYN.
    Syn,
    /// The SYN again, by its timer: the how-manieth time.
    SynRetry(u32),
    /// The first SYN-ACK.
    SynAck,
    /// The SYN-ACK again, by its timer: the how-manieth time.
    SynAckRetry(u32),
    /// The SYN-ACK again, because the SYN came again.
    SynAckRepeated,
    /// The ACK that completes the handshake.
    HandshakeAck,
    /// Data that was not sent before.
    NewData,
    /// The first FIN, with or without data.
    Fin,
    /// New data that is sent after an RTO to find out whether the RTO was spurious (RFC 5682).
    FrtoNewData,
    /// The last segment again before the RTO expires (RFC 8985 section 7).
    TailLossProbe,
    /// Retransmission by the RTO timer: the how-manieth in a row.
    Rto(u32),
    /// The first retransmission of a series, of which the capture does not show whether it is a tail loss probe or an RTO.
    ProbeOrRto,
    /// Retransmission because of duplicate ACKs, SACK blocks or RACK.
    FastRetransmit,
    /// Retransmission because the reordering timer of RACK expired (RFC 8985 section 6.3).
    ReorderingTimer,
    /// Retransmission of further data on the arrival of an ACK after an RTO.
    GoBack,
    /// Retransmission in smaller segments because of an ICMP error about the MTU.
    PathMtu,
    /// A retransmission whose reason the capture does not show.
    Retransmission,
    /// A retransmission of data whose acknowledgment the capture contains.
    AfterAck,
    /// A segment that was overtaken by a later one, or whose first copy the capture does not contain.
    OutOfOrder,
    /// A keepalive probe: the how-manieth without an answer.
    KeepaliveProbe(u32),
    /// A probe of a closed window: the how-manieth in a row.
    WindowProbe(u32),
    /// A keepalive probe or a probe of a closed window.
    Probe(u32),
    /// An ACK that was sent at once.
    Ack,
    /// An ACK that was held back, by its timer.
    DelayedAck,
    /// A repeated ACK because of data that is not the next or came before.
    DuplicateAck,
    /// The answer to a keepalive probe or window probe.
    ProbeAnswer,
    /// An ACK in answer to a segment that might be forged or is from an earlier connection (RFC 5961).
    ChallengeAck,
    /// An ACK that announces another window.
    WindowUpdate,
    /// A RST.
    Reset(ResetReason),
    /// The same packet a second time; made by the network or by the capture.
    Copy(u64),
    /// An ACK for which the capture shows no reason.
    AckUnclear,
    /// A segment that no TCP sends in this state.
    Odd,
}

impl Mechanism {
    /// Returns whether the packet is a retransmission, a probe or a retry: a sign that something was not answered.
    pub const fn is_trouble(self) -> bool {
        use Mechanism::{
            AfterAck, FastRetransmit, FrtoNewData, GoBack, KeepaliveProbe, PathMtu, Probe,
            ProbeOrRto, ReorderingTimer, Reset, Retransmission, Rto, SynAckRetry, SynRetry,
            TailLossProbe, WindowProbe,
        };
        matches!(
            self,
            SynRetry(_)
                | SynAckRetry(_)
                | FrtoNewData
                | TailLossProbe
                | Rto(_)
                | ProbeOrRto
                | FastRetransmit
                | ReorderingTimer
                | GoBack
                | PathMtu
                | AfterAck
                | Retransmission
                | KeepaliveProbe(_)
                | WindowProbe(_)
                | Probe(_)
                | Reset(_)
        )
    }
}

/// `RTO retransmission 3`, as it stands beside a packet.
impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Mechanism::Syn => "SYN",
            Mechanism::SynRetry(n) => return write!(f, "SYN retry {n}"),
            Mechanism::SynAck => "SYN-ACK",
            Mechanism::SynAckRetry(n) => return write!(f, "SYN-ACK retry {n}"),
            Mechanism::SynAckRepeated => "SYN-ACK again, in answer to the repeated SYN",
            Mechanism::HandshakeAck => "ACK of the handshake",
            Mechanism::NewData => "new data",
            Mechanism::Fin => "FIN",
            Mechanism::FrtoNewData => "new data after an RTO (F-RTO)",
            Mechanism::TailLossProbe => "tail loss probe",
            Mechanism::Rto(n) => return write!(f, "RTO retransmission {n}"),
            Mechanism::ProbeOrRto => "tail loss probe or RTO retransmission 1",
            Mechanism::FastRetransmit => "fast retransmit",
            Mechanism::ReorderingTimer => "retransmission by the reordering timer of RACK",
            Mechanism::GoBack => "retransmission of further data after an RTO",
            Mechanism::PathMtu => "retransmission in smaller segments (path MTU)",
            Mechanism::Retransmission => "retransmission",
            Mechanism::AfterAck => "data again that the capture shows as acknowledged",
            Mechanism::OutOfOrder => "out of order, or sent before and missing from the capture",
            Mechanism::KeepaliveProbe(n) => return write!(f, "keepalive probe {n}"),
            Mechanism::WindowProbe(n) => return write!(f, "window probe {n}"),
            Mechanism::Probe(n) => return write!(f, "keepalive or window probe {n}"),
            Mechanism::Ack => "ACK",
            Mechanism::DelayedAck => "delayed ACK",
            Mechanism::DuplicateAck => "duplicate ACK",
            Mechanism::ProbeAnswer => "answer to the probe",
            Mechanism::ChallengeAck => "challenge ACK",
            Mechanism::WindowUpdate => "window update",
            Mechanism::Reset(reason) => return write!(f, "RST: {reason}"),
            Mechanism::Copy(number) => {
                return write!(f, "copy of packet {number}");
            }
            Mechanism::AckUnclear => "ACK for no reason that the capture shows",
            Mechanism::Odd => "does not fit the connection",
        };
        f.write_str(words)
    }
}

/// The explanation of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The mechanism that sent it.
    pub mechanism: Mechanism,
    /// How sure that is.
    pub sureness: Sureness,
    /// What else a reader should know: the gap before a retransmission, what the capture does not show.
    pub remark: Option<String>,
}

impl Label {
    pub(super) fn new(mechanism: Mechanism, sureness: Sureness) -> Label {
        Label {
            mechanism,
            sureness,
            remark: None,
        }
    }

    pub(super) fn certain(mechanism: Mechanism) -> Label {
        Label::new(mechanism, Sureness::Certain)
    }

    pub(super) fn likely(mechanism: Mechanism) -> Label {
        Label::new(mechanism, Sureness::Likely)
    }

    pub(super) fn unclear(mechanism: Mechanism) -> Label {
        Label::new(mechanism, Sureness::Unclear)
    }

    pub(super) fn at_most(mut self, sureness: Sureness) -> Label {
        self.sureness = self.sureness.min(sureness);
        self
    }

    pub(super) fn remark(mut self, text: impl Into<String>) -> Label {
        self.remark = Some(match self.remark.take() {
            Some(already) => format!("{already}; {}", text.into()),
            None => text.into(),
        });
        self
    }
}
