use proptest::prelude::*;

use super::*;
use crate::wire::Flags;

fn item(at_ms: u64, seq: u32, len: usize) -> Item {
    Item {
        at: Instant::from_ms(at_ms),
        dir: Dir::Out,
        fields: Fields {
            flags: Flags::PSH | Flags::ACK,
            seq,
            payload: vec![0; len],
            ..Fields::default()
        },
    }
}

/// A first send and four retransmissions, all the same packet but for the time.
fn retransmissions() -> Vec<Item> {
    [0, 200, 600, 1_400, 3_000]
        .map(|at| item(at, 1, 100))
        .into()
}

#[test]
fn of_equal_packets_the_missing_one_is_the_one_that_nothing_is_near_to() {
    let all = retransmissions();
    for gone in 0..all.len() {
        let mut fewer = all.clone();
        fewer.remove(gone);
        let rows = align(&fewer, &all);
        assert_eq!(rows.len(), all.len());
        assert_eq!(rows[gone], (None, Some(gone)), "{rows:?}");
    }
}

#[test]
fn a_packet_with_another_flag_or_place_is_the_same_packet() {
    let left = retransmissions();
    let mut right = left.clone();
    right[1].fields.flags = Flags::ACK;
    right[2].fields.seq = 9;
    right[3].fields.payload.pop();
    let rows = align(&left, &right);
    let same: Vec<Pair> = (0..5).map(|i| (Some(i), Some(i))).collect();
    assert_eq!(rows, same);
}

#[test]
fn ways_are_not_mixed() {
    let left = [item(0, 1, 0)];
    let mut right = left.clone();
    right[0].dir = Dir::In;
    assert_eq!(align(&left, &right), [(Some(0), None), (None, Some(0))]);
}

#[test]
fn three_sequences_share_rows() {
    let all = retransmissions();
    let without = |n: usize| {
        let mut fewer = all.clone();
        fewer.remove(n);
        fewer
    };
    let rows = align_all(&[without(3), all.clone(), without(0)]);
    let wanted: Vec<Row> = vec![
        vec![Some(0), Some(0), None],
        vec![Some(1), Some(1), Some(0)],
        vec![Some(2), Some(2), Some(1)],
        vec![None, Some(3), Some(2)],
        vec![Some(3), Some(4), Some(3)],
    ];
    assert_eq!(rows, wanted);
}

#[test]
fn nothing_lines_up_with_nothing() {
    assert!(align(&[], &[]).is_empty());
    assert!(align_all(&[]).is_empty());
    assert_eq!(align_all(&[vec![], vec![item(0, 1, 1)]]), [[None, Some(0)]]);
}

#[test]
fn long_traces_are_aligned_in_stretches() {
    let left: Vec<Item> = (0..4_500).map(|n| item(n.into(), n, 1)).collect();
    let mut right = left.clone();
    right.remove(4_100);
    right[0].fields.window = 7;
    let rows = align(&left, &right);
    assert_eq!(
        rows.iter()
            .filter(|r| r.0.is_some() && r.1.is_some())
            .count(),
        4_499
    );
}

proptest! {
    #![proptest_config(proptest::test_runner::Config::with_failure_persistence(proptest::test_runner::FileFailurePersistence::WithSource("regressions")))]
    #[test]
    fn every_packet_is_in_one_row_and_in_order(
        left in proptest::collection::vec((0u64..50, 0u32..4, 0usize..3), 0..30),
        right in proptest::collection::vec((0u64..50, 0u32..4, 0usize..3), 0..30),
    ) {
        let make = |all: Vec<(u64, u32, usize)>| -> Vec<Item> {
            all.into_iter().map(|(at, seq, len)| item(at, seq, len)).collect()
        };
        let (left, right) = (make(left), make(right));
        let rows = align(&left, &right);
        let lefts: Vec<usize> = rows.iter().filter_map(|r| r.0).collect();
        let rights: Vec<usize> = rows.iter().filter_map(|r| r.1).collect();
        prop_assert_eq!(lefts, (0..left.len()).collect::<Vec<_>>());
        prop_assert_eq!(rights, (0..right.len()).collect::<Vec<_>>());
    }
}
