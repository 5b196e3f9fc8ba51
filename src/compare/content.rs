//! The survivor's data in one text: the application of the recordings wrote another text than that of the scenarios.
//!
//! Byte k of the stream is k mod 251 in the scenario language, and letter k mod 26 of the alphabet in the recordings. A
//! trace with the second text is rewritten to the first one, byte by byte, so that a wrong byte stays wrong by the same
//! bits.

use crate::compare::align::Item;
use crate::trace::Dir;

fn ours(k: u32) -> u8 {
    (k % 251) as u8
}

fn recorded(k: u32) -> u8 {
    b'a' + (k % 26) as u8
}

/// Rewrites the survivor's data if its first byte is that of the recordings.
pub(super) fn into_one_text(items: &mut [(usize, Item)]) {
    let data = |i: &&mut Item| {
        i.dir == Dir::Out && i.fields.icmp.is_none() && i.fields.seq > 0 && !i.fields.is_empty()
    };
    // data begins after the SYN, which has number 0
    let place = |seq: u32, n: usize| (seq - 1).wrapping_add(n as u32);
    let mut items = items
        .iter_mut()
        .map(|(_, item)| item)
        .filter(data)
        .peekable();
    let is_recorded = items.peek().is_some_and(|first| {
        let (k, byte) = (place(first.fields.seq, 0), first.fields.payload[0]);
        byte == recorded(k) && byte != ours(k)
    });
    if !is_recorded {
        return;
    }
    for item in items {
        let seq = item.fields.seq;
        for (n, byte) in item.fields.payload.iter_mut().enumerate() {
            let k = place(seq, n);
            *byte ^= ours(k) ^ recorded(k);
        }
    }
}

#[cfg(test)]
mod tests;
