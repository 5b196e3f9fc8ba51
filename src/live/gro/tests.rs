//! What is merged and what is not: each case is what was read in one go, and what TCP gets.

use std::net::IpAddr;

use super::*;
use crate::wire::{Options, Segment, Timestamps};
use crate::world::gso;

const PSH_ACK: Flags = Flags(Flags::ACK.0 | Flags::PSH.0);

/// A segment of the byte stream 0, 1, 2, ...: its first byte's number and its length.
fn segment(seq: u32, len: u32, flags: Flags) -> Datagram {
    let ends: [IpAddr; 2] = [[10, 77, 0, 1].into(), [10, 77, 0, 2].into()];
    let segment = Segment {
        src_port: 40_000,
        dst_port: 7777,
        seq: Seq(seq),
        ack: Seq(1),
        flags,
        window: 502,
        options: Options::aligned_timestamps(Timestamps { tsval: 7, tsecr: 9 }),
        payload: (seq..seq + len).map(|n| n as u8).collect(),
        ..Segment::default()
    };
    Datagram::new(ends[0], ends[1], seq as u16, Payload::Tcp(segment))
}

fn tcp(datagram: &mut Datagram) -> &mut Segment {
    match &mut datagram.payload {
        Payload::Tcp(segment) => segment,
        Payload::Icmp(_) => unreachable!("only segments are made here"),
    }
}

/// Sequence number, length and segment size of all that comes out; `!` stands for what is not TCP.
fn told(read: &[Vec<u8>]) -> String {
    let (mut gro, mut out, mut lines) = (Gro::new(), Vec::new(), Vec::new());
    let line = |d: Datagram| {
        let segment = d.segment().unwrap();
        let stream = (segment.seq.0..).map(|n| n as u8);
        assert!(
            segment
                .payload
                .iter()
                .copied()
                .zip(stream)
                .all(|(a, b)| a == b)
        );
        let size = match d.gso_size {
            0 => String::new(),
            n => format!("/{n}"),
        };
        format!(
            "{}+{}{size} {}",
            segment.seq.0,
            segment.payload.len(),
            segment.flags
        )
    };
    for bytes in read {
        gro.room()[..bytes.len()].copy_from_slice(bytes);
        let other = gro.push(bytes.len(), &mut out).is_err();
        lines.extend(out.drain(..).map(line));
        lines.extend(other.then(|| "!".to_owned()));
    }
    gro.flush(&mut out);
    lines.extend(out.drain(..).map(line));
    lines.join(", ")
}

#[test]
fn what_is_merged() {
    let ack = Flags::ACK;
    let cases: [(&str, Vec<Datagram>, &str); 8] = [
        ("one", vec![segment(0, 100, ack)], "0+100 A"),
        (
            "three in order",
            vec![
                segment(0, 100, ack),
                segment(100, 100, ack),
                segment(200, 100, ack),
            ],
            "0+300/100 A",
        ),
        (
            "a shorter one ends it",
            vec![
                segment(0, 100, ack),
                segment(100, 60, ack),
                segment(160, 60, ack),
            ],
            "0+160/100 A, 160+60 A",
        ),
        (
            "a longer one does not belong to it",
            vec![segment(0, 60, ack), segment(60, 100, ack)],
            "0+60 A, 60+100 A",
        ),
        (
            "PSH ends it",
            vec![
                segment(0, 100, ack),
                segment(100, 100, PSH_ACK),
                segment(200, 100, ack),
            ],
            "0+200/100 PA, 200+100 A",
        ),
        (
            "a hole",
            vec![segment(0, 100, ack), segment(200, 100, ack)],
            "0+100 A, 200+100 A",
        ),
        (
            "pure ACKs",
            vec![segment(0, 0, ack), segment(0, 0, ack)],
            "0+0 A, 0+0 A",
        ),
        (
            "a FIN",
            vec![
                segment(0, 100, ack),
                segment(100, 10, Flags(Flags::ACK.0 | Flags::FIN.0)),
            ],
            "0+110/100 FA",
        ),
    ];
    for (name, datagrams, expected) in cases {
        let read: Vec<_> = datagrams.iter().map(Datagram::emit).collect();
        assert_eq!(told(&read), expected, "{name}");
    }
}

#[test]
fn what_differs_is_not_merged() {
    let differences: [fn(&mut Datagram); 8] = [
        |d| d.src = [10, 77, 0, 3].into(),
        |d| d.ttl = 63,
        |d| d.tos = 2,
        |d| tcp(d).src_port += 1,
        |d| tcp(d).ack += 1,
        |d| tcp(d).window += 1,
        |d| tcp(d).flags |= Flags::ECE,
        |d| tcp(d).options = Options::aligned_timestamps(Timestamps { tsval: 8, tsecr: 9 }),
    ];
    for (i, differ) in differences.into_iter().enumerate() {
        let (first, mut second) = (segment(0, 100, Flags::ACK), segment(100, 100, Flags::ACK));
        differ(&mut second);
        let told = told(&[first.emit(), second.emit()]);
        assert!(
            told.starts_with("0+100 A, 100+100"),
            "difference {i}: {told}"
        );
    }
}

#[test]
fn it_never_grows_beyond_a_datagram() {
    let read: Vec<_> = (0..60)
        .map(|i| segment(i * 1400, 1400, Flags::ACK).emit())
        .collect();
    assert_eq!(told(&read), "0+64400/1400 A, 64400+19600/1400 A");
}

#[test]
fn what_is_not_tcp_comes_out_in_its_place() {
    let mut broken = segment(100, 100, Flags::ACK).emit();
    broken[50] ^= 1;
    let read = [
        segment(0, 100, Flags::ACK).emit(),
        broken,
        b"?".to_vec(),
        segment(100, 9, PSH_ACK).emit(),
    ];
    assert_eq!(told(&read), "0+100 A, !, !, 100+9 PA");
}

#[test]
fn a_burst_that_was_cut_is_merged_again() {
    for len in [1449_u32, 2896, 60_000] {
        let mut whole = segment(1000, len, PSH_ACK);
        whole.gso_size = 1448;
        let (mut gro, mut merged) = (Gro::new(), Vec::new());
        for piece in gso::cut(&whole) {
            let bytes = piece.emit();
            gro.room()[..bytes.len()].copy_from_slice(&bytes);
            gro.push(bytes.len(), &mut merged).unwrap();
        }
        gro.flush(&mut merged);
        assert_eq!(merged, [whole], "{len} bytes");
    }
}
