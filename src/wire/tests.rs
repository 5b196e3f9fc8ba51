//! Packets round-trip byte for byte, and no bytes make the parsers panic.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::Bytes;
use proptest::prelude::*;
use smoltcp::wire::{IpAddress, TcpPacket};

use super::*;

const A: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 77, 0, 1));
const B: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 77, 0, 2));

const A6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 1));
const B6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 2));

fn fin_push_with_four_sack_blocks() -> Datagram {
    let blocks = (0..4).map(|i| (Seq(100 * i), Seq(100 * i + 50))).collect();
    Datagram::new(
        A,
        B,
        8027,
        Payload::Tcp(Segment {
            src_port: 40000,
            dst_port: 7777,
            seq: Seq(u32::MAX - 1),
            ack: Seq(300_000_001),
            flags: Flags::FIN | Flags::PSH | Flags::ACK,
            window: 63,
            urgent: 0,
            options: vec![TcpOption::Nop, TcpOption::Nop, TcpOption::Sack(blocks)].into(),
            payload: b"hello"[..].into(),
        }),
    )
}

/// The same over IPv6, with traffic class and flow label.
fn over_ipv6() -> Datagram {
    Datagram {
        src: A6,
        dst: B6,
        ident: 0,
        tos: 0x12,
        flow_label: 0xa_bcde,
        ..fin_push_with_four_sack_blocks()
    }
}

/// The bytes with these extension headers between IPv6's header and what follows it.
fn extended(datagram: &Datagram, first: u8, headers: &[u8]) -> Vec<u8> {
    let mut bytes = datagram.emit();
    bytes.splice(40..40, headers.iter().copied());
    bytes[6] = first;
    let len = (bytes.len() - 40) as u16;
    bytes[4..6].copy_from_slice(&len.to_be_bytes());
    bytes
}

#[test]
fn what_tcp_repr_cannot_hold_round_trips() {
    for datagram in [fin_push_with_four_sack_blocks(), over_ipv6()] {
        let bytes = datagram.emit();
        assert_eq!(bytes.len(), datagram.wire_len());
        assert_eq!(Datagram::parse(&bytes).as_ref(), Ok(&datagram));
        let packet = match datagram.src {
            IpAddr::V4(_) => &bytes[20..],
            IpAddr::V6(_) => &bytes[40..],
        };
        let ends = (IpAddress::from(datagram.src), IpAddress::from(datagram.dst));
        assert!(TcpPacket::new_unchecked(packet).verify_checksum(&ends.0, &ends.1));
    }
}

#[test]
fn data_stays_where_the_device_put_it() {
    for datagram in [fin_push_with_four_sack_blocks(), over_ipv6()] {
        let bytes = Bytes::from(datagram.emit());
        let parsed = Datagram::parse_bytes(&bytes).unwrap();
        let data = &parsed.segment().unwrap().payload;
        assert_eq!(data.as_ptr(), bytes[bytes.len() - 5..].as_ptr());
        assert_eq!(parsed, datagram);
    }
}

#[test]
fn a_checksum_left_to_the_device_is_completed_by_summing_what_it_covers() {
    for datagram in [fin_push_with_four_sack_blocks(), over_ipv6()] {
        let mut bytes = vec![0; 10];
        let left = datagram.emit_partial_into(&mut bytes).unwrap();
        let mut bytes = bytes.split_off(10);
        assert_eq!(Datagram::parse(&bytes), Err(WireError::Checksum("TCP")));
        let trusted = Datagram::parse_trusted(&Bytes::from(bytes.clone()));
        assert_eq!(trusted.as_ref(), Ok(&datagram));
        let start = usize::from(left.start);
        let sum = !smoltcp::wire::checksum::data(&bytes[start..]);
        let field = start + usize::from(left.offset);
        bytes[field..field + 2].copy_from_slice(&sum.to_be_bytes());
        assert_eq!(bytes, datagram.emit());
    }
}

#[test]
fn extension_headers_are_walked_and_fragments_refused() {
    let tcp = 6;
    let plain = over_ipv6();
    let fragment = |flags| [tcp, 0, 0, flags, 1, 2, 3, 4];
    let route = |left| [tcp, 0, 4, left, 0, 0, 0, 0];
    let table: &[(u8, &[u8], Result<(), WireError>)] = &[
        (0, &[tcp, 0, 1, 4, 0, 0, 0, 0], Ok(())),
        (
            60,
            &[tcp, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            Ok(()),
        ),
        (
            0,
            &[60, 0, 1, 4, 0, 0, 0, 0, tcp, 0, 1, 4, 0, 0, 0, 0],
            Ok(()),
        ),
        (43, &route(0), Ok(())),
        (
            43,
            &route(1),
            Err(WireError::Unsupported("IPv6 routing header")),
        ),
        (44, &fragment(0), Ok(())),
        (44, &fragment(1), Err(WireError::Unsupported("IP fragment"))),
        (44, &fragment(8), Err(WireError::Unsupported("IP fragment"))),
        (
            60,
            &[tcp, 255, 1, 4, 0, 0, 0, 0],
            Err(WireError::Truncated("IPv6 extension header")),
        ),
        (59, &[], Err(WireError::Unsupported("IP protocol"))),
        (50, &[], Err(WireError::Unsupported("IP protocol"))),
    ];
    for (first, headers, expected) in table {
        let parsed = Datagram::parse(&extended(&plain, *first, headers));
        let expected = expected.clone().map(|()| plain.clone());
        assert_eq!(parsed, expected, "{first} {headers:?}");
    }
}

fn round_trip(from: IpAddr, to: IpAddr, icmp: Icmp) -> Icmp {
    let error = Datagram::new(from, to, 1, Payload::Icmp(icmp));
    let mut bytes = error.emit();
    let parsed = Datagram::parse(&bytes);
    assert_eq!(parsed.as_ref(), Ok(&error));
    bytes[50] ^= 4;
    assert_eq!(Datagram::parse(&bytes), Err(WireError::Checksum("ICMP")));
    let Ok(Payload::Icmp(icmp)) = parsed.map(|d| d.payload) else {
        panic!("not an ICMP message");
    };
    icmp
}

#[test]
fn an_icmp_error_quotes_a_datagram_that_can_be_read_back() {
    let mut large = over_ipv6();
    if let Payload::Tcp(segment) = &mut large.payload {
        segment.payload = vec![5; 1_400].into();
    }
    let table = [
        (fin_push_with_four_sack_blocks(), (3, 1), (3, 4), 81),
        (over_ipv6(), (1, 3), (2, 0), 101),
        (large, (1, 3), (2, 0), 1_232),
    ];
    for (lost, unreachable, too_big, quoted_len) in table {
        let bytes = lost.emit();
        let (src, dst) = (lost.src, lost.dst);
        let icmp = round_trip(dst, src, Icmp::host_unreachable(&bytes));
        assert_eq!((icmp.kind, icmp.code), unreachable);
        assert_eq!(icmp.body.len(), quoted_len);
        let quoted = Datagram::parse_quoted(&icmp.body).unwrap();
        assert_eq!((quoted.src, quoted.dst), (src, dst));
        assert_eq!(quoted.segment().unwrap().seq, Seq(u32::MAX - 1));
        let icmp = round_trip(dst, src, Icmp::too_big(&bytes, 1_400));
        assert_eq!((icmp.kind, icmp.code), too_big);
        assert_eq!(u32::from_be_bytes(icmp.rest), 1_400);
    }
}

#[test]
fn a_flipped_bit_is_a_bad_checksum() {
    for datagram in [fin_push_with_four_sack_blocks(), over_ipv6()] {
        let mut bytes = datagram.emit();
        *bytes.last_mut().unwrap() ^= 1;
        assert_eq!(Datagram::parse(&bytes), Err(WireError::Checksum("TCP")));
    }
}

#[test]
fn sequence_numbers_wrap() {
    assert!(Seq(u32::MAX).before(Seq(0)));
    assert!(Seq(3).between(Seq(u32::MAX), Seq(3)));
    assert!(!Seq(4).between(Seq(u32::MAX), Seq(3)));
    assert_eq!(Seq(2) - Seq(u32::MAX), 3);
}

#[test]
fn options_are_read_where_they_stand() {
    let ts = Timestamps { tsval: 7, tsecr: 9 };
    let blocks: SackBlocks = [(Seq(1), Seq(2)), (Seq(5), Seq(8))].into_iter().collect();
    let syn = Options::from([
        TcpOption::Mss(1_460),
        TcpOption::SackPermitted,
        TcpOption::Timestamps(ts),
        TcpOption::Nop,
        TcpOption::WindowScale(7),
    ]);
    assert_eq!(syn.timestamps(), Some(ts));
    assert_eq!(syn.only_aligned_timestamps(), None);
    assert_eq!((syn.mss(), syn.window_scale()), (Some(1_460), Some(7)));
    assert!(syn.sack_permitted());
    let mut ack = Options::aligned_timestamps(ts);
    assert_eq!(ack.only_aligned_timestamps(), Some(ts));
    assert!(!ack.sack_permitted() && ack.mss().is_none() && ack.sack_blocks().is_empty());
    ack.extend([TcpOption::Nop, TcpOption::Nop, TcpOption::Sack(blocks)]);
    assert_eq!(ack.sack_blocks(), blocks);
    assert_eq!(ack.timestamps(), Some(ts));
    assert_eq!(ack.only_aligned_timestamps(), None);
    let shown = "[Nop, Nop, Timestamps(Timestamps { tsval: 7, tsecr: 9 }), Nop, Nop, \
                 Sack([(Seq(1), Seq(2)), (Seq(5), Seq(8))])]";
    assert_eq!(format!("{ack:?}"), shown);
    // 12 + 20 bytes are taken: ten more do not fit, four do
    ack.push(TcpOption::Timestamps(ts));
    assert_eq!(ack.padded().len(), 32);
    ack.push(TcpOption::Mss(88));
    assert_eq!((ack.mss(), ack.padded().len()), (Some(88), 36));
}

#[test]
fn options_that_no_header_may_have_are_refused() {
    let table: &[(&[u8], Result<usize, WireError>)] = &[
        (&[], Ok(0)),
        (&[1, 1, 1], Ok(3)),
        (&[1, 0, 99, 99], Ok(2)),
        (&[2], Err(WireError::Truncated("TCP option"))),
        (&[2, 3, 0], Err(WireError::Malformed("TCP option length"))),
        (
            &[8, 10, 0, 0],
            Err(WireError::Malformed("TCP option length")),
        ),
        (&[99, 1], Err(WireError::Malformed("TCP option length"))),
        (&[99, 2], Ok(2)),
        (&[5, 2], Err(WireError::Malformed("TCP option length"))),
        (&[1; 41], Err(WireError::Malformed("TCP option area"))),
    ];
    for (area, expected) in table {
        let len = Options::parse(area).map(|o| o.as_bytes().len());
        assert_eq!(&len, expected, "{area:?}");
    }
}

fn option() -> impl Strategy<Value = TcpOption> {
    let edge = || any::<u32>().prop_map(Seq);
    prop_oneof![
        Just(TcpOption::Nop),
        any::<u16>().prop_map(TcpOption::Mss),
        any::<u8>().prop_map(TcpOption::WindowScale),
        Just(TcpOption::SackPermitted),
        proptest::collection::vec((edge(), edge()), 1..=4)
            .prop_map(|blocks| TcpOption::Sack(blocks.into_iter().collect())),
        any::<(u32, u32)>()
            .prop_map(|(tsval, tsecr)| TcpOption::Timestamps(Timestamps { tsval, tsecr })),
        (9u8.., proptest::collection::vec(any::<u8>(), 0..20))
            .prop_map(|(kind, body)| TcpOption::Unknown(kind, body[..].into())),
    ]
}

proptest! {
    #![proptest_config(proptest::test_runner::Config::with_failure_persistence(proptest::test_runner::FileFailurePersistence::WithSource("regressions")))]
    #[test]
    fn any_segment_round_trips(
        v6: bool,
        numbers: (u16, u16, u32, u32, u8, u16, u16),
        ip: (u8, u8, u32, u16),
        options in proptest::collection::vec(option(), 0..6),
        data in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let options: Options = options.into_iter().collect();
        // padding is end-of-list, and reading stops at the first of it
        let padded = !options.as_bytes().len().is_multiple_of(4);
        let segment = Segment {
            src_port: numbers.0,
            dst_port: numbers.1,
            seq: Seq(numbers.2),
            ack: Seq(numbers.3),
            flags: Flags(numbers.4),
            window: numbers.5,
            urgent: numbers.6,
            options,
            payload: data.into(),
        };
        let (src, dst) = if v6 { (A6, B6) } else { (A, B) };
        let mut datagram = Datagram::new(src, dst, ip.3, Payload::Tcp(segment));
        datagram.ttl = ip.0;
        datagram.tos = ip.1;
        datagram.flow_label = if v6 { ip.2 >> 12 } else { 0 };
        let bytes = datagram.emit();
        if let (Payload::Tcp(segment), true) = (&mut datagram.payload, padded) {
            segment.options.push(TcpOption::End);
        }
        prop_assert_eq!(Datagram::parse(&bytes), Ok(datagram.clone()));
        prop_assert_eq!(Datagram::parse_bytes(&bytes.clone().into()), Ok(datagram));
        let options: Options = options.iter().collect();
        prop_assert_eq!(options.padded(), &bytes[if v6 { 60 } else { 40 }..][..options.padded().len()]);
    }

    #[test]
    fn no_bytes_panic_as_ipv6(
        mut bytes in proptest::collection::vec(any::<u8>(), 40..200),
        next in proptest::sample::select(vec![0u8, 6, 43, 44, 58, 60]),
    ) {
        bytes[0] = 0x60 | bytes[0] & 15;
        bytes[6] = next;
        let len = (bytes.len() - 40) as u16;
        bytes[4..6].copy_from_slice(&len.to_be_bytes());
        let _ = Datagram::parse(&bytes);
        let _ = Datagram::parse_quoted(&bytes);
        let _ = Datagram::parse_trusted(&bytes.into());
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Datagram::parse(&bytes);
        let _ = Datagram::parse_quoted(&bytes);
        let _ = Options::parse(&bytes);
    }

    #[test]
    fn a_damaged_packet_does_not_panic(at in 0usize..400, bit in 0u8..8, cut in 0usize..200) {
        let whole = if at % 2 == 0 { fin_push_with_four_sack_blocks() } else { over_ipv6() };
        let mut bytes = whole.emit();
        let at = at / 2 % bytes.len();
        bytes[at] ^= 1 << bit;
        bytes.truncate(cut.max(1));
        let _ = Datagram::parse(&bytes);
    }
}
