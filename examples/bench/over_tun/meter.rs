//! What a thread did in the time that counts: bytes, wall-clock time, CPU time (user and system).

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

const WARMING: u8 = 0;
const MEASURING: u8 = 1;
const OVER: u8 = 2;
const STOPPED: u8 = 3;
/// The time that counts begins when each end has seen it, and all stop when each has seen its end; but none waits longer
/// than this.
const GRACE: Duration = Duration::from_secs(5);

/// How far a run has come; shared by its threads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Phase(Arc<State>);

#[derive(Debug, Default)]
struct State {
    phase: AtomicU8,
    /// Meters that have not seen the start of the time that counts.
    waiting: AtomicUsize,
    /// Meters that have not seen its end.
    open: AtomicUsize,
}

impl Phase {
    /// The run's clock: it warms up, it counts, it is over, all stop.
    pub(crate) fn drive(&self, warm: Duration, measured: Duration) {
        std::thread::sleep(warm);
        self.0.phase.store(MEASURING, Ordering::Relaxed);
        await_none(&self.0.waiting);
        std::thread::sleep(measured);
        self.0.phase.store(OVER, Ordering::Relaxed);
        await_none(&self.0.open);
        self.stop();
    }

    /// All stop.
    pub(crate) fn stop(&self) {
        self.0.phase.store(STOPPED, Ordering::Relaxed);
    }

    /// Whether all are to stop.
    pub(crate) fn is_stopped(&self) -> bool {
        self.0.phase.load(Ordering::Relaxed) == STOPPED
    }
}

fn await_none(count: &AtomicUsize) {
    let start = Instant::now();
    while count.load(Ordering::Relaxed) > 0 && start.elapsed() < GRACE {
        std::thread::sleep(Duration::from_millis(1));
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
pub(crate) struct Meter {
    phase: Phase,
    begin: Option<(Instant, Duration)>,
    bytes: u64,
    usage: Option<Usage>,
}

impl Meter {
    pub(crate) fn new(phase: &Phase) -> Self {
        phase.0.waiting.fetch_add(1, Ordering::Relaxed);
        phase.0.open.fetch_add(1, Ordering::Relaxed);
        Meter {
            phase: phase.clone(),
            begin: None,
            bytes: 0,
            usage: None,
        }
    }

    /// Counts bytes; false when it is time to stop.
    pub(crate) fn tick(&mut self, bytes: usize) -> bool {
        match (self.phase.0.phase.load(Ordering::Relaxed), self.begin) {
            (WARMING, _) => {}
            (MEASURING, None) => {
                self.begin = Some((Instant::now(), thread_cpu()));
                self.phase.0.waiting.fetch_sub(1, Ordering::Relaxed);
            }
            (MEASURING, Some(_)) => self.bytes += bytes as u64,
            (_, Some((at, cpu))) if self.usage.is_none() => {
                self.usage = Some(Usage {
                    bytes: self.bytes,
                    elapsed: at.elapsed(),
                    cpu: thread_cpu() - cpu,
                });
                self.phase.0.open.fetch_sub(1, Ordering::Relaxed);
            }
            _ => {}
        }
        !self.phase.is_stopped()
    }

    /// What was done from the first tick of the time that counts to the first after it; none until then.
    pub(crate) fn usage(&self) -> Option<Usage> {
        self.usage
    }
}

fn thread_cpu() -> Duration {
    let t = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(t.tv_sec as u64, t.tv_nsec as u32)
}
