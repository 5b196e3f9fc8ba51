use super::*;

fn after(secs: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(secs)
}

#[test]
fn dies_by_time_and_is_back() {
    let doom = Doom::new(Death::Cut)
        .die_after(Duration::from_secs(3))
        .back_after(Duration::from_secs(5));
    let mut sentence = Sentence::new(after(1), doom);
    assert_eq!(sentence.due, Some(after(4)));
    assert_eq!(sentence.on_deadline(after(3)), None);
    assert_eq!(sentence.on_deadline(after(4)), Some(Order::Die(Death::Cut)));
    assert_eq!(sentence.on_deadline(after(4)), None);
    assert_eq!(sentence.due, Some(after(9)));
    assert_eq!(
        sentence.on_deadline(after(9)),
        Some(Order::Back(Death::Cut))
    );
    assert_eq!(
        (sentence.due, sentence.on_deadline(after(99))),
        (None, None)
    );
}

#[test]
fn dies_by_what_it_saw_once() {
    for (doom, at_packet) in [
        (Doom::new(Death::PowerOff).die_after_bytes(100), 2),
        (Doom::new(Death::PowerOff).die_after_packets(4), 4),
        (
            Doom::new(Death::PowerOff)
                .die_after_bytes(1000)
                .die_after_packets(3),
            3,
        ),
        (Doom::new(Death::PowerOff), 0),
    ] {
        let mut sentence = Sentence::new(after(0), doom);
        let orders: Vec<_> = (1..=9).map(|_| sentence.saw(after(1), 60)).collect();
        let died: Vec<_> = (1..=9).filter(|n| orders[n - 1].is_some()).collect();
        let expected = Vec::from_iter((at_packet > 0).then_some(at_packet));
        assert_eq!(died, expected, "{doom:?}");
    }
}
