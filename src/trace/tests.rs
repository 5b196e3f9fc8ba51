//! What the tests of this module share: a trace of given packets, and the recordings.

use std::path::PathBuf;

use super::*;

/// Returns a simulated trace of these packets, without events.
pub(super) fn trace_of(packets: Vec<Packet>) -> Trace {
    Trace {
        meta: Meta {
            scenario: "power-off-idle".to_owned(),
            title: "a title".to_owned(),
            scenario_toml: "title = \"a title\"\n".to_owned(),
            target: "engine".to_owned(),
            version: "0.1.0".to_owned(),
            provenance: Provenance::Simulated,
            role: "client".to_owned(),
            delay: Duration::from_millis(5),
            sysctl: vec![("tcp_retries2".to_owned(), "5".to_owned())],
            ticks: Some(Ticks::at_hz(1_000)),
            congestion_control: "cubic".to_owned(),
            seed: Some(7),
            notes: vec!["one note".to_owned()],
            late: Vec::new(),
        },
        packets,
        events: Vec::new(),
        stopped: Stopped::After,
        ended_at: Instant::from_ms(12),
    }
}

/// Returns the folders of all recordings in the repository.
pub(super) fn recordings() -> Vec<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let sets = [
        "examples/recordings/linux-6.18",
        "tests/recordings/linux-6.18-random",
        "tests/recordings/linux-6.18-repeats",
    ];
    let mut folders: Vec<PathBuf> = sets
        .iter()
        .flat_map(|set| std::fs::read_dir(root.join(set)).expect("the recordings are kept"))
        .map(|entry| entry.expect("the recordings are readable").path())
        .collect();
    folders.sort();
    assert_eq!(folders.len(), 139);
    folders
}
