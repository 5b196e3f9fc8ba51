//! Arming a timer anew while many are pending: the engine's wheel, and what else there is.

use std::collections::BTreeSet;
use std::time::Duration;

use halfopen::engine::{Alarm, Armed, Wheel};
use halfopen::time::{Jiffies, Ticks};
use hierarchical_hash_wheel_timer::wheels::cancellable::{
    CancellableTimerEntry, QuadWheelWithOverflow,
};
use orx_priority_queue::{PriorityQueue, PriorityQueueDecKey, QuaternaryHeapOfIndices};

use super::{Clock, of_five};
use crate::measure::{Outcome, Settings};

const PENDING: [u32; 2] = [1_000, 1_000_000];
const REARMS: u32 = 2_000_000;

/// What is to be done: who is armed anew, and for how many ticks. A third of them delayed ACKs, a third RTOs, a third
/// keepalive, at HZ 250; time passes, a tick every thousand times.
struct Script(Vec<(u32, u64)>);

impl Script {
    fn new(pending: u32, rearms: u32) -> Script {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut draw = || {
            // xorshift: which numbers does not matter
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let one = |_| {
            let who = (draw() % u64::from(pending)) as u32;
            let delta = match draw() % 3 {
                0 => 10 + draw() % 40,
                1 => 50 + draw() % 500,
                _ => 1_800_000 + draw() % 1_000,
            };
            (who, delta)
        };
        Script((0..rearms).map(one).collect())
    }

    /// Nanoseconds of one; `arm` gets the present tick, who, and the tick asked for, and tells how many it armed: those
    /// that were due are armed anew too.
    fn play(&self, from: u64, mut arm: impl FnMut(u64, u32, u64) -> u64) -> f64 {
        let began = Clock::now();
        let mut armed = 0;
        for (n, (who, delta)) in self.0.iter().enumerate() {
            let now = from + n as u64 / 1_000;
            armed += arm(now, *who, now + delta);
        }
        began.elapsed().as_nanos() as f64 / armed as f64
    }
}

fn ours(settings: Settings, script: &Script, pending: u32) -> Outcome<f64> {
    let ticks = Ticks::default();
    let mut wheel = Wheel::new(ticks);
    for who in 0..pending {
        let expires = Jiffies(1_800_000 + u64::from(who) % 1_000);
        let armed = Armed::new(&ticks, Jiffies(0), expires);
        wheel.arm(Jiffies(0), who, Alarm::Tick(armed));
    }
    let mut from = 0;
    of_five(settings, || {
        let ns = script.play(from, |now, who, expires| {
            let mut arms = 1;
            let armed = |expires| Alarm::Tick(Armed::new(&ticks, Jiffies(now), Jiffies(expires)));
            wheel.arm(Jiffies(now), who, armed(expires));
            // as after each packet: is something due?
            let at = ticks.start_of(Jiffies(now));
            if wheel.next().is_some_and(|next| next <= at) {
                while let Some(due) = wheel.pop_due(at) {
                    arms += 1;
                    wheel.arm(Jiffies(now), due, armed(now + 1_800_000));
                }
            }
            arms
        });
        from += script.0.len() as u64 / 1_000;
        Ok(ns)
    })
}

fn ordered_set(settings: Settings, script: &Script, pending: u32) -> Outcome<f64> {
    let mut when: Vec<u64> = (0..pending)
        .map(|who| 1_800_000 + u64::from(who) % 1_000)
        .collect();
    let mut set: BTreeSet<(u64, u32)> = when.iter().zip(0..).map(|(at, who)| (*at, who)).collect();
    let mut from = 0;
    of_five(settings, || {
        let ns = script.play(from, |now, who, expires| {
            let mut arms = 1;
            set.remove(&(when[who as usize], who));
            when[who as usize] = expires;
            set.insert((expires, who));
            while let Some((at, due)) = set.first().copied().filter(|(at, _)| *at <= now) {
                set.remove(&(at, due));
                when[due as usize] = now + 1_800_000;
                set.insert((now + 1_800_000, due));
                arms += 1;
            }
            arms
        });
        from += script.0.len() as u64 / 1_000;
        Ok(ns)
    })
}

fn heap(settings: Settings, script: &Script, pending: u32) -> Outcome<f64> {
    let mut heap = QuaternaryHeapOfIndices::<usize, u64>::with_index_bound(pending as usize);
    for who in 0..pending {
        heap.push(who as usize, 1_800_000 + u64::from(who) % 1_000);
    }
    let mut from = 0;
    of_five(settings, || {
        let ns = script.play(from, |now, who, expires| {
            let mut arms = 1;
            heap.update_key(&(who as usize), expires);
            while let Some((due, _)) = heap.peek().copied().filter(|(_, at)| *at <= now) {
                heap.update_key(&due, now + 1_800_000);
                arms += 1;
            }
            arms
        });
        from += script.0.len() as u64 / 1_000;
        Ok(ns)
    })
}

#[derive(Clone, Debug)]
struct Entry(u32, Duration);

impl CancellableTimerEntry for Entry {
    type Id = u32;
    fn id(&self) -> &u32 {
        &self.0
    }
}

impl hierarchical_hash_wheel_timer::wheels::TimerEntryWithDelay for Entry {
    fn delay(&self) -> Duration {
        self.1
    }
}

/// A millisecond a tick, as that crate has it.
fn hash_wheel(settings: Settings, script: &Script, pending: u32) -> Outcome<f64> {
    let mut wheel: QuadWheelWithOverflow<Entry> = QuadWheelWithOverflow::new();
    let entry = |who, ticks: u64| std::rc::Rc::new(Entry(who, Duration::from_millis(ticks * 4)));
    for who in 0..pending {
        let _ = wheel.insert_ref(entry(who, 1_800_000 + u64::from(who) % 1_000));
    }
    let mut then = 0;
    let mut from = 0;
    of_five(settings, || {
        let ns = script.play(from, |now, who, expires| {
            let mut arms = 1;
            let _ = wheel.cancel(&who);
            let _ = wheel.insert_ref(entry(who, expires - now));
            while then < now {
                then += 1;
                for _ in 0..4 {
                    for due in wheel.tick() {
                        let _ = wheel.insert_ref(entry(due.0, 1_800_000));
                        arms += 1;
                    }
                }
            }
            arms
        });
        from += script.0.len() as u64 / 1_000;
        Ok(ns)
    })
}

pub(crate) fn run(settings: Settings) -> Outcome<()> {
    println!(
        "  CPU time, measured, medians of 5 runs of {REARMS}, ns to arm one anew; wanted at 1000000: at most 60"
    );
    println!(
        "   pending | our wheel | BTreeSet | orx-priority-queue, 4-ary heap | hierarchical_hash_wheel_timer"
    );
    for pending in PENDING {
        let script = Script::new(pending, if settings.quick { 10_000 } else { REARMS });
        println!(
            "  {pending:>8} | {:>9.1} | {:>8.1} | {:>30.1} | {:>29.1}",
            ours(settings, &script, pending)?,
            ordered_set(settings, &script, pending)?,
            heap(settings, &script, pending)?,
            hash_wheel(settings, &script, pending)?
        );
    }
    Ok(())
}
