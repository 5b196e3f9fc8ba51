use crate::capture::made::{Ng, ethernet, ipv4, ipv6, only_segment, read};
use crate::capture::{CaptureReadError, Counts, Ending, Frame, FrameContent, Reader};
use crate::trace::Dir;
use crate::wire::Seq;

const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
const IF_TSOFFSET: u16 = 14;
const COMMENT: u16 = 1;
const FLAGS: u16 = 2;

/// Interface, time, direction and sequence number of each frame, where the sequence number of one that is no segment is 0.
fn seen(frames: &[Frame]) -> Vec<(u32, u64, Option<Dir>, u32)> {
    let row = |frame: &Frame| {
        let seq = match &frame.content {
            FrameContent::Tcp(segment) => segment.seq,
            _ => Seq(0),
        };
        (frame.interface, frame.at_ns, frame.dir, seq.0)
    };
    frames.iter().map(row).collect()
}

#[test]
fn interfaces_have_their_own_link_and_clock() {
    for big_endian in [false, true] {
        let mut ng = Ng::new(big_endian);
        let offset = ng.long(1_000);
        ng.interface(101, 0, &[]);
        ng.interface(1, 0, &[(IF_NAME, b"eth0"), (IF_TSRESOL, &[9])]);
        ng.interface(
            101,
            0,
            &[(IF_TSRESOL, &[0x80 | 10]), (IF_TSOFFSET, &offset)],
        );
        ng.enhanced(0, 1, &ipv4(11, b""), &[]);
        ng.enhanced(1, (5 << 32) + 7, &ethernet(&ipv6(12, b"")), &[]);
        ng.enhanced(2, 512, &ipv4(13, b""), &[]);
        let (frames, counts) = read(&ng.bytes);
        assert_eq!(
            seen(&frames),
            [
                (0, 1_000, None, 11),
                (1, (5 << 32) + 7, None, 12),
                (2, 1_000_500_000_000, None, 13),
            ]
        );
        let all = Counts {
            frames: 3,
            tcp: 3,
            ending: Ending::Whole,
            ..Counts::default()
        };
        assert_eq!(counts, all);
    }
}

#[test]
fn options_tell_the_direction() {
    for big_endian in [false, true] {
        let mut ng = Ng::new(big_endian);
        ng.interface(101, 0, &[]);
        let [inbound, outbound, unknown] = [0x1234_0001, 2, 0x10].map(|n| ng.word(n));
        let frame = ipv4(1, b"abc");
        ng.enhanced(0, 1, &frame, &[(FLAGS, &inbound)]);
        ng.enhanced(0, 2, &frame, &[(COMMENT, b"text"), (FLAGS, &outbound)]);
        ng.enhanced(0, 3, &frame, &[(FLAGS, &unknown)]);
        ng.obsolete((0, 0), 4, &frame, &[(FLAGS, &outbound)]);
        let (frames, _) = read(&ng.bytes);
        let dirs: Vec<_> = frames.iter().map(|f| f.dir).collect();
        assert_eq!(dirs, [Some(Dir::In), Some(Dir::Out), None, Some(Dir::Out)]);
    }
}

#[test]
fn each_section_has_its_own_byte_order_and_interfaces() {
    let mut ng = Ng::new(false);
    ng.interface(1, 0, &[]);
    ng.interface(1, 0, &[]);
    ng.enhanced(1, 1, &ethernet(&ipv4(1, b"")), &[]);
    ng.section(true);
    ng.interface(101, 0, &[(IF_TSRESOL, &[9])]);
    ng.enhanced(0, 2, &ipv4(2, b""), &[]);
    ng.section(false);
    ng.interface(101, 0, &[]);
    ng.simple(&ipv4(3, b""), 52);
    let (frames, counts) = read(&ng.bytes);
    // the simple packet has no time, and is given that of the frame before
    assert_eq!(
        seen(&frames),
        [(1, 1_000, None, 1), (2, 2, None, 2), (3, 2, None, 3)]
    );
    assert_eq!(counts.untimed, 1);
}

#[test]
fn simple_packets_end_at_the_snap_length_of_the_first_interface() {
    let mut ng = Ng::new(true);
    // 50 bytes: the block is padded to 52
    ng.interface(101, 50, &[]);
    ng.simple(&ipv4(3, b"some data"), 50);
    let segment = only_segment(&ng.bytes);
    assert_eq!((segment.seq, segment.len), (Seq(3), 9));
    let (_, counts) = read(&ng.bytes);
    assert_eq!((counts.snap_len, counts.options_cut), (50, 1));
}

#[test]
fn what_wireshark_counts_as_a_frame_has_a_number() {
    let mut ng = Ng::new(false);
    ng.interface(101, 0, &[]);
    // unknown, name resolution, decryption secrets, process information: not counted
    for kind in [0x777, 4, 10, 0x8000_0001] {
        ng.block(kind, b"content!");
    }
    ng.enhanced(0, 1, &ipv4(1, b""), &[]);
    for kind in [9, 0xbad, 0x4000_0bad] {
        ng.block(kind, b"content!");
    }
    ng.obsolete((0, 0), 2, &ipv4(2, b""), &[]);
    let (frames, counts) = read(&ng.bytes);
    let numbers: Vec<_> = frames.iter().map(|f| f.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    assert_eq!((counts.tcp, counts.other, counts.untimed), (2, 3, 0));
    assert_eq!(seen(&frames)[4], (0, 2_000, None, 2));
}

#[test]
fn an_interface_that_cannot_be_read_does_not_stop_another() {
    let mut ng = Ng::new(false);
    ng.interface(127, 0, &[]);
    ng.interface(101, 0, &[]);
    ng.enhanced(0, 1, &[0; 40], &[]);
    ng.enhanced(1, 2, &ipv4(2, b""), &[]);
    ng.enhanced(0, 3, &[0; 40], &[]);
    let (frames, counts) = read(&ng.bytes);
    assert_eq!(frames[0].content, FrameContent::Other);
    assert_eq!((counts.tcp, counts.other), (1, 2));
    assert_eq!(counts.unread_links, [(127, 2)]);

    let mut ng = Ng::new(false);
    ng.interface(127, 0, &[]);
    ng.interface(195, 0, &[]);
    ng.enhanced(0, 1, &[0; 40], &[]);
    let mut reader = Reader::new(ng.bytes.as_slice()).unwrap();
    assert!(reader.next_frame().unwrap().is_some());
    let error = reader.next_frame().unwrap_err().to_string();
    let says = "the capture has the link type 127 (IEEE 802.11), 195 (IEEE 802.15.4), which";
    assert!(error.starts_with(says), "{error}");
    assert!(reader.next_frame().unwrap().is_none());
}

#[test]
fn a_packet_that_contradicts_its_block_is_one_unreadable_frame() {
    let mut ng = Ng::new(false);
    ng.interface(101, 0, &[]);
    ng.block(6, &[0; 8]);
    ng.block(3, &[]);
    // claims 41 bytes more than the block has
    let mut body = [[0; 16].as_slice(), &[1, 0, 0, 0]].concat();
    body[12] = 93;
    body.extend(ipv4(1, b""));
    ng.block(6, &body);
    ng.enhanced(1, 4, &ipv4(4, b""), &[]);
    ng.enhanced(u32::MAX, 5, &ipv4(5, b""), &[]);
    ng.enhanced(0, 6, &ipv4(6, b""), &[]);
    let (frames, counts) = read(&ng.bytes);
    assert_eq!((frames.len(), counts.malformed, counts.tcp), (6, 5, 1));
    assert_eq!(seen(&frames)[5], (0, 6_000, None, 6));
}

#[test]
fn drops_are_taken_from_statistics_and_packets() {
    let mut ng = Ng::new(true);
    ng.interface(101, 0, &[]);
    ng.interface(101, 0, &[]);
    let counter = |ng: &Ng, n| ng.long(n);
    let frame = ipv4(1, b"");
    ng.obsolete((0, 3), 1, &frame, &[]);
    ng.obsolete((0, 0xffff), 2, &frame, &[]);
    let four = counter(&ng, 4);
    ng.enhanced(0, 3, &frame, &[(4, &four)]);
    assert_eq!(read(&ng.bytes).1.dropped, 7);
    for (interface, if_drops, os_drops) in [(0, 1, 1), (1, 5, 0), (0, 10, 20), (9, 1_000, 0)] {
        let mut body = ng.word(interface).to_vec();
        body.extend([0; 8]);
        for (code, drops) in [(5_u16, if_drops), (7, os_drops)] {
            body.extend(code.to_be_bytes());
            body.extend(8_u16.to_be_bytes());
            body.extend(counter(&ng, drops));
        }
        ng.block(5, &body);
    }
    assert_eq!(read(&ng.bytes).1.dropped, 35);
}

#[test]
fn a_damaged_block_ends_the_reading_with_its_place() {
    let damage = |change: fn(&mut Vec<u8>, usize)| {
        let mut ng = Ng::new(false);
        ng.interface(101, 0, &[]);
        ng.enhanced(0, 1, &ipv4(1, b""), &[]);
        let at = ng.bytes.len();
        ng.enhanced(0, 2, &ipv4(2, b""), &[]);
        change(&mut ng.bytes, at);
        let mut reader = Reader::new(ng.bytes.as_slice()).unwrap();
        assert!(reader.next_frame().unwrap().is_some());
        let error = reader.next_frame().unwrap_err();
        assert!(reader.next_frame().unwrap().is_none());
        let CaptureReadError::Damaged {
            at: found,
            frames,
            what,
        } = error
        else {
            panic!("{error}")
        };
        assert_eq!((found, frames), (at as u64, 1));
        what
    };
    for (change, what) in [
        (
            (|file, at| file[at + 4..at + 8].fill(0)) as fn(&mut Vec<u8>, usize),
            "a block claims to be 0 bytes long, which is less than 12 or no multiple of 4",
        ),
        (
            |file, at| file[at + 4] += 1,
            "a block claims to be 85 bytes long, which is less than 12 or no multiple of 4",
        ),
        (
            |file, at| file[at + 7] = 0x7f,
            "a block claims to be 2130706516 bytes long, and the longest allowed is 67108864 bytes",
        ),
        (
            |file, at| file[at + 84 - 4] += 4,
            "a block does not end with the length that it begins with",
        ),
        (
            |file, at| file[at..at + 4].copy_from_slice(&[10, 13, 13, 10]),
            "a section header has no byte-order mark",
        ),
    ] {
        assert_eq!(damage(change), what);
    }
}

#[test]
fn a_file_may_end_anywhere() {
    let mut ng = Ng::new(false);
    let mut ends = vec![(ng.bytes.len(), 0)];
    ng.interface(101, 0, &[]);
    ends.push((ng.bytes.len(), 0));
    ng.enhanced(0, 1, &ipv4(1, b"abc"), &[(FLAGS, &[1, 0, 0, 0])]);
    ends.push((ng.bytes.len(), 1));
    ng.block(0x777, b"content!");
    ends.push((ng.bytes.len(), 1));
    ng.simple(&ipv4(2, b""), 52);
    ends.push((ng.bytes.len(), 2));
    for len in 4..ng.bytes.len() {
        let (frames, counts) = read(&ng.bytes[..len]);
        let whole = ends.iter().rposition(|(end, _)| *end <= len);
        let before = whole.map_or(0, |n| ends[n].1);
        assert_eq!(frames.len(), before, "{len}");
        let cut_packet = matches!(whole, Some(1 | 3)) && len >= ends[whole.unwrap()].0 + 4;
        let expected = match ends.iter().any(|(end, _)| *end == len) {
            true => Ending::Whole,
            false if cut_packet => Ending::InsideFrame(before as u64 + 1),
            false => Ending::BehindFrame(before as u64),
        };
        assert_eq!(counts.ending, expected, "{len}");
    }
}
