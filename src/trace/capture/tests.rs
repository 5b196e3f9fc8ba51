use proptest::prelude::*;

use super::*;
use crate::trace::tests::trace_of;
use crate::trace::{pcap, pcapng};
use std::net::Ipv4Addr;

const SURVIVOR: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

/// An IPv4 header that says 20 bytes, from the survivor.
fn datagram() -> Vec<u8> {
    let mut bytes = vec![0x45, 0, 0, 20];
    bytes.extend([0; 8]);
    bytes.extend(SURVIVOR.octets());
    bytes.extend([10, 77, 0, 2]);
    bytes
}

/// A pcap file of one frame, stamped 3 s and `fraction`, in the given form.
fn pcap_file(big_endian: bool, magic: u32, link: u32, fraction: u32, frame: &[u8]) -> Vec<u8> {
    let word = |n: u32| match big_endian {
        true => n.to_be_bytes(),
        false => n.to_le_bytes(),
    };
    let len = frame.len() as u32;
    let words = [magic, 0, 0, 0, 65_535, link, 3, fraction, len, len];
    let mut file: Vec<u8> = words.into_iter().flat_map(word).collect();
    file.extend(frame);
    file
}

#[test]
fn pcap_is_read_in_both_orders_and_units() {
    for big_endian in [false, true] {
        for (magic, ns) in [(0xa1b2_c3d4, 3_000_007_000), (0xa1b2_3c4d, 3_000_000_007)] {
            let file = pcap_file(big_endian, magic, 101, 7, &datagram());
            let capture = Capture::read(&file).unwrap();
            assert_eq!(capture.frames[0].at, Instant::from_ns(ns));
            assert_eq!(capture.frames[0].bytes, datagram());
        }
    }
}

#[test]
fn link_layers_are_taken_off() {
    let ethernet = [&[0; 12][..], &[8, 0], &datagram()].concat();
    let padded = [&ethernet[..], &[0; 26]].concat();
    let vlan = [&[0; 12][..], &[0x81, 0, 0, 5, 8, 0], &datagram()].concat();
    let cooked = [&[0; 14][..], &[8, 0], &datagram()].concat();
    let cooked2 = [&[8, 0][..], &[0; 18], &datagram()].concat();
    let loopback = [&[2, 0, 0, 0][..], &datagram()].concat();
    let arp = [&[0; 12][..], &[8, 6], &[0; 28]].concat();
    let rows: [(u32, &[u8], usize); 9] = [
        (1, &ethernet, 1),
        (1, &padded, 1),
        (1, &vlan, 1),
        (113, &cooked, 1),
        (276, &cooked2, 1),
        (0, &loopback, 1),
        (228, &datagram(), 1),
        (1, &arp, 0),
        (1, &ethernet[..13], 0),
    ];
    for (link, frame, read) in rows {
        let capture = Capture::read(&pcap_file(false, 0xa1b2_c3d4, link, 0, frame)).unwrap();
        assert_eq!(capture.frames.len(), read, "link type {link}, {frame:02x?}");
        assert_eq!(capture.skipped, 1 - read);
        let right = capture.frames.iter().all(|f| f.bytes == datagram());
        assert!(right, "link type {link}: {:02x?}", capture.frames);
    }
}

#[test]
fn errors_say_where_and_what() {
    let whole = pcap_file(false, 0xa1b2_c3d4, 101, 7, &datagram());
    let error = |bytes: &[u8]| Capture::read(bytes).unwrap_err().to_string();
    assert_eq!(error(b"{}"), "cut off at byte 0, inside the magic number");
    assert_eq!(
        error(b"{\"t\": 0}"),
        "neither pcap nor pcapng: it starts with 7b 22 74 22"
    );
    assert_eq!(
        error(&whole[..whole.len() - 1]),
        "cut off at byte 40, inside a packet"
    );
    let wifi = pcap_file(false, 0xa1b2_c3d4, 105, 7, &datagram());
    assert!(error(&wifi).starts_with("link type 105 is not supported"));
    let late = pcap_file(false, 0xa1b2_c3d4, 101, 1_000_000, &datagram());
    assert_eq!(
        error(&late),
        "malformed at byte 28: a time stamp's fraction is a second or more"
    );
}

/// A pcapng block in the given byte order.
fn block(big_endian: bool, kind: u32, body: &[u8]) -> Vec<u8> {
    let word = |n: u32| match big_endian {
        true => n.to_be_bytes(),
        false => n.to_le_bytes(),
    };
    let len = word(body.len() as u32 + 12);
    [&word(kind)[..], &len, body, &len].concat()
}

/// Options' codes and values.
type Options<'a> = &'a [(u16, &'a [u8])];

/// A section of one interface with these options, a block nobody knows, and a packet stamped `units`.
fn pcapng_file(big_endian: bool, options: Options, units: u64) -> Vec<u8> {
    let word = |n: u32| match big_endian {
        true => n.to_be_bytes(),
        false => n.to_le_bytes(),
    };
    let half = |n: u16| match big_endian {
        true => n.to_be_bytes(),
        false => n.to_le_bytes(),
    };
    let mut interface = [&half(101)[..], &[0; 6]].concat();
    for (code, value) in options {
        interface.extend(half(*code));
        interface.extend(half(value.len() as u16));
        interface.extend(*value);
        interface.resize(interface.len().next_multiple_of(4), 0);
    }
    let mut packet: Vec<u8> = [0, (units >> 32) as u32, units as u32, 20, 20]
        .into_iter()
        .flat_map(word)
        .collect();
    packet.extend(datagram());
    let section = [&word(0x1a2b_3c4d)[..], &half(1), &half(0), &[0xff; 8]].concat();
    [
        block(big_endian, 0x0a0d_0d0a, &section),
        block(big_endian, 1, &interface),
        block(big_endian, 0x0bad, &[1, 2, 3, 4]),
        block(big_endian, 6, &packet),
    ]
    .concat()
}

#[test]
fn pcapng_stamps_count_in_the_interface_s_resolution() {
    let offset_le = 100_i64.to_le_bytes();
    let offset_be = 100_i64.to_be_bytes();
    for big_endian in [false, true] {
        let offset: &[u8] = if big_endian { &offset_be } else { &offset_le };
        let rows: [(Options, u64, u64); 6] = [
            (&[], 3, 3_000),
            (&[(9, &[9])], 3, 3),
            (&[(9, &[3])], 3, 3_000_000),
            (&[(9, &[0x80 | 10])], 512, 500_000_000),
            (&[(9, &[12])], 3_999, 3),
            (&[(9, &[9]), (14, offset)], 3, 100_000_000_003),
        ];
        for (options, units, ns) in rows {
            let capture = Capture::read(&pcapng_file(big_endian, options, units)).unwrap();
            assert_eq!(capture.frames[0].at, Instant::from_ns(ns), "{options:?}");
        }
    }
}

#[test]
fn two_sections_of_different_byte_order_are_one_capture() {
    let file = [pcapng_file(false, &[], 1), pcapng_file(true, &[], 2)].concat();
    let stamps: Vec<_> = Capture::read(&file)
        .unwrap()
        .frames
        .iter()
        .map(|f| f.at)
        .collect();
    assert_eq!(stamps, [Instant::from_us(1), Instant::from_us(2)]);
}

#[test]
fn direction_is_by_source_where_the_file_does_not_say() {
    let file = pcap_file(false, 0xa1b2_c3d4, 101, 7, &datagram());
    let dir = |survivor: &[IpAddr]| Capture::read(&file).unwrap().into_packets(survivor)[0].dir;
    assert_eq!(dir(&[SURVIVOR.into()]), Dir::Out);
    assert_eq!(
        dir(&["fd77::1".parse().unwrap(), SURVIVOR.into()]),
        Dir::Out
    );
    assert_eq!(dir(&[Ipv4Addr::new(10, 77, 0, 2).into()]), Dir::In);
}

fn packets() -> impl Strategy<Value = Vec<Packet>> {
    let bytes = proptest::collection::vec(any::<u8>(), 0..90);
    let cause = proptest::option::of("\\PC{0,40}");
    let packet =
        (any::<u32>(), any::<bool>(), bytes, cause).prop_map(|(ns, out, bytes, cause)| Packet {
            at: Instant::from_ns(u64::from(ns) * 1_000_003),
            dir: if out { Dir::Out } else { Dir::In },
            bytes,
            cause,
        });
    proptest::collection::vec(packet, 0..20)
}

proptest! {
    #![proptest_config(proptest::test_runner::Config::with_failure_persistence(proptest::test_runner::FileFailurePersistence::WithSource("regressions")))]
    #[test]
    fn what_is_written_as_pcapng_is_read_back(packets in packets()) {
        let trace = trace_of(packets);
        let read = Capture::read(&pcapng::write(&trace)).unwrap();
        prop_assert_eq!(read.into_packets(&[SURVIVOR.into()]), trace.packets);
    }

    #[test]
    fn what_is_written_as_pcap_is_read_back(packets in packets()) {
        let read = Capture::read(&pcap::write(&packets)).unwrap();
        let same = read.frames.iter().map(|f| (f.at, &f.bytes)).eq(packets.iter().map(|p| (p.at, &p.bytes)));
        prop_assert!(same);
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        magic in prop_oneof![
            Just([0x0a, 0x0d, 0x0d, 0x0a]), Just([0xa1, 0xb2, 0x3c, 0x4d]), Just([0xd4, 0xc3, 0xb2, 0xa1]), any::<[u8; 4]>(),
        ],
        rest in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let _ = Capture::read(&[&magic[..], &rest].concat()).map(|c| c.into_packets(&[SURVIVOR.into()]));
    }

    #[test]
    fn a_damaged_file_is_read_or_refused(
        packets in packets(), ng in any::<bool>(), damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut file = if ng { pcapng::write(&trace_of(packets)) } else { pcap::write(&packets) };
        for (at, byte) in damage {
            let at = at.index(file.len());
            file[at] = byte;
        }
        let _ = Capture::read(&file).map(|c| c.into_packets(&[SURVIVOR.into()]));
    }
}
