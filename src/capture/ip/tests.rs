use crate::capture::FrameContent;
use crate::capture::made::{
    ETHERNET, RAW, behind, ethernet, ipv4, ipv6, one, only_content, only_segment,
};
use crate::wire::Seq;

/// The datagram with options of IPv4 in its header.
fn with_ipv4_options(options: &[u8]) -> Vec<u8> {
    let mut datagram = ipv4(1_000, b"hello");
    datagram[0] = 0x40 | (5 + options.len() / 4) as u8;
    let total_len = (datagram.len() + options.len()) as u16;
    datagram[2..4].copy_from_slice(&total_len.to_be_bytes());
    datagram.splice(20..20, options.iter().copied());
    datagram
}

/// The datagram with these extension headers, of which the first has the number `first`.
fn with_extensions(first: u8, extensions: &[u8]) -> Vec<u8> {
    let mut datagram = ipv6(1_000, b"hello");
    datagram[6] = first;
    let payload_len = (datagram.len() - 40 + extensions.len()) as u16;
    datagram[4..6].copy_from_slice(&payload_len.to_be_bytes());
    datagram.splice(40..40, extensions.iter().copied());
    datagram
}

#[test]
fn options_and_extension_headers_are_passed_over() {
    let hop_by_hop = [43, 0, 1, 4, 0, 0, 0, 0];
    let routing = [
        60, 2, 0, 0, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9,
    ];
    let destination = [6, 0, 1, 4, 0, 0, 0, 0];
    let authentication = [
        6, 4, 0, 0, 1, 1, 1, 1, 0, 0, 0, 1, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    ];
    let first_fragment = [6, 0, 0, 1, 0, 0, 0, 7];
    for (what, datagram) in [
        ("options", with_ipv4_options(&[1, 1, 1, 0])),
        ("all the options that fit", with_ipv4_options(&[1; 40])),
        ("destination options", with_extensions(60, &destination)),
        (
            "several extension headers",
            with_extensions(0, &[&hop_by_hop[..], &routing, &destination].concat()),
        ),
        ("authentication", with_extensions(51, &authentication)),
        ("first fragment", with_extensions(44, &first_fragment)),
    ] {
        let seen = only_segment(&one(RAW, &datagram));
        assert_eq!((seen.seq, seen.len), (Seq(1_000), 5), "{what}");
    }
}

#[test]
fn only_the_first_fragment_is_read_with_what_it_has() {
    let mut first = ipv4(1_000, b"hello");
    first[6..8].copy_from_slice(&0x2000_u16.to_be_bytes());
    let seen = only_segment(&one(RAW, &first));
    assert_eq!((seen.seq, seen.len), (Seq(1_000), 5));
    let mut later = ipv4(1_000, b"hello");
    later[6..8].copy_from_slice(&0x2001_u16.to_be_bytes());
    assert_eq!(only_content(&one(RAW, &later)), FrameContent::Other);
    let later = with_extensions(44, &[6, 0, 0, 8, 0, 0, 0, 7]);
    assert_eq!(only_content(&one(RAW, &later)), FrameContent::Other);
}

#[test]
fn the_padding_of_ethernet_is_no_data() {
    for (datagram, len) in [(ipv4(1, b""), 0), (ipv4(1, b"a"), 1), (ipv6(1, b""), 0)] {
        let mut frame = ethernet(&datagram);
        let whole = only_segment(&one(ETHERNET, &frame));
        frame.resize(frame.len().max(60) + 6, 0xee);
        let padded = only_segment(&one(ETHERNET, &frame));
        assert_eq!(padded.len, len);
        assert_eq!(padded, whole);
    }
}

#[test]
fn a_length_that_is_not_filled_in_is_that_of_the_frame() {
    let data = vec![7; 100_000];
    let mut v4 = ipv4(1, &data[..60_000]);
    v4.extend(&data[60_000..]);
    v4[2..4].fill(0);
    let mut v6 = ipv6(1, &data[..60_000]);
    v6.extend(&data[60_000..]);
    v6[4..6].fill(0);
    for datagram in [v4, v6] {
        let frame = ethernet(&datagram);
        assert_eq!(only_segment(&one(ETHERNET, &frame)).len, 100_000);
        // and with a snap length too
        let mut cut = one(ETHERNET, &frame[..96]);
        cut[24 + 12..24 + 16].copy_from_slice(&(frame.len() as u32).to_le_bytes());
        assert_eq!(only_segment(&cut).len, 100_000);
    }
}

#[test]
fn lengths_that_contradict_each_other_are_unreadable() {
    let change = |at: usize, value: u8| {
        let mut datagram = ipv4(1, b"");
        datagram[at] = value;
        datagram
    };
    for (what, datagram) in [
        ("IP version 5", change(0, 0x55)),
        ("an IPv4 header of 16 bytes", change(0, 0x44)),
        ("an IPv4 header longer than the datagram", change(3, 19)),
        ("a datagram that ends inside its TCP header", change(3, 39)),
        ("a TCP header of 16 bytes", change(20 + 12, 0x40)),
        (
            "a TCP header longer than the datagram",
            change(20 + 12, 0xf0),
        ),
        ("an IPv6 datagram that ends inside its TCP header", {
            let mut datagram = ipv6(1, b"");
            datagram[5] = 19;
            datagram
        }),
        (
            "an endless extension header",
            with_extensions(60, &[6, 255, 0, 0, 0, 0, 0, 0]),
        ),
        ("nothing", Vec::new()),
    ] {
        assert_eq!(
            only_content(&one(RAW, &datagram)),
            FrameContent::Unreadable,
            "{what}"
        );
    }
}

/// An IPv4 header without options before this payload.
fn tunnel(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let total_len = (20 + payload.len()) as u16;
    let mut header = ipv4(0, b"")[..20].to_vec();
    header[2..4].copy_from_slice(&total_len.to_be_bytes());
    header[9] = protocol;
    behind(&header, payload)
}

#[test]
fn tunnels_are_passed_through() {
    let (v4, v6) = (ipv4(1_000, b"hello"), ipv6(1_000, b"hello"));
    for (what, datagram) in [
        ("IPv4 in IPv4", tunnel(4, &v4)),
        ("IPv6 in IPv4", tunnel(41, &v6)),
        ("GRE", tunnel(47, &behind(&[0, 0, 8, 0], &v4))),
        (
            "GRE with a key and a number",
            tunnel(
                47,
                &behind(&[0x30, 0, 0x86, 0xdd, 0, 0, 0, 1, 0, 0, 0, 2], &v6),
            ),
        ),
        (
            "GRE with a checksum",
            tunnel(47, &behind(&[0x80, 0, 8, 0, 0, 0, 0, 0], &v4)),
        ),
        (
            "Ethernet in GRE",
            tunnel(47, &behind(&[0, 0, 0x65, 0x58], &ethernet(&v4))),
        ),
        (
            "three tunnels",
            tunnel(4, &tunnel(47, &behind(&[0, 0, 8, 0], &tunnel(41, &v6)))),
        ),
    ] {
        let seen = only_segment(&one(RAW, &datagram));
        assert_eq!((seen.seq, seen.len), (Seq(1_000), 5), "{what}");
    }
    let deep = (0..9).fold(v4, |inner, _| tunnel(4, &inner));
    for (what, datagram) in [
        ("PPTP", tunnel(47, &[0x30, 1, 0x88, 0x0b, 0, 0, 0, 0])),
        ("UDP", tunnel(17, &[0; 8])),
        ("too many tunnels", deep),
    ] {
        assert_eq!(
            only_content(&one(RAW, &datagram)),
            FrameContent::Other,
            "{what}"
        );
    }
}
