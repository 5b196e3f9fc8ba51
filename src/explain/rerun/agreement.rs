//! What all runs that reproduce a capture have in common.

use super::super::mechanism::Mechanism;
use super::hypothesis::{Hypothesis, RATES};
use super::matching::Match;

/// The clock rates of these runs; none if too few packets are sent by timers.
pub(super) fn rates(found: &[(Hypothesis, Match)]) -> Vec<u32> {
    if !found.iter().all(|(_, m)| m.tells_ticks) {
        return Vec::new();
    }
    let rate = |h: &Hypothesis| h.ticks.hz() as u32;
    let has = |hz: &u32| found.iter().any(|(h, _)| rate(h) == *hz);
    RATES.into_iter().filter(has).collect()
}

/// What all these runs have in common.
pub(super) fn agreed<T: PartialEq>(
    found: &[(Hypothesis, Match)],
    of: impl Fn(&Hypothesis) -> T,
) -> Option<T> {
    let first = of(&found.first()?.0);
    found.iter().all(|(h, _)| of(h) == first).then_some(first)
}

/// Whether tail loss probes must be on, or off: runs without them, or with them, end at the first packet that a timer sends or
/// the one behind it.
pub(super) fn is_needed(
    everything: &[(Hypothesis, Match)],
    found: &[(Hypothesis, Match)],
    on: bool,
) -> bool {
    let by_timer = |m: &Mechanism| matches!(m, Mechanism::TailLossProbe | Mechanism::Rto(_));
    let first = found.first().and_then(|(_, m)| {
        m.causes
            .iter()
            .position(|c| c.1.as_ref().is_some_and(by_timer))
    });
    let Some(first) = first else { return false };
    let others = everything.iter().filter(|(h, _)| h.tail_loss_probe != on);
    others.clone().all(|(_, m)| m.reproduced <= first + 1)
}
