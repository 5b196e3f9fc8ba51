use super::*;

fn after(secs: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(secs)
}

#[test]
fn dies_by_time_and_is_back() {
    let failure = Failure::new(Death::Cut)
        .die_after(Duration::from_secs(3))
        .back_after(Duration::from_secs(5));
    let mut pending_failure = PendingFailure::new(after(1), failure);
    assert_eq!(pending_failure.due, Some(after(4)));
    assert_eq!(pending_failure.on_deadline(after(3)), None);
    assert_eq!(
        pending_failure.on_deadline(after(4)),
        Some(Order::Die(Death::Cut))
    );
    assert_eq!(pending_failure.on_deadline(after(4)), None);
    assert_eq!(pending_failure.due, Some(after(9)));
    assert_eq!(
        pending_failure.on_deadline(after(9)),
        Some(Order::Back(Death::Cut))
    );
    assert_eq!(
        (pending_failure.due, pending_failure.on_deadline(after(99))),
        (None, None)
    );
}

#[test]
fn dies_by_what_it_saw_once() {
    for (failure, at_packet) in [
        (Failure::new(Death::PowerOff).die_after_bytes(100), 2),
        (Failure::new(Death::PowerOff).die_after_packets(4), 4),
        (
            Failure::new(Death::PowerOff)
                .die_after_bytes(1000)
                .die_after_packets(3),
            3,
        ),
        (Failure::new(Death::PowerOff), 0),
    ] {
        let mut pending_failure = PendingFailure::new(after(0), failure);
        let orders: Vec<_> = (1..=9).map(|_| pending_failure.saw(after(1), 60)).collect();
        let died: Vec<_> = (1..=9).filter(|n| orders[n - 1].is_some()).collect();
        let expected = Vec::from_iter((at_packet > 0).then_some(at_packet));
        assert_eq!(died, expected, "{failure:?}");
    }
}
