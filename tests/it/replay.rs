//! Every recording that the repository keeps, replayed: packets, times, errors, states and TCP_INFO.

use std::path::Path;

use crate::commands::{halfopen, outcome};

/// Each set and how many recordings it has.
const SETS: [(&str, usize); 5] = [
    ("examples/recordings/linux-6.18", 65),
    ("tests/recordings/linux-6.18-random", 60),
    ("tests/recordings/linux-6.18-repeats", 14),
    ("tests/recordings/linux-6.18-found", 9),
    ("tests/recordings/linux-6.18-ipv6", 16),
];

#[test]
fn every_recording_kept_is_identical() {
    for (set, count) in SETS {
        let folder = Path::new(set);
        let (code, stdout, stderr) =
            outcome(halfopen().args(["compare", "--recording"]).arg(folder));
        let last = stdout.lines().last().unwrap_or_default();
        assert_eq!(
            last,
            format!("{count} of {count} identical"),
            "{set}: {stdout}{stderr}"
        );
        assert_eq!(code, 0, "{set}");
    }
}
