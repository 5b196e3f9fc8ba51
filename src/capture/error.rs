//! Why a file cannot be read as a capture.

use super::link;

/// The reason why a capture cannot be read, or not any further.
#[derive(Debug, thiserror::Error)]
pub enum CaptureReadError {
    /// The operating system reports an error.
    #[error("the capture cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// There is not a single byte.
    #[error(
        "the capture is empty: it has not even a file header (tcpdump writes one at its start; with -U it also writes each packet at once)"
    )]
    Empty,
    /// The file starts like no format that can be read.
    #[error("this is no capture in the pcap or pcapng format: {0}")]
    Format(String),
    /// A structure has a value that the format does not allow.
    #[error(
        "the capture is damaged at byte {at}, after frame {frames}: {what}; what follows cannot be read"
    )]
    Damaged {
        /// Offset of the structure, bytes.
        at: u64,
        /// Number of frames that precede it.
        frames: u64,
        /// What is wrong with it.
        what: String,
    },
    /// No interface has a link type that can be read.
    #[error(
        "the capture has the link type {}, which halfopen does not read; it reads Ethernet (1), Linux cooked (113, 276), raw IP (12, 14, 101, 228, 229), BSD loopback (0, 108), PPP (9, 50) and PPPoE (51)",
        names(.0)
    )]
    LinkTypes(Vec<u32>),
}

fn names(numbers: &[u32]) -> String {
    let name = |number: &u32| match link::name(*number) {
        Some(name) => format!("{number} ({name})"),
        None => number.to_string(),
    };
    let names: Vec<_> = numbers.iter().map(name).collect();
    names.join(", ")
}
