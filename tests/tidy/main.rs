//! Rules about the code that no compiler checks. Every rule comes with a sample that breaks it.

mod documents;
mod imports;
mod rules;
mod source;

use std::path::{Path, PathBuf};
use std::process::Command;

use source::Source;

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

fn all_rust() -> Vec<Source> {
    let sources = Source::below(&top(), &["src", "tests", "examples"]);
    assert!(sources.len() > 20, "the walk missed the sources");
    sources
}

/// Holds `rule` against the whole tree, and against a sample that must break it.
fn hold(rule: impl Fn(&Source) -> Vec<String>, bad: &Source) {
    assert_eq!(
        rule(bad).len(),
        1,
        "the rule must find one thing in its bad sample: {:?}",
        rule(bad)
    );
    nothing(all_rust().iter().flat_map(rule).collect());
}

fn nothing(found: Vec<String>) {
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn imports_point_downwards() {
    let lib = std::fs::read_to_string(top().join("src/lib.rs")).expect("src/lib.rs");
    let order = imports::order(&Source::new("src/lib.rs", &lib));
    assert!(
        order.len() > 10,
        "the list of modules was not understood: {order:?}"
    );
    for (path, text) in [
        ("src/wire/seq.rs", "use crate::engine::Engine;"),
        ("src/wire/seq.rs", "use crate::{time::Instant, engine};"),
        (
            "src/wire/seq.rs",
            "fn f() { crate::engine::f() } // crate::cli",
        ),
        ("src/wire/mod.rs", "use super::engine::Engine;"),
        ("src/wire/seq.rs", "use super::super::engine::Engine;"),
    ] {
        hold(
            |source| imports::upwards(&order, source),
            &Source::new(path, text),
        );
    }
    let good = Source::new(
        "src/engine/ack.rs",
        "use crate::{time::Instant, wire}; use super::tcb;",
    );
    nothing(imports::upwards(&order, &good));
}

#[test]
fn imports_inside_the_engine_point_downwards() {
    let text = std::fs::read_to_string(top().join("src/engine/mod.rs")).expect("src/engine/mod.rs");
    let order = imports::order(&Source::new("src/engine/mod.rs", &text));
    assert!(order.len() > 10, "the folders were not found: {order:?}");
    for text in [
        "use crate::engine::host::engine::Engine;",
        "use super::super::host::engine::Engine;",
    ] {
        hold(
            |source| imports::upwards_inside("engine", &order, source),
            &Source::new("src/engine/recovery/ack.rs", text),
        );
    }
    nothing(imports::upwards_inside(
        "engine",
        &order,
        &Source::new(
            "src/engine/host/engine.rs",
            "use crate::engine::{clock::now::Now, recovery::ack};",
        ),
    ));
}

#[test]
fn no_file_of_a_module_imports_itself_by_a_detour() {
    let file = |path: &str, text: &str| Source::new(path, text);
    let ring = [
        file("src/engine/a.rs", "use super::b::B;"),
        file("src/engine/b/mod.rs", "use crate::engine::{c::C, d};"),
        file("src/engine/c.rs", "use super::{a::A, d::D};"),
        file("src/engine/d.rs", "use super::Engine;"),
    ];
    assert_eq!(imports::circles(&["engine"], &ring), ["a -> b -> c -> a"]);
    let folders = [
        file("src/engine/tcb/mod.rs", "pub(super) mod block;"),
        file("src/engine/send/mod.rs", "pub(super) mod rtx; mod out;"),
        file("src/engine/send/rtx.rs", "use crate::engine::send::out::f;"),
        file(
            "src/engine/send/out.rs",
            "use crate::engine::tcb::block::T;",
        ),
        file("src/engine/tcb/block.rs", "use crate::engine::send::rtx;"),
    ];
    assert_eq!(
        imports::circles(&["engine"], &folders),
        ["send/out -> tcb/block -> send/rtx -> send/out"]
    );
    let sources = all_rust();
    let folders = imports::folders(&sources);
    assert!(
        folders.contains(&vec!["engine", "tcb"]) && folders.contains(&vec!["compare", "replay"]),
        "the folders were not found: {folders:?}"
    );
    nothing(
        folders
            .iter()
            .flat_map(|folder| imports::circles(folder, &sources))
            .collect(),
    );
}

/// A circle inside a folder at each depth of the tree: nothing outside the folder shows it.
#[test]
fn a_circle_is_found_in_every_folder() {
    let sources = all_rust();
    for folder in imports::folders(&sources) {
        let path = folder.join("/");
        let inside = format!("crate::{}", folder.join("::"));
        let circle = [
            Source::new(&format!("src/{path}/a.rs"), "use super::b::c::C;"),
            Source::new(&format!("src/{path}/b/mod.rs"), "mod c;"),
            Source::new(
                &format!("src/{path}/b/c.rs"),
                &format!("use {inside}::a::A;"),
            ),
        ];
        let found: Vec<_> = imports::folders(&circle)
            .iter()
            .flat_map(|folder| imports::circles(folder, &circle))
            .collect();
        assert_eq!(found, ["a -> b/c -> a"], "in {path}");
    }
}

#[test]
fn the_tables_of_the_architecture_are_those_of_the_code() {
    let read = |path: &str| std::fs::read_to_string(top().join(path)).expect(path);
    let document = read("docs/ARCHITECTURE.md");
    let modules = |path: &str| imports::order(&Source::new(path, &read(path)));
    let folders = modules("src/engine/mod.rs");
    let is_no_test = |name: &String| name != "tests";
    let tables = [
        ("crate", documents::dependencies(&read("Cargo.toml"))),
        ("module", modules("src/lib.rs")),
        ("folder", folders.into_iter().filter(is_no_test).collect()),
    ];
    for (what, code) in tables {
        assert!(code.len() > 5, "{what}: {code:?}");
        nothing(documents::differences(
            what,
            &documents::first_column(&document, what),
            &code,
        ));
    }
}

#[test]
fn a_table_that_differs_from_the_code_is_found() {
    let list = |names: &[&str]| names.iter().map(|n| n.to_string()).collect::<Vec<_>>();
    let text = "x\n| crate | what |\n| --- | --- |\n| `a` | x |\n| b (tests) | y |\n\n| c | z |\n";
    let table = documents::first_column(text, "crate");
    assert_eq!(table, list(&["a", "b (tests)"]));
    let cargo = "[dependencies]\na = \"1\"\n[dev-dependencies]\nb = \"1\"\na = \"1\"\n";
    assert_eq!(documents::dependencies(cargo), table);
    for (code, says) in [
        (&["a", "b (tests)", "c"][..], "lacks c"),
        (&["a"], "there is no crate b (tests)"),
        (&["b (tests)", "a"], "crate a stands where b (tests) should"),
        (&["a", "b (tests)", "a"], "twice"),
    ] {
        let found = documents::differences("crate", &table, &list(code));
        assert!(found.len() == 1 && found[0].contains(says), "{found:?}");
    }
}

#[test]
fn no_test_waits_without_a_bound() {
    for text in [
        "fn f() { let x = told.recv(); }",
        "fn f() { child.wait(); }",
        "fn f() { child.wait_with_output(); }",
        "fn f() { command\n.args([])\n.output(); }",
        "fn f() { command.status(); }",
        "fn f() { poll(&mut fds, None); }",
    ] {
        hold(
            rules::unbounded_waits,
            &Source::new("tests/kernel/exec.rs", text),
        );
    }
    nothing(rules::unbounded_waits(&Source::new(
        "tests/kernel/exec.rs",
        "fn f() { output.status.code(); told.recv_timeout(limit); linux.wait(until); } // x.recv()",
    )));
}

#[test]
fn failing_seeds_are_kept() {
    let bad = "proptest! {\n    #![proptest_config(Config::with_cases(3))]\n}";
    hold(rules::forgotten_seeds, &Source::new("src/a.rs", bad));
}

#[test]
fn files_are_short() {
    hold(
        rules::long_file,
        &Source::new("src/a.rs", &"\n".repeat(500)),
    );
    nothing(rules::long_file(&Source::new(
        "src/a.rs",
        &"\n".repeat(499),
    )));
}

#[test]
fn functions_are_short() {
    let function = |lines: usize| {
        let text = format!(
            "fn f(a: [u8; 2]) {{\n{}}}\nfn g() {{}}",
            "{ \"}\" }\n".repeat(lines - 2)
        );
        Source::new("src/a.rs", &text)
    };
    hold(rules::long_functions, &function(70));
    nothing(rules::long_functions(&function(69)));
}

#[test]
fn only_the_endpoint_has_a_clock() {
    for text in [
        "use std::time::Instant;",
        "use std::time::{Duration, Instant};",
        "fn f() { std::time::SystemTime::now(); }",
        "fn f() { std::thread::sleep(d); }",
    ] {
        hold(rules::clocks, &Source::new("src/run.rs", text));
    }
    nothing(rules::clocks(&Source::new(
        "src/run.rs",
        "use std::time::Duration; use crate::time::Instant;",
    )));
}

#[test]
fn the_engine_has_no_hash_order() {
    hold(
        rules::hash_order,
        &Source::new("src/engine/demux.rs", "let m: HashMap<u8, u8>;"),
    );
}

#[test]
fn values_do_no_input_or_output() {
    hold(
        rules::input_and_output,
        &Source::new("src/sim/link.rs", "use std::fs::File;"),
    );
}

#[test]
fn unsafe_is_in_one_file() {
    hold(
        rules::unsafe_code,
        &Source::new("src/os/tun.rs", "unsafe { f() }"),
    );
    nothing(rules::unsafe_code(&Source::new(
        "src/os/sys.rs",
        "unsafe { f() }",
    )));
}

#[test]
fn no_program_is_called() {
    hold(
        rules::programs,
        &Source::new("src/os/tun.rs", "std::process::Command::new(\"ip\")"),
    );
}

#[test]
fn nothing_is_printed_past_the_terminal() {
    for bad in [
        "fn f() { println!(\"a result\"); }",
        "fn f() { eprint!(\"a report\"); }\n#[cfg(test)]\nmod tests { fn f() { println!(\"\"); } }",
    ] {
        hold(rules::print_macros, &Source::new("src/cli/run.rs", bad));
    }
    nothing(rules::print_macros(&Source::new(
        "src/cli/run/tests.rs",
        "println!(\"skipped\")",
    )));
}

#[test]
fn every_exception_has_a_reason() {
    hold(
        rules::reasons,
        &Source::new("src/a.rs", "#[allow(dead_code)]\nfn f() {}"),
    );
    nothing(rules::reasons(&Source::new(
        "src/a.rs",
        "#[expect(\n    dead_code,\n    reason = \"x\"\n)]",
    )));
}

#[test]
fn modules_are_named_after_something() {
    hold(rules::drawers, &Source::new("src/engine/utils.rs", ""));
    hold(rules::drawers, &Source::new("tests/common/mod.rs", ""));
}

/// The files that belong to the repository; those on disk where there is no git.
fn tracked() -> Vec<String> {
    let git = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(top())
        .output();
    let listed = git
        .ok()
        .filter(|out| out.status.success() && !out.stdout.is_empty());
    match listed {
        Some(out) => {
            let names = String::from_utf8_lossy(&out.stdout).into_owned();
            names.split_terminator('\0').map(str::to_owned).collect()
        }
        None => {
            let entries = std::fs::read_dir(top()).expect("the top folder");
            let names = entries
                .flatten()
                .map(|e| e.file_name().to_string_lossy().into_owned());
            names.filter(|name| name != "target").collect()
        }
    }
}

#[test]
fn the_top_level_stays_small() {
    let mut names: Vec<_> = tracked()
        .iter()
        .map(|path| path.split('/').next().unwrap_or(path).to_owned())
        .collect();
    names.dedup();
    nothing(rules::top_level(&names));
    assert_eq!(rules::top_level(&["rustfmt.toml".to_owned()]).len(), 1);
}

#[test]
fn no_path_of_one_machine() {
    for folder in ["home/me", "root", "work"] {
        assert_eq!(
            rules::machine_paths("a", &format!("see /{folder}/x")).len(),
            1,
            "{folder}"
        );
    }
    nothing(rules::machine_paths(
        "a",
        "https://example.org/work/x and docs/work/x",
    ));
    let mut found = Vec::new();
    for path in tracked() {
        // a binary file is no text and says nothing
        if let Ok(text) = std::fs::read_to_string(top().join(&path)) {
            found.extend(rules::machine_paths(&path, &text));
        }
    }
    nothing(found);
}
