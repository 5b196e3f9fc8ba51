//! The possible next steps of a replay: the instants at which the kernel may have done what the recording shows only from
//! outside. The first choice is the likeliest. The others are tried when it leads to a difference.

use std::time::Duration;

use crate::compare::replay::machine::Machine;
use crate::compare::replay::play::{Choice, Play};
use crate::compare::replay::script::{Act, Item};
use crate::compare::timing::ALLOWANCE;
use crate::time::Instant;
use crate::wire::Seq;

const NS: Duration = Duration::from_nanos(1);

impl<M: Machine> Play<'_, M> {
    /// Returns the choices for the next step, or `None` at the end of the recording.
    pub(crate) fn choices(&self) -> Vec<Choice> {
        let acts = self.acts();
        let first = acts.first().map(|(_, at)| *at);
        let mut choices = Vec::new();
        let mut before = None;
        if let Some((at, firings)) = self.firings(first) {
            before = Some(at);
            if first.is_none_or(|f| at <= f) {
                choices = firings;
            }
        }
        let earlier = acts
            .into_iter()
            .filter(|(_, at)| before.is_none_or(|b| *at < b));
        choices.extend(earlier.map(|(index, at)| Choice::Do(index, at)));
        choices
    }

    /// What may be done next, and when: the first item, or what came while it, a call, was being executed.
    fn acts(&self) -> Vec<(usize, Instant)> {
        let items = &self.script.items;
        let mut left = self.items_left();
        let Some(head) = left.next() else {
            return Vec::new();
        };
        let instants = self.instants(&items[head]);
        let passive = |i: &usize| {
            let act = &items[*i].act;
            matches!(act, Act::Deliver(_) | Act::State(_) | Act::Info(_))
        };
        let meanwhile = left
            .take_while(|i| items[*i].at < instants[0])
            .find(passive)
            .map(|i| (i, items[i].at.max(self.now)));
        let of_head = instants.into_iter().map(|at| (head, at));
        match meanwhile {
            None => of_head.chain(self.read_before(head)).collect(),
            Some(first) => {
                let sooner = of_head.filter(|(_, at)| *at <= first.1);
                std::iter::once(first).chain(sooner).collect()
            }
        }
    }

    /// A read that was logged right after a packet's arrival may have been made right before it.
    fn read_before(&self, head: usize) -> Option<(usize, Instant)> {
        let items = &self.script.items;
        let arrival = matches!(items[head].act, Act::Deliver(_)).then(|| items[head].at)?;
        let next = self.items_left().nth(1)?;
        let read = matches!(items[next].act, Act::Recv(_)) && items[next].from <= arrival;
        let before = arrival.saturating_sub(NS);
        (read && before >= self.now).then_some((next, before))
    }

    fn instants(&self, item: &Item) -> Vec<Instant> {
        match item.act {
            Act::Deliver(_) => self.arrivals(item),
            Act::Connected
            | Act::Error { .. }
            | Act::PostMortem { .. }
            | Act::State(_)
            | Act::Info(_) => {
                vec![item.at.max(self.now)]
            }
            _ => self.executions(item),
        }
    }

    /// A packet is taken in at its stamp; later if what it triggers carries a later millisecond.
    fn arrivals(&self, item: &Item) -> Vec<Instant> {
        let at = item.at.max(self.now);
        let mut instants = vec![at];
        let next = self.recorded(at, item.at + ALLOWANCE);
        if let Some((recorded, tsval)) = next {
            if let (Some(clock), Some(tsval)) = (self.script.clock, tsval) {
                let starts = clock.start_of(tsval, recorded);
                if Seq(clock.value(at)).before(Seq(tsval)) && starts <= recorded {
                    instants.insert(0, starts);
                }
            }
            instants.extend(self.tick_between(at, recorded));
        }
        if self.rules.late_ticks {
            instants.extend(self.before_tick(at));
            instants.extend(self.tick_between(at, item.at + ALLOWANCE));
        }
        distinct(instants)
    }

    /// A call is executed when the packet that it triggers leaves, else when it was logged.
    fn executions(&self, item: &Item) -> Vec<Instant> {
        let from = item.from.max(self.now);
        let to = item.to.max(from);
        let triggered = self
            .recorded(from, item.to + ALLOWANCE)
            .filter(|_| self.triggers(item, from));
        let (first, other) = match triggered {
            Some((recorded, tsval)) => {
                let latest = self.when(from, recorded.min(to), tsval);
                (latest, from)
            }
            // logged before or after the call
            None if item.at < item.to => (item.at.max(from), to),
            None => (to, from),
        };
        let mut instants = vec![first];
        if let Act::Send { from: offset, .. } = item.act
            && let Some(carried) = self.carries(offset, to).filter(|at| *at > first)
        {
            instants.insert(0, carried);
        }
        if self.differ(first, other) {
            instants.push(other);
        }
        if triggered.is_some() && self.differ(first, to) {
            instants.push(to);
        }
        instants.extend(self.tick_between(from, to));
        if self.rules.late_ticks {
            instants.extend(self.before_tick(first));
        }
        distinct(instants)
    }

    /// Whether the two instants lie in different ticks or milliseconds, or something arrives between them.
    fn differ(&self, a: Instant, b: Instant) -> bool {
        let ticks = &self.script.ticks;
        let ms = |at| self.script.clock.map(|c| c.value(at));
        let (low, high) = (a.min(b), a.max(b));
        let arrives = |i: usize| {
            let item = &self.script.items[i];
            let passive = matches!(item.act, Act::Deliver(_) | Act::State(_) | Act::Info(_));
            passive && (low..=high).contains(&item.at)
        };
        let near = self.items_left().take(8).any(arrives);
        ticks.jiffies(a) != ticks.jiffies(b) || ms(a) != ms(b) || near
    }

    fn triggers(&self, item: &Item, at: Instant) -> bool {
        let mut trial = self.host.clone();
        trial.perform(at, &item.act, self.setup);
        trial.m.transmit(at).is_some()
    }

    /// When the deadline is served: the instant that decides what comes first, and the choices. None if it
    /// lies after `before` or after the end.
    fn firings(&self, before: Option<Instant>) -> Option<(Instant, Vec<Choice>)> {
        let due = self.host.m.deadline()?;
        let held = self.hold.filter(|(d, _)| *d == due).map(|(_, until)| until);
        let from = due.max(self.now).max(held.unwrap_or(due));
        if from > self.script.end || before.is_some_and(|b| from > b) {
            return None;
        }
        let latest = due + self.tick() + ALLOWANCE;
        let next_tick = due + self.tick();
        let may_hold = held.is_none() && next_tick > from;
        if !self.fires_visibly(from) {
            let mut choices = vec![Choice::Fire(from)];
            if may_hold {
                choices.push(Choice::Hold(next_tick));
            }
            return Some((from, choices));
        }
        if let Some((recorded, tsval)) = self.recorded(from, latest) {
            let at = self.when(from, recorded, tsval);
            let mut choices = vec![Choice::Fire(at)];
            // the stamp holds the recorder's lateness too: the kernel may have sent at the tick's start
            if from != at && at <= from + ALLOWANCE {
                choices.push(Choice::Fire(from));
            }
            let low = from.max(recorded.saturating_sub(ALLOWANCE));
            let ticked = self.tick_between(low, at).map(|t| t.saturating_sub(NS));
            choices.extend(ticked.map(Choice::Fire));
            return Some((at, choices));
        }
        let comes = before.is_some_and(|b| b <= latest);
        Some(match may_hold && comes {
            true => (from, vec![Choice::Hold(next_tick), Choice::Fire(from)]),
            false => (from, vec![Choice::Fire(from)]),
        })
    }

    /// Whether the engine would send something if it were told of its deadline.
    fn fires_visibly(&self, at: Instant) -> bool {
        let mut trial = self.host.m.clone();
        trial.fire(at);
        trial.transmit(at).is_some()
    }

    /// The start of a tick after `from` and not after `to`.
    fn tick_between(&self, from: Instant, to: Instant) -> Option<Instant> {
        let ticks = &self.script.ticks;
        let start = ticks.start_of(ticks.jiffies(to));
        (from < start && start <= to).then_some(start)
    }

    /// The last instant of the tick before, if `at` lies so soon after it that the tick itself may have been late.
    fn before_tick(&self, at: Instant) -> Option<Instant> {
        let start = self.tick_between(at.saturating_sub(ALLOWANCE), at)?;
        Some(start.saturating_sub(NS)).filter(|x| *x >= self.now)
    }
}

fn distinct(instants: Vec<Instant>) -> Vec<Instant> {
    let mut kept = Vec::with_capacity(instants.len());
    for at in instants {
        if !kept.contains(&at) {
            kept.push(at);
        }
    }
    kept
}
