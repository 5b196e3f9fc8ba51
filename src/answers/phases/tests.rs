use super::*;
use crate::time::Jiffies;

#[test]
fn a_period_is_what_the_longest_timer_is_rounded_to() {
    // (HZ, longest wait in ms, ticks of the period): levels of the wheel begin at 63, 504, 4032, 32256 ticks
    for (hz, longest_ms, period) in [
        (250, 200, 1),
        (250, 240, 1),
        (250, 244, 8),
        (250, 2_000, 8),
        (250, 2_008, 64),
        (250, 120_000, 512),
        (1000, 120_000, 4_096),
        (250, 7_200_000, 32_768),
    ] {
        let phases = Phases::of(Ticks::at_hz(hz), Duration::from_millis(longest_ms));
        assert_eq!(phases.len(), period * 3, "HZ {hz}, {longest_ms} ms");
        assert!(phases.are_all());
    }
}

#[test]
fn phases_differ_and_stay_inside_their_period() {
    let phases = Phases::of(Ticks::at_hz(250), Duration::from_secs(1));
    let all: Vec<_> = (0..phases.len()).map(|n| phases.nth(n)).collect();
    assert_eq!(all.len(), 24);
    for (n, ticks) in all.iter().enumerate() {
        assert!(ticks.ns_into_tick < ticks.tick_ns && ticks.jiffies_at_t0 < Jiffies(8));
        assert!(!all[..n].contains(ticks), "phase {n} stands twice");
    }
}

#[test]
fn more_phases_than_can_be_run_are_an_even_choice_that_says_so() {
    let phases = Phases::of(Ticks::at_hz(1000), Duration::from_secs(7_200));
    assert!(!phases.are_all());
    assert_eq!(phases.len(), MOST_WHEEL_PHASES * 3);
    assert_eq!(phases.nth(3).jiffies_at_t0, Jiffies(8));
}

#[test]
fn without_a_wheel_only_the_tick_has_phases() {
    let phases = Phases::of(Ticks::none(), Duration::from_secs(120));
    assert_eq!(phases.len(), 3);
}
