//! Writes a large capture with many connections, some of them in trouble, to measure `halfopen explain`:
//! `cargo run --release --example busy_capture -- --mb 1000 > busy.pcap`.
//!
//! The same arguments give the same bytes. The packets are made up: they show what a capture shows of a connection that
//! loses a segment, whose peer falls silent, and so on, but no TCP decided about them.

mod connection;
mod traffic;

use std::io::{BufWriter, Write, stdout};

use clap::Parser;

/// Writes a capture with many connections to the standard output.
#[derive(Debug, Parser)]
#[command(name = "busy_capture")]
struct Ask {
    /// Length of the file, about, in MB, if no frame is cut
    #[arg(long, default_value_t = 1_000)]
    mb: u64,
    /// Number of connections
    #[arg(long, default_value_t = 20_000)]
    connections: u32,
    /// The most bytes of a frame that are captured
    #[arg(long, default_value_t = 262_144)]
    snap_len: u32,
    /// Seed of everything that is random
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> std::io::Result<()> {
    let ask = Ask::parse();
    let mut out = BufWriter::with_capacity(1 << 20, stdout().lock());
    let traffic = traffic::Traffic::new(ask.seed, ask.mb * 1_000_000, ask.connections);
    let frames = traffic.write(ask.snap_len, &mut out)?;
    out.flush()?;
    eprintln!("{frames} frames of {} connections", ask.connections);
    Ok(())
}
