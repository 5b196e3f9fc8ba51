//! How long things take on this machine: `cargo run --release --example bench [NAME...]`.
//!
//! Without a name, all that needs no privileges and no more than some seconds. Nothing fails here: a time depends on
//! the machine. Where something else does the same work, it runs beside, in the same process.

mod measure;
mod recordings;

use measure::Outcome;

/// A measurement by its name: what it shows, whether it runs unasked, and what does it.
struct Bench {
    name: &'static str,
    about: &'static str,
    unasked: bool,
    run: fn() -> Outcome<()>,
}

const BENCHES: &[Bench] = &[Bench {
    name: "recordings",
    about: "a scenario run and recorded; every recording that the program carries, replayed",
    unasked: true,
    run: recordings::run,
}];

fn main() -> Outcome<()> {
    if cfg!(debug_assertions) {
        println!("note: not optimised; --release gives the times that count");
    }
    let names: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = names
        .iter()
        .find(|name| BENCHES.iter().all(|b| b.name != *name))
    {
        eprintln!("bench: there is no measurement called {unknown}; there are:");
        for bench in BENCHES {
            eprintln!("  {:<12} {}", bench.name, bench.about);
        }
        std::process::exit(2);
    }
    for bench in BENCHES {
        let wanted = match names.is_empty() {
            true => bench.unasked,
            false => names.iter().any(|name| name == bench.name),
        };
        if wanted {
            println!("{}: {}", bench.name, bench.about);
            (bench.run)()?;
        }
    }
    Ok(())
}
