//! The explanation must name what the engine's cause names.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::*;
use crate::compare::replay::replay;

/// Whether an explanation says what the engine's cause says.
fn agrees(label: Mechanism, cause: &str) -> bool {
    use Mechanism as M;
    let (what, why) = cause.split_once(": ").unwrap_or((cause, ""));
    match (what, label) {
        ("data", M::NewData | M::Fin) => !why.starts_with("loss probe"),
        ("data", M::FrtoNewData) => why.starts_with("on a segment"),
        ("data", M::TailLossProbe) => why.starts_with("loss probe"),
        ("FIN", M::Fin) => true,
        ("retransmission", M::Rto(n)) => why.starts_with(&format!("RTO {n},")),
        ("SYN", M::Syn) | ("SYN-ACK", M::SynAck) => true,
        ("SYN again", M::SynRetry(n)) => why.starts_with(&format!("RTO {n},")),
        ("SYN-ACK again", M::SynAckRetry(n)) => why.starts_with(&format!("{n} of")),
        ("SYN-ACK again", M::SynAckRepeated) => why.starts_with("the SYN"),
        ("ACK", M::DelayedAck) => why.starts_with("delayed"),
        (
            "ACK",
            M::Ack
            | M::DuplicateAck
            | M::ProbeAnswer
            | M::HandshakeAck
            | M::ChallengeAck
            | M::WindowUpdate,
        ) => !why.starts_with("delayed"),
        ("ACK of a connection in TIME_WAIT", M::DuplicateAck | M::Ack | M::ChallengeAck) => true,
        ("keepalive probe", M::KeepaliveProbe(n)) => why.contains(&format!("probe {n} of")),
        ("window probe", M::WindowProbe(_)) => true,
        ("retransmission of a lost segment", M::FastRetransmit | M::GoBack) => {
            why.starts_with("on a segment")
        }
        ("retransmission of a lost segment", M::ReorderingTimer) => why.starts_with("reordering"),
        ("tail loss probe", M::TailLossProbe) => true,
        ("RST", M::Reset(ResetReason::KeepaliveFailed)) => why.starts_with("keepalive"),
        (
            "RST",
            M::Reset(
                ResetReason::NoConnection
                | ResetReason::DataAfterClose
                | ResetReason::Unexpected
                | ResetReason::Refused,
            ),
        ) => why.starts_with("a segment"),
        _ => false,
    }
}

/// A recording, and the engine's cause of each packet of the survivor.
struct Truth {
    name: String,
    trace: Trace,
    of_packet: Vec<Option<String>>,
}

/// All recordings; a replay takes far longer than an explanation.
static TRUTH: LazyLock<Vec<Truth>> =
    LazyLock::new(|| folders().iter().map(|dir| truth(dir)).collect());

fn truth(dir: &Path) -> Truth {
    let (trace, scenario) = load(dir);
    let replayed = replay(&trace, &scenario).expect("it replays").trace;
    let mut causes = replayed.packets.into_iter().filter(|p| p.dir == Dir::Out);
    let of_packet = trace
        .packets
        .iter()
        .map(|p| match p.dir {
            Dir::Out => causes.next().and_then(|c| c.cause),
            Dir::In => None,
        })
        .collect();
    Truth {
        name: dir.file_name().expect("a folder").display().to_string(),
        trace,
        of_packet,
    }
}

/// What is explained of the survivor's packets, with the engine's causes: right and wrong, by how sure it is.
fn score(
    away: impl Fn(&Trace) -> Duration,
    runs_engine: bool,
) -> (BTreeMap<Sureness, (u32, u32)>, Vec<String>) {
    let mut score: BTreeMap<Sureness, (u32, u32)> = BTreeMap::new();
    let mut wrong = Vec::new();
    for Truth {
        name,
        trace,
        of_packet,
    } in TRUTH.iter()
    {
        let (found, span) = connections(trace, away(trace));
        for mut connection in found {
            if runs_engine {
                connection.story(&span);
            }
            for one in connection.kept.unwrap_or_default() {
                let Some(cause) = &of_packet[one.packet.number as usize - 1] else {
                    continue;
                };
                let is_right = agrees(one.label.mechanism, cause);
                let counts = score.entry(one.label.sureness).or_default();
                counts.0 += 1;
                counts.1 += u32::from(is_right);
                if !is_right {
                    let label = &one.label;
                    wrong.push(format!(
                        "{name} packet {}: {:?} {} / {cause:.60}",
                        one.packet.number, label.sureness, label.mechanism
                    ));
                }
            }
        }
    }
    (score, wrong)
}

/// Nothing certain is wrong, and most is certain.
fn hold(score: &BTreeMap<Sureness, (u32, u32)>, wrong: &[String], least_certain_percent: u32) {
    let certain = score[&Sureness::Certain];
    let all: u32 = score.values().map(|s| s.0).sum();
    let wrongly: Vec<_> = wrong.iter().filter(|w| w.contains(": Certain ")).collect();
    assert_eq!(certain.0, certain.1, "{score:?}\n{wrongly:#?}");
    let percent = certain.0 * 100 / all;
    assert!(
        percent >= least_certain_percent,
        "{percent} % of {all} are certain: {score:?}\n{wrong:#?}"
    );
}

#[test]
fn packets_captured_at_the_survivor_are_explained_as_the_engine_does() {
    let (score, wrong) = score(|_| Duration::ZERO, false);
    hold(&score, &wrong, 90);
}

#[test]
fn runs_of_the_engine_make_more_certain_and_nothing_wrong() {
    let (before, _) = score(|_| Duration::ZERO, false);
    let (after, wrong) = score(|_| Duration::ZERO, true);
    hold(&after, &wrong, 90);
    let certain = |score: &BTreeMap<Sureness, (u32, u32)>| score[&Sureness::Certain].0;
    assert!(certain(&after) > certain(&before), "{before:?} {after:?}");
}

#[test]
fn packets_captured_at_the_peer_or_between_are_explained_too() {
    for part in [2, 1] {
        let (score, wrong) = score(|t| t.meta.delay / part, false);
        hold(&score, &wrong, 80);
    }
}
