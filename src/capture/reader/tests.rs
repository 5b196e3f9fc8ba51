use std::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::wire::{Datagram, Flags, Options, Payload, Segment, Seq, TcpOption, Timestamps};

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 2));

fn segment(seq: u32, data: &[u8]) -> Segment {
    let ts = Timestamps { tsval: 7, tsecr: 8 };
    Segment {
        src_port: 40_000,
        dst_port: 80,
        seq: Seq(seq),
        ack: Seq(500),
        flags: Flags::ACK | Flags::PSH,
        window: 1_024,
        options: Options::aligned_timestamps(ts),
        payload: data.to_vec().into(),
        ..Segment::default()
    }
}

fn datagram(seq: u32, data: &[u8]) -> Vec<u8> {
    Datagram::new(CLIENT, SERVER, 99, Payload::Tcp(segment(seq, data))).emit()
}

fn ethernet(datagram: &[u8]) -> Vec<u8> {
    let mut frame = vec![2; 12];
    frame.extend([8, 0]);
    frame.extend(datagram);
    frame
}

/// A pcap file in the byte order of `word`, with frames cut to `snap` bytes.
fn pcap(
    magic: u32,
    word: fn(u32) -> [u8; 4],
    link: u32,
    snap: usize,
    frames: &[(u32, u32, &[u8])],
) -> Vec<u8> {
    let mut out = Vec::new();
    for n in [magic, 0x0002_0004, 0, 0, snap as u32, link] {
        out.extend(word(n));
    }
    for (secs, fraction, frame) in frames {
        let kept = &frame[..frame.len().min(snap)];
        for n in [*secs, *fraction, kept.len() as u32, frame.len() as u32] {
            out.extend(word(n));
        }
        out.extend(kept);
    }
    out
}

fn read(file: &[u8]) -> (Vec<Frame>, Counts) {
    let mut reader = Reader::new(file).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = reader.next_frame().unwrap() {
        frames.push(frame);
    }
    (frames, reader.counts().clone())
}

#[test]
fn reads_pcap_in_both_byte_orders_and_units() {
    let frame = ethernet(&datagram(1_000, b"hello"));
    for (magic, fraction, ns) in [
        (0xa1b2_c3d4, 123_456, 123_456_000),
        (0xa1b2_3c4d, 123_456_789, 123_456_789),
    ] {
        for word in [u32::to_be_bytes, u32::to_le_bytes] {
            let file = pcap(magic, word, 1, 65_535, &[(1_700_000_000, fraction, &frame)]);
            let (frames, counts) = read(&file);
            assert_eq!(frames.len(), 1);
            assert_eq!(frames[0].number, 1);
            assert_eq!(frames[0].at_ns, 1_700_000_000_000_000_000 + ns);
            let FrameContent::Tcp(seen) = &frames[0].content else {
                panic!("{frames:?}")
            };
            assert_eq!(seen.src, (CLIENT, 40_000).into());
            assert_eq!(seen.dst, (SERVER, 80).into());
            assert_eq!((seen.seq, seen.ack, seen.len), (Seq(1_000), Seq(500), 5));
            assert_eq!((seen.ip_id, seen.ttl, seen.window), (Some(99), 64, 1_024));
            assert_eq!(
                seen.options.timestamps(),
                Some(Timestamps { tsval: 7, tsecr: 8 })
            );
            assert_eq!(counts.ending, Ending::Whole);
            assert_eq!((counts.frames, counts.tcp), (1, 1));
        }
    }
}

#[test]
fn a_file_that_ends_inside_a_frame_keeps_the_frames_before() {
    let frame = ethernet(&datagram(1, b"hello"));
    let file = pcap(
        0xa1b2_c3d4,
        u32::to_le_bytes,
        1,
        65_535,
        &[(1, 0, &frame), (2, 0, &frame)],
    );
    for end in 0..file.len() {
        let second = 24 + 16 + frame.len();
        match Reader::new(&file[..end]) {
            Ok(mut reader) => {
                let mut frames = 0;
                while reader.next_frame().unwrap().is_some() {
                    frames += 1;
                }
                let ending = match end {
                    _ if end == 24 || end == second => Ending::Whole,
                    _ if end < second => Ending::InsideFrame(1),
                    _ => Ending::InsideFrame(2),
                };
                assert_eq!(
                    (frames, reader.counts().ending),
                    (u64::from(end >= second), ending),
                    "{end}"
                );
            }
            Err(e) => assert!(end < 24, "{end}: {e}"),
        }
    }
}

#[test]
fn a_snap_length_leaves_the_length_and_the_whole_options() {
    let mut with_mss = segment(1, b"0123456789");
    with_mss.options = [
        TcpOption::Mss(1_460),
        TcpOption::SackPermitted,
        TcpOption::Timestamps(Timestamps::default()),
    ]
    .into();
    let bytes = Datagram::new(CLIENT, SERVER, 1, Payload::Tcp(with_mss)).emit();
    let frame = ethernet(&bytes);
    for (snap, options) in [
        (54, 0),
        (57, 0),
        (58, 1),
        (60, 2),
        (69, 2),
        (70, 3),
        (80, 3),
    ] {
        let file = pcap(0xa1b2_c3d4, u32::to_le_bytes, 1, snap, &[(1, 0, &frame)]);
        let (frames, counts) = read(&file);
        let FrameContent::Tcp(seen) = &frames[0].content else {
            panic!("{snap}: {frames:?}")
        };
        assert_eq!(
            (seen.len, seen.options.iter().count()),
            (10, options),
            "{snap}"
        );
        assert_eq!(counts.cut, 0);
    }
    let file = pcap(0xa1b2_c3d4, u32::to_le_bytes, 1, 53, &[(1, 0, &frame)]);
    let (frames, counts) = read(&file);
    assert_eq!(
        (&frames[0].content, counts.cut),
        (&FrameContent::Unreadable, 1)
    );
}
