//! One connection over a TUN, in private network namespaces: bulk both ways, and a byte there and back.
//!
//! Each contender does the same work in the same run, in turns: stock smoltcp on the same device, two kernels joined by a
//! bare forwarder, the kernel's loopback. A run is a time, not an amount: it warms up, then it counts.

mod forwarder;
mod kernel;
mod loopback;
mod meter;
mod ours;
mod stock;

use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use crate::comparison::{Bound, Comparison, show};
use crate::measure::{Outcome, Settings, median};
use halfopen::os::Device;
use meter::{Phase, Usage};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

const PORT: u16 = 7777;

/// The device of every contender and of ours: as the kernel makes it.
const PLAIN: Device = Device {
    offload: false,
    queue_len: None,
};

/// The device of the bulk mode.
const OFFLOAD: Device = Device {
    offload: true,
    queue_len: None,
};

/// How long a run is.
#[derive(Clone, Copy, Debug)]
struct Length {
    warm: Duration,
    measured: Duration,
}

/// How many runs, and how long.
fn runs(settings: Settings) -> (usize, Length) {
    let ms = Duration::from_millis;
    let (runs, warm, measured) = match settings.quick {
        true => (1, 50, 100),
        false => (5, 500, 3_000),
    };
    let length = Length {
        warm: ms(warm),
        measured: ms(settings.run_ms.unwrap_or(measured)),
    };
    (settings.runs.unwrap_or(runs).max(1), length)
}

/// Where the bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Kernel to endpoint.
    In,
    /// Endpoint to kernel.
    Out,
}

impl Way {
    const BOTH: [Way; 2] = [Way::In, Way::Out];

    /// The kernel's part of a run.
    fn kernel_side(self, stream: &TcpStream, phase: &Phase) -> Outcome<Usage> {
        match self {
            Way::In => kernel::write_all(stream, phase),
            Way::Out => kernel::read_all(stream, phase),
        }
    }

    fn words(self) -> &'static str {
        match self {
            Way::In => "kernel to endpoint",
            Way::Out => "endpoint to kernel",
        }
    }
}

/// What a run of bulk showed.
#[derive(Clone, Copy, Debug)]
struct Bulk {
    /// GB/s, as the receiver saw it.
    gb_per_s: f64,
    /// CPU time of the endpoint's thread, s/GB. What the kernel does with a packet that is written is part of it.
    endpoint: f64,
    /// CPU time of both ends, s/GB.
    both: f64,
}

impl Bulk {
    fn new(way: Way, [endpoint, kernel]: [Usage; 2]) -> Bulk {
        let receiver = match way {
            Way::In => endpoint,
            Way::Out => kernel,
        };
        Bulk {
            gb_per_s: receiver.gb_per_s(),
            endpoint: endpoint.load() / receiver.gb_per_s(),
            both: (endpoint.load() + kernel.load()) / receiver.gb_per_s(),
        }
    }
}

fn medians(runs: &[Bulk]) -> Bulk {
    let of = |f: fn(&Bulk) -> f64| median(runs.iter().map(f).collect());
    Bulk {
        gb_per_s: of(|b| b.gb_per_s),
        endpoint: of(|b| b.endpoint),
        both: of(|b| b.both),
    }
}

/// Bulk over a plain TUN.
pub(crate) fn bulk(settings: Settings) -> Outcome<()> {
    let (runs, length) = runs(settings);
    let mut rows = Vec::new();
    for way in Way::BOTH {
        let (mut two_kernels, mut stock, mut own) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..runs {
            two_kernels.push(forwarder::bulk(length)?[1].gb_per_s());
            stock.push(Bulk::new(way, stock::bulk(way, length)?));
            own.push(Bulk::new(way, ours::bulk(way, PLAIN, length)?));
        }
        let (stock, own) = (medians(&stock), medians(&own));
        let row = |what, unit, ours, contender, theirs, bound| Comparison {
            what: format!("{}: {what}", way.words()),
            unit,
            ours,
            contender,
            theirs,
            bound,
        };
        let (smoltcp, forwarder) = ("stock smoltcp", "two kernels, forwarder");
        let wanted = match way {
            Way::In => Bound::AtLeast(4.0),
            Way::Out => Bound::AtLeast(1.3),
        };
        rows.extend([
            row(
                "CPU of the endpoint",
                "s/GB",
                own.endpoint,
                smoltcp,
                stock.endpoint,
                Bound::AtMostOr(1.0, 1.15),
            ),
            row(
                "CPU of both ends",
                "s/GB",
                own.both,
                smoltcp,
                stock.both,
                Bound::None,
            ),
            row(
                "throughput",
                "GB/s",
                own.gb_per_s,
                smoltcp,
                stock.gb_per_s,
                Bound::None,
            ),
            row(
                "throughput",
                "GB/s",
                own.gb_per_s,
                forwarder,
                median(two_kernels),
                wanted,
            ),
        ]);
    }
    show(settings, &rows);
    Ok(())
}

/// Bulk over a TUN that takes and gives segments in one piece.
pub(crate) fn offload(settings: Settings) -> Outcome<()> {
    let (runs, length) = runs(settings);
    let mut rows = Vec::new();
    for way in Way::BOTH {
        let (mut loopback, mut own) = (Vec::new(), Vec::new());
        for _ in 0..runs {
            loopback.push(loopback::bulk(length)?[1].gb_per_s());
            own.push(Bulk::new(way, ours::bulk(way, OFFLOAD, length)?).gb_per_s);
        }
        rows.push(Comparison {
            what: format!("{}: throughput", way.words()),
            unit: "GB/s",
            ours: median(own),
            contender: "the kernel's loopback",
            theirs: median(loopback),
            bound: Bound::AtLeast(0.5),
        });
    }
    show(settings, &rows);
    Ok(())
}

/// p50 and p99 of these times, us.
fn percentiles(mut times: Vec<Duration>) -> [f64; 2] {
    times.sort();
    [50, 99].map(|percent| times[times.len() * percent / 100].as_secs_f64() * 1e6)
}

/// A byte there and back over a plain TUN: with all threads on one core, then wherever the scheduler puts them. There a
/// wake-up of a core that sleeps can cost more than all the rest, and who is spared it is luck.
pub(crate) fn echo(settings: Settings) -> Outcome<()> {
    let all = sched_getaffinity(None)?;
    let mut one = CpuSet::new();
    one.set(
        (0..CpuSet::MAX_CPU)
            .find(|cpu| all.is_set(*cpu))
            .unwrap_or(0),
    );
    // threads that are started inherit it
    sched_setaffinity(None, &one)?;
    let pinned = echo_here(settings, "one core");
    sched_setaffinity(None, &all)?;
    pinned?;
    echo_here(settings, "any core")
}

fn echo_here(settings: Settings, place: &str) -> Outcome<()> {
    let (runs, _) = runs(settings);
    let (count, crowd) = match settings.quick {
        true => (100, 100),
        false => (20_000, 10_000),
    };
    let mut loopback = Vec::new();
    let (mut stock, mut own) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for _ in 0..runs {
        loopback.push(percentiles(loopback::echo(count)?));
        for (i, idle) in [0, crowd].into_iter().enumerate() {
            own[i].push(percentiles(ours::echo(count, idle)?));
            // a crowd slows it so much that a tenth of the round trips has to do
            let count = if idle > 0 { count / 10 } else { count };
            stock[i].push(percentiles(stock::echo(count, idle)?));
        }
    }
    let middle = |runs: &[[f64; 2]], i: usize| median(runs.iter().map(|r| r[i]).collect());
    let mut rows = Vec::new();
    for (i, percentile) in ["p50", "p99"].into_iter().enumerate() {
        let wanted = |bound| match i {
            0 => Bound::AtMost(bound),
            _ => Bound::None,
        };
        let alone = middle(&own[0], i);
        let crowded = middle(&own[1], i);
        let row = |idle, ours, contender, theirs, bound| Comparison {
            what: format!("{place}: echo beside {idle} idle: {percentile}"),
            unit: "us",
            ours,
            contender,
            theirs,
            bound,
        };
        rows.extend([
            row(
                0,
                alone,
                "the kernel's loopback",
                middle(&loopback, i),
                wanted(1.0),
            ),
            row(0, alone, "stock smoltcp", middle(&stock[0], i), Bound::None),
            row(crowd, crowded, "itself beside 0", alone, wanted(1.1)),
            row(
                crowd,
                crowded,
                "the kernel's loopback",
                middle(&loopback, i),
                wanted(1.0),
            ),
            row(
                crowd,
                crowded,
                "stock smoltcp",
                middle(&stock[1], i),
                Bound::None,
            ),
        ]);
    }
    show(settings, &rows);
    Ok(())
}

/// A thread's result.
fn joined<T>(thread: ScopedJoinHandle<'_, Result<T, String>>) -> Outcome<T> {
    match thread.join() {
        Ok(result) => Ok(result?),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// The kernel's part of an echo run: all but the last of the sockets are connected and left alone.
fn echo_client(sockets: Vec<OwnedFd>, count: usize) -> Outcome<Vec<Duration>> {
    let connected = |socket| kernel::connect(socket, kernel::ENDPOINT);
    let streams: Vec<TcpStream> = sockets.into_iter().map(connected).collect::<Outcome<_>>()?;
    let last = streams.last().ok_or("an echo needs a socket")?;
    kernel::round_trips(last, count)
}
