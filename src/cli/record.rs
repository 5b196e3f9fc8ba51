//! Writes the packets between an endpoint and its clients to a file, and passes them to the postmortem.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use super::Failure;
use crate::postmortem::{Happening, Witness};
use crate::time::Instant;
use crate::trace::{Dir, Meta, Packet, Provenance, pcapng};
use crate::world::{Fate, Tap};

/// A pcapng file to which packets are appended.
#[derive(Debug)]
pub(super) struct TraceFile {
    path: PathBuf,
    file: BufWriter<File>,
    bytes: Vec<u8>,
    broken: bool,
}

impl TraceFile {
    /// Creates the file. `title` says what was run.
    pub(super) fn create(path: &Path, title: &str) -> Result<TraceFile, Failure> {
        let file = File::create(path).map_err(|e| Failure(format!("{}: {e}", path.display())))?;
        let mut trace = TraceFile {
            path: path.to_owned(),
            file: BufWriter::new(file),
            bytes: pcapng::header(&meta(title)),
            broken: false,
        };
        trace.write();
        Ok(trace)
    }

    fn packet(&mut self, packet: &Packet) {
        pcapng::write_packet(&mut self.bytes, packet);
        self.write();
    }

    fn write(&mut self) {
        let written = self.file.write_all(&self.bytes);
        self.bytes.clear();
        self.check(written);
    }

    fn flush(&mut self) {
        let flushed = self.file.flush();
        self.check(flushed);
    }

    /// Appends a packet. A write error such as a full disk ends the trace, but not the run.
    fn check(&mut self, result: std::io::Result<()>) {
        if let Err(e) = result
            && !std::mem::replace(&mut self.broken, true)
        {
            log::error!(
                "cannot write to {}: {e}; the trace ends here",
                self.path.display()
            );
        }
    }
}

impl Drop for TraceFile {
    fn drop(&mut self) {
        self.flush();
    }
}

fn meta(title: &str) -> Meta {
    let kernel = rustix::system::uname();
    Meta {
        scenario: "halfopen".to_owned(),
        title: title.to_owned(),
        scenario_toml: String::new(),
        target: "linux".to_owned(),
        version: kernel.release().to_string_lossy().into_owned(),
        provenance: Provenance::Measured,
        role: "client".to_owned(),
        delay: std::time::Duration::ZERO,
        sysctl: Vec::new(),
        ticks: None,
        congestion_control: String::new(),
        seed: None,
        notes: Vec::new(),
        late: Vec::new(),
    }
}

/// Passes the packets of an endpoint to the postmortem and writes them to a file.
pub(super) struct Recorder {
    /// Collects the packets for the report at the end.
    pub(super) witness: Option<Arc<Mutex<Witness>>>,
    /// The file to which the packets are written.
    pub(super) file: Option<TraceFile>,
    /// Receives each change of the endpoint's state, such as a power-off.
    pub(super) changes: Sender<(Instant, Fate)>,
}

impl Tap for Recorder {
    fn packet(&mut self, at: Instant, dir: Dir, bytes: &[u8], cause: Option<&str>) {
        if let Some(witness) = &self.witness {
            let mut witness = witness.lock().unwrap_or_else(PoisonError::into_inner);
            witness.packet(at, dir, bytes);
        }
        if let Some(file) = &mut self.file {
            file.packet(&Packet {
                at,
                dir,
                bytes: bytes.to_vec(),
                cause: cause.filter(|c| !c.is_empty()).map(str::to_owned),
            });
        }
    }

    fn changed(&mut self, at: Instant, fate: Fate) {
        if let Some(witness) = &self.witness {
            let mut witness = witness.lock().unwrap_or_else(PoisonError::into_inner);
            witness.happened(Happening {
                at,
                what: fate.to_string(),
                // a frozen process leaves a kernel that answers
                is_dead: fate.powered_off || fate.cut,
            });
        }
        // nobody has to listen
        let _ = self.changes.send((at, fate));
        if let Some(file) = &mut self.file {
            file.flush();
        }
    }
}
