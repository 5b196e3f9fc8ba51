//! The arithmetic of jiffies, and the real ones against what root can read.

use super::*;

const BOOT_250: u64 = (1 << 32) - 300 * 250;

#[test]
fn the_upper_part_comes_from_the_time_since_boot() {
    // HZ, ns since boot, jiffies that the kernel really counts
    for (hz, since_boot_ns, jiffies) in [
        (250, 1_356_146_685_535, BOOT_250 + 339_036 - 63),
        (250, 0, BOOT_250 + 2),
        (
            1000,
            90 * 86_400 * 1_000_000_000,
            (1 << 32) - 300_000 + 90 * 86_400_000 - 7,
        ),
        (100, 12_345_678_901, (1 << 32) - 30_000 + 1_234),
        (
            300,
            86_400 * 1_000_000_000,
            (1 << 32) - 90_000 + 86_400 * 300 - 11,
        ),
    ] {
        let low_ms = (jiffies * 1000 / hz) as u32;
        let tick_ns = 1_000_000_000 / hz;
        assert_eq!(
            full_jiffies(low_ms, since_boot_ns, tick_ns),
            Some(Jiffies(jiffies)),
            "HZ {hz}"
        );
    }
}

#[test]
fn an_age_that_is_not_that_of_jiffy_zero_is_refused() {
    assert_eq!(full_jiffies(0, 1_356_146_685_535, 4_000_000), None);
}

#[test]
fn a_run_that_starts_within_a_tick_knows_how_far() {
    let phase = TickPhase {
        tick_ns: 4_000_000,
        jiffies: Jiffies(1000),
        starts_at_ns: 40_000_000,
    };
    for (zero_ns, jiffies_at_t0, ns_into_tick) in [
        (40_000_000, 1000, 0),
        (49_500_000, 1002, 1_500_000),
        (39_999_999, 999, 3_999_999),
    ] {
        let ticks = phase.at(zero_ns);
        assert_eq!(
            (ticks.jiffies_at_t0, ticks.ns_into_tick),
            (Jiffies(jiffies_at_t0), ns_into_tick)
        );
    }
}

#[test]
fn the_least_late_sighting_wins() {
    let seen = |jiffies, starts_at_ns| TickPhase {
        tick_ns: 4_000_000,
        jiffies: Jiffies(jiffies),
        starts_at_ns,
    };
    let best = seen(10, 40_090_000).earlier(seen(13, 52_030_000));
    assert_eq!(best.earlier(seen(15, 60_400_000)), seen(13, 52_030_000));
    assert_eq!(best.aligned(), seen(13, 52_000_000));
    assert_eq!(seen(13, 53_000_000).aligned(), seen(13, 53_000_000));
}

/// `/proc/timer_list` is for root; elsewhere there is nothing to hold the reading against.
#[test]
fn jiffies_are_those_of_the_timer_list() {
    let (Ok(list), Some(phase)) = (
        std::fs::read_to_string("/proc/timer_list"),
        TickPhase::of_this_machine(),
    ) else {
        println!(
            "skipped: /proc/timer_list cannot be read, or this kernel does not tell its jiffies"
        );
        return;
    };
    let after = phase.at(monotonic_ns()).jiffies_at_t0.0;
    let number = |prefix: &str| -> Option<u64> {
        let rest = list.lines().find_map(|l| l.trim().strip_prefix(prefix))?;
        rest.split_whitespace().next()?.parse().ok()
    };
    let (Some(listed), Some(now_ns)) = (number("jiffies: "), number("now at ")) else {
        println!("skipped: /proc/timer_list has another form");
        return;
    };
    let at_header = phase.at(now_ns).jiffies_at_t0.0;
    assert!(
        (at_header..=after).contains(&listed),
        "{at_header} <= {listed} <= {after}"
    );
}
