use super::*;

#[test]
fn says_what_a_file_is_and_what_to_do() {
    for (start, says) in [
        (
            &b"\x1f\x8b\x08\x00"[..],
            "it is compressed with gzip; decompress it with `zcat FILE | halfopen explain -`",
        ),
        (
            b"\x28\xb5\x2f\xfd\x04",
            "it is compressed with zstd; decompress it with `zstdcat FILE | halfopen explain -`",
        ),
        (
            b"snoop\0\0\0\0\0\0\x02",
            "it is in the format of snoop; convert it with `editcap -F pcapng FILE FILE.pcapng`, which is a part of Wireshark",
        ),
        (
            b"12:00:00.000001 IP a.1 > b.2: Flags [S]\nmore",
            "it is text and starts with \"12:00:00.000001 IP a.1 > b.2: Flags [S]\"; `tcpdump -w FILE` writes a capture that can be read",
        ),
        (
            b"a\tb",
            "it is text and starts with \"a\\tb\"; `tcpdump -w FILE` writes a capture that can be read",
        ),
        (
            b"\x7fELF",
            "it starts with the bytes 7f 45 4c 46; if it is a capture in another format, such as ERF, convert it with `editcap -F pcapng FILE FILE.pcapng`, which is a part of Wireshark",
        ),
    ] {
        assert_eq!(describe(start), says);
    }
}
