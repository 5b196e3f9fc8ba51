//! A trace as a folder with the files scenario.toml, trace.pcapng (or .pcap), events.jsonl and summary.json.

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::capture::{Capture, CaptureError};
use super::jsonl::{self, JsonlError};
use super::summary::{self, SummaryError};
use super::{Packet, Trace, bounds, pcapng};
use crate::nouns::count;
use crate::time::Instant;

/// The reason why a folder could not be written or read. It names the file and what is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The operating system returned an error.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
    /// The folder has neither trace.pcapng nor trace.pcap.
    #[error(
        "{0}: no trace.pcapng or trace.pcap in it; a trace is a folder that `run --out` wrote, or a recording"
    )]
    NoCapture(PathBuf),
    /// The capture cannot be read.
    #[error("{path}: {source}")]
    Capture {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: CaptureError,
    },
    /// The events cannot be read.
    #[error("{path}: {source}")]
    Events {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: JsonlError,
    },
    /// The summary cannot be read.
    #[error("{path}: {source}")]
    Summary {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: SummaryError,
    },
}

pub(super) const SCENARIO: &str = "scenario.toml";
pub(super) const EVENTS: &str = "events.jsonl";
pub(super) const SUMMARY: &str = "summary.json";
const PCAPNG: &str = "trace.pcapng";

/// The files that [`Trace::save`] writes.
pub const FILES: [&str; 4] = [SCENARIO, PCAPNG, EVENTS, SUMMARY];

pub(super) const PCAP: &str = "trace.pcap";

/// The source addresses of the survivor's packets.
const SURVIVOR: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(10, 77, 0, 1)),
    IpAddr::V6(Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 1)),
];

/// The files of a folder, read into memory.
pub(super) struct Files<'a> {
    /// The folder's path, for messages.
    pub(super) dir: &'a Path,
    /// Name and content of the capture.
    pub(super) capture: (&'a str, &'a [u8]),
    pub(super) scenario: &'a str,
    pub(super) events: &'a str,
    pub(super) summary: &'a str,
}

impl Trace {
    /// Writes the four files into `dir`, which is created if it does not exist. Each file is written under another name
    /// first, so that no file is ever incomplete.
    pub fn save(&self, dir: &Path) -> Result<(), TraceError> {
        fs::create_dir_all(dir).map_err(|e| io_error(dir, e))?;
        let files: [(&str, Vec<u8>); 4] = [
            (SCENARIO, self.meta.scenario_toml.clone().into_bytes()),
            (PCAPNG, pcapng::write(self)),
            (EVENTS, jsonl::write(self).into_bytes()),
            (SUMMARY, summary::write(self).into_bytes()),
        ];
        let part = |name: &str| dir.join(format!(".{name}.part"));
        let written = files.iter().try_for_each(|(name, content)| {
            fs::write(part(name), content).map_err(|e| io_error(&dir.join(name), e))
        });
        let renamed = written.and_then(|()| {
            files.iter().try_for_each(|(name, _)| {
                let path = dir.join(name);
                fs::rename(part(name), &path).map_err(|e| io_error(&path, e))
            })
        });
        if renamed.is_err() {
            for (name, _) in &files {
                // a file left behind here does no harm, and the error that is reported is the first one
                let _ = fs::remove_file(part(name));
            }
        }
        renamed
    }

    /// Reads a folder that [`save`](Trace::save) wrote, or a recording. Unknown kinds of event are left out and counted
    /// in the notes.
    pub fn load(dir: &Path) -> Result<Trace, TraceError> {
        let name = [PCAPNG, PCAP]
            .into_iter()
            .find(|name| dir.join(name).exists());
        let Some(name) = name else {
            return Err(match fs::metadata(dir) {
                Ok(_) => TraceError::NoCapture(dir.to_owned()),
                Err(e) => io_error(dir, e),
            });
        };
        let text = |name: &str| {
            let path = dir.join(name);
            let not_text = |_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8");
            String::from_utf8(read(&path)?).map_err(|e| io_error(&path, not_text(e)))
        };
        let capture = read(&dir.join(name))?;
        Files {
            dir,
            capture: (name, &capture),
            scenario: &text(SCENARIO)?,
            events: &text(EVENTS)?,
            summary: &text(SUMMARY)?,
        }
        .trace()
    }
}

/// Returns a file's content. Only a regular file is read, because a pipe may never end.
fn read(path: &Path) -> Result<Vec<u8>, TraceError> {
    let refused = |what: &str| io_error(path, io::Error::other(what.to_owned()));
    let metadata = fs::metadata(path).map_err(|e| io_error(path, e))?;
    if !metadata.is_file() {
        return Err(refused("it is not a regular file"));
    }
    let mut content = Vec::new();
    // a file may grow while it is read
    let mut read = |file: fs::File| file.take(bounds::MAX_FILE + 1).read_to_end(&mut content);
    let len = match metadata.len() {
        len if len > bounds::MAX_FILE => len,
        _ => fs::File::open(path)
            .and_then(&mut read)
            .map_err(|e| io_error(path, e))? as u64,
    };
    match len > bounds::MAX_FILE {
        false => Ok(content),
        true => Err(refused(&format!(
            "it is longer than {} MiB, the most that is read",
            bounds::MAX_FILE >> 20
        ))),
    }
}

/// Rejects a packet that is later than any trace lasts: the times of such a capture do not count from its start.
fn check_times(packets: &[Packet]) -> Result<(), CaptureError> {
    let late = |p: &Packet| !bounds::lasts_until(p.at);
    match packets.iter().position(late) {
        None => Ok(()),
        Some(index) => Err(CaptureError::TooLate {
            packet: index + 1,
            at_s: packets[index].at.ns() / 1_000_000_000,
        }),
    }
}

fn io_error(path: &Path, source: io::Error) -> TraceError {
    TraceError::Io {
        path: path.to_owned(),
        source,
    }
}

impl Files<'_> {
    /// Builds the trace from the content of the files.
    pub(super) fn trace(&self) -> Result<Trace, TraceError> {
        let path = |name: &str| self.dir.join(name);
        let capture = Capture::read(self.capture.1).map_err(|source| TraceError::Capture {
            path: path(self.capture.0),
            source,
        })?;
        let skipped = capture.skipped;
        let packets = capture.into_packets(&SURVIVOR);
        check_times(&packets).map_err(|source| TraceError::Capture {
            path: path(self.capture.0),
            source,
        })?;
        let log = jsonl::read(self.events).map_err(|source| TraceError::Events {
            path: path(EVENTS),
            source,
        })?;
        let (mut meta, stopped) =
            summary::read(self.summary).map_err(|source| TraceError::Summary {
                path: path(SUMMARY),
                source,
            })?;
        meta.scenario_toml = self.scenario.to_owned();
        meta.ticks = log.ticks.or(meta.ticks);
        if skipped > 0 {
            meta.notes.push(format!(
                "left out {} of other protocols",
                count(skipped, "frame")
            ));
        }
        for (kind, number) in &log.unknown {
            meta.notes.push(format!(
                "left out {} of an unknown kind: {kind}",
                count(*number, "event")
            ));
        }
        let last = packets.iter().map(|p| p.at);
        let last = last.chain(log.events.iter().map(|e| e.at)).max();
        let (ended_at, stopped) = log.stop.unwrap_or((last.unwrap_or(Instant::ZERO), stopped));
        Ok(Trace {
            meta,
            packets,
            events: log.events,
            stopped,
            ended_at,
        })
    }
}

#[cfg(test)]
mod tests;
