use super::*;

fn packet(seq: u32, payload: &[u8]) -> Fields {
    Fields {
        seq,
        payload: payload.to_vec(),
        ..Fields::default()
    }
}

#[test]
fn what_packets_show_is_what_was_written_and_the_rest_is_a_scenarios_text() {
    let packets = [
        packet(1, b"abc"),
        packet(2, b"XYZ"), // b and c again, which stay, and one byte that is new
        packet(8, b"hi"),
        packet(1, b"!!!!"), // nothing new
        packet(12, b"beyond"),
    ];
    let written = Written::of(packets.iter(), 12);
    // place:           0  1  2  3  4  5  6  7  8  9 10 11
    assert_eq!(written.bytes(0, 12), *b"abcZ\x04\x05\x06hi\x09\x0a\x0b");
    assert_eq!(written.bytes(2, 6), *b"cZ\x04\x05\x06h");
    assert_eq!(written.bytes(8, 1), *b"i");
    assert_eq!(written.bytes(4, 3), [4, 5, 6]);
    assert_eq!(written.bytes(250, 3), [250, 0, 1]);
    assert!(written.bytes(3, 0).is_empty());
}

#[test]
fn a_length_that_a_file_says_takes_no_memory() {
    let written = Written::of([packet(u32::MAX, b"far")].iter(), usize::MAX);
    assert!(written.bytes(usize::MAX - 1, 0).is_empty());
    assert_eq!(written.bytes(4_294_967_293, 4), *b"xfar");
}
