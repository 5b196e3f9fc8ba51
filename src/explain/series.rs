//! A series of retransmissions by timer: which of them is the tail loss probe, which is RTO 1, 2, 3.
//!
//! A single segment looks the same as probe and as RTO. What tells them apart is the next gap: the RTO that follows a
//! probe is as long as the first gap or a little longer (RFC 8985 section 7.3), the RTO that follows an RTO is twice as long
//! (RFC 6298 section 5.5). Linux counterpart: `tcp_send_loss_probe()`, `tcp_retransmit_timer()`.

use super::mechanism::{Label, Mechanism, Sureness};

/// The most retransmissions of a series that are kept.
const MOST: usize = 512;

/// One retransmission by a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Firing {
    /// Its frame number.
    pub(super) number: u64,
    /// When it was captured, ns.
    pub(super) at_ns: u64,
    /// Its TSval.
    pub(super) tsval: Option<u32>,
    /// Whether it begins with the first byte that is not acknowledged.
    pub(super) is_head: bool,
    /// Whether it ends with the last byte that was sent.
    pub(super) is_tail: bool,
    /// Number of segments that were out, as they were sent first.
    pub(super) out: usize,
    /// Number of segments that this one holds wholly.
    pub(super) holds: usize,
    /// Whether the peer's window was closed.
    pub(super) window_closed: bool,
    /// Whether the capture holds an acknowledgment of all of it.
    pub(super) was_acked: bool,
}

/// Retransmissions by timer without an acknowledgment of new data between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Series {
    /// When the timer was started that fired first: the last transmission or acknowledgment before it, ns.
    pub(super) base_ns: u64,
    pub(super) firings: Vec<Firing>,
    /// Number of those that are not kept.
    beyond: u32,
}

/// Two gaps count as equal or as doubled if they fit within this part: the timer wheel of Linux is up to 1/8 late, and the
/// first RTO after a probe holds the round-trip time that the probe's does not.
const fn fits(gap_ns: u64, wanted_ns: u64) -> bool {
    gap_ns >= wanted_ns - wanted_ns / 8 && gap_ns <= wanted_ns + wanted_ns / 4
}

/// A backoff is a series of at least this many.
const BACKOFF: usize = 3;

/// Number of retransmissions that are missing between two gaps of a backoff: one gap of 2, 4 and 8 times the last one is a gap of
/// 14.
fn missing_between(before_ns: u64, gap_ns: u64) -> u32 {
    /// Where the RTO of Linux stops growing, ns, less a little.
    const CAPPED_NS: u64 = 118_000_000_000;
    let is = |wanted: u64| {
        gap_ns.saturating_add(gap_ns / 16) >= wanted && gap_ns <= wanted.saturating_add(wanted / 8)
    };
    (1..=6)
        .find(|n: &u32| match before_ns >= CAPPED_NS {
            true => is(before_ns.saturating_mul(u64::from(n + 1))),
            false => is(before_ns.saturating_mul((1 << (n + 2)) - 2)),
        })
        .unwrap_or(0)
}

impl Series {
    pub(super) fn begin(base_ns: u64) -> Series {
        Series {
            base_ns,
            ..Series::default()
        }
    }

    pub(super) fn push(&mut self, firing: Firing) {
        if self.firings.len() < MOST {
            self.firings.push(firing);
        } else {
            self.beyond += 1;
        }
    }

    /// Number of retransmissions.
    pub(super) fn len(&self) -> usize {
        self.firings.len() + self.beyond as usize
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.firings.is_empty()
    }

    /// When the last one was captured, ns.
    pub(super) fn last_ns(&self) -> Option<u64> {
        self.firings.last().map(|f| f.at_ns)
    }

    /// The gap before each retransmission, ns.
    pub(super) fn gaps_ns(&self) -> Vec<u64> {
        let starts = std::iter::once(self.base_ns).chain(self.firings.iter().map(|f| f.at_ns));
        let pairs = starts.zip(&self.firings);
        pairs
            .map(|(from, to)| to.at_ns.saturating_sub(from))
            .collect()
    }

    /// Number of RTOs in it: all but the probe.
    pub(super) fn rtos(&self) -> u32 {
        let labels = self.labels(true);
        let is_rto =
            |l: &&Label| matches!(l.mechanism, Mechanism::Rto(_) | Mechanism::WindowProbe(_));
        labels.iter().filter(is_rto).count() as u32 + self.beyond
    }

    /// The RTO without backoff: the gap before the second RTO halved, or that before the first.
    pub(super) fn rto_ns(&self) -> Option<u64> {
        let gaps = self.gaps_ns();
        let labels = self.labels(true);
        let of = |n: u32| {
            let is = |l: &Label| l.mechanism == Mechanism::Rto(n);
            labels.iter().position(is).map(|i| (i, gaps[i]))
        };
        match (of(1), of(2)) {
            // the first gap is measured from the last ACK, the RTO from its arrival at the sender
            (Some((i, first)), _) if i > 0 => Some(first),
            (_, Some((_, second))) => Some(second / 2),
            (Some((_, first)), None) => Some(first),
            (None, None) => None,
        }
    }

    /// Whether the capture holds an acknowledgment of all that was sent again.
    pub(super) fn was_acked(&self) -> bool {
        self.firings.iter().all(|f| f.was_acked)
    }

    /// Explains each of them. `may_probe`: the sender can have tail loss probes, which need SACK.
    pub(super) fn labels(&self, may_probe: bool) -> Vec<Label> {
        // one copy is odd, a backoff is a sender whose acknowledgments are lost on the way
        if self.was_acked() && self.firings.len() >= BACKOFF {
            let mut unheard = self.clone();
            unheard.firings.iter_mut().for_each(|f| f.was_acked = false);
            let labels = unheard.labels(may_probe).into_iter();
            return labels
                .map(|l| {
                    l.at_most(Sureness::Likely)
                        .remark("its acknowledgment did not reach the sender")
                })
                .collect();
        }
        let gaps = self.gaps_ns();
        let first = self.first(may_probe, &gaps);
        let is_probe = matches!(
            first.mechanism,
            Mechanism::TailLossProbe | Mechanism::ProbeOrRto
        );
        let first_rto = usize::from(is_probe);
        let mut labels = vec![first];
        let mut missing = 0;
        for (n, firing) in self.firings.iter().enumerate().skip(1) {
            let not_here = match n > first_rto {
                true => missing_between(gaps[n - 1], gaps[n]),
                false => 0,
            };
            missing += not_here;
            let count = (n + usize::from(!is_probe)) as u32 + missing;
            let mut label = self.later(firing, count, labels[0].sureness, &gaps, n);
            if missing > 0 {
                label = label.at_most(Sureness::Likely);
            }
            if not_here > 0 {
                let times = crate::nouns::count(not_here, "retransmission");
                label = label.remark(format!("by the gap {times} before it not in the capture"));
            }
            labels.push(label);
        }
        labels.truncate(self.firings.len());
        labels
    }

    fn later(&self, firing: &Firing, count: u32, first: Sureness, gaps: &[u64], n: usize) -> Label {
        if firing.window_closed {
            return Label::likely(Mechanism::WindowProbe(count))
                .remark("sends data again that a closed window keeps out");
        }
        if firing.was_acked {
            return acked(count);
        }
        let mechanism = Mechanism::Rto(count);
        // the count is as sure as the first is; a gap shorter than the one before is no backoff
        let backs_off = gaps[n] + gaps[n] / 4 >= gaps[n - 1];
        match (firing.is_head, backs_off) {
            // the first may have been RTO 1 or a probe: the mechanism is clear then, its count is not
            (true, true) => Label::new(mechanism, first.max(Sureness::Likely)),
            (true, false) => Label::likely(mechanism).remark("sooner than its backoff asks for"),
            (false, _) => Label::likely(Mechanism::Retransmission),
        }
    }

    fn first(&self, may_probe: bool, gaps: &[u64]) -> Label {
        let Some(firing) = self.firings.first() else {
            return Label::unclear(Mechanism::Retransmission);
        };
        if firing.window_closed {
            return Label::likely(Mechanism::WindowProbe(1))
                .remark("sends data again that a closed window keeps out");
        }
        if firing.was_acked {
            return acked(1);
        }
        match (firing.is_head, firing.is_tail) {
            (false, true) if may_probe => Label::certain(Mechanism::TailLossProbe),
            (false, _) => Label::likely(Mechanism::Retransmission),
            // a probe sends the last segment, and the first is not the last
            (true, false) => Label::certain(Mechanism::Rto(1)),
            // several in one: only the RTO merges segments
            (true, true) if firing.out > 1 && firing.holds > 1 => {
                Label::certain(Mechanism::Rto(1)).remark("holds several segments, merged")
            }
            (true, true) if !may_probe => Label::certain(Mechanism::Rto(1)),
            (true, true) => by_gaps(gaps),
        }
    }
}

fn acked(count: u32) -> Label {
    Label::likely(Mechanism::AfterAck).remark(format!(
        "fits RTO retransmission {count} of a sender that the acknowledgment did not reach; a sender that got it does not \
         send this"
    ))
}

/// Tells probe and RTO apart by the gap that follows.
fn by_gaps(gaps: &[u64]) -> Label {
    let (first, next) = (gaps[0], gaps.get(1).copied());
    let doubles_later = match (next, gaps.get(2)) {
        (Some(second), Some(third)) => fits(*third, 2 * second),
        _ => false,
    };
    match next {
        Some(next) if fits(next, 2 * first) && !fits(next, first) => {
            let label = Mechanism::Rto(1);
            match doubles_later {
                true => Label::certain(label),
                false => Label::likely(label),
            }
        }
        Some(next) if next < first + first / 2 => match doubles_later {
            true => Label::certain(Mechanism::TailLossProbe),
            false => Label::likely(Mechanism::TailLossProbe),
        },
        // longer than a doubling: a short probe, then the first RTO
        Some(next) if next > 2 * first + first / 2 => Label::likely(Mechanism::TailLossProbe),
        _ => Label::unclear(Mechanism::ProbeOrRto),
    }
}
