//! Recordings of Linux as captures: their packets, without what the recordings know of them.

use std::path::{Path, PathBuf};
use std::time::Duration;

mod engine;
mod hostile;
mod incomplete;
mod labels;
mod verdicts;

use super::*;
use crate::capture::{FrameContent, IcmpSeen, TcpSeen};
use crate::scenario::Scenario;
use crate::time::Instant;
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

/// The connections of a trace, as captured `away` from the survivor.
fn connections(trace: &Trace, away: Duration) -> (Vec<Connection>, CaptureSpan) {
    let mut packets: Vec<(Instant, &[u8], usize)> = Vec::new();
    for (n, packet) in trace.packets.iter().enumerate() {
        let at = match packet.dir {
            Dir::Out => packet.at + away,
            Dir::In => packet.at.saturating_sub(away),
        };
        packets.push((at, &packet.bytes, n));
    }
    packets.sort_by_key(|p| p.0);
    let span = CaptureSpan {
        first_ns: packets.first().map_or(0, |p| p.0.ns()),
        last_ns: packets.last().map_or(0, |p| p.0.ns()),
    };
    let mut found = Vec::new();
    let mut explainer = Explainer::new(Box::new(|_, _, _| usize::MAX), |c: Connection| {
        found.push(c)
    });
    for (at, bytes, n) in packets {
        // the frame number stays that of the trace, so that a test finds the packet again
        explainer.take(&frame(n as u64 + 1, at.ns(), bytes));
    }
    explainer.finish();
    (found, span)
}

fn load(dir: &Path) -> (Trace, Scenario) {
    let trace = Trace::load(dir).expect("it loads");
    let name = &trace.meta.scenario;
    let scenario = Scenario::parse(name, name, &trace.meta.scenario_toml).expect("it was recorded");
    (trace, scenario)
}
