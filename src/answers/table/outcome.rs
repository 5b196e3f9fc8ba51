//! The tries and the end of one run, from its trace.

use std::time::Duration;

use super::situation::What;
use crate::call::{Errno, TcpState};
use crate::time::Instant;
use crate::trace::relative::{Kind, Relative, relative};
use crate::trace::{Dir, Incident, Trace, Who};
use crate::wire::Flags;

/// A packet that asks the peer for an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Try {
    /// Its name: `retransmission 3`.
    pub what: String,
    /// When it was sent, counted from the event that the question names.
    pub after: Duration,
    /// Whether the formula counts it. It does not count a tail loss probe, which is not part of the RTO's series.
    pub is_counted: bool,
}

/// How the connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The application gets an error.
    Error {
        /// When it gets the error, counted from the event that the question names.
        after: Duration,
        /// The error.
        errno: Errno,
    },
    /// The kernel drops the connection, and no application holds it.
    Dropped {
        /// When the kernel drops it.
        after: Duration,
    },
    /// The connection does not end: nothing happens any more, or the run reached its limit first.
    Never,
}

impl End {
    /// Returns when it ended, or `None` if it did not.
    pub fn after(self) -> Option<Duration> {
        match self {
            End::Error { after, .. } | End::Dropped { after } => Some(after),
            End::Never => None,
        }
    }
}

/// The tries and the end of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The tries, earliest first.
    pub tries: Vec<Try>,
    /// The end.
    pub end: End,
    /// Whether the survivor sent a RST at the end.
    pub reset: bool,
}

impl Outcome {
    /// Reads the answer to `what` from a run of its scenario on any target.
    pub fn read(what: What, trace: &Trace) -> Outcome {
        let packets = relative(&trace.packets);
        let from = start(what, trace, &packets);
        let sent = |p: &&Relative| p.dir == Dir::Out && p.at >= from;
        let reset = |p: &Relative| p.tcp().is_some_and(|t| t.flags.has(Flags::RST));
        let mut tries: Vec<Try> = Vec::new();
        let mut repetition = 0;
        for packet in packets.iter().filter(sent) {
            if let Some(one) = a_try(packet, from, &mut repetition) {
                tries.push(one);
            }
        }
        Outcome {
            tries,
            end: end(trace, from),
            reset: packets.iter().filter(sent).any(reset),
        }
    }
}

/// Returns the packet as a try, or `None` for acknowledgments and resets.
fn a_try(packet: &Relative, from: Instant, repetition: &mut u32) -> Option<Try> {
    // only the engine records why it sent a packet; the kernel's probe is found by the engine's in the same row
    let is_tail_loss_probe = packet
        .cause
        .as_ref()
        .is_some_and(|cause| cause.starts_with("tail loss probe"));
    let what = match packet.kind {
        _ if is_tail_loss_probe => "tail loss probe".to_owned(),
        Kind::Retransmission(_) => {
            *repetition += 1;
            format!("retransmission {repetition}")
        }
        Kind::Syn | Kind::SynAck | Kind::Data | Kind::Fin => packet.kind.to_string(),
        Kind::KeepaliveProbe(_) | Kind::WindowProbe(_) => packet.kind.to_string(),
        Kind::Ack | Kind::Rst | Kind::Icmp | Kind::Unreadable => return None,
    };
    let is_fin_behind_data = packet.kind == Kind::Fin;
    Some(Try {
        what,
        after: packet.at.since(from),
        is_counted: !is_tail_loss_probe && !is_fin_behind_data,
    })
}

/// Returns the instant from which times are counted.
fn start(what: What, trace: &Trace, packets: &[Relative]) -> Instant {
    let event = |wanted: fn(&Incident) -> bool| {
        let mut events = trace.events.iter().rev();
        events
            .find(|e| e.who == Who::Survivor && wanted(&e.what))
            .map(|e| e.at)
    };
    let packet = |dir| packets.iter().filter(move |p| p.dir == dir);
    let found = match what {
        What::Retries2 | What::UserTimeout | What::Orphan | What::Persist | What::Reboot => {
            event(|i| matches!(i, Incident::Send { .. }))
        }
        What::Keepalive | What::RebootIdle => {
            let mut events = trace.events.iter();
            let death = events.find(|e| matches!(e.what, Incident::Die | Incident::Cut));
            let mut heard = packet(Dir::In).rev();
            let last = heard.find(|p| death.is_none_or(|d| p.at <= d.at));
            last.map(|p| p.at)
        }
        What::Syn => event(|i| matches!(i, Incident::Connect { .. })),
        What::Synack => packet(Dir::Out).next().map(|p| p.at),
    };
    found.unwrap_or(Instant::ZERO)
}

fn end(trace: &Trace, from: Instant) -> End {
    for event in trace
        .events
        .iter()
        .filter(|e| e.at >= from && e.who == Who::Survivor)
    {
        let after = event.at.since(from);
        match &event.what {
            Incident::Error { errno, .. } => {
                return End::Error {
                    after,
                    errno: *errno,
                };
            }
            Incident::State { state } if *state == TcpState::Closed => {
                return End::Dropped { after };
            }
            _ => {}
        }
    }
    End::Never
}
