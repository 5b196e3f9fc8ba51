//! Tests of what a relay holds between its two sides.

use super::*;

#[test]
fn what_is_held_is_given_in_order_and_refilled_when_empty() {
    let mut held = Held::default();
    let again = || io::Error::from(io::ErrorKind::WouldBlock);
    let abc = |buffer: &mut [u8]| {
        buffer[..3].copy_from_slice(b"abc");
        Ok(3)
    };
    assert_eq!(held.fill(abc).unwrap(), 3);
    assert!(held.fill(|_| unreachable!()).is_err(), "something is held");
    let mut out = Vec::new();
    let mut room = 2;
    let is_empty = held.drain(|bytes| {
        if room == 0 {
            return Err(again());
        }
        let taken = bytes.len().min(room);
        out.extend_from_slice(&bytes[..taken]);
        room -= taken;
        Ok(taken)
    });
    assert!(!is_empty.unwrap());
    held.push(b"de");
    assert!(
        held.drain(|bytes| {
            out.extend_from_slice(bytes);
            Ok(bytes.len())
        })
        .unwrap()
    );
    assert_eq!(out, b"abcde");
    assert_eq!(
        held.bytes.capacity(),
        0,
        "an idle connection holds no buffer"
    );
    assert!(held.fill(|_| Err(again())).is_err());
    assert_eq!(
        held.bytes.capacity(),
        0,
        "nor does one that had nothing to say"
    );
}
