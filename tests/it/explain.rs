//! `halfopen explain` from outside: a pipe, what cannot be read, what is written.

use std::io::Write;
use std::path::PathBuf;

use crate::commands::{halfopen, outcome};

fn capture(name: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.join("examples/recordings/linux-6.18")
        .join(name)
        .join("trace.pcap")
}

#[test]
fn a_pipe_is_explained_like_a_file() {
    let path = capture("power-off-all-defaults");
    let bytes = std::fs::read(&path).expect("it is shipped");
    let (code, of_pipe, _) = outcome(halfopen().args(["explain", "-"]).write_stdin(bytes));
    let (_, of_file, _) = outcome(halfopen().arg("explain").arg(&path));
    assert_eq!(code, 1);
    assert_eq!(of_pipe, of_file);
    assert!(of_file.contains("RTO retransmission 15"), "{of_file}");
}

#[test]
fn a_capture_without_trouble_ends_with_0() {
    let (code, text, _) = outcome(halfopen().arg("explain").arg(capture("fin-wait2")));
    assert_eq!(code, 0, "{text}");
    assert!(text.starts_with("0 of 1 connection"), "{text}");
    let (code, text, _) = outcome(
        halfopen()
            .arg("explain")
            .arg("--all")
            .arg(capture("fin-wait2")),
    );
    assert_eq!(code, 0);
    assert!(text.contains("healthy"), "{text}");
}

#[test]
fn json_has_the_packets_and_what_the_applications_get() {
    let (code, text, _) = outcome(
        halfopen()
            .args(["explain", "--json"])
            .arg(capture("keepalive-power-off")),
    );
    assert_eq!(code, 1);
    let json: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    let one = &json["shown"][0];
    assert_eq!(one["trouble"], "keepalive unanswered");
    assert_eq!(one["told"][0]["errno"], "ETIMEDOUT");
    assert_eq!(one["explained"].as_array().map(Vec::len), Some(39));
}

#[test]
fn what_cannot_be_read_is_said_with_exit_code_2() {
    let (code, _, error) = outcome(halfopen().args(["explain", "no/such.pcap"]));
    assert_eq!(code, 2);
    assert!(error.contains("no/such.pcap"), "{error}");
    let (code, _, error) = outcome(
        halfopen()
            .args(["explain", "-"])
            .write_stdin("this is no capture, but a sentence"),
    );
    assert_eq!(code, 2);
    assert!(error.contains("pcap"), "{error}");
    let (code, _, error) = outcome(
        halfopen()
            .args(["explain", "--stream", "7"])
            .arg(capture("drop-one")),
    );
    assert_eq!(code, 2);
    assert!(error.contains("there is no stream 7"), "{error}");
}

#[test]
fn a_file_that_ends_too_early_is_explained_as_far_as_it_goes() {
    let bytes = std::fs::read(capture("power-off-all-defaults")).expect("it is shipped");
    let (code, text, error) = outcome(
        halfopen()
            .args(["explain", "-"])
            .write_stdin(&bytes[..bytes.len() - 5]),
    );
    assert_eq!(code, 1);
    assert!(text.contains("RTO retransmission 14"), "{text}");
    assert!(error.contains("ends inside frame 52"), "{error}");
}

#[test]
fn pcapng_is_written_once_and_overwritten_only_if_asked() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("out.pcapng");
    let explain = |more: &[&str]| {
        let mut command = halfopen();
        command
            .arg("explain")
            .arg(capture("drop-one"))
            .arg("--pcapng")
            .arg(&file)
            .args(more);
        outcome(&mut command)
    };
    assert_eq!(explain(&[]).0, 1);
    let bytes = std::fs::read(&file).expect("it was written");
    assert!(
        bytes.windows(5).any(|w| w == b"ACK o"),
        "a comment is in it"
    );
    let (code, _, error) = explain(&[]);
    assert_eq!(code, 2);
    assert!(error.contains("--force"), "{error}");
    assert_eq!(explain(&["--force"]).0, 1);
}

#[test]
fn several_connections_are_listed_the_worst_first() {
    // one file of two: the healthy one comes first in time
    let mut all = std::fs::read(capture("fin-wait2")).expect("it is shipped");
    let second = std::fs::read(capture("power-off-idle")).expect("it is shipped");
    // the port of the client, so that they are two connections
    let mut records = second[24..].to_vec();
    let mut at = 0;
    while at + 16 <= records.len() {
        let len =
            u32::from_le_bytes(records[at + 8..at + 12].try_into().expect("four bytes")) as usize;
        let secs = u32::from_le_bytes(records[at..at + 4].try_into().expect("four bytes")) + 100;
        records[at..at + 4].copy_from_slice(&secs.to_le_bytes());
        let packet = &mut records[at + 16..at + 16 + len];
        for port in [20, 22] {
            if packet[port..port + 2] == 40_000_u16.to_be_bytes() {
                packet[port..port + 2].copy_from_slice(&40_001_u16.to_be_bytes());
            }
        }
        at += 16 + len;
    }
    all.write_all(&records).expect("it grows");
    let (code, text, _) = outcome(halfopen().args(["explain", "-", "--all"]).write_stdin(all));
    assert_eq!(code, 1);
    let (dead, healthy) = (text.find("dead peer"), text.find("healthy"));
    assert!(dead.is_some() && dead < healthy, "{text}");
}
