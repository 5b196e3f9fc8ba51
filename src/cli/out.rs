//! `--out`: where traces are written, and what is not overwritten.

use std::path::{Path, PathBuf};

use clap::Args;

use super::Failure;
use crate::target::TargetKind;
use crate::trace::{Trace, folder};

/// Where the traces of a command go.
#[derive(Debug, Args)]
pub(super) struct Out {
    /// Writes each trace to this folder (compare: to a folder of its own below it): trace.pcapng, events.jsonl,
    /// summary.json, scenario.toml
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Overwrites the trace that is in the folder of --out
    #[arg(long, requires = "out")]
    force: bool,
}

impl Out {
    /// Refuses, before anything is run, to overwrite a trace: in the folder itself, or in those of these targets.
    pub(super) fn check(
        &self,
        targets: impl IntoIterator<Item = Option<TargetKind>>,
    ) -> Result<(), Failure> {
        let Some(out) = self.out.as_deref().filter(|_| !self.force) else {
            return Ok(());
        };
        for target in targets {
            let dir = below(out, target);
            if let Some(file) = folder::FILES.iter().find(|file| dir.join(file).exists()) {
                return Err(Failure(format!(
                    "{} has a trace already ({file}): --force overwrites it, or choose another folder for --out",
                    dir.display()
                )));
            }
        }
        Ok(())
    }

    /// Writes the trace, to the folder itself or to that of this target; nothing without --out. What a trace itself says
    /// of its target is text that others may have written, and never part of a path.
    pub(super) fn save(&self, trace: &Trace, target: Option<TargetKind>) -> Result<(), Failure> {
        if let Some(out) = &self.out {
            let dir = below(out, target);
            trace.save(&dir)?;
            log::info!("the trace is in {}", dir.display());
        }
        Ok(())
    }
}

fn below(out: &Path, target: Option<TargetKind>) -> PathBuf {
    match target {
        Some(target) => out.join(target.name()),
        None => out.to_owned(),
    }
}
