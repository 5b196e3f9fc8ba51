//! A recording as a script: what to do to the engine and when, and what must be seen.

use crate::call::{Errno, TcpInfo, TcpState};
use crate::compare::fields::{Fields, LabelChanges, Origin};
use crate::compare::replay::written::Written;
use crate::compare::timing::{ALLOWANCE, EXIT_ALLOWANCE, MsClock};
use crate::sockopt::{OptName, OptValue, SockOpt};
use crate::time::{Instant, Ticks};
use crate::trace::{Dir, Event, Incident, Trace, Who};
use crate::wire::{Datagram, Flags, Segment, Seq};

/// What is done, or seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// A packet of the peer (or an ICMP error) arrives.
    Deliver(Box<Datagram>),
    /// socket, options, bind, connect.
    Connect,
    /// socket, options, bind, listen.
    Listen,
    /// accept() gives a connection.
    Accept,
    /// send() of so many bytes from this place of the stream; so many were taken.
    Send {
        /// Place in the stream.
        from: usize,
        /// Bytes offered.
        offered: usize,
        /// What it returned.
        result: Result<usize, Errno>,
    },
    /// recv() that gave so many bytes; 0: end of stream.
    Recv(usize),
    /// shutdown(SHUT_WR), and how it failed.
    Shutdown(Option<Errno>),
    /// close().
    Close,
    /// The process dies.
    Kill,
    /// setsockopt().
    Set(SockOpt),
    /// The application learned that it is connected.
    Connected,
    /// It learned of an error.
    Error {
        /// Which.
        errno: Errno,
        /// How.
        how: String,
    },
    /// What the next calls say.
    PostMortem {
        /// SO_ERROR.
        so_error: Option<Errno>,
        /// recv().
        recv: String,
        /// send().
        send: String,
    },
    /// The connection's state.
    State(TcpState),
    /// A TCP_INFO line.
    Info(Box<TcpInfo>),
}

/// An act and the time in which it happened.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// What orders the items: the earliest instant for what is logged before it happens, else the logged one.
    pub(crate) at: Instant,
    /// It happened at this instant at the earliest ...
    pub(crate) from: Instant,
    /// ... and at this one at the latest.
    pub(crate) to: Instant,
    /// What happened.
    pub(crate) act: Act,
}

/// A recorded packet of the survivor.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    /// When it was stamped.
    pub(crate) at: Instant,
    /// Its fields, relative.
    pub(crate) fields: Fields,
}

/// All of a recording that a replay needs.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    /// What to do and see, in order.
    pub(crate) items: Vec<Item>,
    /// The survivor's packets.
    pub(crate) packets: Vec<Recorded>,
    /// What the application wrote.
    pub(crate) written: Written,
    /// What their numbers are relative to.
    pub(crate) origin: Origin,
    /// The survivor's initial sequence number, if one was recorded.
    pub(crate) isn: Option<u32>,
    /// Its TSval clock, if it sent timestamps.
    pub(crate) clock: Option<MsClock>,
    /// Its ticks.
    pub(crate) ticks: Ticks,
    /// When the recording ends.
    pub(crate) end: Instant,
    /// Packets and events that could not be used, and why.
    pub(crate) notes: Vec<String>,
}

impl Script {
    /// The script of a recording.
    pub(crate) fn of(recording: &Trace, ticks: Ticks) -> Script {
        let mut script = Script {
            items: Vec::new(),
            packets: Vec::new(),
            written: Written::default(),
            origin: Origin::of(&recording.packets),
            isn: None,
            clock: None,
            ticks,
            end: recording.ended_at,
            notes: Vec::new(),
        };
        script.take_packets(recording);
        Calls::default().take(&recording.events, &mut script);
        let fields = script.packets.iter().map(|p| &p.fields);
        script.written = Written::of(fields, script.written_bytes());
        // what is logged after it happened lies before its stamp; a packet is stamped before it is handed over
        script
            .items
            .sort_by_key(|i| (i.at, matches!(i.act, Act::Deliver(_))));
        script
    }

    /// How many bytes all writes offered.
    fn written_bytes(&self) -> usize {
        let end = |i: &Item| match i.act {
            Act::Send { from, offered, .. } => from.saturating_add(offered),
            _ => 0,
        };
        self.items.iter().map(end).max().unwrap_or(0)
    }

    fn take_packets(&mut self, recording: &Trace) {
        let mut stamps = Vec::new();
        let mut labels = LabelChanges::default();
        for packet in &recording.packets {
            let datagram = match Datagram::parse(&packet.bytes) {
                Ok(datagram) => datagram,
                Err(why) => {
                    let at = packet.at.secs_f64();
                    self.notes
                        .push(format!("packet at {at:.6} s left out: {why}"));
                    continue;
                }
            };
            if packet.dir == Dir::In {
                self.items.push(Item {
                    at: packet.at,
                    from: packet.at,
                    to: packet.at,
                    act: Act::Deliver(Box::new(datagram)),
                });
                continue;
            }
            let segment = datagram.segment();
            if let Some(ts) = segment.and_then(Segment::timestamps) {
                stamps.push((packet.at, ts.tsval));
            }
            let syn = segment.filter(|s| s.flags.has(Flags::SYN));
            self.isn = self.isn.or(syn.map(|s| s.seq.0));
            let mut fields = self.origin.relative(&datagram);
            fields.label_changes = labels.take(&datagram);
            self.packets.push(Recorded {
                at: packet.at,
                fields,
            });
        }
        // since Linux 6.4 ticks begin at whole multiples of their length on the monotonic clock, which TSval counts
        let guess = self.ticks.ns_into_tick % 1_000_000;
        self.clock = MsClock::estimate(&stamps, Some(guess));
        if self.isn.is_none() {
            self.origin.isn = Seq(0);
        }
    }
}

/// Turns the application's events into calls; some events come in pairs.
#[derive(Default)]
struct Calls {
    /// A `send` whose outcome was not seen yet: its instant and bytes.
    send: Option<(Instant, usize)>,
    /// Bytes that wait for room: more of them are no call of their own.
    pending: usize,
    /// Bytes taken so far.
    taken: usize,
}

impl Calls {
    fn take(mut self, events: &[Event], script: &mut Script) {
        let survivors = events.iter().filter(|e| e.who == Who::Survivor);
        for event in survivors {
            if let Incident::Error { errno, how } = &event.what
                && how.starts_with("shutdown()")
            {
                fail_shutdown(script, *errno);
                continue;
            }
            if let Some(act) = self.act(event) {
                let (at, from, to) = self.window(event, &act);
                script.items.push(Item { at, from, to, act });
            }
            match event.what {
                Incident::Send { bytes } if self.pending == 0 => {
                    self.send = Some((event.at, bytes))
                }
                Incident::SendAccepted { pending, .. } => {
                    self.send = None;
                    self.pending = pending;
                }
                Incident::Error { .. } => self.send = None,
                _ => {}
            }
        }
    }

    fn act(&mut self, event: &Event) -> Option<Act> {
        Some(match &event.what {
            Incident::Connect { .. } => Act::Connect,
            Incident::Listen => Act::Listen,
            Incident::Accept => Act::Accept,
            Incident::SendAccepted { bytes, pending, .. } => {
                let from = self.taken;
                self.taken = self.taken.saturating_add(*bytes);
                Act::Send {
                    from,
                    offered: bytes.saturating_add(*pending),
                    result: Ok(*bytes),
                }
            }
            Incident::Error { errno, how } if how.starts_with("send()") => Act::Send {
                from: self.taken,
                offered: self.send.map_or(1, |(_, bytes)| bytes),
                result: Err(*errno),
            },
            Incident::Error { errno, how } => Act::Error {
                errno: *errno,
                how: how.clone(),
            },
            Incident::Recv { bytes, .. } => Act::Recv(*bytes),
            Incident::Eof { .. } => Act::Recv(0),
            Incident::Shutdown => Act::Shutdown(None),
            Incident::Close => Act::Close,
            Incident::Kill => Act::Kill,
            Incident::Set { opt, val } => Act::Set(option(opt, val)?),
            Incident::Connected { .. } => Act::Connected,
            Incident::PostMortem {
                so_error_next,
                recv_next,
                send_next,
            } => Act::PostMortem {
                so_error: *so_error_next,
                recv: recv_next.clone(),
                send: send_next.clone(),
            },
            Incident::State { state } => Act::State(*state),
            Incident::TcpInfo(info) => Act::Info(info.clone()),
            _ => return None,
        })
    }

    /// What orders the act, and the earliest and latest instant at which it happened.
    fn window(&self, event: &Event, act: &Act) -> (Instant, Instant, Instant) {
        let t = event.at;
        let before = t.saturating_sub(ALLOWANCE);
        match (act, self.send) {
            (Act::Send { .. }, Some((sent, _))) => (sent, sent, t),
            (Act::Shutdown(_) | Act::Close | Act::Set(_), _) => (t, t, t + ALLOWANCE),
            (Act::Kill, _) => (t, t, t + EXIT_ALLOWANCE),
            (Act::Deliver(_), _) => (t, t, t),
            _ => (t, before, t),
        }
    }
}

/// The last shutdown() is told to have failed.
fn fail_shutdown(script: &mut Script, errno: Errno) {
    let last = script
        .items
        .iter_mut()
        .rev()
        .find(|i| matches!(i.act, Act::Shutdown(_)));
    if let Some(item) = last {
        item.act = Act::Shutdown(Some(errno));
    }
}

fn option(name: &str, value: &str) -> Option<SockOpt> {
    let name = OptName::from_name(name)?;
    let value = match value.parse() {
        Ok(n) => OptValue::Int(n),
        Err(_) => OptValue::Name(value.to_owned()),
    };
    Some(SockOpt { name, value })
}
