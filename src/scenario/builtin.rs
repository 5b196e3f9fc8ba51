//! The built-in scenarios, which are those of `examples/scenarios`, and loading of scenarios by name or path.

use std::io::Read;
use std::path::Path;

use super::{Scenario, ScenarioErrors};
use crate::sysctl::nearest;

/// How many bytes of a file are read at most; a scenario may not be that long.
const MAX_READ: u64 = 2 * super::parse::MAX_TEXT as u64;

/// A built-in scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Builtin {
    /// Its name, which is that of the file without `.toml`.
    pub name: &'static str,
    /// The text of the file.
    pub toml: &'static str,
}

macro_rules! builtins {
    ($($name:literal)*) => {
        /// The built-in scenarios, sorted by name.
        static BUILTINS: &[Builtin] = &[$(Builtin {
            name: $name,
            toml: include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"), "/examples/scenarios/", $name, ".toml"
            )),
        },)*];
    };
}

builtins! {
    "blog-post-power-off"
    "bulk-acked-then-power-off"
    "bulk-autobuf"
    "bulk-power-off"
    "bulk-power-off-tlp"
    "connect-cut-and-restore"
    "connect-dead"
    "connect-dead-defaults"
    "connect-dead-no-linear"
    "connect-refused"
    "connect-user-timeout"
    "cut-and-restore"
    "cut-and-restore-tlp"
    "drop-one"
    "drop-one-tlp"
    "fin-wait2"
    "fin-wait2-60s"
    "fin-wait2-data"
    "fin-wait2-shutdown"
    "freeze-and-thaw"
    "keepalive-answered-then-power-off"
    "keepalive-cut-and-restore"
    "keepalive-defaults"
    "keepalive-power-off"
    "keepalive-starved"
    "keepalive-starved-between-probes"
    "long-rtt"
    "long-rtt-tlp"
    "middlebox-forgets"
    "middlebox-resets"
    "no-timestamps"
    "orphan-data-and-fin"
    "orphan-fin"
    "orphan-killed-in-flight"
    "orphan-retries-2"
    "orphan-retries-2-tlp"
    "outage"
    "outage-peer-gives-up-first"
    "peer-killed"
    "peer-killed-both-close"
    "peer-killed-then-power-off"
    "power-off-all-defaults"
    "power-off-backlog-nagle"
    "power-off-backlog-nagle-tlp"
    "power-off-backlog-nodelay"
    "power-off-backlog-nodelay-tlp"
    "power-off-idle"
    "power-off-idle-tlp"
    "power-off-nothing-sent"
    "power-off-retries2-15"
    "power-off-three-minutes"
    "reboot-in-backoff"
    "reboot-late-keepalive"
    "reboot-then-keepalive"
    "reboot-then-send"
    "reference-a-retries2-3"
    "reference-b-retries2-5"
    "reference-c-retries2-15"
    "reference-d-no-tlp"
    "reference-e-five-segments"
    "reference-f-collapse"
    "reference-g-probe-with-new-data"
    "reference-h-rto-max-1s"
    "reference-i-rto-max-2s"
    "reference-j-rto-min-20ms"
    "reference-k-rto-min-5ms"
    "reference-l-user-timeout-5s"
    "reference-m-user-timeout-100ms"
    "reference-n-rtt-100ms"
    "reference-o-rtt-100ms-five-segments"
    "reference-p-keepalive"
    "reference-q-keepalive-user-timeout"
    "reference-r-zero-window"
    "reference-s-zero-window-cut"
    "reference-t-zero-window-user-timeout"
    "reference-u-syn-user-timeout"
    "reference-v-synack"
    "reference-w-orphan"
    "reference-x-reboot"
    "reference-y-unreachable"
    "reference-z-syn-retransmitted"
    "reno"
    "rto-bounds"
    "rto-bounds-tlp"
    "rto-max-option"
    "server-power-off"
    "synack-dead"
    "textbook-retries2-15"
    "unreachable"
    "unreachable-and-back"
    "unreachable-connect"
    "unreachable-keepalive"
    "unreachable-late"
    "user-timeout-data"
    "user-timeout-data-tlp"
    "user-timeout-keepalive"
    "user-timeout-long-keepalive"
    "zero-window-dead-at-once"
    "zero-window-power-off"
    "zero-window-reopen"
    "zero-window-user-timeout"
}

/// Why a scenario could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There is neither a file nor a built-in scenario with this name.
    #[error(
        "there is no scenario {name}{}; `halfopen list` shows the built-in scenarios, and a path must end with .toml",
        .nearest.map(|n| format!(" (did you mean {n}?)")).unwrap_or_default()
    )]
    Unknown {
        /// The name that was given.
        name: String,
        /// The built-in scenario with the most similar name, if there is one.
        nearest: Option<&'static str>,
    },
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// The file is not a valid scenario.
    #[error("{0}")]
    Wrong(ScenarioErrors),
}

impl Builtin {
    /// Parses the scenario.
    pub fn scenario(&self) -> Result<Scenario, ScenarioErrors> {
        let file = format!("{}.toml", self.name);
        Scenario::parse(self.name, &file, self.toml)
    }
}

/// Returns all built-in scenarios, sorted by name.
pub fn all() -> &'static [Builtin] {
    BUILTINS
}

/// Returns the built-in scenario with this name.
pub fn find(name: &str) -> Option<&'static Builtin> {
    BUILTINS.iter().find(|b| b.name == name)
}

/// Loads the file `name_or_path` if it exists or its name ends with `.toml`, and otherwise the built-in scenario with that
/// name.
pub fn load(name_or_path: &str) -> Result<Scenario, LoadError> {
    let path = Path::new(name_or_path);
    if path.is_file() || name_or_path.ends_with(".toml") {
        return load_file(path);
    }
    match find(name_or_path) {
        Some(builtin) => builtin.scenario().map_err(LoadError::Wrong),
        None => Err(LoadError::Unknown {
            name: name_or_path.to_owned(),
            nearest: nearest(name_or_path, BUILTINS.iter().map(|b| b.name)),
        }),
    }
}

fn load_file(path: &Path) -> Result<Scenario, LoadError> {
    let shown = path.display().to_string();
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_READ).read_to_end(&mut bytes))
        .map_err(|source| LoadError::Unreadable {
            path: shown.clone(),
            source,
        })?;
    let stem = path.file_stem().unwrap_or(path.as_os_str());
    let name = stem.to_string_lossy();
    Scenario::parse_bytes(&name, &shown, &bytes).map_err(LoadError::Wrong)
}
