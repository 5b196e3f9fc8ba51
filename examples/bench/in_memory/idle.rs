//! A million connections with keepalive on, started and run for a virtual day: memory and time.

use bytes::Bytes;
use halfopen::time::Instant;

use super::Clock;
use super::crowd::{Crowd, Far, index_of};
use crate::measure::{Outcome, Settings};

const CONNECTIONS: u32 = 1_000_000;
const DAY_S: u64 = 86_400;
/// They are started at this pace, us a connection.
const PACE_US: u64 = 100;

/// Memory of this process that is in use, bytes: what the system says, allocator and all.
fn resident() -> Outcome<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = statm
        .split(' ')
        .nth(1)
        .ok_or("statm has no second field")?
        .parse()?;
    Ok(pages * 4_096)
}

pub(crate) fn run(settings: Settings) -> Outcome<()> {
    let count = if settings.quick { 10_000 } else { CONNECTIONS };
    let mut all: Vec<Far> = Vec::with_capacity(count as usize);
    // so that the far ends' own memory is not counted
    let mut crowd = Crowd::new(true)?;
    let first = crowd.connect(0)?;
    all.resize(count as usize, first);
    let before = resident()?;
    let began = Clock::now();
    for index in 1..count {
        crowd.now = Instant::from_us(crowd.now.us() + PACE_US);
        all[index as usize] = crowd.connect(index)?;
    }
    let started = began.elapsed();
    let each = |bytes: u64| bytes.saturating_sub(before) as f64 / f64::from(count);
    println!(
        "  {count} connections started: {:.0} ns each (CPU time, measured), {:.0} bytes each, tables, timers and allocator \
         included (measured; wanted: at most 1000)",
        started.as_nanos() as f64 / f64::from(count),
        each(resident()?)
    );
    let began = Clock::now();
    let end = Instant::from_us(crowd.now.us() + DAY_S * 1_000_000);
    let mut probes = 0_u64;
    while let Some(at) = crowd.engine.next_deadline().filter(|at| *at <= end) {
        crowd.now = at;
        crowd.engine.on_deadline(at);
        while let Some(probe) = crowd.engine.poll_transmit(at) {
            probes += 1;
            let far = &mut all[index_of(&probe.datagram) as usize];
            if let Some(ts) = probe.datagram.segment().and_then(|s| s.timestamps()) {
                far.tsecr = ts.tsval;
            }
            let answer = far.segment(at, Bytes::new());
            crowd.engine.on_packet(at, &answer);
        }
    }
    let ran = began.elapsed();
    println!(
        "  a virtual day: {probes} keepalive probes, all answered, {:.1} s of CPU time (measured), {:.0} ns a probe with its \
         answer; afterwards {:.0} bytes each (measured)",
        ran.as_secs_f64(),
        ran.as_nanos() as f64 / probes.max(1) as f64,
        each(resident()?)
    );
    let alive = crowd.engine.all_ends().len();
    println!("  alive at the end: {alive} of {count}");
    Ok(())
}
