//! Every recorded scenario in closed mode: the engine and the simple peer live through it by themselves, and what the
//! engine did is held against what the kernel did.

use std::path::{Path, PathBuf};

use halfopen::compare::closed::compare;
use halfopen::compare::{Known, Mode, Verdict, content_hash};
use halfopen::scenario::Scenario;
use halfopen::target::{Options, TargetKind, run};
use halfopen::time::{TickSpan, Ticks};
use halfopen::trace::Trace;

/// The recordings of one folder, by name.
fn recordings(family: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(family).expect("the recordings are there");
    let mut folders: Vec<_> = entries.map(|e| e.expect("readable").path()).collect();
    folders.sort();
    folders
}

/// The recording of this name, of whichever family.
fn named(name: &str) -> Trace {
    let families = [
        "examples/recordings/linux-6.18",
        "tests/recordings/linux-6.18-repeats",
        "tests/recordings/linux-6.18-random",
    ];
    let folders = families.map(|family| Path::new(family).join(name));
    let folder = folders.iter().find(|f| f.exists()).expect("it is kept");
    Trace::load(folder).expect("readable")
}

/// The engine's run, for which nothing is taken from the recording, held against it.
fn verdict(recorded: &Trace, ticks: Option<Ticks>, known: &Known) -> Verdict {
    let meta = &recorded.meta;
    let scenario = match Scenario::parse(&meta.scenario, &meta.scenario, &meta.scenario_toml) {
        Ok(scenario) => scenario,
        Err(errors) => panic!("{}", errors.report(false)),
    };
    let options = Options {
        ticks,
        ..Options::default()
    };
    let engine = run(&scenario, TargetKind::Engine, options).expect("the engine runs anywhere");
    let mut verdict = compare(&engine, recorded);
    known.apply(&mut verdict);
    verdict
}

/// What is different in these recordings and not declared, with the engine's clock set to the kernel's and then put
/// forward by this.
fn different(family: &str, jiffies: u64, ns: u64) -> Vec<String> {
    let known = Known::shipped();
    let verdicts = recordings(family).into_iter().map(|folder| {
        let recorded = Trace::load(&folder).expect("readable");
        let ticks = recorded.meta.ticks.map(|kernel| Ticks {
            jiffies_at_t0: kernel.jiffies_at_t0 + TickSpan(jiffies),
            ns_into_tick: (kernel.ns_into_tick + ns) % kernel.tick_ns,
            ..kernel
        });
        verdict(&recorded, ticks, &known)
    });
    verdicts
        .filter(|v| !v.identical)
        .map(|v| {
            let open = v.differences.iter().filter(|d| d.known.is_none());
            let open = open.filter(|d| d.class.name() != "tcp-info");
            let shown: Vec<_> = open.take(5).map(|d| format!("  {d}")).collect();
            format!("{}\n{}", v.line(), shown.join("\n"))
        })
        .collect()
}

/// At whatever phase of the wheel: its timers differ from the recording's by what the wheel allows, and not by more.
#[test]
fn by_itself_the_engine_does_what_the_kernel_did_in_the_65() {
    for (jiffies, ns) in [(0, 0), (17, 1_300_000), (301, 3_900_000)] {
        let different = different("examples/recordings/linux-6.18", jiffies, ns);
        let at = format!("{jiffies} jiffies and {ns} ns ahead");
        assert!(different.is_empty(), "{at}:\n{}", different.join("\n"));
    }
}

#[test]
fn by_itself_the_engine_does_what_the_kernel_did_in_the_60_drawn_at_random() {
    let different = different("tests/recordings/linux-6.18-random", 0, 0);
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// The message has the line that the entry wants.
#[test]
fn every_declaration_is_bound_to_the_recording_that_it_names() {
    let hash = |trace: &Trace, mode| match mode {
        Mode::Replay => content_hash::of_recording(trace),
        Mode::Closed => content_hash::of_scenario(&trace.meta.scenario_toml),
    };
    let all = Known::shipped().known;
    let wrong: Vec<_> = all
        .iter()
        .map(|e| (e, hash(&named(&e.recording), e.mode)))
        .filter(|(entry, hash)| entry.content_hash != *hash)
        .map(|(e, hash)| format!("{}, {:?}: content_hash = \"{hash}\"", e.recording, e.mode))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A variation is one only if two runs of the kernel itself show it, with these values.
#[test]
fn what_is_declared_to_vary_varies_in_the_kernel() {
    let declared = Known::shipped().known;
    let varying = declared
        .iter()
        .filter_map(|entry| Some((entry, entry.varies_between.clone()?)));
    let mut seen = 0;
    for (entry, [one, other]) in varying {
        let mut verdict = compare(&named(&one), &named(&other));
        let found = verdict
            .differences
            .iter_mut()
            .filter(|d| entry.covers(d))
            .count();
        assert!(found > 0, "{one} and {other} do not differ in {entry:?}");
        assert_eq!(
            entry.mode,
            Mode::Closed,
            "a replay has the recording's own variation: {entry:?}"
        );
        seen += 1;
    }
    assert!(seen > 0, "there are such");
}
