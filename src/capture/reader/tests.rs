use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use super::*;
use crate::capture::Ending;
use crate::capture::made::{
    CLIENT, ETHERNET, MICROSECONDS, NANOSECONDS, Ng, SERVER, ethernet, ipv4, ipv6, one, pcap, read,
    read_any, segment,
};
use crate::trace::Dir;
use crate::wire::{Datagram, Payload, Seq, TcpOption, Timestamps};

#[test]
fn reads_pcap_in_both_byte_orders_and_units() {
    let frame = ethernet(&ipv4(1_000, b"hello"));
    for (magic, fraction, ns) in [
        (MICROSECONDS, 123_456, 123_456_000),
        (NANOSECONDS, 123_456_789, 123_456_789),
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
    let frame = ethernet(&ipv4(1, b"hello"));
    let file = pcap(
        MICROSECONDS,
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
        let file = pcap(MICROSECONDS, u32::to_le_bytes, 1, snap, &[(1, 0, &frame)]);
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
    let file = pcap(MICROSECONDS, u32::to_le_bytes, 1, 53, &[(1, 0, &frame)]);
    let (frames, counts) = read(&file);
    assert_eq!(
        (&frames[0].content, counts.cut),
        (&FrameContent::Unreadable, 1)
    );
}

#[test]
fn the_longer_records_of_kuznetzov_are_read() {
    for word in [u32::to_be_bytes, u32::to_le_bytes] {
        let mut file = pcap(0xa1b2_cd34, word, ETHERNET, 65_535, &[]);
        for (n, packet_type) in [(1, 0), (2, 4)] {
            let frame = ethernet(&ipv4(n, b"hello"));
            let len = frame.len() as u32;
            for field in [n, 250_000, len, len, 3] {
                file.extend(word(field));
            }
            file.extend([0, 0, packet_type, 0]);
            file.extend(frame);
        }
        let (frames, _) = read(&file);
        let seen: Vec<_> = frames.iter().map(|f| (f.at_ns, f.dir)).collect();
        let times = [1_250_000_000, 2_250_000_000];
        assert_eq!(
            seen,
            [(times[0], Some(Dir::In)), (times[1], Some(Dir::Out))]
        );
        assert!(
            frames
                .iter()
                .all(|f| matches!(f.content, FrameContent::Tcp(_)))
        );
    }
}

#[test]
fn data_tells_copies_from_other_data() {
    let frames = [&b"hello"[..], b"hello", b"hellp", b""].map(|data| ethernet(&ipv4(1, data)));
    let records: Vec<_> = frames.iter().map(|f| (1, 0, f.as_slice())).collect();
    let file = pcap(MICROSECONDS, u32::to_le_bytes, ETHERNET, 65_535, &records);
    let hash = |frame: &Frame| match &frame.content {
        FrameContent::Tcp(seen) => seen.data_hash,
        other => panic!("{other:?}"),
    };
    let hashes: Vec<_> = read(&file).0.iter().map(hash).collect();
    assert_eq!(hashes[0], hashes[1]);
    assert_ne!(hashes[0], hashes[2]);
    assert_ne!(hashes[0], hashes[3]);
}

#[test]
fn options_behind_a_malformed_one_are_left_out() {
    let mut datagram = ipv4(1, b"hello");
    // NOP, MSS, an option that is longer than the header
    datagram[40..52].copy_from_slice(&[1, 2, 4, 5, 180, 1, 1, 8, 200, 0, 0, 0]);
    let (frames, _) = read(&one(ETHERNET, &ethernet(&datagram)));
    let FrameContent::Tcp(seen) = &frames[0].content else {
        panic!("{frames:?}")
    };
    assert_eq!(
        (seen.options.mss(), seen.options.iter().count()),
        (Some(1_460), 4)
    );
    assert_eq!(seen.len, 5);
}

#[test]
fn what_is_no_capture_is_refused() {
    let error = |file: &[u8]| Reader::new(file).map(|_| ()).unwrap_err().to_string();
    assert!(error(b"").starts_with("the capture is empty"));
    assert_eq!(
        error(b"hi"),
        "this is no capture in the pcap or pcapng format: it is text and starts with \"hi\"; `tcpdump -w FILE` writes a capture that can be read"
    );
    assert_eq!(
        error(&one(ETHERNET, b"")[..23]),
        "the capture is damaged at byte 0, after frame 0: the file ends inside its header of 24 bytes; what follows cannot be read"
    );
    let mut long = one(ETHERNET, b"");
    long[24 + 8..24 + 12].copy_from_slice(&0x7000_0000_u32.to_le_bytes());
    let mut reader = Reader::new(long.as_slice()).unwrap();
    assert_eq!(
        reader.next_frame().unwrap_err().to_string(),
        "the capture is damaged at byte 24, after frame 0: a frame claims to be 1879048192 bytes long, and the longest allowed is 67108864 bytes; what follows cannot be read"
    );
}

/// A reader that returns a few bytes at a time, with interruptions in between.
struct Dripping<'a> {
    bytes: &'a [u8],
    interrupt: bool,
    step: usize,
}

impl Read for Dripping<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        self.interrupt = !self.interrupt;
        if self.interrupt {
            return Err(std::io::ErrorKind::Interrupted.into());
        }
        let n = self.step.min(self.bytes.len()).min(out.len());
        out[..n].copy_from_slice(&self.bytes[..n]);
        self.bytes = &self.bytes[n..];
        Ok(n)
    }
}

/// Files of both formats with several kinds of frames.
fn samples() -> Vec<Vec<u8>> {
    let error = crate::wire::Icmp::host_unreachable(&ipv4(5, b"x"));
    let icmp = Datagram::new(SERVER, CLIENT, 1, Payload::Icmp(error)).emit();
    let frames = [ipv4(1, b"hello"), ipv6(2, b"hello"), icmp].map(|d| ethernet(&d));
    let records: Vec<_> = frames.iter().map(|f| (1, 0, f.as_slice())).collect();
    let mut ng = Ng::new(true);
    ng.interface(1, 0, &[(9, &[9]), (14, &[0; 8])]);
    for frame in &frames {
        ng.enhanced(0, 7, frame, &[(2, &[0, 0, 0, 1]), (4, &[0; 8])]);
        ng.obsolete((0, 0), 7, frame, &[(1, b"comment")]);
        ng.simple(frame, frame.len());
    }
    ng.block(5, &[0; 12]);
    vec![
        pcap(MICROSECONDS, u32::to_be_bytes, ETHERNET, 65_535, &records),
        pcap(NANOSECONDS, u32::to_le_bytes, ETHERNET, 60, &records),
        ng.bytes,
    ]
}

#[test]
fn how_a_stream_arrives_does_not_matter() {
    for file in samples() {
        let whole = read_any(file.as_slice());
        assert!(whole.0.len() >= 3);
        for step in [1, 7, 1_000] {
            let (bytes, interrupt) = (file.as_slice(), false);
            let dripping = Dripping {
                bytes,
                interrupt,
                step,
            };
            assert_eq!(read_any(dripping), whole);
        }
    }
}

#[test]
fn a_frame_longer_than_the_buffer_is_read() {
    let mut datagram = ipv4(1, b"");
    datagram.resize(3_000_000, 7);
    datagram[2..4].fill(0);
    let frames = [ethernet(&ipv4(1, b"")), ethernet(&datagram)];
    let records: Vec<_> = frames
        .iter()
        .cycle()
        .take(4)
        .map(|f| (1, 0, f.as_slice()))
        .collect();
    let file = pcap(
        MICROSECONDS,
        u32::to_le_bytes,
        ETHERNET,
        usize::MAX,
        &records,
    );
    let lengths: Vec<_> = read(&file)
        .0
        .iter()
        .map(|frame| match &frame.content {
            FrameContent::Tcp(seen) => seen.len,
            other => panic!("{other:?}"),
        })
        .collect();
    let long = 3_000_000 - 20 - 20 - 12;
    assert_eq!(lengths, [0, long, 0, long]);
}

#[test]
fn an_error_of_the_stream_is_returned_once() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }
    let file = one(ETHERNET, &ethernet(&ipv4(1, b"")));
    let mut reader = Reader::new(file.as_slice().chain(Broken)).unwrap();
    assert!(reader.next_frame().unwrap().is_some());
    let error = reader.next_frame().unwrap_err().to_string();
    assert_eq!(error, "the capture cannot be read: the disk is gone");
    assert!(reader.next_frame().unwrap().is_none());
}

/// A byte that is replaced: where, as a fraction of the file, and by what.
fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12)
}

fn start() -> impl Strategy<Value = Vec<u8>> {
    let magics: Vec<[u8; 4]> = vec![
        MICROSECONDS.to_be_bytes(),
        NANOSECONDS.to_le_bytes(),
        0xa1b2_cd34_u32.to_le_bytes(),
        [10, 13, 13, 10],
    ];
    prop::sample::select(magics).prop_map(Vec::from)
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_bytes_are_read_or_refused(start in start(), rest in prop::collection::vec(any::<u8>(), 0..600)) {
        read_any([start, rest].concat().as_slice());
    }

    #[test]
    fn any_frame_of_any_link_type_is_read(
        link in prop::sample::select(vec![0, 1, 9, 12, 51, 101, 113, 276]),
        frame in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let (frames, counts) = read_any(one(link, &frame).as_slice());
        prop_assert_eq!(frames.len(), 1);
        prop_assert_eq!(counts.ending, Ending::Whole);
    }

    #[test]
    fn a_damaged_file_is_read_or_refused(which in 0_usize..3, changes in changes(), end in any::<prop::sample::Index>()) {
        let mut file = samples().swap_remove(which);
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        let end = end.index(file.len() + 1);
        let (frames, counts) = read_any(&file[..end]);
        prop_assert_eq!(frames.len() as u64, counts.frames);
        let kinds = [counts.tcp, counts.icmp, counts.other, counts.cut, counts.malformed];
        prop_assert_eq!(kinds.iter().sum::<u64>(), counts.frames);
    }
}
