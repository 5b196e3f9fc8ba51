use super::*;

#[test]
fn the_smallest_of_the_window() {
    // at, us -> smallest of the last 100 ticks
    let table = [
        (0, 50, 50),
        (10, 70, 50),
        (30, 40, 40),
        // a quarter of the window later a second choice is taken, half of it later a third
        (60, 60, 40),
        (90, 55, 40),
        // 40 is 101 ticks old: the best since then is 55
        (131, 80, 55),
        (191, 80, 80),
    ];
    let mut min = WindowedMin::default();
    assert_eq!(min.get(), None);
    for (at, us, smallest) in table {
        assert_eq!(
            min.update(TickSpan(100), Jiffies(at), us),
            smallest,
            "at {at}"
        );
        assert_eq!(min.get(), Some(smallest), "at {at}");
    }
}

#[test]
fn after_a_silence_longer_than_the_window_only_the_new_value_counts() {
    let mut min = WindowedMin::default();
    min.update(TickSpan(100), Jiffies(0), 5);
    assert_eq!(min.update(TickSpan(100), Jiffies(101), 9), 9);
}

#[test]
fn what_comes_out_was_put_in_within_the_window() {
    let mut min = WindowedMin::default();
    let mut seen: Vec<(u64, u64)> = Vec::new();
    let mut rng = crate::rng::Stream::new(1, "minmax");
    let mut at = 0;
    for _ in 0..2_000 {
        at += u64::from(rng.next_u32() % 20);
        let us = u64::from(rng.next_u32() % 1_000);
        seen.push((at, us));
        let got = min.update(TickSpan(100), Jiffies(at), us);
        let (from, _) = seen.iter().rfind(|(_, us)| *us == got).expect("put in");
        assert!(at - from <= 100, "older than the window");
        // three samples are not a sorted list: the exact minimum is a lower bound
        let exact = seen
            .iter()
            .filter(|(t, _)| at - t <= 100)
            .map(|s| s.1)
            .min();
        assert!(got >= exact.expect("one is new"));
    }
}
