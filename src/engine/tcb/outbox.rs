//! What leaves a host: packets, each with its cause, and what timers did. The engine never reads the words back.

use std::collections::VecDeque;

use crate::call::TcpState;
use crate::engine::queues::lent::Queues;
use crate::engine::tcb::cause::{Cause, Text};
use crate::engine::tcb::timer_slots::Armed;
use crate::time::{Instant, TickSpan};
use crate::wire::Datagram;

/// A packet that leaves, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// The packet.
    pub datagram: Datagram,
    /// Why it was sent.
    pub cause: Cause,
    /// The timer whose firing sent it, if one did.
    pub timer: Option<Armed>,
}

/// Something a timer did, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Instant,
    /// What and why.
    pub text: Text,
    /// Whether a timer fired (and not: was armed or cleared).
    pub fired: bool,
}

/// What the engine is doing when it sends something.
#[derive(Clone, Debug, Default)]
pub(crate) enum Trigger {
    /// Nothing yet.
    #[default]
    Nothing,
    /// The application made this call.
    Call(&'static str),
    /// A segment came in.
    Segment,
    /// An ICMP message came in.
    Icmp,
    /// A timer fired; what it means, and when it was armed.
    Timer(Text, Option<Armed>),
}

impl Trigger {
    /// The reason that stands in a packet's cause.
    pub(crate) fn why(&self) -> Option<Text> {
        match self {
            Trigger::Nothing => None,
            Trigger::Call(call) => Some(Text::Plain(call)),
            Trigger::Segment => Some(Text::Plain("on a segment's arrival")),
            Trigger::Icmp => Some(Text::Plain("on an ICMP error")),
            Trigger::Timer(text, _) => Some(text.clone()),
        }
    }
}

/// What a connection that is at work has and an idle one has not: the host lends it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outbox {
    pub(crate) packets: VecDeque<Transmit>,
    pub(crate) events: VecDeque<Event>,
    /// Events are discarded, because no caller takes them.
    pub(crate) mute: bool,
    /// What makes it send.
    pub(crate) trigger: Trigger,
    /// The host is to put a timewait sock in the connection's place: substate and time.
    pub(crate) becomes_timewait: Option<(TcpState, TickSpan)>,
    /// Queues that an idle connection gave back, to be lent again.
    pub(crate) spare: Option<Box<Queues>>,
}

/// Queues that have held more than this are given back when they are empty.
const KEPT: usize = 1_024;

impl Outbox {
    pub(crate) fn next_packet(&mut self) -> Option<Transmit> {
        let next = self.packets.pop_front();
        if next.is_none() && self.packets.capacity() > KEPT {
            self.packets = VecDeque::new();
        }
        next
    }

    pub(crate) fn next_event(&mut self) -> Option<Event> {
        let next = self.events.pop_front();
        if next.is_none() && self.events.capacity() > KEPT {
            self.events = VecDeque::new();
        }
        next
    }

    pub(crate) fn note(&mut self, at: Instant, fired: bool, text: Text) {
        if !self.mute {
            self.events.push_back(Event { at, text, fired });
        }
    }
}
