use crate::capture::made::{CLIENT, CLIENT6, RAW, ipv4, ipv6, one, only_content};
use crate::capture::{FrameContent, IcmpSeen};
use crate::wire::{Datagram, Icmp, Payload, Seq};

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const ROUTER: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 254));
const ROUTER6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 1));

fn error(kind: (u8, u8), rest: u32, quoted: &[u8]) -> Vec<u8> {
    let (router, client) = match quoted[0] >> 4 {
        4 => (ROUTER, CLIENT),
        _ => (ROUTER6, CLIENT6),
    };
    let icmp = Icmp::error(kind.0, kind.1, rest, quoted);
    Datagram::new(router, client, 1, Payload::Icmp(icmp)).emit()
}

#[track_caller]
fn seen(datagram: &[u8]) -> IcmpSeen {
    match only_content(&one(RAW, datagram)) {
        FrameContent::Icmp(seen) => seen,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_error_about_a_segment_is_read_with_eight_bytes_of_it() {
    let (v4, v6) = (ipv4(1_000, b"hello"), ipv6(1_000, b"hello"));
    // type and code, bytes 4 to 7, quoted datagram with its IP header's length, MTU
    for (kind, rest, quoted, ip_len, mtu) in [
        ((3, 1), 0, &v4, 20, None),
        ((3, 4), 1_400, &v4, 20, Some(1_400)),
        ((3, 4), 0, &v4, 20, None),
        ((4, 0), 0, &v4, 20, None),
        ((11, 0), 0, &v4, 20, None),
        ((12, 0), 0, &v4, 20, None),
        ((1, 3), 0, &v6, 40, None),
        ((2, 0), 1_280, &v6, 40, Some(1_280)),
        ((3, 0), 0, &v6, 40, None),
        ((4, 1), 0, &v6, 40, None),
    ] {
        for len in [ip_len + 8, quoted.len()] {
            let seen = seen(&error(kind, rest, &quoted[..len]));
            assert_eq!((seen.kind, seen.mtu), (kind, mtu));
            assert_eq!(
                (seen.src.port(), seen.dst.port(), seen.seq),
                (40_000, 80, Seq(1_000))
            );
            assert_eq!(seen.src.ip(), if ip_len == 20 { CLIENT } else { CLIENT6 });
            assert_eq!(seen.reporter, if ip_len == 20 { ROUTER } else { ROUTER6 });
            assert_eq!(seen.v6, ip_len == 40);
        }
        let short = error(kind, rest, &quoted[..ip_len + 7]);
        assert_eq!(only_content(&one(RAW, &short)), FrameContent::Unreadable);
    }
}

#[test]
fn the_length_in_a_quoted_header_is_ignored() {
    // some systems quote it in their own byte order, or without the header
    for total_len in [[0, 0], [0, 19], [0xff, 0xff]] {
        let mut quoted = ipv4(1_000, b"hello");
        quoted[2..4].copy_from_slice(&total_len);
        assert_eq!(seen(&error((3, 1), 0, &quoted)).seq, Seq(1_000));
    }
}

#[test]
fn other_messages_are_other() {
    let v4 = ipv4(1_000, b"hello");
    let mut udp = v4.clone();
    udp[9] = 17;
    let mut later_fragment = v4.clone();
    later_fragment[7] = 1;
    for (what, datagram) in [
        ("an echo request", error((8, 0), 0, &v4)),
        ("a redirect", error((5, 1), 0, &v4)),
        ("an error about UDP", error((3, 3), 0, &udp)),
        (
            "an error about a later fragment",
            error((11, 1), 0, &later_fragment),
        ),
        ("a neighbor solicitation", error((135, 0), 0, &ipv6(1, b""))),
    ] {
        assert_eq!(
            only_content(&one(RAW, &datagram)),
            FrameContent::Other,
            "{what}"
        );
    }
}
