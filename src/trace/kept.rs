//! The recordings of a kernel that the library contains, for machines on which no kernel can be measured. Without the
//! feature `recordings` it contains none.
//!
//! These are all 65 recordings of examples/recordings/linux-6.18, unchanged (4.4 MB). The tests and the program use the
//! same copy.

use std::path::Path;

use super::Trace;
use super::folder::{Files, PCAP, TraceError};

/// The files of a recording.
struct Kept {
    name: &'static str,
    scenario: &'static str,
    capture: &'static [u8],
    events: &'static str,
    summary: &'static str,
}

/// Unit tests always have the recordings.
#[cfg(not(any(feature = "recordings", test)))]
static KEPT: &[Kept] = &[];

macro_rules! kept {
    ($($name:literal,)*) => {
        #[cfg(any(feature = "recordings", test))]
        static KEPT: &[Kept] = &[$(Kept {
            name: $name,
            scenario: include_str!(concat!("../../examples/recordings/linux-6.18/", $name, "/scenario.toml")),
            capture: include_bytes!(concat!("../../examples/recordings/linux-6.18/", $name, "/trace.pcap")),
            events: include_str!(concat!("../../examples/recordings/linux-6.18/", $name, "/events.jsonl")),
            summary: include_str!(concat!("../../examples/recordings/linux-6.18/", $name, "/summary.json")),
        },)*];
    };
}

kept! {
    "bulk-acked-then-power-off",
    "bulk-autobuf",
    "bulk-power-off",
    "bulk-power-off-tlp",
    "connect-cut-and-restore",
    "connect-dead",
    "connect-dead-defaults",
    "connect-dead-no-linear",
    "connect-refused",
    "connect-user-timeout",
    "cut-and-restore",
    "cut-and-restore-tlp",
    "drop-one",
    "drop-one-tlp",
    "fin-wait2",
    "fin-wait2-60s",
    "fin-wait2-data",
    "fin-wait2-shutdown",
    "keepalive-answered-then-power-off",
    "keepalive-cut-and-restore",
    "keepalive-power-off",
    "keepalive-starved",
    "keepalive-starved-between-probes",
    "long-rtt",
    "long-rtt-tlp",
    "no-timestamps",
    "orphan-data-and-fin",
    "orphan-fin",
    "orphan-killed-in-flight",
    "orphan-retries-2",
    "orphan-retries-2-tlp",
    "peer-killed",
    "peer-killed-then-power-off",
    "power-off-all-defaults",
    "power-off-backlog-nagle",
    "power-off-backlog-nagle-tlp",
    "power-off-backlog-nodelay",
    "power-off-backlog-nodelay-tlp",
    "power-off-idle",
    "power-off-idle-tlp",
    "power-off-retries2-15",
    "power-off-three-minutes",
    "reboot-in-backoff",
    "reboot-late-keepalive",
    "reboot-then-keepalive",
    "reboot-then-send",
    "reno",
    "rto-bounds",
    "rto-bounds-tlp",
    "rto-max-option",
    "server-power-off",
    "synack-dead",
    "unreachable",
    "unreachable-and-back",
    "unreachable-connect",
    "unreachable-keepalive",
    "unreachable-late",
    "user-timeout-data",
    "user-timeout-data-tlp",
    "user-timeout-keepalive",
    "user-timeout-long-keepalive",
    "zero-window-dead-at-once",
    "zero-window-power-off",
    "zero-window-reopen",
    "zero-window-user-timeout",
}

/// Returns the names of the recordings in order. They are those of their scenarios.
pub fn names() -> impl Iterator<Item = &'static str> {
    KEPT.iter().map(|k| k.name)
}

/// Returns the text of the scenario that was recorded under this name, or `None` if there is no such recording.
pub fn scenario(name: &str) -> Option<&'static str> {
    KEPT.iter().find(|k| k.name == name).map(|k| k.scenario)
}

/// Returns the recording of the scenario of this name, or `None` if there is no such recording.
pub fn recording(name: &str) -> Option<Result<Trace, TraceError>> {
    let kept = KEPT.iter().find(|k| k.name == name)?;
    let files = Files {
        dir: &Path::new("linux-6.18").join(name),
        capture: (PCAP, kept.capture),
        scenario: kept.scenario,
        events: kept.events,
        summary: kept.summary,
    };
    Some(files.trace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recording_is_kept_and_is_that_of_the_folder() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/recordings/linux-6.18");
        let mut folders: Vec<_> = std::fs::read_dir(&root)
            .expect("the recordings are there")
            .map(|entry| {
                entry
                    .expect("readable")
                    .file_name()
                    .into_string()
                    .expect("ASCII")
            })
            .collect();
        folders.sort();
        assert_eq!(names().collect::<Vec<_>>(), folders);
        for name in names() {
            let kept = recording(name).expect("kept").expect("readable");
            assert!(
                kept == Trace::load(&root.join(name)).expect("readable"),
                "{name}"
            );
            assert_eq!(scenario(name), Some(kept.meta.scenario_toml.as_str()));
        }
        assert!(recording("no-such").is_none());
    }
}
