//! The wheel against an ordered set: the same deadlines, the same sleepers, whatever is asked of it.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::engine::clock::now::Now;

fn now_at(ticks: &Ticks, at: Instant) -> Now {
    Now::read(at, ticks, 0)
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Sleeper, ticks from now.
    Arm(u32, u64),
    /// Sleeper, ns from now.
    Fine(u32, u64),
    Disarm(u32),
    /// Time passes, ns; what is due is taken.
    Pass(u64),
    /// Time passes, ns; what is due is left where it is.
    Oversleep(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let delta = prop_oneof![
        0..70_u64,
        0..600_u64,
        0..40_000_u64,
        0..40_000_000_u64,
        0..u64::from(u32::MAX)
    ];
    let ns = prop_oneof![
        1..3_000_000_u64,
        1..3_000_000_000_u64,
        1..10_000_000_000_000_u64
    ];
    prop_oneof![
        6 => (0..12_u32, delta).prop_map(|(who, d)| Step::Arm(who, d)),
        1 => (0..12_u32, ns.clone()).prop_map(|(who, ns)| Step::Fine(who, ns)),
        1 => (0..12_u32).prop_map(Step::Disarm),
        3 => ns.clone().prop_map(Step::Pass),
        1 => ns.prop_map(Step::Oversleep),
    ]
}

fn ticks() -> impl Strategy<Value = Ticks> {
    let rate = prop_oneof![
        Just(Ticks::at_hz(250)),
        Just(Ticks::at_hz(1_000)),
        Just(Ticks {
            wheel: false,
            ..Ticks::at_hz(100)
        }),
        Just(Ticks::none()),
    ];
    (rate, 0..5_000_000_000_u64, 0..1_000_000_u64).prop_map(|(ticks, jiffies, phase)| Ticks {
        jiffies_at_t0: Jiffies(jiffies),
        ns_into_tick: phase % ticks.tick_ns,
        ..ticks
    })
}

/// The same by an ordered set.
#[derive(Default)]
struct Model(BTreeSet<(Instant, u32)>);

impl Model {
    fn disarm(&mut self, who: u32) {
        self.0.retain(|(_, w)| *w != who);
    }

    fn arm(&mut self, who: u32, at: Instant) {
        self.disarm(who);
        self.0.insert((at, who));
    }
}

proptest! {
    #![proptest_config(proptest::test_runner::Config::with_failure_persistence(proptest::test_runner::FileFailurePersistence::WithSource("regressions")))]
    #[test]
    fn deadlines_are_those_of_an_ordered_set(ticks in ticks(), steps in prop::collection::vec(step(), 1..200)) {
        let (mut wheel, mut model) = (Wheel::new(ticks), Model::default());
        let mut at = Instant::ZERO;
        for step in steps {
            match step {
                Step::Arm(who, delta) => {
                    let now = now_at(&ticks, at);
                    let armed = Armed::after(&ticks, now, TickSpan(delta), None);
                    wheel.arm(now.j, who, Alarm::Tick(armed));
                    model.arm(who, armed.instant(&ticks));
                }
                Step::Fine(who, ns) => {
                    let then = Instant::from_ns(at.ns() + ns);
                    wheel.arm(ticks.jiffies(at), who, Alarm::At(then));
                    model.arm(who, then);
                }
                Step::Disarm(who) => {
                    wheel.disarm(who);
                    model.disarm(who);
                }
                Step::Oversleep(ns) => at = Instant::from_ns(at.ns() + ns),
                Step::Pass(ns) => {
                    at = Instant::from_ns(at.ns() + ns);
                    while let Some(who) = wheel.pop_due(at) {
                        let first = model.0.first().copied();
                        let same = model.0.iter().find(|(_, w)| *w == who).copied();
                        prop_assert_eq!(same.map(|s| s.0), first.map(|f| f.0));
                        model.disarm(who);
                    }
                    prop_assert!(model.0.first().is_none_or(|(next, _)| *next > at));
                }
            }
            prop_assert_eq!(wheel.next(), model.0.first().map(|(next, _)| *next));
            prop_assert_eq!(wheel.len(), model.0.len());
            for (when, who) in &model.0 {
                prop_assert_eq!(wheel.alarm(*who), Some(*when));
            }
        }
    }
}

#[test]
fn in_a_tick_the_upper_levels_go_first_and_the_last_armed_before_the_others() {
    let ticks = Ticks::default();
    let mut wheel = Wheel::new(ticks);
    let now = now_at(&ticks, Instant::ZERO);
    let of_level_1 = Armed::after(&ticks, now, TickSpan(119), None);
    assert_eq!((of_level_1.fires(), of_level_1.level()), (Jiffies(120), 1));
    wheel.arm(Jiffies(0), 1, Alarm::Tick(of_level_1));
    let later = now_at(&ticks, ticks.start_of(Jiffies(100)));
    for who in [2, 3] {
        let of_level_0 = Armed::after(&ticks, later, TickSpan(19), None);
        assert_eq!((of_level_0.fires(), of_level_0.level()), (Jiffies(120), 0));
        wheel.arm(Jiffies(100), who, Alarm::Tick(of_level_0));
    }
    wheel.arm(Jiffies(100), 4, Alarm::At(ticks.start_of(Jiffies(120))));
    assert_eq!(wheel.pop_due(Instant::from_ms(479)), None);
    let order: Vec<u32> = std::iter::from_fn(|| wheel.pop_due(Instant::from_ms(480))).collect();
    assert_eq!(order, [1, 3, 2, 4]);
}

#[test]
fn armed_anew_for_the_same_tick_a_timer_keeps_its_place() {
    let ticks = Ticks::default();
    let mut wheel = Wheel::new(ticks);
    let armed = Armed::after(&ticks, now_at(&ticks, Instant::ZERO), TickSpan(10), None);
    for who in [1, 2, 1] {
        wheel.arm(Jiffies(0), who, Alarm::Tick(armed));
    }
    let due = armed.instant(&ticks);
    assert_eq!((wheel.pop_due(due), wheel.pop_due(due)), (Some(2), Some(1)));
}
