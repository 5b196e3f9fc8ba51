//! Programs that people have, under `halfopen exec` and beside `halfopen serve`: how they are run and what is told of them.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use crate::bounded;
use crate::skip;

/// Runs the program with these arguments to its end.
pub(crate) fn halfopen(arguments: &[&str]) -> Output {
    bounded::ended_with_output(start(arguments, Stdio::null()))
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
        skip::no_kernel("no private namespace can be had here");
        return false;
    }
    let folders: Vec<PathBuf> = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default();
    let missing = programs
        .iter()
        .find(|p| !folders.iter().any(|f| f.join(p).exists()));
    if let Some(missing) = missing {
        skip::because(format_args!("{missing} is not installed"));
    }
    missing.is_none()
}

/// A user who runs the program: root, or somebody without privileges, for whom it takes a user namespace.
pub(crate) struct User {
    name: &'static str,
    id: Option<u32>,
    /// The program, where this user may run it.
    pub(crate) program: PathBuf,
    /// Holds the copy of the program, and a place for a device.
    folder: Option<tempfile::TempDir>,
}

/// Becomes a user to whom /dev/net/tun is open, as it is on most systems: in a mount namespace, so that this machine's
/// stays as it is.
const AS_USER: &str = r#"mount -t tmpfs -o mode=755 none "$0" &&
    mknod -m 666 "$0/tun" c 10 200 && mount --bind "$0/tun" /dev/net/tun &&
    user=$1 && shift && exec setpriv --reuid="$user" --regid="$user" --clear-groups -- "$@""#;

/// Whoever runs the tests; and nobody, where that is root. Says so where nobody can have no private namespace.
pub(crate) fn users() -> Vec<User> {
    let mut users = vec![User {
        name: "this user",
        id: None,
        program: env!("CARGO_BIN_EXE_halfopen").into(),
        folder: None,
    }];
    if rustix::process::geteuid().is_root() {
        let nobody = User::nobody();
        match nobody.halfopen(&["doctor"]).status.success() {
            true => users.push(nobody),
            false => println!("skipped: an ordinary user can have no private namespace here"),
        }
    }
    users
}

impl User {
    /// The user `nobody`, with a copy of the program that everybody may run.
    fn nobody() -> User {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let open = |path: &std::path::Path| {
            std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).expect("it is ours");
        };
        open(folder.path());
        let program = folder.path().join("halfopen");
        std::fs::copy(env!("CARGO_BIN_EXE_halfopen"), &program).expect("a copy");
        open(&program);
        std::fs::create_dir(folder.path().join("dev")).expect("it is ours");
        User {
            name: "nobody",
            id: Some(65534),
            program,
            folder: Some(folder),
        }
    }

    /// Whether this is `nobody`, and not who runs the tests.
    pub(crate) fn is_nobody(&self) -> bool {
        self.id.is_some()
    }

    /// A command of this user, with pipes for its output.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = match (&self.folder, self.id) {
            (Some(folder), Some(id)) => {
                let mut command = Command::new("unshare");
                command.args(["--mount", "--", "sh", "-c", AS_USER]);
                command.arg(folder.path().join("dev")).arg(id.to_string());
                command.arg(program);
                command
            }
            _ => Command::new(program),
        };
        command.env_remove("RUST_LOG").current_dir("/");
        command.stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the program as this user to its end.
    pub(crate) fn halfopen(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(&self.program);
        bounded::output(command.args(arguments))
    }
}

impl std::fmt::Display for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
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

    /// Runs `exec` with a peer that dies after 1 s, and with one that dies later if the program was not where the test
    /// wants it by then: how fast it starts depends on the machine. It gets twice that time after the death.
    pub(crate) fn of_one_that_is_ready(
        arguments: &[&str],
        is_ready: impl Fn(&Report) -> bool,
    ) -> Report {
        let mut slowest = None;
        for death_s in [1, 4, 16, 64] {
            let (death, timeout) = (format!("{death_s}s"), format!("{}s", death_s * 3));
            let times = ["--die-after", death.as_str(), "--timeout", timeout.as_str()];
            let report = Report::of(&[&times[..], arguments].concat());
            if is_ready(&report) {
                return report;
            }
            slowest = Some(report);
        }
        panic!("not ready within 64 s: {:#}", slowest.expect("it ran").json)
    }

    /// Whether the only connection was there when the peer died.
    pub(crate) fn was_connected(&self) -> bool {
        let connections = self.json["connections"].as_array();
        let forecast = |c: &Value| c["forecast_at_death"].is_object();
        connections.is_some_and(|all| all.len() == 1 && forecast(&all[0]))
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

/// Talks to an echo server, is idle for so long, and talks again: prints what it is told. Its options are set before there
/// is a connection, so whoever sees the connection sees them.
pub(crate) const TALKER: &str = r#"
import socket, sys, time
s = socket.socket()
for option in sys.argv[2:]:
    level, name, value = option.split(":")
    s.setsockopt(getattr(socket, level), getattr(socket, name), int(value))
s.connect(("10.77.0.2", 4000))
try:
    for line in (b"one", b"two"):
        s.sendall(line)
        print(s.recv(100), flush=True)
        time.sleep(float(sys.argv[1]))
except OSError as e:
    print(e.errno)
    sys.exit(3)
"#;
