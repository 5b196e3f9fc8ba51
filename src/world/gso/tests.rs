//! A burst is cut as a kernel cuts it.

use std::net::IpAddr;

use super::*;
use crate::wire::{Segment, Seq};

fn burst(len: usize, gso_size: u16, flags: Flags) -> Datagram {
    let ends: [IpAddr; 2] = [[10, 77, 0, 1].into(), [10, 77, 0, 2].into()];
    let segment = Segment {
        src_port: 7777,
        dst_port: 40_000,
        seq: Seq(u32::MAX - 1000),
        ack: Seq(1),
        flags,
        window: 502,
        payload: (0..len).map(|n| n as u8).collect(),
        ..Segment::default()
    };
    let mut datagram = Datagram::new(ends[0], ends[1], 65_535, Payload::Tcp(segment));
    datagram.gso_size = gso_size;
    datagram
}

#[test]
fn all_but_the_last_are_of_one_size_and_the_last_has_the_push() {
    let psh_ack = Flags::PSH | Flags::ACK;
    let told: Vec<_> = cut(&burst(3000, 1448, psh_ack))
        .map(|d| {
            let segment = d.segment().unwrap();
            assert_eq!(d.gso_size, 0);
            (d.ident, segment.seq.0, segment.payload.len(), segment.flags)
        })
        .collect();
    let start = u32::MAX - 1000;
    assert_eq!(
        told,
        [
            (65_535, start, 1448, Flags::ACK),
            (0, start.wrapping_add(1448), 1448, Flags::ACK),
            (1, start.wrapping_add(2896), 104, psh_ack),
        ]
    );
}

#[test]
fn what_is_one_segment_stays_one() {
    for len in [0, 1, 1448] {
        let whole = burst(len, 0, Flags::ACK);
        assert_eq!(cut(&whole).collect::<Vec<_>>(), [whole]);
    }
}
