//! A capture of many connections, read and explained.

use std::fs::File;
use std::io::{BufWriter, Seek, Write};
use std::time::Instant;

use halfopen::capture::{CaptureReadError, Reader};
use halfopen::explain::Explainer;

use super::busy_capture::traffic::Traffic;
use super::measure::{Outcome, Settings, median};

const MB: u64 = 1_000;
const QUICK_MB: u64 = 10;
const CONNECTIONS: u32 = 20_000;
const QUICK_CONNECTIONS: u32 = 200;
const RUNS: usize = 3;
const SEED: u64 = 1;
/// What tcpdump captures of a frame without -s.
const WHOLE: u32 = 262_144;
const HEADERS: u32 = 96;
/// How many times as long the frames are as what a snap length of 96 bytes leaves of them.
const SHORTENED: u64 = 10;

pub(crate) fn run(settings: Settings) -> Outcome<()> {
    let (mb, connections) = match settings.quick {
        true => (QUICK_MB, QUICK_CONNECTIONS),
        false => (MB, CONNECTIONS),
    };
    for (snap_len, uncut_mb) in [(WHOLE, mb), (HEADERS, SHORTENED * mb)] {
        let mut file = tempfile::tempfile()?;
        let mut out = BufWriter::new(&file);
        let traffic = Traffic::new(SEED, uncut_mb * 1_000_000, connections);
        let frames = traffic.write(snap_len, &mut out)?;
        out.flush()?;
        drop(out);
        let len_mb = file.metadata()?.len() / 1_000_000;
        let read = timed(&mut file, |file| Ok(read(file)?))?;
        let explained = timed(&mut file, |file| Ok(explain(file)?))?;
        println!(
            "{len_mb} MB, snap length {snap_len} bytes, {frames} frames, {connections} connections (measured, median of {RUNS}, \
             one thread): read in {read:.2} s (wanted for 1000 MB: under 5 s), explained in {explained:.2} s (under 10 s)"
        );
    }
    Ok(())
}

/// Seconds for `work` with the whole file.
fn timed(file: &mut File, work: impl Fn(&File) -> Outcome<()>) -> Outcome<f64> {
    let mut times = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        file.rewind()?;
        let start = Instant::now();
        work(file)?;
        times.push(start.elapsed().as_secs_f64());
    }
    Ok(median(times))
}

fn read(file: &File) -> Result<(), CaptureReadError> {
    let mut reader = Reader::new(file)?;
    while reader.next_frame()?.is_some() {}
    Ok(())
}

fn explain(file: &File) -> Result<(), CaptureReadError> {
    let mut reader = Reader::new(file)?;
    let mut explainer = Explainer::new(Box::new(|_, _, _| 0), drop);
    while let Some(frame) = reader.next_frame()? {
        explainer.take(&frame);
    }
    explainer.finish();
    Ok(())
}
