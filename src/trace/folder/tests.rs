use super::*;
use crate::trace::tests::{recordings, trace_of};
use crate::trace::{Dir, Packet};

/// A directory of its own under the build's, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("halfopen-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        Scratch(dir)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn every_recording_is_the_same_after_saving_and_loading() {
    let scratch = Scratch::new("recordings");
    for folder in recordings() {
        let trace = Trace::load(&folder).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(trace.meta.notes, Vec::<String>::new());
        trace.save(&scratch.0).unwrap();
        assert!(
            Trace::load(&scratch.0).unwrap() == trace,
            "{}",
            folder.display()
        );
    }
}

#[test]
fn a_run_of_ours_is_the_same_after_saving_and_loading() {
    let scratch = Scratch::new("own");
    let trace = trace_of(vec![Packet {
        at: Instant::from_ns(4_214_397_001),
        dir: Dir::In,
        bytes: vec![0x45, 1, 2],
        cause: Some("RTO 1 of 5, backoff 0: 212 ms".to_owned()),
    }]);
    trace.save(&scratch.0).unwrap();
    assert_eq!(Trace::load(&scratch.0).unwrap(), trace);
    let mut names: Vec<_> = fs::read_dir(&scratch.0)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "events.jsonl",
            "scenario.toml",
            "summary.json",
            "trace.pcapng"
        ]
    );
}

#[test]
fn errors_name_the_file() {
    let scratch = Scratch::new("errors");
    let error = |dir: &Path| Trace::load(dir).unwrap_err().to_string();
    let shown = |name: &str| scratch.0.join(name).display().to_string();
    assert!(error(&scratch.0).contains("No such file"));
    fs::create_dir_all(&scratch.0).unwrap();
    assert!(error(&scratch.0).contains("no trace.pcapng or trace.pcap in it"));
    trace_of(Vec::new()).save(&scratch.0).unwrap();
    for (name, content, wanted) in [
        (EVENTS, "{}\n", "line 1: \"t\" is missing"),
        (SUMMARY, "{}", "\"target\" is missing"),
        (
            PCAPNG,
            "{\"t\": 1}",
            "neither pcap nor pcapng: it starts with 7b 22 74 22",
        ),
    ] {
        fs::write(scratch.0.join(name), content).unwrap();
        assert_eq!(error(&scratch.0), format!("{}: {wanted}", shown(name)));
        trace_of(Vec::new()).save(&scratch.0).unwrap();
    }
    fs::remove_file(scratch.0.join(SCENARIO)).unwrap();
    assert!(error(&scratch.0).starts_with(&shown(SCENARIO)));
}

#[test]
fn a_file_without_an_end_is_not_read() {
    let scratch = Scratch::new("endless");
    trace_of(Vec::new()).save(&scratch.0).unwrap();
    let path = scratch.0.join(EVENTS);
    let error = || Trace::load(&scratch.0).unwrap_err().to_string();
    // a hole: no block of it is on the disk
    let file = fs::File::create(&path).unwrap();
    file.set_len(bounds::MAX_FILE + 1).unwrap();
    assert!(error().contains("longer than 256 MiB"), "{}", error());
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(error().contains("not a regular file"), "{}", error());
    fs::remove_dir(&path).unwrap();
    fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(error().contains("not UTF-8"), "{}", error());
}

#[test]
fn a_folder_that_cannot_be_written_is_said_and_nothing_is_left() {
    let scratch = Scratch::new("unwritable");
    fs::create_dir_all(scratch.0.join(EVENTS)).unwrap();
    let error = trace_of(Vec::new()).save(&scratch.0).unwrap_err();
    assert!(error.to_string().contains(EVENTS), "{error}");
    let parts = fs::read_dir(&scratch.0).unwrap().filter(|e| {
        e.as_ref()
            .unwrap()
            .file_name()
            .to_string_lossy()
            .ends_with(".part")
    });
    assert_eq!(parts.count(), 0);
}
