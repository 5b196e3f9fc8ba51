//! Worked rows of the timer wheel: levels, granularities, and measured repetitions.

use super::*;

/// (delta in ticks, level, granularity in ticks): fact sheet 2.2.
const LEVELS: [(u64, u32, u64); 9] = [
    (1, 0, 1),
    (62, 0, 1),
    (63, 1, 8),
    (503, 1, 8),
    (504, 2, 64),
    (4031, 2, 64),
    (4032, 3, 512),
    (32255, 3, 512),
    (32256, 4, 4096),
];

#[test]
fn a_timer_is_one_to_8n_ticks_late_and_aligned() {
    let ticks = Ticks::default();
    for (delta, level, granularity) in LEVELS {
        for now in [0, 1, 511, 4_295_856_716].map(Jiffies) {
            let asked = now + TickSpan(delta);
            let (fires, n) = ticks.fires_at(now, asked);
            assert_eq!(
                (n, ticks.level_of(TickSpan(delta))),
                (level, level),
                "delta {delta}"
            );
            assert_eq!(fires.0 % granularity, 0, "delta {delta} at {now}");
            let late = (fires - asked).0;
            assert!(
                (1..=granularity).contains(&late),
                "delta {delta} at {now}: {late} late"
            );
        }
    }
}

#[test]
fn a_120_s_timer_repeats_every_120_832_ms() {
    let ticks = Ticks::default();
    let (first, _) = ticks.fires_at(Jiffies(1000), Jiffies(31_000));
    let (second, _) = ticks.fires_at(first, first + TickSpan(30_000));
    assert_eq!(ticks.to_us(second - first), 120_832_000);
}

#[test]
fn a_tick_starts_where_its_phase_says() {
    let ticks = Ticks {
        jiffies_at_t0: Jiffies(4_295_856_716),
        ns_into_tick: 1_719_031,
        ..Ticks::default()
    };
    assert_eq!(ticks.jiffies(Instant::ZERO), Jiffies(4_295_856_716));
    let next = ticks.start_of(Jiffies(4_295_856_717));
    assert_eq!(next, Instant::from_ns(2_280_969));
    assert_eq!(ticks.jiffies(next), Jiffies(4_295_856_717));
    assert_eq!(
        ticks.jiffies(Instant::from_ns(2_280_968)),
        Jiffies(4_295_856_716)
    );
}

#[test]
fn without_a_wheel_a_timer_fires_when_it_was_asked_to() {
    let ticks = Ticks::none();
    let asked = Jiffies(200_005);
    assert_eq!(ticks.fires_at(Jiffies(5), asked), (asked, 0));
    assert_eq!(ticks.level_of(TickSpan(200_000)), 0);
}
