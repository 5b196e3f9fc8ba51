//! The header's bytes against what a kernel writes and reads.

use super::*;

#[test]
fn a_large_segment_of_the_kernel() {
    // NEEDS_CSUM, TCPV4, hdr_len 52, gso_size 1448, csum_start 20, csum_offset 16
    let mut bytes = vec![1, 1];
    for field in [52u16, 1448, 20, 16] {
        bytes.extend(field.to_ne_bytes());
    }
    let header = VnetHeader {
        partial: Some(PartialChecksum {
            start: 20,
            offset: 16,
        }),
        valid: false,
        gso: Some(Gso {
            size: 1448,
            header_len: 52,
            v6: false,
        }),
    };
    assert_eq!(VnetHeader::parse(&bytes), Some(header));
    assert_eq!(header.emit(), *bytes);
}

#[test]
fn what_is_cut_or_of_another_kind_is_refused() {
    assert_eq!(VnetHeader::parse(&[0; 9]), None);
    assert_eq!(VnetHeader::parse(&[0; 10]), Some(VnetHeader::default()));
    let udp = [0, 3, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(VnetHeader::parse(&udp), None);
    let ecn = [0, 0x81, 0, 0, 0, 0, 0, 0, 0, 0];
    assert!(VnetHeader::parse(&ecn).is_some_and(|h| h.gso.is_some()));
}
