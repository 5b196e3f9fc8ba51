use crate::capture::made::{
    RAW, behind, ethernet, ipv4, ipv6, one, only_content, only_segment, read,
};
use crate::capture::{CaptureReadError, FrameContent, Reader};
use crate::trace::Dir;
use crate::wire::Seq;

/// Each frame has the segment with the sequence number 1000 and 5 bytes of data.
fn all_have_the_segment<const N: usize>(frames: [(&str, u32, Vec<u8>); N]) {
    for (what, link, frame) in frames {
        let seen = only_segment(&one(link, &frame));
        assert_eq!((seen.seq, seen.len), (Seq(1_000), 5), "{what}");
        // a frame that ends before the TCP header does is unreadable wherever it ends
        for end in 0..frame.len() - 5 - 12 - 20 {
            let mut cut = one(link, &frame[..end]);
            let original_len = 24 + 12..24 + 16;
            cut[original_len].copy_from_slice(&(frame.len() as u32).to_le_bytes());
            let content = only_content(&cut);
            assert_eq!(
                content,
                FrameContent::Unreadable,
                "{what}, cut to {end} bytes"
            );
        }
    }
}

#[test]
fn ethernet_and_its_tags_are_passed_over() {
    let (v4, v6) = (ipv4(1_000, b"hello"), ipv6(1_000, b"hello"));
    let with_vlan = |tags: &[u8], datagram: &[u8]| {
        let mut frame = ethernet(datagram);
        frame.splice(12..12, tags.iter().copied());
        frame
    };
    let in_ethernet = |ether_type: [u8; 2], inner: Vec<u8>| {
        behind(&[[2; 12].as_slice(), &ether_type].concat(), &inner)
    };
    let snap = behind(&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &v4);
    all_have_the_segment([
        ("Ethernet", 1, ethernet(&v4)),
        ("Ethernet, IPv6", 1, ethernet(&v6)),
        ("VLAN", 1, with_vlan(&[0x81, 0, 0x20, 5], &v4)),
        (
            "QinQ",
            1,
            with_vlan(&[0x88, 0xa8, 0, 5, 0x81, 0, 0, 6], &v6),
        ),
        (
            "old QinQ",
            1,
            with_vlan(&[0x91, 0, 0, 5, 0x91, 0, 0, 5, 0x81, 0, 0, 6], &v4),
        ),
        (
            "MPLS",
            1,
            in_ethernet([0x88, 0x47], behind(&[0, 1, 0, 9, 0, 2, 1, 9], &v4)),
        ),
        (
            "MPLS, IPv6",
            1,
            in_ethernet([0x88, 0x48], behind(&[0, 2, 1, 9], &v6)),
        ),
        (
            "PPPoE",
            1,
            in_ethernet([0x88, 0x64], behind(&[0x11, 0, 0, 1, 0, 60, 0, 0x21], &v4)),
        ),
        (
            "PPPoE, IPv6",
            1,
            in_ethernet([0x88, 0x64], behind(&[0x11, 0, 0, 1, 0, 90, 0, 0x57], &v6)),
        ),
        (
            "PPPoE without Ethernet",
            51,
            behind(&[0x11, 0, 0, 1, 0, 60, 0, 0x21], &v4),
        ),
        ("SNAP", 1, in_ethernet([0, snap.len() as u8], snap.clone())),
    ]);
}

#[test]
fn other_link_layers_are_passed_over() {
    let (v4, v6) = (ipv4(1_000, b"hello"), ipv6(1_000, b"hello"));
    let cooked = |protocol: [u8; 2], datagram: &[u8]| {
        let mut frame = vec![0, 0, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0];
        frame.extend(protocol);
        behind(&frame, datagram)
    };
    let cooked2 = |protocol: [u8; 2], datagram: &[u8]| {
        let mut frame = protocol.to_vec();
        frame.extend([0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0]);
        behind(&frame, datagram)
    };
    all_have_the_segment([
        ("raw", RAW, v4.clone()),
        ("raw of BSD", 12, v4.clone()),
        ("raw of OpenBSD", 14, v6.clone()),
        ("IPv4", 228, v4.clone()),
        ("IPv6", 229, v6.clone()),
        ("cooked", 113, cooked([8, 0], &v4)),
        ("cooked, IPv6", 113, cooked([0x86, 0xdd], &v6)),
        (
            "cooked, VLAN",
            113,
            cooked([0x81, 0], &behind(&[0, 5, 8, 0], &v4)),
        ),
        ("cooked 2", 276, cooked2([8, 0], &v4)),
        ("cooked 2, IPv6", 276, cooked2([0x86, 0xdd], &v6)),
        ("null, little-endian", 0, behind(&[2, 0, 0, 0], &v4)),
        ("null, big-endian", 0, behind(&[0, 0, 0, 2], &v4)),
        ("null, IPv6 of Linux", 0, behind(&[10, 0, 0, 0], &v6)),
        ("null, IPv6 of Windows", 0, behind(&[23, 0, 0, 0], &v6)),
        ("null, IPv6 of OpenBSD", 0, behind(&[24, 0, 0, 0], &v6)),
        ("null, IPv6 of FreeBSD", 0, behind(&[28, 0, 0, 0], &v6)),
        ("null, IPv6 of Darwin", 0, behind(&[30, 0, 0, 0], &v6)),
        ("loop", 108, behind(&[0, 0, 0, 24], &v6)),
        ("PPP", 9, behind(&[0, 0x21], &v4)),
        ("PPP with HDLC", 9, behind(&[0xff, 3, 0, 0x57], &v6)),
    ]);
}

#[test]
fn other_protocols_are_other() {
    let arp = behind(&[[2; 12].as_slice(), &[8, 6]].concat(), &[0; 28]);
    let llc = behind(
        &[[2; 12].as_slice(), &[0, 38]].concat(),
        &[0x42, 0x42, 3, 0, 0, 0, 0, 0],
    );
    let control_word = behind(
        &[[2; 12].as_slice(), &[0x88, 0x47]].concat(),
        &[0, 2, 1, 9, 0, 0, 0, 0],
    );
    let lcp = behind(&[0x11, 0, 0, 1, 0, 60, 0xc0, 0x21], &[0; 20]);
    for (what, link, frame) in [
        ("ARP", 1, arp),
        ("spanning tree", 1, llc),
        ("a pseudowire", 1, control_word),
        ("LCP", 51, lcp),
        (
            "IPX on a loopback",
            0,
            behind(&[23 + 100, 0, 0, 0], &[0; 40]),
        ),
    ] {
        assert_eq!(
            only_content(&one(link, &frame)),
            FrameContent::Other,
            "{what}"
        );
    }
}

#[test]
fn cooked_captures_tell_the_direction() {
    for (packet_type, dir) in [
        (0, Some(Dir::In)),
        (1, Some(Dir::In)),
        (2, Some(Dir::In)),
        (3, None),
        (4, Some(Dir::Out)),
        (9, None),
    ] {
        let mut cooked = vec![0, packet_type, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0, 8, 0];
        cooked.extend(ipv4(1, b""));
        let mut cooked2 = vec![
            8,
            0,
            0,
            0,
            0,
            0,
            0,
            2,
            0,
            1,
            packet_type,
            6,
            2,
            2,
            2,
            2,
            2,
            2,
            0,
            0,
        ];
        cooked2.extend(ipv4(1, b""));
        for (link, frame) in [(113, &cooked), (276, &cooked2)] {
            let (frames, _) = read(&one(link, frame));
            assert_eq!(frames[0].dir, dir, "{link} {packet_type}");
        }
    }
}

#[test]
fn a_link_type_that_cannot_be_read_is_named() {
    let error = Reader::new(one(127, b"").as_slice())
        .map(|_| ())
        .unwrap_err();
    assert!(matches!(&error, CaptureReadError::LinkTypes(numbers) if numbers == &[127]));
    assert!(error.to_string().starts_with("the capture has the link type 127 (IEEE 802.11), which halfopen does not read; it reads Ethernet (1), "), "{error}");
    // the upper bits tell the length of the frame check sequence
    assert!(Reader::new(one(0x5400_0001, b"").as_slice()).is_ok());
}
