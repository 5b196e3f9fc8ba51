//! Holds what the engine sent against what the capture shows.

use super::super::mechanism::Mechanism;
use super::hypothesis::Hypothesis;
use super::run::{Emitted, Run};
use super::script::{Script, Sent};
use crate::wire::Flags;

/// How much later than the engine a packet may be captured: interrupts, and a timer that is a tick late, ns.
const LATE_NS: u64 = 1_500_000;

/// Fewer packets of timers than this can all be late.
const FEW: usize = 4;

/// How far a run agrees with the capture.
#[derive(Clone, Debug, Default)]
pub(super) struct Match {
    /// Number of packets from the start that agree.
    pub(super) reproduced: usize,
    /// The largest difference in time among them, ns.
    pub(super) off_ns: u64,
    /// Whether enough of them are sent by timers to tell the clock tick.
    pub(super) tells_ticks: bool,
    /// Their frame numbers and the mechanisms that the engine names.
    pub(super) causes: Vec<(u64, Option<Mechanism>)>,
    /// When the engine gives up if nothing more arrives, ns on its clock, and the error.
    pub(super) gave_up: Option<(u64, &'static str)>,
}

/// Compares packet by packet until the first that differs.
pub(super) fn held_against(script: &Script, run: &Run, hypothesis: &Hypothesis) -> Match {
    let allowed_ns = hypothesis.ticks.tick_ns + LATE_NS + script.step_ns + script.turnaround_ns / 5;
    let mut found = Match {
        gave_up: run.gave_up,
        ..Match::default()
    };
    // a timer of the kernel is late by a tick now and then, but not more often than not
    let close_ns = allowed_ns - hypothesis.ticks.tick_ns;
    let mut by_timer: Vec<(usize, bool)> = Vec::new();
    let mut emitted = run.sent.iter().peekable();
    for sent in &script.sent {
        let Some(first) = emitted.next() else { break };
        let off_ns = first.at_ns.abs_diff(sent.at_ns);
        let mut end = first.end;
        let mut flags = first.flags;
        // a segment as an offloading card gets it holds several of the engine's
        while end < sent.end
            && let Some(next) =
                emitted.next_if(|n| n.seq == end && n.at_ns.abs_diff(first.at_ns) < LATE_NS)
        {
            end = next.end;
            flags = Flags(flags.0 | next.flags.0);
        }
        let kinds = Flags::SYN | Flags::FIN | Flags::RST;
        let is_same =
            first.seq == sent.seq && end == sent.end && (flags.0 ^ sent.flags.0) & kinds.0 == 0;
        if !is_same || off_ns > allowed_ns {
            return found.without_late(&by_timer);
        }
        let mechanism = mechanism(first, sent);
        if mechanism.as_ref().is_some_and(is_by_timer) {
            by_timer.push((found.reproduced, off_ns <= close_ns));
        }
        found.reproduced += 1;
        found.off_ns = found.off_ns.max(off_ns);
        found.causes.push((sent.number, mechanism));
    }
    // what the engine sends besides, the capture would show
    if found.reproduced == script.sent.len()
        && emitted
            .next()
            .is_some_and(|e| e.at_ns + allowed_ns < script.until_ns)
    {
        found.reproduced -= 1;
        found.causes.pop();
    }
    found.without_late(&by_timer)
}

const fn is_by_timer(mechanism: &Mechanism) -> bool {
    matches!(
        mechanism,
        Mechanism::Rto(_) | Mechanism::TailLossProbe | Mechanism::KeepaliveProbe(_)
    )
}

impl Match {
    /// Ends at the first packet of a timer, if most of these are a tick away: that is another clock.
    fn without_late(mut self, by_timer: &[(usize, bool)]) -> Match {
        self.tells_ticks = by_timer.len() >= FEW;
        let close = by_timer.iter().filter(|t| t.1).count();
        if let Some(first) = by_timer
            .first()
            .filter(|_| by_timer.len() >= FEW && 2 * close < by_timer.len())
        {
            self.reproduced = self.reproduced.min(first.0);
            self.causes.truncate(self.reproduced);
        }
        self
    }
}

/// The mechanism that the engine names.
fn mechanism(emitted: &Emitted, sent: &Sent) -> Option<Mechanism> {
    let (what, why) = emitted
        .cause
        .split_once(": ")
        .unwrap_or((&emitted.cause, ""));
    let counted = |prefix: &str| {
        let digits = why.strip_prefix(prefix)?;
        let end = digits
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(digits.len());
        digits[..end].parse().ok()
    };
    match what {
        "data" if why.starts_with("loss probe") => Some(Mechanism::TailLossProbe),
        "data" if sent.flags.has(Flags::FIN) => Some(Mechanism::Fin),
        "data" => Some(Mechanism::NewData),
        "FIN" => Some(Mechanism::Fin),
        "retransmission" => counted("RTO ").map(Mechanism::Rto),
        "tail loss probe" => Some(Mechanism::TailLossProbe),
        "keepalive probe" => counted("keepalive probe ").map(Mechanism::KeepaliveProbe),
        "retransmission of a lost segment" if why.starts_with("reordering") => {
            Some(Mechanism::ReorderingTimer)
        }
        _ => None,
    }
}
