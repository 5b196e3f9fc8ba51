//! What a file is that is no capture in the pcap or pcapng format, by its first bytes, and what to do with it.

use crate::printable::escaped;

/// Programs that write a compressed file in its original form, with the bytes that such a file starts with.
const COMPRESSED: [(&[u8], &str, &str); 5] = [
    (b"\x1f\x8b", "gzip", "zcat"),
    (b"\x28\xb5\x2f\xfd", "zstd", "zstdcat"),
    (b"\xfd7zXZ", "xz", "xzcat"),
    (b"BZh", "bzip2", "bzcat"),
    (b"\x04\x22\x4d\x18", "lz4", "lz4cat"),
];

/// Capture formats that Wireshark converts.
const CONVERTED: [(&[u8], &str); 6] = [
    (b"snoop\0\0\0", "snoop"),
    (b"GMBU", "Microsoft Network Monitor"),
    (b"RTSS", "Microsoft Network Monitor"),
    (b"TRSNIFF data", "Network General Sniffer"),
    (b"XCP\0", "NetXRay"),
    (b"5Vw\0", "Visual Networks"),
];

const CONVERT: &str =
    "convert it with `editcap -F pcapng FILE FILE.pcapng`, which is a part of Wireshark";

/// Describes a file that starts with these bytes.
pub(super) fn describe(start: &[u8]) -> String {
    if let Some((_, format, program)) = COMPRESSED.iter().find(|(m, ..)| start.starts_with(m)) {
        return format!(
            "it is compressed with {format}; decompress it with `{program} FILE | halfopen explain -`"
        );
    }
    if let Some((_, format)) = CONVERTED.iter().find(|(m, _)| start.starts_with(m)) {
        return format!("it is in the format of {format}; {CONVERT}");
    }
    if start
        .iter()
        .all(|b| matches!(b, b'\t' | b'\n' | b'\r' | b' '..=b'~'))
    {
        let line: String = start.iter().take(40).map(|b| char::from(*b)).collect();
        let line = escaped(line.lines().next().unwrap_or_default());
        return format!(
            "it is text and starts with \"{line}\"; `tcpdump -w FILE` writes a capture that can be read"
        );
    }
    let bytes: Vec<_> = start.iter().take(8).map(|b| format!("{b:02x}")).collect();
    let bytes = bytes.join(" ");
    format!(
        "it starts with the bytes {bytes}; if it is a capture in another format, such as ERF, {CONVERT}"
    )
}

#[cfg(test)]
mod tests;
