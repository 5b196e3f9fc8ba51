//! A machine that does what a recording shows, when the same things are done to it.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::call::{Addr, Call, Errno, Outcome, Readiness, SocketId, TcpInfo, TcpState};
use crate::compare::replay::host::Setup;
use crate::compare::replay::machine::Machine;
use crate::compare::replay::script::{Act, Item, Script};
use crate::compare::timing::ALLOWANCE;
use crate::time::{Instant, Ticks};
use crate::trace::{Dir, Incident, Trace};
use crate::wire::{Datagram, Segment, Seq};

/// What makes the player go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trigger {
    /// Item so-and-so of the script was done.
    Item(usize),
    /// A timer of this tick.
    Tick(Instant),
}

/// What happens then.
#[derive(Clone, Debug)]
enum Deed {
    Send(Datagram),
    CanWrite,
    CanRead,
    Fails(String),
    Vanish,
}

#[derive(Clone)]
pub(super) struct Player {
    items: Rc<Vec<Item>>,
    /// In the recording's order.
    deeds: Rc<Vec<(Trigger, Deed)>>,
    next: usize,
    /// Items with an effect that are not done, first to last.
    doing: VecDeque<usize>,
    outcomes: VecDeque<Outcome>,
    out: VecDeque<Datagram>,
    ready: Readiness,
    is_gone: bool,
}

/// Acts that something may follow from.
fn acts(item: &Item) -> bool {
    !matches!(
        item.act,
        Act::Connected
            | Act::Error { .. }
            | Act::PostMortem { .. }
            | Act::State(_)
            | Act::Info(_)
            | Act::Accept
    )
}

fn trigger(items: &[Item], at: Instant, ticks: &Ticks, like: impl Fn(&Item) -> bool) -> Trigger {
    let caused = |i: &Item| {
        acts(i) && like(i) && i.from <= at && at <= i.to + ALLOWANCE && i.at <= at + ALLOWANCE
    };
    let last = items.iter().rposition(caused);
    last.map_or(
        Trigger::Tick(ticks.start_of(ticks.jiffies(at))),
        Trigger::Item,
    )
}

fn is_arrival(item: &Item) -> bool {
    matches!(item.act, Act::Deliver(_))
}

impl Player {
    pub(super) fn new(trace: &Trace, script: &Script, setup: &Setup) -> Player {
        let ticks = &script.ticks;
        let items = Rc::new(script.items.clone());
        let mut deeds: Vec<(Instant, Trigger, Deed)> = Vec::new();
        for p in trace.packets.iter().filter(|p| p.dir == Dir::Out) {
            let datagram = Datagram::parse(&p.bytes).expect("recorded");
            let tsval = datagram
                .segment()
                .and_then(Segment::timestamps)
                .map(|t| t.tsval);
            // nothing sends a packet whose TSval is older than itself
            let in_time = |i: &Item| match (script.clock, tsval) {
                (Some(clock), Some(tsval)) => !Seq(tsval).before(Seq(clock.value(i.from))),
                _ => true,
            };
            let sends = |i: &Item| !matches!(i.act, Act::Recv(_)) && in_time(i);
            let trigger = trigger(&items, p.at, ticks, sends);
            deeds.push((p.at, trigger, Deed::Send(datagram)));
        }
        for item in items.iter() {
            let deed = match &item.act {
                Act::Connected => Deed::CanWrite,
                Act::Recv(_) => Deed::CanRead,
                Act::Error { how, .. } => Deed::Fails(how.clone()),
                Act::State(TcpState::Closed) => Deed::Vanish,
                _ => continue,
            };
            deeds.push((item.at, trigger(&items, item.at, ticks, is_arrival), deed));
        }
        deeds.sort_by_key(|d| d.0);
        let outcomes = items.iter().flat_map(|i| outcomes(&i.act, setup)).collect();
        Player {
            doing: (0..items.len()).filter(|i| acts(&items[*i])).collect(),
            items,
            deeds: Rc::new(deeds.into_iter().map(|(_, t, d)| (t, d)).collect()),
            next: 0,
            outcomes,
            out: VecDeque::new(),
            ready: Readiness::default(),
            is_gone: false,
        }
    }

    fn done(&mut self, like: impl Fn(&Act) -> bool) {
        let Some(n) = self.doing.iter().position(|i| like(&self.items[*i].act)) else {
            return;
        };
        let index = self.doing.remove(n).expect("found");
        let deeds = self.deeds.clone();
        for (_, deed) in deeds.iter().filter(|(t, _)| *t == Trigger::Item(index)) {
            self.deed(deed);
        }
    }

    fn deed(&mut self, deed: &Deed) {
        match deed {
            Deed::Send(datagram) => self.out.push_back(datagram.clone()),
            Deed::Vanish => self.is_gone = true,
            Deed::CanWrite => self.ready.writable = true,
            Deed::CanRead => self.ready.readable = true,
            Deed::Fails(how) => {
                self.ready = Readiness {
                    readable: how.contains("POLLIN"),
                    writable: how.contains("POLLOUT"),
                    error: how.contains("POLLERR"),
                    hangup: how.contains("POLLHUP"),
                }
            }
        }
    }

    fn next_timer(&self) -> Option<(usize, Instant)> {
        let timers = self.deeds.iter().enumerate().skip(self.next);
        timers
            .filter_map(|(n, (t, _))| match t {
                Trigger::Tick(at) => Some((n, *at)),
                Trigger::Item(_) => None,
            })
            .next()
    }
}

/// What the calls of an act return.
fn outcomes(act: &Act, setup: &Setup) -> Vec<Outcome> {
    let failed = |name: &String| match name.as_str() {
        "EOF" => Outcome::Data(Vec::new()),
        name => Outcome::Failed(Errno::from_name(name).expect("a name")),
    };
    let open = |last| {
        let mut all = vec![Outcome::Socket(SocketId(1))];
        all.extend(setup.sockopt.iter().map(|_| Outcome::Done));
        all.extend([Outcome::Done, last]);
        all
    };
    match act {
        Act::Connect => open(Outcome::InProgress),
        Act::Listen => open(Outcome::Done),
        Act::Accept => vec![Outcome::Socket(SocketId(2))],
        Act::Send { result: Ok(n), .. } => vec![Outcome::Bytes(*n)],
        Act::Send { result: Err(e), .. } => vec![Outcome::Failed(*e)],
        Act::Recv(n) => vec![Outcome::Data(vec![0; *n])],
        Act::Connected => vec![Outcome::SoError(None)],
        Act::Error { errno, how } if how.ends_with("recv()") => vec![Outcome::Failed(*errno)],
        Act::Error { errno, .. } => vec![Outcome::SoError(Some(*errno))],
        Act::PostMortem {
            so_error,
            recv,
            send,
        } => vec![Outcome::SoError(*so_error), failed(recv), failed(send)],
        Act::Deliver(_) | Act::State(_) | Act::Info(_) => Vec::new(),
        Act::Shutdown(_) | Act::Close | Act::Kill | Act::Set(_) => vec![Outcome::Done],
    }
}

impl Machine for Player {
    fn deliver(&mut self, _: Instant, datagram: &Datagram) {
        self.done(|a| matches!(a, Act::Deliver(d) if **d == *datagram));
    }

    fn fire(&mut self, _: Instant) {
        let Some((mut n, due)) = self.next_timer() else {
            return;
        };
        let deeds = self.deeds.clone();
        while let Some((trigger, deed)) = deeds.get(n) {
            match trigger {
                Trigger::Tick(at) if *at == due => self.deed(deed),
                Trigger::Tick(_) => break,
                Trigger::Item(_) => {}
            }
            n += 1;
        }
        self.next = n;
    }

    fn call(&mut self, _: Instant, call: Call) -> Outcome {
        let outcome = self
            .outcomes
            .pop_front()
            .unwrap_or(Outcome::Failed(Errno::EINVAL));
        match call {
            Call::Connect(..) => self.done(|a| *a == Act::Connect),
            Call::Listen(..) => self.done(|a| *a == Act::Listen),
            Call::Send(..) => self.done(|a| matches!(a, Act::Send { .. })),
            Call::Recv(..) => {
                self.ready.readable = false;
                self.done(|a| matches!(a, Act::Recv(_)));
            }
            Call::ShutdownWrite(_) => self.done(|a| matches!(a, Act::Shutdown(_))),
            Call::Close(_) => self.done(|a| *a == Act::Close),
            Call::Kill => self.done(|a| *a == Act::Kill),
            Call::SoError(_) => self.ready.error = false,
            _ => {}
        }
        outcome
    }

    fn transmit(&mut self, _: Instant) -> Option<(Datagram, String)> {
        self.out.pop_front().map(|d| (d, "as recorded".to_owned()))
    }

    fn note(&mut self) -> Option<(Instant, Incident)> {
        None
    }

    fn deadline(&self) -> Option<Instant> {
        self.next_timer().map(|(_, at)| at)
    }

    fn readiness(&self, _: SocketId) -> Readiness {
        self.ready
    }

    /// The recorded line of this instant; else the state that is seen before anything else happens.
    fn info(&self, now: Instant, _: Addr, _: Addr) -> Option<TcpInfo> {
        let line = self.items.iter().find_map(|i| match &i.act {
            Act::Info(info) if i.at == now => Some((**info).clone()),
            _ => None,
        });
        let next = self.doing.front().map(|i| self.items[*i].at);
        let until = next.into_iter().chain(self.deadline()).min();
        let seen = |i: &&Item| until.is_none_or(|u| i.at < u) || i.at <= now;
        let state = self
            .items
            .iter()
            .filter(seen)
            .rev()
            .find_map(|i| match i.act {
                Act::State(state) if state != TcpState::Closed => Some(state),
                _ => None,
            });
        line.or_else(|| {
            let state = state.filter(|_| !self.is_gone)?;
            Some(TcpInfo {
                state,
                ..TcpInfo::default()
            })
        })
    }
}
