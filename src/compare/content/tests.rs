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
