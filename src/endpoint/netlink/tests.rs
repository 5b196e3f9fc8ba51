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
