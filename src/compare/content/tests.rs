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
        let first = segment.seq.0.wrapping_sub(isn + 1);
        segment.payload = (0..segment.payload.len() as u32)
            .map(|n| ours(first.wrapping_add(n)))
            .collect();
        packet.bytes = datagram.emit();
    }
    let verdict = closed::compare(&rewritten, &recording);
    assert!(verdict.identical, "{:#?}", verdict.differences);
    let last = rewritten.packets.iter_mut().rfind(|p| p.dir == Dir::Out);
    let last = last.expect("a retransmission");
    let mut datagram = Datagram::parse(&last.bytes).expect("a packet");
    if let Payload::Tcp(segment) = &mut datagram.payload {
        let mut payload = segment.payload.to_vec();
        payload[7] ^= 1;
        segment.payload = payload.into();
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
