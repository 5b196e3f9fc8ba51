//! One connection over a TUN, in private network namespaces: bulk both ways, and a byte there and back.
//!
//! Each contender does the same work in the same run, in turns: stock smoltcp on the same device, two kernels joined by a
//! bare forwarder, the kernel's loopback. A run is a time, not an amount: it warms up, then it counts.

mod forwarder;
mod kernel;
mod loopback;
mod meter;
mod stock;

use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use crate::measure::{Outcome, Settings, median};
use halfopen::endpoint::Device;
use meter::{Phase, Usage};

const PORT: u16 = 7777;

/// The device of every contender and of ours: as the kernel makes it.
const PLAIN: Device = Device {
    offload: false,
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
        true => (1, ms(50), ms(100)),
        false => (5, ms(500), ms(3_000)),
    };
    (runs, Length { warm, measured })
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
    /// CPU time of the endpoint's thread, s/GB.
    endpoint: f64,
    /// CPU time of all threads, s/GB.
    all: f64,
}

impl Bulk {
    fn new(way: Way, endpoint: Usage, kernel: Usage) -> Bulk {
        let receiver = match way {
            Way::In => endpoint,
            Way::Out => kernel,
        };
        Bulk {
            gb_per_s: receiver.gb_per_s(),
            endpoint: endpoint.load() / receiver.gb_per_s(),
            all: (endpoint.load() + kernel.load()) / receiver.gb_per_s(),
        }
    }
}

fn medians(runs: &[Bulk]) -> Bulk {
    let of = |f: fn(&Bulk) -> f64| median(runs.iter().map(f).collect());
    Bulk {
        gb_per_s: of(|b| b.gb_per_s),
        endpoint: of(|b| b.endpoint),
        all: of(|b| b.all),
    }
}

/// Bulk over a plain TUN.
pub(crate) fn bulk(settings: Settings) -> Outcome<()> {
    let (runs, length) = runs(settings);
    let mut two_kernels = Vec::new();
    let mut stock = [Vec::new(), Vec::new()];
    for _ in 0..runs {
        two_kernels.push(forwarder::bulk(length)?[1].gb_per_s());
        for (way, stock) in Way::BOTH.into_iter().zip(&mut stock) {
            let [endpoint, kernel] = stock::bulk(way, length)?;
            stock.push(Bulk::new(way, endpoint, kernel));
        }
    }
    let two_kernels = median(two_kernels);
    for (way, stock) in Way::BOTH.into_iter().zip(&stock) {
        let stock = medians(stock);
        println!(
            "{}: stock smoltcp {:.3} GB/s, {:.3} s/GB of its thread's CPU, {:.3} s/GB with the kernel's end; two kernels {two_kernels:.3} GB/s (measured, medians of {runs})",
            way.words(),
            stock.gb_per_s,
            stock.endpoint,
            stock.all
        );
    }
    Ok(())
}

/// p50 and p99 of these times, us.
fn percentiles(mut times: Vec<Duration>) -> [f64; 2] {
    times.sort();
    [50, 99].map(|percent| times[times.len() * percent / 100].as_secs_f64() * 1e6)
}

/// A byte there and back over a plain TUN.
pub(crate) fn echo(settings: Settings) -> Outcome<()> {
    let (runs, _) = runs(settings);
    let (count, crowd) = match settings.quick {
        true => (100, 100),
        false => (20_000, 10_000),
    };
    let (mut loopback, mut stock) = (Vec::new(), [Vec::new(), Vec::new()]);
    for _ in 0..runs {
        loopback.push(percentiles(loopback::echo(count)?));
        for (idle, stock) in [0, crowd].into_iter().zip(&mut stock) {
            // a crowd slows it so much that a tenth of the round trips has to do
            let count = if idle > 0 { count / 10 } else { count };
            stock.push(percentiles(stock::echo(count, idle)?));
        }
    }
    let medians = |runs: &[[f64; 2]]| [0, 1].map(|i| median(runs.iter().map(|r| r[i]).collect()));
    for (name, times) in [
        ("the kernel's loopback".to_owned(), &loopback),
        ("stock smoltcp alone".to_owned(), &stock[0]),
        (
            format!("stock smoltcp beside {crowd} idle connections"),
            &stock[1],
        ),
    ] {
        let [p50, p99] = medians(times);
        println!("{name}: p50 {p50:.1} us, p99 {p99:.1} us (measured, medians of {runs})");
    }
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
    let mut streams = Vec::with_capacity(sockets.len());
    for socket in sockets {
        streams.push(kernel::connect(socket, kernel::ENDPOINT)?);
    }
    let last = streams.last().ok_or("an echo needs a socket")?;
    kernel::round_trips(last, count)
}
