//! The table: found by addresses while reachable, by number as long as they live.

use std::sync::Arc;

use super::*;
use crate::engine::tcb::sockopts::Options;

fn connection(last: u8, port: u16) -> Sock {
    let mut tcb = Tcb::new(Arc::default(), Arc::new(Options::default()));
    tcb.local = Addr::v4([10, 77, 0, 1], 80);
    tcb.remote = Addr::v4([10, 77, 0, last], port);
    Sock::Connection(Box::new(tcb))
}

fn find(table: &Table, last: u8, port: u16) -> Option<u32> {
    table.find(
        Addr::v4([10, 77, 0, 1], 80),
        Addr::v4([10, 77, 0, last], port),
    )
}

#[test]
fn each_is_found_by_its_addresses_until_it_is_hidden() {
    let mut table = Table::new(7);
    let ids: Vec<u32> = (0..1_000)
        .map(|port| table.insert(connection(2, port)))
        .collect();
    for (port, id) in ids.iter().enumerate() {
        assert_eq!(find(&table, 2, port as u16), Some(*id));
    }
    assert_eq!(find(&table, 3, 0), None);
    table.hide(ids[500]);
    assert_eq!(find(&table, 2, 500), None);
    assert!(table.connection(ids[500]).is_some());
    assert!(table.remove(ids[501]).is_some());
    assert_eq!(find(&table, 2, 501), None);
    assert!(table.connection(ids[501]).is_none() && table.remove(ids[501]).is_none());
    assert_eq!(table.reachable(), 998);
}

#[test]
fn a_successor_takes_the_addresses_and_the_old_one_does_not_take_them_along() {
    let mut table = Table::new(7);
    let old = table.insert(connection(2, 9));
    let new = table.insert(connection(2, 9));
    assert_eq!(find(&table, 2, 9), Some(new));
    table.remove(old);
    assert_eq!(find(&table, 2, 9), Some(new));
}

#[test]
fn the_hash_is_keyed_by_the_seed() {
    let (a, b) = (Table::new(1), Table::new(2));
    assert_eq!(a.key, Table::new(1).key);
    assert_ne!(a.key, b.key);
    let ends = (Addr::v4([10, 77, 0, 1], 80), Addr::v4([10, 77, 0, 2], 81));
    assert_ne!(hash(a.key, ends.0, ends.1), hash(b.key, ends.0, ends.1));
    assert_ne!(hash(a.key, ends.0, ends.1), hash(a.key, ends.1, ends.0));
}

/// A known answer (SipHash-1-3 of the twelve bytes), so that a run is the same in every build.
#[test]
fn the_hash_is_the_same_in_every_build() {
    let key = (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908);
    let mut input = vec![10, 77, 0, 1, 10, 77, 0, 2, 0, 80, 0, 81];
    let ours = hash(
        key,
        Addr::v4([10, 77, 0, 1], 80),
        Addr::v4([10, 77, 0, 2], 81),
    );
    assert_eq!(ours, SipHasher13::new_with_keys(key.0, key.1).hash(&input));
    input[0] = 11;
    assert_ne!(ours, SipHasher13::new_with_keys(key.0, key.1).hash(&input));
}
