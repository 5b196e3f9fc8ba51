//! How long things take on this machine: `cargo run --release --example bench -- [--quick] [--markdown] [NAME...|all]`.
//!
//! Without a name, all that needs no privileges and no more than some seconds. Nothing fails here: a time depends on
//! the machine. Where something else does the same work, it runs beside, in the same process. `--quick` runs everything
//! for so short that only its working is shown; `--markdown` prints tables for docs/PERFORMANCE.md.

#[path = "../busy_capture/mod.rs"]
mod busy_capture;
mod comparison;
mod explain;
mod in_memory;
mod measure;
mod over_tun;
mod recordings;

use clap::Parser;
use halfopen::os::EndpointError;

use measure::{Outcome, Settings};

/// A measurement by its name: what it shows, whether it runs unasked, and what does it.
struct Bench {
    name: &'static str,
    about: &'static str,
    unasked: bool,
    run: fn(Settings) -> Outcome<()>,
}

const BENCHES: &[Bench] = &[
    Bench {
        name: "recordings",
        about: "a scenario run and recorded; every recording that the program carries, replayed",
        unasked: true,
        run: recordings::run,
    },
    Bench {
        name: "packets",
        about: "one data packet and its ACK, beside idle connections",
        unasked: true,
        run: in_memory::packets,
    },
    Bench {
        name: "timers",
        about: "a timer armed anew while many are pending",
        unasked: true,
        run: in_memory::timers,
    },
    Bench {
        name: "simulation",
        about: "two hosts in virtual time: a paced packet, bulk with checksums",
        unasked: true,
        run: in_memory::simulation,
    },
    Bench {
        name: "explain",
        about: "a capture of 1 GB with 20,000 connections, read and explained",
        unasked: false,
        run: explain::run,
    },
    Bench {
        name: "idle",
        about: "a million connections with keepalive, for a virtual day",
        unasked: false,
        run: in_memory::idle,
    },
    Bench {
        name: "bulk",
        about: "one connection's bulk data over a plain TUN, MTU 1500",
        unasked: false,
        run: over_tun::bulk,
    },
    Bench {
        name: "offload",
        about: "one connection's bulk data over a TUN that takes and gives segments in one piece",
        unasked: false,
        run: over_tun::offload,
    },
    Bench {
        name: "echo",
        about: "a byte there and back over a plain TUN, beside idle connections",
        unasked: false,
        run: over_tun::echo,
    },
];

/// How long things take on this machine.
#[derive(Debug, Parser)]
#[command(name = "bench", after_help = list())]
struct Ask {
    #[command(flatten)]
    settings: Settings,
    /// What to measure; without a name, all that needs no privileges and no more than some seconds
    #[arg(value_name = "NAME", value_parser = known)]
    names: Vec<String>,
}

fn known(name: &str) -> Result<String, String> {
    match name == "all" || BENCHES.iter().any(|b| b.name == name) {
        true => Ok(name.to_owned()),
        false => Err("there is no such measurement".to_owned()),
    }
}

fn list() -> String {
    let line = |b: &Bench| format!("  {:<12} {}\n", b.name, b.about);
    let lines: String = BENCHES.iter().map(line).collect();
    format!("Measurements:\n{lines}  all          all of them")
}

fn main() -> Outcome<()> {
    if cfg!(debug_assertions) {
        println!("note: not optimised; --release gives the times that count");
    }
    let Ask { settings, names } = Ask::parse();
    let all = names == ["all"];
    for bench in BENCHES {
        let wanted = match names.is_empty() {
            true => bench.unasked,
            false => all || names.iter().any(|name| name == bench.name),
        };
        if wanted {
            println!("{}: {}", bench.name, bench.about);
            if let Err(e) = (bench.run)(settings) {
                match e.downcast_ref() {
                    Some(EndpointError::Unavailable(why)) => println!("  skipped: {why}"),
                    _ => return Err(e),
                }
            }
        }
    }
    Ok(())
}
