//! Super-segments: a device that cuts them gets the same packets out of them as the engine sends without it.

use super::lab::{A, FAR, FAR_ISN, FAR_PORT, HOST, HOST_PORT, ISN, Lab, Out, P, seg};
use crate::call::Outcome;
use crate::sysctl::Sysctl;
use crate::time::Ticks;
use crate::wire::{Datagram, Flags, Options, Payload, Segment};

fn lab(gso: bool) -> Lab {
    let (host, far) = (HOST.into(), FAR.into());
    Lab::between(host, far, Sysctl::default(), Ticks::default(), |config| {
        config.gso = gso;
    })
}

/// What the device makes of a packet.
fn cut(out: Out) -> Vec<Out> {
    let (whole, size) = (&out.segment, usize::from(out.gso_size));
    if size == 0 {
        return vec![out];
    }
    let pieces = whole.payload.chunks(size).enumerate();
    pieces
        .map(|(n, piece)| {
            let last = n == whole.payload.len().div_ceil(size) - 1;
            let flags = match last {
                true => whole.flags,
                false => whole.flags.without(Flags::PSH | Flags::FIN),
            };
            Out {
                segment: Segment {
                    seq: whole.seq + (n * size) as u32,
                    flags,
                    payload: piece.to_vec().into(),
                    ..whole.clone()
                },
                gso_size: 0,
                ..out.clone()
            }
        })
        .collect()
}

fn life(lab: &mut Lab) -> Vec<Out> {
    lab.open_after(500);
    lab.send(9_000);
    lab.run_ms(1);
    lab.inject(seg(A, 1, 9_001));
    lab.send(40_000);
    lab.run_ms(1);
    lab.inject(seg(A, 1, 20_001));
    lab.run_ms(3_000);
    lab.inject(seg(A, 1, 49_001));
    lab.run_ms(1_000);
    lab.take_out()
}

#[test]
fn a_super_segment_is_cut_into_the_segments_that_leave_without_it() {
    let plain = life(&mut lab(false));
    let supers = life(&mut lab(true));
    assert!(supers.len() * 3 < plain.len() * 2);
    assert!(plain.iter().all(|o| o.gso_size == 0));
    assert!(supers.iter().any(|o| o.segment.payload.len() > 7_000));
    let show = |all: Vec<Out>| -> Vec<_> {
        all.into_iter()
            .map(|o| (o.at, o.segment, o.cause.to_string()))
            .collect()
    };
    assert_eq!(
        show(supers.into_iter().flat_map(cut).collect()),
        show(plain)
    );
}

#[test]
fn what_came_in_one_piece_is_measured_by_its_segments_and_acknowledged_once() {
    for (gso_size, rcv_mss) in [(1_448, 1_448), (0, 1_448), (500, 536)] {
        let mut lab = lab(true);
        lab.open();
        lab.take_out();
        let segment = Segment {
            src_port: FAR_PORT,
            dst_port: HOST_PORT,
            seq: FAR_ISN + 1,
            ack: ISN + 1,
            flags: A | P,
            window: 500,
            options: Options::aligned_timestamps(crate::wire::Timestamps {
                tsval: super::lab::FAR_TS,
                tsecr: lab.heard_tsval,
            }),
            payload: vec![9; 14_480].into(),
            urgent: 0,
        };
        let mut datagram = Datagram::new(FAR.into(), HOST.into(), 1, Payload::Tcp(segment));
        datagram.gso_size = gso_size;
        lab.arrive(&datagram);
        let out = lab.take_out();
        assert_eq!(out.len(), 1, "{gso_size}");
        assert_eq!(out[0].segment.ack, FAR_ISN + 14_481);
        assert_eq!(lab.info().unwrap().rcv_mss, rcv_mss, "{gso_size}");
        assert_eq!(lab.recv(), Outcome::Data(vec![9; 14_480]));
    }
}
