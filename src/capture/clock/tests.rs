use super::*;

#[test]
fn time_stamps_count_in_the_resolution_of_the_interface() {
    // if_tsresol, if_tsoffset in s, time stamp in units, ns
    for (resolution, offset_s, units, ns) in [
        (6, 0, 1_500_000, Some(1_500_000_000)),
        (9, 0, 1_500_000_001, Some(1_500_000_001)),
        (0, 0, 7, Some(7_000_000_000)),
        (3, 0, 7, Some(7_000_000)),
        (12, 0, 7_000_999, Some(7_000)),
        (0x80 | 10, 0, 1_024, Some(1_000_000_000)),
        (0x80 | 10, 0, 1, Some(976_562)),
        (
            0x80 | 30,
            0,
            (1 << 30) * 1_700_000_000,
            Some(1_700_000_000_000_000_000),
        ),
        (6, 1_600_000_000, 5, Some(1_600_000_000_000_005_000)),
        (6, -1, 1_500_000, Some(500_000_000)),
        (6, -2, 1_500_000, None),
        (9, 0, u64::MAX, Some(u64::MAX)),
        (6, 0, u64::MAX, None),
        (0, i64::MAX, 1, None),
        (0x7f, 0, u64::MAX, Some(0)),
        (0xff, 0, u64::MAX, Some(0)),
    ] {
        let mut clock = Clock::MICROSECONDS;
        clock.set_resolution(resolution);
        clock.set_offset_s(offset_s);
        assert_eq!(clock.ns(units), ns, "{resolution:#x} {offset_s} {units}");
    }
}
