//! Attributes round-trip, and a damaged one ends the search.

use super::*;

#[test]
fn an_attribute_is_found_behind_a_padded_one() {
    let mut message = Vec::new();
    push_attribute(&mut message, 1, b"tun");
    push_attribute(&mut message, 4, &1500u32.to_ne_bytes());
    assert_eq!(message.len(), 16);
    assert_eq!(attribute(&message, 1), Some(&b"tun"[..]));
    assert_eq!(attribute(&message, 4).map(|v| u32_at(v, 0)), Some(1500));
    assert_eq!(attribute(&message, 5), None);
}

#[test]
fn a_length_that_lies_is_no_attribute() {
    for len in [0u16, 3, 9, 0xffff] {
        let mut message = len.to_ne_bytes().to_vec();
        message.extend([2, 0, 1, 2, 3, 4]);
        assert_eq!(attribute(&message, 2), None, "length {len}");
    }
}

#[test]
fn what_an_older_kernel_does_not_tell_is_zero() {
    assert_eq!(u32_at(&[1, 2, 3], 0), 0);
    assert_eq!(u32_at(&[], 100), 0);
}

fn message(len: u32, kind: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = len.to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(0u16.to_ne_bytes());
    bytes.extend(7u32.to_ne_bytes());
    bytes.extend(0u32.to_ne_bytes());
    bytes.extend(body);
    bytes
}

#[test]
fn a_datagram_of_several_messages_is_cut_at_their_padded_lengths() {
    let mut bytes = message(18, 20, &[1, 2, 0, 0]);
    bytes.extend(message(17, 3, &[9]));
    let read: Vec<_> = messages(&bytes).map(|m| m.expect("a message")).collect();
    let bodies: Vec<_> = read.iter().map(|m| (m.kind, m.seq, m.body)).collect();
    assert_eq!(bodies, [(20, 7, &[1, 2][..]), (3, 7, &[9][..])]);
}

#[test]
fn a_message_whose_length_lies_is_an_error_and_the_last() {
    for len in [0, 1, 15, 21, u32::MAX] {
        let bytes = message(len, 20, &[1, 2, 3, 4]);
        let read: Vec<_> = messages(&bytes).collect();
        assert_eq!(read.len(), 1, "length {len}");
        assert!(read[0].is_err(), "length {len}");
    }
    assert_eq!(messages(&[]).count(), 0);
    assert!(messages(&[1, 2, 3]).all(|m| m.is_err()));
}

#[test]
fn the_end_of_a_dump_may_tell_of_an_error() {
    assert!(matches!(error_of(&0i32.to_ne_bytes()), Ok(None)));
    let errno = |n: i32| match error_of(&n.to_ne_bytes()) {
        Ok(Some(e)) => e.raw_os_error(),
        other => panic!("{other:?}"),
    };
    assert_eq!(errno(-2), Some(2));
    assert_eq!(errno(i32::MIN), Some(i32::MAX));
    assert!(error_of(&[0, 0]).is_err());
}
