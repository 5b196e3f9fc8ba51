//! The engine against a capture: does Linux, with this clock tick, send what the capture shows of an end?
//!
//! The packets of the other end are fed to the engine at the instants at which they reached this end, and the application's
//! calls are made where the capture shows their effect: connect() at the SYN, a write at its first new segment, close() at the
//! FIN. Everything else follows from the rules of the engine. Clock tick, its phase and the tail loss probe are not known, so
//! every combination is tried that the capture allows. What all that reproduce the capture agree on is certain.

mod agreement;
mod bounds;
mod hypothesis;
mod matching;
mod run;
mod script;

use self::hypothesis::{Hypothesis, all};
use self::matching::{Match, held_against};
use self::script::{AT_HAND_NS, Script};
use super::connection::{Connection, Explained};
use super::mechanism::{Label, Mechanism, Sureness};
use super::packet::Side;
use super::span::CaptureSpan;

/// The most packets of a connection with which the engine is run.
const MOST_PACKETS: usize = 3_000;

/// How much farther away an end can be than its fastest answer was, ns. Its own measure of the round-trip time depends on it.
const FARTHER_NS: [u64; 5] = [0, 500_000, 1_000_000, 2_000_000, 4_000_000];

/// What the engine's runs have shown of an end.
#[derive(Clone, Debug, PartialEq)]
pub struct Rerun {
    /// The end.
    pub side: Side,
    /// Number of its packets that were compared: all but ACKs without data.
    pub packets: usize,
    /// Number of them that the engine sends too, in order and in time, in the best run.
    pub reproduced: usize,
    /// Number of runs, each with another clock tick, phase or setting.
    pub runs: usize,
    /// The clock ticks per second with which all packets are reproduced; none if too few packets tell.
    pub hz: Vec<u32>,
    /// Whether the timers sit on the timer wheel in these runs; none: with and without.
    pub wheel: Option<bool>,
    /// Whether tail loss probes are on in these runs; none: with and without.
    pub tail_loss_probe: Option<bool>,
    /// The sysctls other than the defaults on which these runs agree, in words.
    pub sysctls: String,
    /// The frame at which the best run differs.
    pub differs_at: Option<u64>,
    /// The largest difference in time of the best run, ns.
    pub off_ns: u64,
    /// When the engine gives up if the other end stays silent: earliest and latest, nanoseconds since the Unix epoch, and the
    /// error.
    pub gives_up: Option<(u64, u64, &'static str)>,
}

impl Rerun {
    /// Whether the engine sends all that the capture shows.
    pub fn is_whole(&self) -> bool {
        self.reproduced == self.packets && self.packets > 0
    }
}

impl Connection {
    /// Runs the engine against an end that something has gone wrong with, and writes what is certain now beside the packets.
    pub(super) fn rerun(&mut self, side: Side, span: &CaptureSpan) -> Option<Rerun> {
        let mut found: Vec<(Hypothesis, Match)> = Vec::new();
        let mut scripts = Vec::new();
        for more_ns in FARTHER_NS {
            let script = Script::of(self, side, more_ns)?;
            let is_here = script.turnaround_ns < AT_HAND_NS;
            for hypothesis in all(self, side, &script) {
                let sent = run::run(&script, &hypothesis);
                found.push((hypothesis, held_against(&script, &sent, &hypothesis)));
            }
            scripts.push(script);
            if is_here {
                break;
            }
        }
        let script = scripts.into_iter().next()?;
        let runs = found.len();
        let best = found.iter().map(|(_, m)| m.reproduced).max()?;
        let packets = script.sent.len();
        let everything = found.clone();
        found.retain(|(_, m)| m.reproduced == best);
        // what fits with the defaults needs no other settings
        if found
            .iter()
            .any(|(h, _)| h.bounds == bounds::Bounds::default())
        {
            found.retain(|(h, _)| h.bounds == bounds::Bounds::default());
        }
        let least_off = found.iter().map(|(_, m)| m.off_ns).min()?;
        let closest = found.iter().find(|(_, m)| m.off_ns == least_off)?;
        let differs_at = (best < packets).then(|| script.sent[best].number);
        let rerun = Rerun {
            side,
            packets,
            reproduced: best,
            runs,
            hz: agreement::rates(&found),
            wheel: agreement::agreed(&found, |h| h.ticks.wheel)
                .filter(|_| found.iter().all(|(_, m)| m.tells_ticks)),
            tail_loss_probe: agreement::agreed(&found, |h| h.tail_loss_probe)
                .filter(|on| agreement::is_needed(&everything, &found, *on)),
            sysctls: agreement::agreed(&found, |h| h.bounds)
                .map(|b| b.text())
                .unwrap_or_default(),
            differs_at,
            off_ns: closest.1.off_ns,
            gives_up: (best == packets)
                .then(|| self.end_of(&script, &found, span))
                .flatten(),
        };
        if rerun.is_whole() {
            self.make_certain(&found, &everything, rerun.tail_loss_probe.is_some());
        }
        Some(rerun)
    }

    /// When the engine gives up after the capture, over all runs that reproduce it.
    fn end_of(
        &self,
        script: &Script,
        found: &[(Hypothesis, Match)],
        span: &CaptureSpan,
    ) -> Option<(u64, u64, &'static str)> {
        let ends: Option<Vec<_>> = found.iter().map(|(_, m)| m.gave_up).collect();
        let ends = ends?;
        let errno = ends.first()?.1;
        if ends.iter().any(|e| e.1 != errno) {
            return None;
        }
        let at = |ns: u64| script.capture_ns(ns).max(span.first_ns);
        let earliest = ends.iter().map(|e| at(e.0)).min()?;
        let latest = ends.iter().map(|e| at(e.0)).max()?;
        Some((earliest, latest, errno))
    }

    /// Writes the mechanisms on which all runs agree beside the packets whose own evidence does not decide.
    fn make_certain(
        &mut self,
        found: &[(Hypothesis, Match)],
        everything: &[(Hypothesis, Match)],
        probes_decided: bool,
    ) {
        let Some(kept) = self.kept.as_mut() else {
            return;
        };
        let Some((_, first)) = found.first() else {
            return;
        };
        for (n, (number, mechanism)) in first.causes.iter().enumerate() {
            // a run that goes on after this packet is as good a reason as one that reproduces all
            let plausible = everything
                .iter()
                .filter(|(_, m)| m.reproduced > n + 1 || m.reproduced == first.reproduced);
            let agree = plausible
                .clone()
                .all(|(_, m)| m.causes.get(n).is_some_and(|c| c.1 == *mechanism));
            let place = kept.binary_search_by_key(number, |e: &Explained| e.packet.number);
            // whether the first is a probe decides how the others are counted
            let counts = matches!(
                mechanism,
                Some(Mechanism::Rto(_) | Mechanism::TailLossProbe)
            );
            let agree = agree && (probes_decided || !counts);
            let (true, Some(mechanism), Ok(place)) = (agree, *mechanism, place) else {
                continue;
            };
            let label = &mut kept[place].label;
            if label.sureness < Sureness::Certain && is_decided_by_engine(label.mechanism) {
                *label = Label::certain(mechanism)
                    .remark("the engine sends it at this instant for this reason");
            }
        }
    }
}

/// Whether the engine may decide: what it says of a packet that the capture itself explains is no news.
const fn is_decided_by_engine(mechanism: Mechanism) -> bool {
    matches!(
        mechanism,
        Mechanism::ProbeOrRto
            | Mechanism::TailLossProbe
            | Mechanism::Rto(_)
            | Mechanism::Retransmission
            | Mechanism::NewData
            | Mechanism::FrtoNewData
            | Mechanism::KeepaliveProbe(_)
            | Mechanism::WindowProbe(_)
            | Mechanism::Probe(_)
            | Mechanism::ReorderingTimer
            | Mechanism::FastRetransmit
    )
}
