//! A device in the link that keeps a state for each flow, and loses it when the flow is idle: a NAT, a stateful firewall
//! or a load balancer. A value without I/O.
//!
//! A SYN begins a flow, and every packet of either direction keeps it. After the idle time only a SYN passes: other
//! packets are lost, or answered by RST to their sender, as by a host that knows no such connection (RFC 9293 3.10.7.1).
//! RFC 5382 REQ-5 asks a NAT to keep an established flow for at least 2 h 4 min; many keep it for minutes.
//! Linux counterpart: `nf_conntrack_proto_tcp.c` with `nf_conntrack_tcp_loose` = 0.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use crate::scenario::{self, Forget};
use crate::time::Instant;
use crate::wire::{Datagram, Flags, Payload, Segment};

/// What becomes of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It goes on.
    Passes,
    /// It is lost.
    Lost,
    /// It is lost, and this goes back to its sender.
    Answered(Box<Datagram>),
}

/// A flow: its two ends, the smaller one first, so that both directions have the same.
type Flow = [SocketAddr; 2];

/// The device.
#[derive(Clone, Debug)]
pub(super) struct Middlebox {
    settings: scenario::Middlebox,
    /// When each flow that is known had its last packet.
    flows: BTreeMap<Flow, Instant>,
}

impl Middlebox {
    /// Creates one that knows no flow.
    pub(super) fn new(settings: scenario::Middlebox) -> Self {
        Middlebox {
            settings,
            flows: BTreeMap::new(),
        }
    }

    /// Takes a packet of either end, at an instant that is not before those of the packets before it.
    pub(super) fn take(&mut self, now: Instant, datagram: &Datagram) -> Fate {
        // an ICMP error belongs to a flow too, but neither begins nor keeps one
        let Some(segment) = datagram.segment() else {
            return Fate::Passes;
        };
        let forget_after = self.settings.forget_after;
        self.flows.retain(|_, last| now.since(*last) < forget_after);
        let flow = flow(datagram.src, datagram.dst, segment);
        let begins = segment.flags.has(Flags::SYN) && !segment.flags.has(Flags::ACK);
        if begins || self.flows.contains_key(&flow) {
            self.flows.insert(flow, now);
            return Fate::Passes;
        }
        match self.settings.forget {
            Forget::Reset if !segment.flags.has(Flags::RST) => {
                Fate::Answered(Box::new(reset(datagram, segment)))
            }
            Forget::Reset | Forget::Drop => Fate::Lost,
        }
    }
}

fn flow(src: IpAddr, dst: IpAddr, segment: &Segment) -> Flow {
    let mut ends = [
        SocketAddr::new(src, segment.src_port),
        SocketAddr::new(dst, segment.dst_port),
    ];
    ends.sort();
    ends
}

/// Returns the RST for a segment of no connection, in the name of the end that the segment was for.
fn reset(datagram: &Datagram, segment: &Segment) -> Datagram {
    Datagram::new(
        datagram.dst,
        datagram.src,
        0,
        Payload::Tcp(segment.refusal()),
    )
}

#[cfg(test)]
mod tests;
