//! Captures that tcpdump makes of the kernel's own connections, with segments that are longer than any packet on a link,
//! are read as tshark reads them.

use std::path::Path;
use std::process::Command;

use halfopen::capture::{FrameContent, Reader};

use crate::bounded;
use crate::own_programs::is_possible;
use crate::skip;

/// Captures a megabyte and its answer on the loopback of a private namespace: `$1` is the file, the rest is for tcpdump, which
/// says when it listens, and has got everything when the last data is in the file.
const CAPTURE: &str = r#"ip link set lo up && mkfifo "$1.said" && file=$1 && shift || exit 9
    tcpdump -Z root -n -U --immediate-mode -B 32768 -w "$file" "$@" 2>"$file.said" & tcpdump=$!
    exec 3<"$file.said"
    while read -r line <&3; do case $line in *listening\ on*) break ;; esac; done
    perl -MIO::Socket::INET -e '
        $l = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") or die;
        if (!fork) { $c = $l->accept; 1 while sysread $c, $b, 65536; print $c "the last data"; exit }
        $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $l->sockport) or die;
        print $s "y" x 1000000; shutdown $s, 1; 1 while sysread $s, $b, 65536; close $s; wait'
    until grep -q "the last data" "$file"; do kill -0 $tcpdump || exit 8; done
    kill -INT $tcpdump; wait $tcpdump; cat <&3 >&2"#;

/// Number, fraction of a second, sequence number and length of each segment, as tshark shows them.
fn by_tshark(file: &Path) -> Vec<(u64, String, u32, u32)> {
    let mut tshark = Command::new("tshark");
    tshark
        .arg("-r")
        .arg(file)
        .args(["-Y", "tcp", "-T", "fields"]);
    for field in ["frame.number", "frame.time_epoch", "tcp.seq_raw", "tcp.len"] {
        tshark.args(["-e", field]);
    }
    let output = bounded::output(&mut tshark);
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let row = |line: &str| {
        let columns: Vec<_> = line.split('\t').collect();
        let number = |n: usize| columns[n].parse::<u32>().expect("a number");
        // some versions print the instant as a date
        let fraction = columns[1].split('.').nth(1).expect("a fraction");
        (
            number(0).into(),
            fraction[..9].to_owned(),
            number(2),
            number(3),
        )
    };
    text.lines().map(row).collect()
}

fn by_us(file: &Path) -> Vec<(u64, String, u32, u32)> {
    let mut reader = Reader::new(std::fs::File::open(file).unwrap()).unwrap();
    let mut rows = Vec::new();
    while let Some(frame) = reader.next_frame().unwrap() {
        if let FrameContent::Tcp(seen) = frame.content {
            let fraction = format!("{:09}", frame.at_ns % 1_000_000_000);
            rows.push((frame.number, fraction, seen.seq.0, seen.len));
        }
    }
    assert_eq!(reader.counts().warnings(), [""; 0]);
    rows
}

#[test]
fn what_tcpdump_captures_is_read_as_by_tshark() {
    if !is_possible(&["tcpdump", "tshark", "perl", "ip", "unshare"]) {
        return;
    }
    if !rustix::process::geteuid().is_root() {
        return skip::because("tcpdump needs root to change its user");
    }
    let folder = tempfile::tempdir().expect("a folder");
    for (name, arguments) in [
        ("ethernet", &["-i", "lo"][..]),
        ("nanoseconds", &["-i", "lo", "--time-stamp-precision=nano"]),
        ("cooked", &["-i", "any", "-y", "LINUX_SLL", "-s", "96"]),
        ("cooked2", &["-i", "any", "-y", "LINUX_SLL2"]),
    ] {
        let file = folder.path().join(name);
        let mut capture = Command::new("unshare");
        capture
            .args(["--net", "--", "sh", "-c", CAPTURE, "sh"])
            .arg(&file)
            .args(arguments);
        let output = bounded::output(&mut capture);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {errors}");
        let ours = by_us(&file);
        assert_eq!(ours, by_tshark(&file), "{name}");
        let longest = ours.iter().map(|row| row.3).max();
        assert!(longest > Some(1_500), "{name}: {longest:?}, {errors}");
    }
}
