//! Our pcapng files are read by others' programs as they are meant: tshark and tcpdump, where these are
//! installed.

#[path = "bounded/mod.rs"]
mod bounded;

use std::path::{Path, PathBuf};
use std::process::Command;

use halfopen::capture::annotate;
use halfopen::trace::{Dir, Trace, kept};

/// What the program prints; none, and a line that says so, where it is not installed.
fn output(program: &str, args: &[&str], file: &Path) -> Option<String> {
    match bounded::try_output(Command::new(program).args(args).arg("-r").arg(file)) {
        Ok(output) => {
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{program}: {errors}");
            Some(String::from_utf8(output.stdout).expect("UTF-8"))
        }
        Err(_) => {
            eprintln!("skipped: {program} is not installed (apt-get install {program})");
            None
        }
    }
}

/// A recording as if it were a run of ours: its packets have causes.
fn saved(name: &str) -> (Trace, PathBuf) {
    let mut trace = kept::recording("unreachable-late").unwrap().unwrap();
    for (n, packet) in trace.packets.iter_mut().enumerate() {
        if packet.dir == Dir::Out {
            packet.cause = Some(format!(
                "cause {n}: 816 ms \u{2192} 864 ms, \"by the wheel\""
            ));
        }
    }
    let dir = std::env::temp_dir().join(format!("halfopen-{}-{name}", std::process::id()));
    trace.save(&dir).unwrap();
    (trace, dir)
}

#[test]
fn tshark_reads_times_comments_directions_and_segments() {
    let (trace, dir) = saved("tshark");
    let fields = [
        "frame.time_epoch",
        "frame.packet_flags_direction",
        "frame.len",
        "frame.comment",
        "_ws.malformed",
    ];
    let mut args = vec!["-T", "fields", "-E", "separator=/t"];
    fields.iter().for_each(|field| args.extend(["-e", field]));
    let text = output("tshark", &args, &dir.join("trace.pcapng"));
    std::fs::remove_dir_all(&dir).unwrap();
    let Some(text) = text else { return };
    assert_eq!(text.lines().count(), trace.packets.len());
    for (line, packet) in text.lines().zip(&trace.packets) {
        let columns: Vec<_> = line.split('\t').collect();
        let (secs, ns) = (
            packet.at.ns() / 1_000_000_000,
            packet.at.ns() % 1_000_000_000,
        );
        // some versions print the instant as a date
        let fraction = format!("{ns:09}");
        assert!(columns[0].contains(&fraction), "{line}: {secs}.{fraction}");
        let direction: u8 = columns[1].trim_start_matches("0x").parse().unwrap();
        assert_eq!(direction == 2, packet.dir == Dir::Out, "{line}");
        assert_eq!(columns[2], packet.bytes.len().to_string());
        assert_eq!(columns[3], packet.cause.as_deref().unwrap_or(""));
        assert_eq!(columns[4], "");
    }
}

#[test]
fn tcpdump_reads_every_packet() {
    let (trace, dir) = saved("tcpdump");
    let args = ["-n", "-tt", "--nano"];
    let text = output("tcpdump", &args, &dir.join("trace.pcapng"));
    std::fs::remove_dir_all(&dir).unwrap();
    let Some(text) = text else { return };
    assert_eq!(text.lines().count(), trace.packets.len());
    for (line, packet) in text.lines().zip(&trace.packets) {
        let (secs, ns) = (
            packet.at.ns() / 1_000_000_000,
            packet.at.ns() % 1_000_000_000,
        );
        assert!(
            line.starts_with(&format!("{secs}.{ns:09} IP 10.77.0.")),
            "{line}"
        );
    }
}

/// What tshark shows of each frame of a capture: its time and length, the sequence number and direction, and the comment.
fn shown(file: &Path) -> Option<Vec<Vec<String>>> {
    let fields = [
        "frame.time_epoch",
        "frame.len",
        "frame.cap_len",
        "tcp.seq_raw",
        "frame.packet_flags_direction",
        "frame.comment",
    ];
    let mut args = vec!["-T", "fields", "-E", "separator=/t"];
    fields.iter().for_each(|field| args.extend(["-e", field]));
    let text = output("tshark", &args, file)?;
    let columns = |line: &str| line.split('\t').map(String::from).collect();
    Some(text.lines().map(columns).collect())
}

#[test]
fn tshark_shows_the_comments_of_an_annotated_capture_and_everything_else_as_before() {
    let (trace, dir) = saved("annotate");
    std::fs::write(
        dir.join("trace.pcap"),
        halfopen::trace::pcap::write(&trace.packets),
    )
    .unwrap();
    let mut seen = Vec::new();
    for name in ["trace.pcapng", "trace.pcap"] {
        let (original, copy) = (dir.join(name), dir.join("copy.pcapng"));
        let input = std::fs::File::open(&original).unwrap();
        let output = std::fs::File::create(&copy).unwrap();
        let comment = |n| (n % 3 == 0).then(|| format!("frame {n} \u{2192} explained"));
        let done = annotate(input, output, comment).unwrap();
        assert_eq!(done.frames, trace.packets.len() as u64);
        assert_eq!((done.comments, done.left_out), (done.frames / 3, 0));
        seen.push((shown(&original), shown(&copy)));
    }
    std::fs::remove_dir_all(&dir).unwrap();
    for (original, copy) in seen {
        let (Some(original), Some(copy)) = (original, copy) else {
            return;
        };
        assert_eq!(original.len(), copy.len());
        for (n, (mut before, mut after)) in std::iter::zip(original, copy).enumerate() {
            let (old, new) = (before.pop().unwrap(), after.pop().unwrap());
            assert_eq!(before, after);
            let comment = match (n + 1) % 3 {
                0 => format!("frame {} \u{2192} explained", n + 1),
                _ => String::new(),
            };
            assert!(new.starts_with(&comment) && new.ends_with(&old), "{new}");
            assert!(new.len() <= comment.len() + old.len() + 1, "{new}");
        }
    }
}
