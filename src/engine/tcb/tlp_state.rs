//! The tail loss probe that is out.
//!
//! RFC 8985 7. Linux counterpart: tlp_high_seq and tlp_retrans of struct tcp_sock. When a probe is sent, and what an
//! ACK says of it, is in `timers/tail_loss_probe.rs`.

use crate::wire::Seq;

/// The probe that is out, with `snd_nxt` after it was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tlp {
    /// No probe is out.
    #[default]
    None,
    /// New data was sent as the probe.
    NewData(Seq),
    /// The last segment was sent again.
    Retransmission(Seq),
}

impl Tlp {
    /// `snd_nxt` after the probe was sent.
    pub(crate) fn high_seq(self) -> Option<Seq> {
        match self {
            Tlp::None => None,
            Tlp::NewData(high) | Tlp::Retransmission(high) => Some(high),
        }
    }

    /// Whether a probe is out.
    pub(crate) fn is_out(self) -> bool {
        self != Tlp::None
    }

    /// Whether a probe is out that was a retransmission.
    pub(crate) fn is_retransmission(self) -> bool {
        matches!(self, Tlp::Retransmission(_))
    }

    /// Forgets the probe.
    pub(crate) fn clear(&mut self) {
        *self = Tlp::None;
    }
}
