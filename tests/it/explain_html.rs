//! `explain --html` from outside: what is in the file, and which files it leaves alone.

use std::path::{Path, PathBuf};

use crate::commands::{folder, halfopen, outcome};

/// Length of the header of a pcap file, bytes.
const HEADER: usize = 24;

fn recording(name: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/recordings/linux-6.18");
    std::fs::read(root.join(name).join("trace.pcap")).expect("it is kept")
}

/// A capture of four connections, of which the second is without trouble.
fn four(dir: &Path) -> PathBuf {
    let mut bytes = recording("power-off-idle");
    for name in ["fin-wait2-shutdown", "reboot-then-send", "connect-refused"] {
        let next = recording(name);
        assert_eq!(next[..HEADER], bytes[..HEADER]);
        bytes.extend_from_slice(&next[HEADER..]);
    }
    let path = dir.join("four.pcap");
    std::fs::write(&path, bytes).expect("a file");
    path
}

fn explain(capture: &Path, out: &Path, more: &[&str]) -> (i32, String, String) {
    let mut command = halfopen();
    command.arg("explain").arg(capture).arg("--html").arg(out);
    outcome(command.args(more))
}

#[test]
fn each_connection_in_trouble_is_told_packet_by_packet() {
    let dir = folder("explain-html");
    let (capture, out) = (four(&dir), dir.join("out.html"));
    let (code, stdout, stderr) = explain(&capture, &out, &[]);
    assert_eq!((code, &*stderr), (1, ""));
    assert!(!stdout.contains("healthy"), "{stdout}");
    let html = std::fs::read_to_string(&out).expect("it was written");
    for (stream, packets) in [(0, 41), (2, 37), (3, 2)] {
        let id = format!("id=\"stream-{stream}\"");
        let at = html.find(&id).expect("it is told");
        let section = &html[at..at + html[at..].find("</section>").expect("it ends")];
        assert_eq!(section.matches("<tr class=").count(), packets, "{stream}");
        assert!(section.contains("<svg class=\"ladder\""));
        assert!(html.contains(&format!("href=\"#stream-{stream}\"")));
    }
    assert!(html.contains("stream 1: ") && !html.contains("id=\"stream-1\""));
    assert!(html.contains("1 connection without trouble"));

    let (code, _, stderr) = explain(&capture, &out, &["--stream", "1", "--force"]);
    assert_eq!((code, &*stderr), (0, ""));
    let html = std::fs::read_to_string(&out).expect("it was written");
    assert!(html.contains("id=\"stream-1\"") && !html.contains("id=\"stream-0\""));
}

#[test]
fn no_file_is_overwritten_unasked() {
    let dir = folder("explain-html-again");
    let (capture, out) = (four(&dir), dir.join("out.html"));
    std::fs::write(&out, "precious").expect("a file");
    let (code, _, stderr) = explain(&capture, &out, &[]);
    assert_eq!(code, 2);
    assert!(stderr.contains("--force overwrites it") && stderr.contains("--html"));
    assert_eq!(
        std::fs::read_to_string(&out).expect("it is there"),
        "precious"
    );

    let before = std::fs::read(&capture).expect("it is there");
    let (code, _, stderr) = explain(&capture, &capture, &["--force"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("is the capture itself"), "{stderr}");
    assert_eq!(std::fs::read(&capture).expect("it is there"), before);

    let same = out.to_str().expect("UTF-8");
    let (code, _, stderr) = explain(&capture, &out, &["--force", "--pcapng", same]);
    assert_eq!(code, 2);
    assert!(stderr.contains("name the same file"), "{stderr}");
}

#[test]
fn a_pipe_is_read_once_so_a_connection_must_be_named() {
    let dir = folder("explain-html-pipe");
    let (capture, out) = (four(&dir), dir.join("out.html"));
    let (code, _, stderr) = explain(Path::new("-"), &out, &[]);
    assert_eq!(code, 2);
    assert!(stderr.contains("a pipe does not allow"), "{stderr}");
    assert!(!out.exists());

    let mut command = halfopen();
    command
        .args(["explain", "-", "--stream", "2", "--html"])
        .arg(&out);
    command.write_stdin(std::fs::read(capture).expect("it is there"));
    let (code, _, stderr) = outcome(&mut command);
    assert_eq!((code, &*stderr), (1, ""));
    let html = std::fs::read_to_string(&out).expect("it was written");
    assert!(
        html.contains("id=\"stream-2\"")
            && html.contains("What happened in <span class=\"name\">a pipe")
    );
}
