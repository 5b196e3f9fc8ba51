//! One path through a recording: an engine, how far it has come, and what differed so far.

use std::rc::Rc;
use std::time::Duration;

use crate::call::{Errno, TcpState};
use crate::compare::fields::{FieldDifference, LabelChanges};

use crate::compare::replay::host::{Host, Setup};
use crate::compare::replay::machine::Machine;
use crate::compare::replay::noticed::{Entered, Owed};
use crate::compare::replay::script::{Act, Item, Recorded, Script};
use crate::compare::replay::sent::{Sent, packet_place};
use crate::compare::timing::Cause;
use crate::compare::verdict::{Class, Difference};
use crate::time::Instant;
use crate::trace::Incident;
use crate::wire::{Datagram, Seq};

/// A step that can be taken next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Call the engine at its deadline now.
    Fire(Instant),
    /// Assume that the deadline is served later than this, because the kernel was a tick late.
    Hold(Instant),
    /// Execute item `.0` at this instant.
    Do(usize, Instant),
}

/// How strict a path is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// A TCP_INFO line that differs ends the path.
    pub(crate) info_must_match: bool,
    /// The path may also assume that the tick itself came late.
    pub(crate) late_ticks: bool,
    /// The path continues after differences.
    pub(crate) go_on: bool,
}

/// The path so far.
#[derive(Clone)]
pub(crate) struct Play<'a, M> {
    pub(crate) script: &'a Script,
    pub(crate) setup: &'a Setup,
    pub(crate) rules: Rules,
    pub(crate) host: Host<M>,
    pub(crate) now: Instant,
    /// The first item that is not done, and those after it that are done.
    pub(crate) next: usize,
    ahead: Vec<usize>,
    /// The next recorded packet.
    pub(crate) packet: usize,
    labels: LabelChanges,
    /// Packets before the first that differs, once one does.
    good: Option<usize>,
    /// A deadline, and when it is served at the earliest.
    pub(crate) hold: Option<(Instant, Instant)>,
    pub(crate) sent: Vec<Rc<Sent>>,
    pub(crate) notes: Vec<Rc<(Instant, Incident)>>,
    pub(crate) differences: Vec<Difference>,
    /// How many of them are taken as they are.
    accepted: usize,
    pub(crate) seen: Seen,
    /// The errors that the engine's calls told, and how.
    pub(crate) errors: Vec<(Instant, Errno, String)>,
    pub(super) states: Vec<Entered>,
    pub(super) owed: Owed,
    pub(super) is_connected: bool,
    pub(super) is_dead: bool,
    pub(super) at_end: bool,
    /// Whether a tick began between the engine's last instant and the stamp of what it then sent.
    pub(super) straddled: bool,
    is_over: bool,
    /// Firings since the clock last moved.
    still: u32,
    /// All firings.
    firings: usize,
}

/// What was compared besides packets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) application: usize,
    pub(crate) info_lines: usize,
    pub(crate) info_differing: usize,
    pub(crate) late: usize,
}

/// How many recorded packets a way that goes on at differences looks ahead for the one that the engine sent.
const LOOKAHEAD: usize = 8;

/// An engine whose timers fire so often without time going on never comes to an end.
const MOST_FIRINGS_AT_ONCE: u32 = 1_000;

/// So many firings of timers are enough for any recording, and so many more for each of its packets and events: most of
/// them send a packet or are armed by one.
const MOST_FIRINGS: usize = 1_000;
const MOST_FIRINGS_EACH: usize = 8;

impl<'a, M: Machine> Play<'a, M> {
    pub(crate) fn new(script: &'a Script, setup: &'a Setup, machine: M, rules: Rules) -> Self {
        Play {
            script,
            setup,
            rules,
            host: Host::new(machine),
            now: Instant::ZERO,
            next: 0,
            ahead: Vec::new(),
            labels: LabelChanges::default(),
            packet: 0,
            good: None,
            hold: None,
            sent: Vec::new(),
            notes: Vec::new(),
            differences: Vec::new(),
            accepted: 0,
            seen: Seen::default(),
            errors: Vec::new(),
            states: Vec::new(),
            owed: Owed::default(),
            is_connected: false,
            is_dead: false,
            at_end: false,
            straddled: false,
            is_over: false,
            still: 0,
            firings: 0,
        }
    }

    pub(crate) fn tick(&self) -> Duration {
        Duration::from_nanos(self.script.ticks.tick_ns)
    }

    /// Whether this way has ended at a difference.
    pub(crate) fn has_failed(&self) -> bool {
        let ends = |d: &Difference| d.class != Class::TcpInfo || self.rules.info_must_match;
        !self.rules.go_on && self.differences[self.accepted..].iter().any(ends)
    }

    /// Takes the differences so far as they are: the way goes on behind them.
    pub(crate) fn accept(&mut self) {
        self.accepted = self.differences.len();
        self.good = None;
    }

    /// Items not done yet, in order.
    pub(crate) fn items_left(&self) -> impl Iterator<Item = usize> + '_ {
        (self.next..self.script.items.len()).filter(|i| !self.ahead.contains(i))
    }

    /// Takes a step that [`Play::choices`] offered.
    pub(crate) fn take(&mut self, choice: Choice) {
        match choice {
            Choice::Hold(until) => {
                let due = self.host.m.deadline().unwrap_or(until);
                self.hold = Some((due, until));
            }
            Choice::Fire(at) => self.fire(at),
            Choice::Do(index, at) => self.act(index, at),
        }
    }

    fn fire(&mut self, at: Instant) {
        let due = self.host.m.deadline().unwrap_or(at);
        self.arrive(at.min(due.max(self.now)), at);
        self.host.m.fire(at);
        self.hold = None;
        self.still += 1;
        self.firings += 1;
        if self.still > MOST_FIRINGS_AT_ONCE {
            self.give_up(at, "its deadline stays in the past");
        } else if self.firings > self.most_firings() {
            self.give_up(
                at,
                "its timers fire far more often than anything is recorded",
            );
        }
        let (sent, ticks) = (self.sent.len(), &self.script.ticks);
        let late = ticks.jiffies(at) > ticks.jiffies(due);
        self.drain(Cause::Timer(due));
        // those that send something are counted by their packets
        self.seen.late += usize::from(late && sent == self.sent.len());
    }

    fn most_firings(&self) -> usize {
        let recorded = self.script.items.len() + self.script.packets.len();
        MOST_FIRINGS + MOST_FIRINGS_EACH * recorded
    }

    /// Ends this way: the engine would never come to the end of the recording.
    fn give_up(&mut self, at: Instant, why: &str) {
        let stuck = Difference::new(Class::Time, "deadline", "engine".to_owned(), at);
        self.differences.push(stuck.because(why));
        self.is_over = true;
        self.next = self.script.items.len();
    }

    fn act(&mut self, index: usize, at: Instant) {
        let item = &self.script.items[index];
        self.arrive(item.from.max(self.now).min(at), at);
        if index == self.next {
            self.next += 1;
            while let Some(n) = self.ahead.iter().position(|i| *i == self.next) {
                self.ahead.swap_remove(n);
                self.next += 1;
            }
        } else {
            self.ahead.push(index);
        }
        self.see(item);
        match item.act {
            Act::State(_) | Act::Info(_) => return,
            _ => {}
        }
        let found = self.host.perform(at, &item.act, self.setup);
        if !matches!(item.act, Act::Deliver(_)) {
            self.seen.application += 1;
        }
        self.application(item, found);
        let how = match &item.act {
            Act::Error { how, .. } => Some(how.as_str()),
            Act::Send { result: Err(_), .. } => Some("send() on a dead socket"),
            _ => None,
        };
        if let (Some(how), Some(errno)) = (how, self.host.told) {
            self.errors.push((at, errno, how.to_owned()));
        }
        self.drain(Cause::Stimulus {
            from: item.from,
            to: item.to,
        });
    }

    /// Time goes on to `at`; what must have been seen before `from` and was not is missing.
    fn arrive(&mut self, from: Instant, at: Instant) {
        if at > self.now {
            self.still = 0;
        }
        self.now = self.now.max(at);
        while let Some(missed) = self.script.packets.get(self.packet).filter(|p| p.at < from) {
            let place = packet_place(self.packet, &missed.fields);
            let gone = Difference::new(Class::Missing, "packet", place, missed.at);
            self.differences
                .push(gone.because("the engine sends nothing by then"));
            self.packet += 1;
        }
    }

    /// The end of the recording: what was recorded and not sent is missing.
    pub(crate) fn finish(&mut self) {
        let end = self.script.end + Duration::from_nanos(1);
        self.overdue(end);
        self.arrive(end, end);
        self.is_over = true;
    }

    /// How far this way came: recorded packets before the first that differs, and items done.
    pub(crate) fn progress(&self) -> (usize, usize) {
        (self.good.unwrap_or(self.packet), self.next)
    }

    /// Whether the recording has been played to its end.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    fn application(&mut self, item: &Item, found: Vec<FieldDifference>) {
        for d in found {
            let place = format!("application at {:.6} s", item.at.secs_f64());
            let d = Difference::new(Class::Application, d.field, place, item.at)
                .values(d.left, d.right);
            self.differences.push(d);
        }
    }

    /// Takes what the engine sends and says, and sees what it changed.
    fn drain(&mut self, cause: Cause) {
        let before = self.sent.len();
        while let Some((datagram, text)) = self.host.m.transmit(self.now) {
            // as it stands on the wire, with its options padded
            let datagram = Datagram::parse(&datagram.emit()).unwrap_or(datagram);
            let mut fields = self.script.origin.relative(&datagram);
            fields.label_changes = self.labels.take(&datagram);
            let sent = Sent {
                at: self.now,
                fields,
                datagram,
                text,
                cause,
            };
            self.check(&sent);
            self.sent.push(Rc::new(sent));
        }
        self.straddled = self.sent.len() > before && self.straddles();
        while let Some(note) = self.host.m.note() {
            self.notes.push(Rc::new(note));
        }
        self.look(cause);
    }

    fn straddles(&self) -> bool {
        let packets = &self.script.packets;
        let last = self.packet.checked_sub(1).and_then(|n| packets.get(n));
        let tick = |at| self.script.ticks.jiffies(at);
        last.is_some_and(|p| tick(p.at) != tick(self.now))
    }

    fn check(&mut self, sent: &Sent) {
        let index = match self.accepted {
            0 => Some(self.packet),
            _ => self.counterpart(sent),
        };
        let recorded = index.and_then(|i| self.script.packets.get(i).map(|p| (i, p)));
        let Some((index, recorded)) = recorded else {
            let place = packet_place(self.packet, &sent.fields);
            let extra = Difference::new(Class::Extra, "packet", place, sent.at);
            self.differences.push(extra.because(&sent.text));
            self.good.get_or_insert(self.packet);
            return;
        };
        self.packet = index + 1;
        let place = packet_place(index, &recorded.fields);
        let (found, _) = sent.held_against(recorded, place, self.script);
        if !found.is_empty() {
            self.good.get_or_insert(index);
        }
        self.differences.extend(found);
    }

    /// The next recorded packet that is this one, among the few that come next and soon.
    fn counterpart(&self, sent: &Sent) -> Option<usize> {
        let soon = sent.cause.latest(&self.script.ticks) + self.tick();
        let next = (self.packet..self.script.packets.len()).take(LOOKAHEAD);
        let mut next = next.filter(|i| self.script.packets[*i].at <= soon);
        let is = |i: &usize| {
            let (a, b) = (&sent.fields, &self.script.packets[*i].fields);
            a.seq == b.seq && a.len() == b.len()
        };
        next.find(is)
    }

    /// The states that the engine went through, with their instants.
    pub(crate) fn states(&self) -> impl Iterator<Item = (Instant, TcpState)> + '_ {
        self.states.iter().map(|s| (s.at, s.state))
    }

    /// The recorded packet that is next, if it lies between these instants: its instant and TSval.
    pub(crate) fn recorded(&self, from: Instant, to: Instant) -> Option<(Instant, Option<u32>)> {
        let next = self.script.packets.get(self.packet)?;
        let tsval = next.fields.tsval();
        let tsval = tsval.map(|t| t.wrapping_add(self.script.origin.tsval));
        (from..=to).contains(&next.at).then_some((next.at, tsval))
    }

    /// The first packet still to come, up to `to`, that carries bytes of the stream from `offset` on: whoever wrote
    /// them had done so by then.
    pub(crate) fn carries(&self, offset: usize, to: Instant) -> Option<Instant> {
        let left = self.script.packets.get(self.packet..)?;
        let soon = left.iter().take_while(|p| p.at <= to);
        // the first byte of the stream has the relative number 1
        let beyond = |p: &&Recorded| {
            let end = p.fields.seq as usize + p.fields.payload.len();
            !p.fields.payload.is_empty() && end > offset + 1
        };
        soon.into_iter().find(beyond).map(|p| p.at)
    }

    /// The instant from `from` to `to`, as late as can be, at which the TSval clock shows `tsval`.
    pub(crate) fn when(&self, from: Instant, to: Instant, tsval: Option<u32>) -> Instant {
        let (Some(clock), Some(tsval)) = (self.script.clock, tsval) else {
            return to;
        };
        let next = clock.start_of(tsval.wrapping_add(1), to);
        match Seq(tsval).before(Seq(clock.value(to))) {
            true => next.saturating_sub(Duration::from_nanos(1)).max(from),
            false => to,
        }
    }
}
