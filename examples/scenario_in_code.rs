//! A scenario built in code and run with several settings: how long until the application gets an error?
//!
//! `cargo run --example scenario_in_code`. It uses virtual time: no privileges are needed, and the minutes take no time.

use std::time::Duration;

use halfopen::compare::Ending;
use halfopen::scenario::{Action, Draft};
use halfopen::sockopt::OptName;
use halfopen::target::{Options, TargetKind, run};

const SENDS_AT: Duration = Duration::from_secs(2);

/// Returns a client that writes after its server has lost power. TCP_USER_TIMEOUT is in ms; 0 leaves it to tcp_retries2.
fn draft(user_timeout_ms: i64) -> Draft {
    let ms = Duration::from_millis;
    Draft::client(&format!(
        "power off, then a write; TCP_USER_TIMEOUT {user_timeout_ms} ms"
    ))
    .sockopt(OptName::TCP_USER_TIMEOUT, user_timeout_ms)
    .delay(ms(5))
    .at(ms(0), Action::SurvivorConnect)
    .every(ms(50), 10, ms(100), Action::SurvivorSend(102))
    .every(ms(50), 10, ms(110), Action::PeerSend(90))
    .at(ms(1_000), Action::PeerPowerOff)
    .at(SENDS_AT, Action::SurvivorSend(102))
    .until_closed(Duration::from_secs(3_600))
}

/// Returns the error and the time from the write to it.
pub(crate) fn told(user_timeout_ms: i64) -> Result<(String, Duration), Box<dyn std::error::Error>> {
    // checked as a file is: a sysctl that does not exist or a step after the end is an error
    let scenario = draft(user_timeout_ms).build()?;
    let trace = run(&scenario, TargetKind::Engine, Options::default())?;
    let ending = Ending::of(&trace);
    let at = Duration::from_micros(ending.at_us.ok_or("the application got no error")?);
    Ok((ending.errno.unwrap_or_default(), at - SENDS_AT))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for user_timeout_ms in [0, 500, 5_000, 60_000] {
        let (errno, after) = told(user_timeout_ms)?;
        println!(
            "TCP_USER_TIMEOUT {user_timeout_ms:>5} ms: {errno} {:.3} s after the write (simulated)",
            after.as_secs_f64()
        );
    }
    // as a file, to be run on the kernel too: halfopen run mine.toml --on linux
    println!("\n{}", draft(5_000).to_toml());
    Ok(())
}
