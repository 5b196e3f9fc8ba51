use super::*;

fn us(us: u64) -> Instant {
    Instant::from_us(us)
}

#[test]
fn when_a_consequence_may_be_recorded() {
    let ticks = Ticks::default();
    let call = Cause::Stimulus {
        from: us(10_000),
        to: us(10_100),
    };
    let timer = Cause::Timer(us(40_000));
    let table = [
        (call, 9_999, Timely::Early),
        (call, 10_000, Timely::Yes),
        (call, 11_600, Timely::Yes),
        (call, 11_601, Timely::TooLate),
        (timer, 39_999, Timely::Early),
        (timer, 40_000, Timely::Yes),
        (timer, 43_999, Timely::Yes),
        (timer, 44_000, Timely::Late),
        (timer, 45_500, Timely::Late),
        (timer, 45_501, Timely::TooLate),
    ];
    for (cause, at, wanted) in table {
        assert_eq!(cause.judge(us(at), &ticks), wanted, "{cause:?} at {at} us");
    }
}

#[test]
fn the_clock_counts_milliseconds_from_its_phase() {
    let clock = MsClock {
        ns_into_ms: 400_000,
        offset: u32::MAX,
    };
    let table = [
        (0, u32::MAX),
        (599, u32::MAX),
        (600, 0),
        (1_599, 0),
        (1_600, 1),
    ];
    for (at, value) in table {
        assert_eq!(clock.value(us(at)), value, "at {at} us");
    }
    for near in [us(1_700), us(30_000)] {
        assert_eq!(clock.start_of(1, near), us(1_600));
        assert_eq!(clock.start_of(2, near), us(2_600));
    }
}

#[test]
fn a_clock_is_found_from_the_stamps_of_its_packets() {
    let clock = MsClock {
        ns_into_ms: 719_031,
        offset: 4_000_000_123,
    };
    // made at these instants, stamped so much later
    let stamps: Vec<(Instant, u32)> = (0..200_u64)
        .map(|n| (n * 7_331 + 17, 20 + n * 37 % 300))
        .map(|(made, late)| (us(made + late), clock.value(us(made))))
        .collect();
    assert_eq!(MsClock::estimate(&stamps, Some(719_031)), Some(clock));
    let guessed = MsClock::estimate(&stamps, None).expect("there are stamps");
    let behind = clock.ns_into_ms - guessed.ns_into_ms;
    assert!(
        behind < 60_000,
        "off by {behind} ns, the shortest lateness is 20 us"
    );
    for (at, value) in &stamps {
        assert!(guessed.value(*at) >= *value, "a packet from the future");
    }
}

#[test]
fn one_wrong_tsval_does_not_move_the_clock() {
    let clock = MsClock {
        ns_into_ms: 0,
        offset: 7,
    };
    let mut stamps: Vec<(Instant, u32)> = (0..50_u64)
        .map(|n| us(n * 3_210))
        .map(|made| (made + Duration::from_micros(30), clock.value(made)))
        .collect();
    stamps[20].1 += 9;
    assert_eq!(MsClock::estimate(&stamps, Some(0)), Some(clock));
    assert_eq!(MsClock::estimate(&[], Some(0)), None);
}

#[test]
fn two_runs_of_a_timer_differ_by_its_granule_and_a_tick() {
    let ticks = Ticks::default();
    // HZ 250: 4 ms below 252 ms, 32 ms below 2.016 s, 256 ms below 16.1 s
    let table = [(204, 4), (400, 32), (3_000, 256), (20_000, 2_048)];
    for (delay_ms, granule_ms) in table {
        let wanted = Duration::from_millis(granule_ms + 4) + ALLOWANCE;
        assert_eq!(spread(Duration::from_millis(delay_ms), &ticks), wanted);
    }
}
