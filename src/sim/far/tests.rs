use super::*;

#[test]
fn a_packet_waits_for_its_delay_and_is_taken_once() {
    let delay = Duration::from_millis(5);
    let mut far = FarSide::new(
        delay,
        scenario::Peer::default(),
        Role::Server,
        PeerClock::default(),
    );
    far.act(
        Instant::from_ms(10),
        Instant::from_ms(10),
        &Action::PeerConnect,
    );
    assert_eq!(far.next_deadline(), Some(Instant::from_ms(15)));
    far.advance(Instant::from_us(14_999));
    assert_eq!(far.take_arrival(), None);
    far.advance(Instant::from_ms(2_000));
    let due: Vec<u64> = std::iter::from_fn(|| far.take_arrival())
        .map(|(at, _)| at.us())
        .collect();
    assert_eq!(
        due,
        [15_000, 1_015_000],
        "the SYN and, a second later, the SYN again"
    );
    assert!(!far.act(
        Instant::from_ms(2_000),
        Instant::from_ms(2_000),
        &Action::SurvivorClose
    ));
}
