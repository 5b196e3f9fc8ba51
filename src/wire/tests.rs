//! Packets round-trip byte for byte, and no bytes make the parsers panic.

use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;

const A: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
const B: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);

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
            options: vec![TcpOption::Nop, TcpOption::Nop, TcpOption::Sack(blocks)],
            payload: b"hello".to_vec(),
        }),
    )
}

#[test]
fn what_tcp_repr_cannot_hold_round_trips() {
    let datagram = fin_push_with_four_sack_blocks();
    assert_eq!(Datagram::parse(&datagram.emit()), Ok(datagram));
}

#[test]
fn an_icmp_error_quotes_a_datagram_that_can_be_read_back() {
    let lost = fin_push_with_four_sack_blocks();
    let icmp = Icmp::host_unreachable(&lost.emit());
    assert_eq!((icmp.kind, icmp.code), (3, 1));
    let quoted = Datagram::parse_quoted(&Icmp::parse(&icmp.emit()).unwrap().body).unwrap();
    assert_eq!(quoted.segment().unwrap().seq, Seq(u32::MAX - 1));
}

#[test]
fn a_flipped_bit_is_a_bad_checksum() {
    let mut bytes = fin_push_with_four_sack_blocks().emit();
    *bytes.last_mut().unwrap() ^= 1;
    assert_eq!(Datagram::parse(&bytes), Err(WireError::Checksum("TCP")));
}

#[test]
fn sequence_numbers_wrap() {
    assert!(Seq(u32::MAX).before(Seq(0)));
    assert!(Seq(3).between(Seq(u32::MAX), Seq(3)));
    assert!(!Seq(4).between(Seq(u32::MAX), Seq(3)));
    assert_eq!(Seq(2) - Seq(u32::MAX), 3);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Datagram::parse(&bytes);
        let _ = Datagram::parse_quoted(&bytes);
        let _ = TcpOption::parse_all(&bytes);
    }

    #[test]
    fn a_damaged_packet_does_not_panic(at in 0usize..200, bit in 0u8..8, cut in 0usize..200) {
        let mut bytes = fin_push_with_four_sack_blocks().emit();
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        bytes.truncate(cut.max(1));
        let _ = Datagram::parse(&bytes);
    }
}
