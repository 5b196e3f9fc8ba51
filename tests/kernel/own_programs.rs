//! Programs that people have, under `halfopen exec` and beside `halfopen serve`: how they are run and what is told of them.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// Runs the program with these arguments to its end.
pub(crate) fn halfopen(arguments: &[&str]) -> Output {
    start(arguments, Stdio::null())
        .wait_with_output()
        .expect("it ends")
}

pub(crate) fn start(arguments: &[&str], stdin: Stdio) -> Child {
    Command::new(env!("CARGO_BIN_EXE_halfopen"))
        .args(arguments)
        .env_remove("RUST_LOG")
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

pub(crate) fn text(output: &Output) -> String {
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    out + &String::from_utf8_lossy(&output.stderr)
}

/// Whether this machine can have private namespaces, and these programs; says in one line what is missing.
pub(crate) fn is_possible(programs: &[&str]) -> bool {
    let doctor = halfopen(&["doctor"]);
    if !doctor.status.success() {
        println!("skipped: no private namespace can be had here");
        return false;
    }
    let folders: Vec<PathBuf> = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default();
    let missing = programs
        .iter()
        .find(|p| !folders.iter().any(|f| f.join(p).exists()));
    if let Some(missing) = missing {
        println!("skipped: {missing} is not installed");
    }
    missing.is_none()
}

/// A report as JSON, of `exec --json -o FILE`.
pub(crate) struct Report {
    pub(crate) output: Output,
    pub(crate) json: Value,
}

impl Report {
    pub(crate) fn of(arguments: &[&str]) -> Report {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("report.json");
        let mut all = vec![
            "exec",
            "--json",
            "-o",
            file.to_str().expect("a path in UTF-8"),
        ];
        all.extend(arguments);
        let output = halfopen(&all);
        let written = std::fs::read_to_string(&file);
        let written = written.unwrap_or_else(|e| panic!("no report ({e}): {}", text(&output)));
        let json = serde_json::from_str(&written).expect("JSON");
        Report { output, json }
    }

    /// The only connection's story.
    pub(crate) fn connection(&self) -> &Value {
        let all = self.json["connections"].as_array().expect("a list");
        assert_eq!(all.len(), 1, "{:#}", self.json);
        &all[0]
    }

    pub(crate) fn seconds(&self, path: &str) -> f64 {
        let value = self.connection().pointer(path).and_then(Value::as_f64);
        value.unwrap_or_else(|| panic!("no number at {path}: {:#}", self.json))
    }
}

/// Talks to an echo server, is idle for so long, and talks again: prints what it is told.
pub(crate) const TALKER: &str = r#"
import socket, sys, time
s = socket.create_connection(("10.77.0.2", 4000))
for option in sys.argv[2:]:
    level, name, value = option.split(":")
    s.setsockopt(getattr(socket, level), getattr(socket, name), int(value))
try:
    for line in (b"one", b"two"):
        s.sendall(line)
        print(s.recv(100), flush=True)
        time.sleep(float(sys.argv[1]))
except OSError as e:
    print(e.errno)
    sys.exit(3)
"#;
