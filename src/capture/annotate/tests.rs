use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use super::*;
use crate::capture::made::{
    ETHERNET, MICROSECONDS, NANOSECONDS, Ng, ethernet, ipv4, pcap, read, read_any,
};
use crate::trace::Dir;

/// The copy of a file with a comment on each frame whose number is odd.
fn copied(file: &[u8]) -> (Vec<u8>, Annotated) {
    let mut out = Vec::new();
    let odd = |n| (n % 2 == 1).then(|| format!("frame {n} \u{2192}\nanother line"));
    let done = annotate(file, &mut out, odd).unwrap();
    (out, done)
}

/// The comments of each packet block of a pcapng file.
fn comments(file: &[u8]) -> Vec<Vec<String>> {
    let (mut input, mut blocks, mut all) = (Input::new(file), Blocks::default(), Vec::new());
    while let NextBlock::Block(block) = blocks.next(&mut input).unwrap() {
        if let Some(at) = place_of_options(&block, input.held()) {
            let options = block.fields(input.held()).options(at);
            let texts = options.filter(|(code, _)| *code == OPT_COMMENT);
            all.push(
                texts
                    .map(|(_, text)| String::from_utf8(text.bytes.to_vec()).unwrap())
                    .collect(),
            );
        }
    }
    all
}

#[test]
fn pcap_becomes_pcapng_with_the_same_frames() {
    let frames = [
        ethernet(&ipv4(1, b"hello")),
        ethernet(&ipv4(2, b"hi")),
        ethernet(&ipv4(3, b"")),
    ];
    let records: Vec<_> = frames
        .iter()
        .map(|f| (1_700_000_000, 999_999, f.as_slice()))
        .collect();
    for (magic, snap) in [
        (MICROSECONDS, 65_535),
        (NANOSECONDS, 65_535),
        (NANOSECONDS, 67),
    ] {
        let file = pcap(magic, u32::to_be_bytes, ETHERNET, snap, &records);
        let (copy, done) = copied(&file);
        assert_eq!(read(&copy), read(&file));
        assert_eq!(
            done,
            Annotated {
                frames: 3,
                comments: 2,
                left_out: 0
            }
        );
        let texts = [1, 3].map(|n| format!("frame {n} \u{2192}\nanother line"));
        assert_eq!(
            comments(&copy),
            [vec![texts[0].clone()], vec![], vec![texts[1].clone()]]
        );
    }
}

#[test]
fn directions_of_records_are_kept() {
    let mut file = pcap(0xa1b2_cd34, u32::to_le_bytes, ETHERNET, 65_535, &[]);
    for packet_type in [4, 0, 3] {
        let frame = ethernet(&ipv4(1, b"hello"));
        for field in [1, 5, frame.len() as u32, frame.len() as u32, 3] {
            file.extend(field.to_le_bytes());
        }
        file.extend([0, 0, packet_type, 0]);
        file.extend(frame);
    }
    let (copy, _) = copied(&file);
    let dirs: Vec<_> = read(&copy).0.iter().map(|f| f.dir).collect();
    assert_eq!(dirs, [Some(Dir::Out), Some(Dir::In), None]);
}

#[test]
fn pcapng_keeps_its_blocks_and_gains_comments() {
    for big_endian in [false, true] {
        let mut ng = Ng::new(big_endian);
        let flags = ng.word(2);
        ng.interface(1, 0, &[(2, b"eth0"), (9, &[9])]);
        ng.interface(101, 0, &[]);
        ng.enhanced(0, 1, &ethernet(&ipv4(1, b"abc")), &[]);
        ng.enhanced(1, 2, &ipv4(2, b""), &[(1, b"old")]);
        ng.block(0x777, b"content!");
        ng.enhanced(1, 3, &ipv4(3, b"ab"), &[(1, b"old"), (2, &flags)]);
        ng.simple(&ethernet(&ipv4(4, b"")), 66);
        ng.simple(&ethernet(&ipv4(5, b"")), 66);
        ng.section(!big_endian);
        ng.interface(1, 0, &[]);
        ng.block(0xbad, b"content!");
        ng.obsolete((0, 1), 7, &ethernet(&ipv4(7, b"abc")), &[]);
        ng.block(5, &[0; 12]);
        let (copy, done) = copied(&ng.bytes);
        assert_eq!(read(&copy), read(&ng.bytes));
        assert_eq!(
            done,
            Annotated {
                frames: 7,
                comments: 3,
                left_out: 1
            }
        );
        let text = |n| format!("frame {n} \u{2192}\nanother line");
        let expected = [
            vec![text(1)],
            vec!["old".into()],
            vec![text(3), "old".into()],
            vec![text(7)],
        ];
        assert_eq!(comments(&copy), expected);
        // without comments the copy is the same to the byte
        let mut out = Vec::new();
        annotate(ng.bytes.as_slice(), &mut out, |_| None).unwrap();
        assert_eq!(out, ng.bytes);
    }
}

#[test]
fn a_section_s_length_is_no_longer_known() {
    let mut ng = Ng::new(false);
    let at = ng.bytes.len() - 12..ng.bytes.len() - 4;
    ng.bytes[at.clone()].copy_from_slice(&100_u64.to_le_bytes());
    let (copy, _) = copied(&ng.bytes);
    assert_eq!(copy[at], [0xff; 8]);
}

#[test]
fn what_precedes_the_end_or_damage_is_copied() {
    let frame = ethernet(&ipv4(1, b"hello"));
    let mut ng = Ng::new(false);
    ng.interface(1, 0, &[]);
    ng.enhanced(0, 1, &frame, &[]);
    let whole = ng.bytes.len();
    ng.enhanced(0, 2, &frame, &[]);
    let (copy, done) = copied(&ng.bytes[..ng.bytes.len() - 1]);
    assert_eq!((done.frames, read(&copy).0.len()), (1, 1));
    ng.bytes[whole + 4] = 1;
    let mut out = Vec::new();
    let error = annotate(ng.bytes.as_slice(), &mut out, |_| None).unwrap_err();
    let says = format!("the capture is damaged at byte {whole}, after frame 1: ");
    assert!(error.to_string().starts_with(&says), "{error}");
    assert_eq!(out, ng.bytes[..whole]);
}

#[test]
fn a_full_disk_is_an_error() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let file = Ng::new(false).bytes;
    let error = annotate(file.as_slice(), Full, |_| None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the copy cannot be written: no storage space"
    );
}

#[test]
fn a_comment_that_is_too_long_is_cut_between_characters() {
    let mut ng = Ng::new(true);
    ng.interface(1, 0, &[]);
    ng.enhanced(0, 1, &ethernet(&ipv4(1, b"hello")), &[]);
    let mut out = Vec::new();
    annotate(ng.bytes.as_slice(), &mut out, |_| {
        Some("\u{2192}".repeat(30_000))
    })
    .unwrap();
    assert_eq!(comments(&out), [["\u{2192}".repeat(21_845)]]);
    assert_eq!(read(&out), read(&ng.bytes));
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_bytes_are_copied_or_refused(
        mut bytes in prop::collection::vec(any::<u8>(), 0..300),
        at in any::<prop::sample::Index>(),
    ) {
        let mut ng = Ng::new(false);
        ng.interface(1, 0, &[]);
        ng.enhanced(0, 1, &bytes, &[(1, b"old")]);
        bytes = ng.bytes;
        let at = at.index(bytes.len());
        bytes[at] ^= 0x55;
        let mut out = Vec::new();
        if annotate(bytes.as_slice(), &mut out, |_| Some("text".into())).is_ok() {
// a block that the file cuts off is not copied
            prop_assert_eq!(read_any(out.as_slice()).0, read_any(bytes.as_slice()).0);
        }
    }
}
