//! What is fed to the engine, and what it should send, both on this end's own clock.

use bytes::Bytes;

use super::super::connection::Connection;
use super::super::end::{End, IcmpError, Keepalive};
use super::super::mechanism::Mechanism;
use super::super::packet::{Packet, Side};
use super::super::reset::ResetReason;
use super::MOST_PACKETS;
use crate::call::Addr;
use crate::time::Instant;
use crate::wire::{Datagram, Flags, Icmp, Options, Payload, Segment, Seq, TcpOption, Timestamps};

/// An end that answers within this time is where the capture was taken, ns.
pub(super) const AT_HAND_NS: u64 = 1_000_000;
/// Time on the engine's clock before the first packet, ns.
const LEAD_NS: u64 = 1_000_000_000;
/// Data of the other end that is fed to the engine: its bytes do not matter.
static ZEROS: [u8; 65_536] = [0; 65_536];

/// Something that happens to the engine.
#[derive(Clone, Debug)]
pub(super) enum Act {
    Connect,
    Listen,
    /// A packet of the other end.
    Deliver(Box<Datagram>, Option<u32>),
    /// The application writes so many bytes; corked, if the FIN leaves with the last of them.
    Write {
        bytes: usize,
        corked: bool,
    },
    /// shutdown() or close().
    Close,
}

/// A packet that this end sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) number: u64,
    pub(super) at_ns: u64,
    pub(super) seq: i64,
    pub(super) end: i64,
    pub(super) flags: Flags,
    pub(super) tsval: Option<u32>,
}

/// The script of an end.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) local: Addr,
    pub(super) remote: Addr,
    /// What happens, in order: ns on the engine's clock.
    pub(super) acts: Vec<(u64, Act)>,
    /// What it sent, ACKs without data left out.
    pub(super) sent: Vec<Sent>,
    /// TSval of this end's packets and when they left, to translate what the other end echoes.
    pub(super) stamps: Vec<(u32, u64)>,
    /// When the last packet of the connection was captured, ns on the engine's clock.
    pub(super) until_ns: u64,
    /// The round trip between the capture and this end, ns.
    pub(super) turnaround_ns: u64,
    /// What its keepalive probes have shown.
    pub(super) keepalive: Keepalive,
    /// TCP_KEEPCNT, if its probes came to their end.
    pub(super) keepalive_count: Option<u32>,
    /// MTU with which this end's longest segment fits, bytes.
    pub(super) mtu: u32,
    /// How coarse the instants of its packets are, ns.
    pub(super) step_ns: u64,
    origin_ns: u64,
    half_ns: u64,
}

impl Script {
    /// The script of an end that is `more_ns` farther away than its fastest answer; none if the capture does not hold enough: both SYNs, all packets, whole segments.
    pub(super) fn of(connection: &Connection, side: Side, more_ns: u64) -> Option<Script> {
        let kept = connection.kept.as_ref()?;
        let me = connection.end(side);
        if !is_enough(connection, side) {
            return None;
        }
        let turnaround_ns = me.turnaround_ns.unwrap_or(0) + more_ns;
        let addr = |s: Side| {
            let a = connection.addrs[s.index()];
            Addr::new(a.ip(), a.port())
        };
        let mss = me.syn.as_ref().and_then(|s| s.mss).unwrap_or(1_460);
        let headers = if addr(side).ip.is_ipv6() { 60 } else { 40 };
        let mut script = Script {
            local: addr(side),
            remote: addr(side.other()),
            acts: Vec::new(),
            sent: Vec::new(),
            stamps: Vec::new(),
            until_ns: 0,
            turnaround_ns,
            keepalive: me.keepalive,
            keepalive_count: me
                .rst
                .filter(|r| r.1 == ResetReason::KeepaliveFailed)
                .map(|_| me.keepalive.most),
            mtu: u32::from(mss) + headers,
            step_ns: 0,
            origin_ns: connection.first_ns.saturating_sub(LEAD_NS),
            half_ns: turnaround_ns / 2,
        };
        script.until_ns = script.local_ns(connection.last_ns, 1);
        if side == Side::Server {
            script.acts.push((0, Act::Listen));
        }
        let mut write: Option<usize> = None;
        for one in kept {
            if matches!(one.label.mechanism, Mechanism::Copy(_)) {
                continue;
            }
            match one.packet.from == side {
                true => script.take_own(&one.packet, &one.label.mechanism, &mut write),
                false => script.take_other(&one.packet),
            }
        }
        for error in &me.icmps {
            script.take_icmp(error);
        }
        script.acts.sort_by_key(|a| a.0);
        if turnaround_ns > AT_HAND_NS
            && let Some(rate) = connection.ts_rate(side)
        {
            script.by_own_clock(1_000_000_000 / u64::from(rate));
        }
        Some(script)
    }

    /// Takes the instants of its packets from its TSval, which no network delays. The fastest packet tells where that clock
    /// stands on the clock of the capture.
    fn by_own_clock(&mut self, step_ns: u64) {
        let Some(first) = self.sent.iter().find_map(|s| s.tsval) else {
            return;
        };
        let since = |tsval: u32| u64::from(tsval.wrapping_sub(first)) * step_ns;
        let stamped = self
            .sent
            .iter()
            .filter_map(|s| Some(s.at_ns as i64 - since(s.tsval?) as i64));
        let Some(offset) = stamped.min() else { return };
        for sent in &mut self.sent {
            if let Some(tsval) = sent.tsval {
                sent.at_ns = (since(tsval) as i64 + offset).max(0) as u64;
            }
        }
        self.step_ns = step_ns;
    }

    /// An instant of the capture on this end's clock: its own packets left earlier, the other end's arrive later.
    fn local_ns(&self, at_ns: u64, way: i64) -> u64 {
        let at = at_ns.saturating_sub(self.origin_ns) as i64 + way * self.half_ns as i64;
        at.max(0) as u64
    }

    /// An instant of this end's clock at the capture.
    pub(super) fn capture_ns(&self, at_ns: u64) -> u64 {
        self.origin_ns + at_ns + self.half_ns
    }

    fn take_own(&mut self, packet: &Packet, mechanism: &Mechanism, write: &mut Option<usize>) {
        let at_ns = self.local_ns(packet.at_ns, -1);
        if let Some(ts) = packet.ts {
            self.stamps.push((ts.tsval, at_ns));
        }
        let is_probe = matches!(
            mechanism,
            Mechanism::KeepaliveProbe(_) | Mechanism::WindowProbe(_) | Mechanism::Probe(_)
        );
        if packet.takes_space() || is_probe || packet.has(Flags::RST) {
            self.sent.push(Sent {
                number: packet.number,
                at_ns,
                seq: packet.seq,
                end: packet.end(),
                flags: packet.flags,
                tsval: packet.ts.map(|ts| ts.tsval),
            });
        }
        if packet.has(Flags::SYN) {
            if *mechanism == Mechanism::Syn {
                self.acts.push((at_ns, Act::Connect));
            }
            return;
        }
        let is_new = matches!(
            mechanism,
            Mechanism::NewData | Mechanism::Fin | Mechanism::FrtoNewData
        );
        if is_new && packet.len > 0 {
            // a write ends where PSH is set, and begins where its first segment leaves
            let place = *write.get_or_insert_with(|| {
                self.acts.push((
                    at_ns,
                    Act::Write {
                        bytes: 0,
                        corked: false,
                    },
                ));
                self.acts.len() - 1
            });
            if let Act::Write { bytes, corked } = &mut self.acts[place].1 {
                *bytes += packet.len as usize;
                *corked |= packet.has(Flags::FIN);
            }
            if packet.has(Flags::PSH) || packet.has(Flags::FIN) {
                *write = None;
            }
        }
        if packet.has(Flags::FIN) && *mechanism == Mechanism::Fin {
            self.acts.push((at_ns, Act::Close));
        }
    }

    fn take_other(&mut self, packet: &Packet) {
        let at_ns = self.local_ns(packet.at_ns, 1);
        let echoed = packet.ts.map(|ts| ts.tsecr);
        let segment = Segment {
            src_port: self.remote.port,
            dst_port: self.local.port,
            seq: Seq(packet.seq as u32),
            ack: Seq(packet.ack.unwrap_or(0) as u32),
            flags: packet.flags,
            window: packet.window_field,
            urgent: 0,
            options: relative(packet),
            payload: Bytes::from_static(&ZEROS[..(packet.len as usize).min(ZEROS.len())]),
        };
        let datagram = self.datagram(self.remote, self.local, segment);
        self.acts
            .push((at_ns, Act::Deliver(Box::new(datagram), echoed)));
    }

    /// An ICMP error about a packet of this end: it quotes the addresses, the ports and the number.
    fn take_icmp(&mut self, error: &IcmpError) {
        let quoted = self.datagram(
            self.local,
            self.remote,
            Segment {
                src_port: self.local.port,
                dst_port: self.remote.port,
                seq: Seq(error.seq as u32),
                flags: Flags::ACK,
                ..Segment::default()
            },
        );
        let rest = error.mtu.unwrap_or(0);
        let icmp = Icmp::error(error.kind.0, error.kind.1, rest, &quoted.emit());
        let mut datagram = quoted;
        datagram.src = error.reporter.unwrap_or(self.remote.ip);
        datagram.dst = self.local.ip;
        datagram.payload = Payload::Icmp(icmp);
        let at_ns = self.local_ns(error.at_ns, 1);
        self.acts
            .push((at_ns, Act::Deliver(Box::new(datagram), None)));
    }

    fn datagram(&self, from: Addr, to: Addr, segment: Segment) -> Datagram {
        Datagram {
            src: from.ip,
            dst: to.ip,
            ident: 0,
            dont_frag: true,
            ttl: 64,
            tos: 0,
            flow_label: 0,
            gso_size: 0,
            payload: Payload::Tcp(segment),
        }
    }

    /// When the packet left whose TSval the other end echoes, ns.
    pub(super) fn left_ns(&self, tsecr: u32, before_ns: u64) -> Option<u64> {
        let is_it = |s: &&(u32, u64)| s.0 == tsecr && s.1 <= before_ns;
        self.stamps.iter().find(is_it).map(|s| s.1)
    }
}

/// Whether the capture holds enough of a connection: its first packet, all that follow, and whole segments.
fn is_enough(connection: &Connection, side: Side) -> bool {
    let Some(kept) = &connection.kept else {
        return false;
    };
    let (me, other) = (connection.end(side), connection.end(side.other()));
    let is_whole = kept.len() as u64 == connection.packets && kept.len() <= MOST_PACKETS;
    let has_all = |e: &End| e.holes.is_empty() && e.missed == 0;
    let is_known = me.syn.is_some() && has_all(me) && has_all(other);
    let is_one_sided = other.packets == 0 && me.last_ack.is_some();
    // what a closed window keeps back was never sent, so nobody knows when it was written
    let waits_for_window = me.probes_sent > 0 && me.keepalive.idle_ns.is_none();
    let begins = kept
        .first()
        .is_some_and(|e| !e.packet.flags.has(Flags::ACK));
    is_whole && is_known && begins && !is_one_sided && !waits_for_window
}

/// The options of a packet, with SACK blocks counted as its numbers are.
fn relative(packet: &Packet) -> Options {
    let mut options = packet.options;
    let blocks = &packet.sack;
    options.for_each_mut(|option| {
        if let TcpOption::Sack(sack) = option {
            for (edge, (left, right)) in sack.iter_mut().zip(blocks) {
                *edge = (Seq(*left as u32), Seq(*right as u32));
            }
        }
    });
    options
}

/// Sets what the options echo.
pub(super) fn echo(datagram: &mut Datagram, tsecr: u32) {
    if let Payload::Tcp(segment) = &mut datagram.payload {
        segment.options.for_each_mut(|option| {
            if let TcpOption::Timestamps(Timestamps { tsecr: old, .. }) = option {
                *old = tsecr;
            }
        });
    }
}

/// An instant on the engine's clock.
pub(super) const fn instant(ns: u64) -> Instant {
    Instant::from_ns(ns)
}
