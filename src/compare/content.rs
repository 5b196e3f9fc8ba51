//! What the survivor writes, in one text: recordings were made by an application that wrote another one than ours.
//!
//! Byte k of the stream is k mod 251 in the scenario language, and letter k mod 26 of the alphabet in the recordings. A
//! trace in the second text is rewritten into the first, byte by byte at its place, so that a byte that does not
//! belong there stays wrong by the same bits.

use crate::compare::align::Item;
use crate::trace::Dir;

fn ours(k: u32) -> u8 {
    (k % 251) as u8
}

fn recorded(k: u32) -> u8 {
    b'a' + (k % 26) as u8
}

/// Rewrites the survivor's data if its first byte is the recordings'.
pub(super) fn into_one_text(items: &mut [(usize, Item)]) {
    let data = |i: &&mut Item| {
        i.dir == Dir::Out && i.fields.icmp.is_none() && i.fields.seq > 0 && !i.fields.is_empty()
    };
    // data begins behind the SYN, which is number 0
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
mod tests {
    use super::*;
    use crate::compare::closed;
    use crate::trace::kept;
    use crate::wire::{Datagram, Payload};

    #[test]
    fn a_recording_says_the_same_in_our_text_and_a_wrong_byte_stays_wrong() {
        let recording = kept::recording("power-off-idle")
            .expect("kept")
            .expect("read");
        let mut rewritten = recording.clone();
        for packet in rewritten.packets.iter_mut().filter(|p| p.dir == Dir::Out) {
            let mut datagram = Datagram::parse(&packet.bytes).expect("a packet");
            let Payload::Tcp(segment) = &mut datagram.payload else {
                continue;
            };
            let isn = 0xe2bf_7c7d_u32;
            for (n, byte) in segment.payload.iter_mut().enumerate() {
                *byte = ours(segment.seq.0.wrapping_sub(isn + 1).wrapping_add(n as u32));
            }
            packet.bytes = datagram.emit();
        }
        let verdict = closed::compare(&rewritten, &recording);
        assert!(verdict.identical, "{:#?}", verdict.differences);
        let last = rewritten.packets.iter_mut().rfind(|p| p.dir == Dir::Out);
        let last = last.expect("a retransmission");
        let mut datagram = Datagram::parse(&last.bytes).expect("a packet");
        if let Payload::Tcp(segment) = &mut datagram.payload {
            segment.payload[7] ^= 1;
        }
        last.bytes = datagram.emit();
        let verdict = closed::compare(&rewritten, &recording);
        let found: Vec<_> = verdict
            .differences
            .iter()
            .map(|d| d.what.as_str())
            .collect();
        assert_eq!(found, ["payload"]);
    }
}
