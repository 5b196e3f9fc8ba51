//! Captures that do not hold everything: one direction, a late start, packets missing, acknowledgments lost behind the capture.

use super::*;
use crate::trace::{Packet as Recorded, kept};

fn story_of(packets: impl IntoIterator<Item = Recorded>) -> (Connection, Story) {
    let mut trace = kept::recording("power-off-all-defaults")
        .expect("it is shipped")
        .expect("it loads");
    trace.packets = packets.into_iter().collect();
    let (mut found, span) = connections(&trace, Duration::ZERO);
    let mut connection = found.remove(0);
    let story = connection.story(&span);
    (connection, story)
}

fn packets() -> Vec<Recorded> {
    let trace = kept::recording("power-off-all-defaults")
        .expect("it is shipped")
        .expect("it loads");
    trace.packets
}

/// The counts of the RTO retransmissions.
fn rtos(connection: &Connection) -> Vec<u32> {
    let kept = connection.kept.iter().flatten();
    kept.filter_map(|e| match e.label.mechanism {
        Mechanism::Rto(n) => Some(n),
        _ => None,
    })
    .collect()
}

#[test]
fn one_direction_alone_does_not_say_that_the_other_end_is_silent() {
    for dir in [Dir::Out, Dir::In] {
        let (_, story) = story_of(packets().into_iter().filter(|p| p.dir == dir));
        assert_eq!(story.trouble, Trouble::OneSided, "{}", story.verdict);
        assert_eq!(story.silent, None);
        assert!(
            story
                .told
                .iter()
                .all(|t| t.errno.is_none() && t.text.contains("cannot be told"))
        );
    }
}

#[test]
fn a_late_start_of_the_capture_loses_nothing_but_the_handshake() {
    let (connection, story) = story_of(packets().into_iter().skip(20));
    assert_eq!(story.trouble, Trouble::Silent, "{}", story.verdict);
    assert_eq!(
        connection.addrs[0].port(),
        40_000,
        "the high port is the client's"
    );
    assert_eq!(rtos(&connection), (1..=15).collect::<Vec<_>>());
    assert!(story.caveats.iter().any(|c| c.contains("handshake")));
}

#[test]
fn missing_retransmissions_are_counted_by_their_gap() {
    let all = packets();
    // packet 37 is the loss probe, 38 is RTO 1
    let without: Vec<_> = all[..38].iter().chain(&all[40..]).cloned().collect();
    let (connection, _) = story_of(without);
    assert_eq!(rtos(&connection), [vec![1], (4..=15).collect()].concat());
    let last = connection
        .kept
        .iter()
        .flatten()
        .last()
        .expect("there are packets");
    assert_eq!(last.label.sureness, Sureness::Likely);
}

#[test]
fn missing_data_is_no_retransmission() {
    let all = packets();
    let without: Vec<_> = all[..12].iter().chain(&all[16..36]).cloned().collect();
    let (connection, story) = story_of(without);
    let kept = connection.kept.iter().flatten();
    assert!(kept.clone().all(|e| !e.label.mechanism.is_trouble()));
    assert!(
        story.caveats.iter().any(|c| c.contains("bytes")),
        "{:?}",
        story.caveats
    );
}

#[test]
fn a_second_copy_of_each_packet_changes_nothing() {
    let twice = packets().into_iter().flat_map(|p| {
        let mut copy = p.clone();
        copy.at = p.at + Duration::from_micros(3);
        [p, copy]
    });
    let (doubled, story) = story_of(twice);
    let (_, once) = story_of(packets());
    assert_eq!(doubled.copies, packets().len() as u64);
    assert_eq!(story.verdict, once.verdict);
    assert_eq!(rtos(&doubled), (1..=15).collect::<Vec<_>>());
}
