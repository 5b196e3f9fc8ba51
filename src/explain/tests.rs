//! Recordings of Linux with their labels hidden: the explanation must name what the engine's cause names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::*;
use crate::capture::{FrameContent, IcmpSeen, TcpSeen};
use crate::compare::replay::replay;
use crate::scenario::Scenario;
use crate::trace::{Dir, Trace};
use crate::wire::{Datagram, Payload};

/// A packet of a recording as a capture would show it.
fn frame(number: u64, at_ns: u64, bytes: &[u8]) -> Frame {
    let datagram = Datagram::parse(bytes).expect("it was recorded");
    let end = |ip, port| SocketAddr::new(ip, port);
    let content = match &datagram.payload {
        Payload::Tcp(segment) => FrameContent::Tcp(TcpSeen {
            src: end(datagram.src, segment.src_port),
            dst: end(datagram.dst, segment.dst_port),
            ip_id: Some(u16::from_be_bytes([bytes[4], bytes[5]]))
                .filter(|_| datagram.src.is_ipv4()),
            ttl: 64,
            seq: segment.seq,
            ack: segment.ack,
            flags: segment.flags,
            window: segment.window,
            options: segment.options,
            len: segment.payload.len() as u32,
            data_hash: segment
                .payload
                .iter()
                .fold(0, |h: u64, b| h.wrapping_mul(31) + u64::from(*b)),
        }),
        Payload::Icmp(icmp) => FrameContent::Icmp(quoted(datagram.src, icmp)),
    };
    Frame {
        number,
        at_ns,
        interface: 0,
        dir: None,
        content,
    }
}

fn quoted(reporter: std::net::IpAddr, icmp: &crate::wire::Icmp) -> IcmpSeen {
    let v6 = reporter.is_ipv6();
    let b = &icmp.body;
    let (src, dst, tcp): (std::net::IpAddr, std::net::IpAddr, _) = match v6 {
        false => (
            <[u8; 4]>::try_from(&b[12..16]).unwrap().into(),
            <[u8; 4]>::try_from(&b[16..20]).unwrap().into(),
            &b[20..],
        ),
        true => (
            <[u8; 16]>::try_from(&b[8..24]).unwrap().into(),
            <[u8; 16]>::try_from(&b[24..40]).unwrap().into(),
            &b[40..],
        ),
    };
    let port = |n: usize| u16::from_be_bytes([tcp[n], tcp[n + 1]]);
    IcmpSeen {
        reporter,
        kind: (icmp.kind, icmp.code),
        v6,
        mtu: None,
        src: SocketAddr::new(src, port(0)),
        dst: SocketAddr::new(dst, port(2)),
        seq: crate::wire::Seq(u32::from_be_bytes([tcp[4], tcp[5], tcp[6], tcp[7]])),
    }
}

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

/// The folders of all recordings in the repository.
fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sets = ["examples/recordings", "tests/recordings"].map(|d| root.join(d));
    let under = |dir: &PathBuf| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(dir).expect("the recordings are kept");
        entries
            .map(|e| e.expect("it can be read").path())
            .filter(|p| p.is_dir())
            .collect()
    };
    let mut all: Vec<PathBuf> = sets
        .iter()
        .flat_map(under)
        .flat_map(|set| under(&set))
        .collect();
    all.sort();
    all
}

fn explained(trace: &Trace) -> Vec<Explained> {
    let mut found = Vec::new();
    let mut explainer = Explainer::new(Box::new(|_, _, _| usize::MAX), |c: Connection| {
        found.extend(c.kept.unwrap_or_default());
    });
    for (number, packet) in (1..).zip(&trace.packets) {
        explainer.take(&frame(number, packet.at.ns(), &packet.bytes));
    }
    explainer.finish();
    found.sort_by_key(|e| e.packet.number);
    found
}

#[test]
fn packets_of_recordings_are_explained_as_the_engine_does() {
    let mut score: BTreeMap<Sureness, (u32, u32)> = BTreeMap::new();
    let mut wrong = Vec::new();
    for dir in folders() {
        let trace = Trace::load(&dir).expect("it loads");
        let name = &trace.meta.scenario;
        let scenario =
            Scenario::parse(name, name, &trace.meta.scenario_toml).expect("it was recorded");
        let causes = replay(&trace, &scenario).expect("it replays").trace;
        let mut causes = causes.packets.into_iter().filter(|p| p.dir == Dir::Out);
        let dirs: Vec<_> = trace.packets.iter().map(|p| p.dir).collect();
        for one in explained(&trace) {
            if dirs[one.packet.number as usize - 1] == Dir::In {
                continue;
            }
            let Some(cause) = causes.next().and_then(|p| p.cause) else {
                continue;
            };
            let is_right = agrees(one.label.mechanism, &cause);
            let counts = score.entry(one.label.sureness).or_default();
            counts.0 += 1;
            counts.1 += u32::from(is_right);
            if !is_right {
                wrong.push(format!(
                    "{} packet {}: {:?} {} / {:.60}",
                    dir.file_name().unwrap().display(),
                    one.packet.number,
                    one.label.sureness,
                    one.label.mechanism,
                    cause
                ));
            }
        }
    }
    let certain = score[&Sureness::Certain];
    let all: u32 = score.values().map(|s| s.0).sum();
    assert_eq!(certain.0, certain.1, "{score:?}\n{}", wrong.join("\n"));
    // what is certain must not be little
    assert!(certain.0 * 10 >= all * 9, "{score:?}");
    assert!(
        wrong.len() * 25 <= all as usize,
        "{score:?}\n{}",
        wrong.join("\n")
    );
}
