//! What `halfopen compare` does, from Rust: the kernel of this machine runs a scenario in real time, and the result is
//! replayed on the engine, with the calls and the peer's packets at their instants and at the kernel's phase of the clock
//! tick. Each packet of the engine must then equal the kernel's, and each timer must be right to the tick.
//!
//! `cargo run --example compare_engine_and_kernel [SCENARIO]`. Where the kernel cannot be measured (this takes a private
//! network namespace and a TUN), the recording in the program takes its place.

use halfopen::compare::replay::replay;
use halfopen::compare::{Known, Verdict};
use halfopen::scenario;
use halfopen::target::TargetError;
use halfopen::target::{Options, TargetKind, run};
use halfopen::trace::{Trace, kept};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Returns what a kernel did, measured now or recorded, and says which.
fn kernels(scenario: &scenario::Scenario) -> Result<(Trace, String)> {
    match run(scenario, TargetKind::Linux, Options::default()) {
        Ok(trace) => {
            let from = format!("measured now on linux {}", trace.meta.version);
            Ok((trace, from))
        }
        Err(TargetError::Unavailable(why)) => {
            let kept = kept::recording(&scenario.name)
                .ok_or_else(|| format!("{why}, and there is no recording"))??;
            let from = format!(
                "a recording of linux {}, because here: {why}",
                kept.meta.version
            );
            Ok((kept, from))
        }
        Err(e) => Err(e.into()),
    }
}

/// Compares the engine with it.
fn verdict(recorded: &Trace, scenario: &scenario::Scenario) -> Result<Verdict> {
    let mut verdict = replay(recorded, scenario)?.verdict;
    // differences that are declared with their reason do not count
    Known::shipped().apply(&mut verdict);
    Ok(verdict)
}

fn main() -> Result<()> {
    let name = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "user-timeout-data-tlp".to_owned());
    let scenario = scenario::load(&name)?;
    let (kernel, from) = kernels(&scenario)?;
    println!("the kernel: {from}");
    let verdict = verdict(&kernel, &scenario)?;
    println!("{}", verdict.line());
    for difference in &verdict.differences {
        println!("  {difference}");
    }
    println!("the application got: {}", verdict.right.ending);
    Ok(())
}
