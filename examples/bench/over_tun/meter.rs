//! What a thread did in the time that counts: bytes, wall-clock time, CPU time (user and system).

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

const WARMING: u8 = 0;
const MEASURING: u8 = 1;
const OVER: u8 = 2;

/// How far a run has come; shared by its threads.
#[derive(Debug, Default)]
pub(crate) struct Phase(AtomicU8);

impl Phase {
    /// The run's clock: it warms up, it counts, it is over.
    pub(crate) fn drive(&self, warm: Duration, measured: Duration) {
        std::thread::sleep(warm);
        self.0.store(MEASURING, Ordering::Relaxed);
        std::thread::sleep(measured);
        self.finish();
    }

    /// The run is over.
    pub(crate) fn finish(&self) {
        self.0.store(OVER, Ordering::Relaxed);
    }

    /// Whether it is.
    pub(crate) fn is_over(&self) -> bool {
        self.0.load(Ordering::Relaxed) == OVER
    }
}

/// What one thread did while the run counted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Bytes of payload.
    pub(crate) bytes: u64,
    /// Wall-clock time.
    pub(crate) elapsed: Duration,
    /// CPU time of this thread, user and system.
    pub(crate) cpu: Duration,
}

impl Usage {
    /// GB (10^9 bytes) per second.
    pub(crate) fn gb_per_s(&self) -> f64 {
        self.bytes as f64 / 1e9 / self.elapsed.as_secs_f64()
    }

    /// Share of a core.
    pub(crate) fn load(&self) -> f64 {
        self.cpu.as_secs_f64() / self.elapsed.as_secs_f64()
    }
}

/// A thread's own notes.
#[derive(Debug)]
pub(crate) struct Meter<'a> {
    phase: &'a Phase,
    begin: Option<(Instant, Duration)>,
    bytes: u64,
}

impl<'a> Meter<'a> {
    pub(crate) fn new(phase: &'a Phase) -> Self {
        Meter {
            phase,
            begin: None,
            bytes: 0,
        }
    }

    /// Counts bytes; false when the run is over.
    pub(crate) fn tick(&mut self, bytes: usize) -> bool {
        match self.phase.0.load(Ordering::Relaxed) {
            WARMING => true,
            OVER => false,
            _ => {
                match self.begin {
                    None => self.begin = Some((Instant::now(), thread_cpu())),
                    Some(_) => self.bytes += bytes as u64,
                }
                true
            }
        }
    }

    /// What was done from the first tick of the time that counts till now.
    pub(crate) fn usage(&self) -> Usage {
        let Some((at, cpu)) = self.begin else {
            return Usage::default();
        };
        Usage {
            bytes: self.bytes,
            elapsed: at.elapsed(),
            cpu: thread_cpu() - cpu,
        }
    }
}

fn thread_cpu() -> Duration {
    let t = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(t.tv_sec as u64, t.tv_nsec as u32)
}
