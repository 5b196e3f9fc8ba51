//! The rules that look at one file at a time. Each returns what it found, empty when all is well.

use crate::source::Source;

/// Most lines of a file.
const FILE_LINES: usize = 500;
/// Most lines of a function, from `fn` to its closing brace.
const FUNCTION_LINES: usize = 70;

/// A file that is too long.
pub(crate) fn long_file(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    let over = lines >= FILE_LINES;
    Vec::from_iter(over.then(|| {
        format!(
            "{}: {lines} lines, fewer than {FILE_LINES} wanted",
            source.path
        )
    }))
}

/// Functions that are too long.
pub(crate) fn long_functions(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for byte in words(&source.code, "fn") {
        let rest = &source.code[byte..];
        let Some(open) = body(rest) else {
            continue;
        };
        if !rest[2..]
            .trim_start()
            .starts_with(|c: char| c.is_alphabetic() || c == '_')
        {
            continue;
        }
        let lines = rest[..open + block(&rest[open..])].lines().count();
        if lines >= FUNCTION_LINES {
            let name = rest[2..open].split('(').next().unwrap_or_default().trim();
            found.push(source.finding(
                byte,
                format!("fn {name} has {lines} lines, fewer than {FUNCTION_LINES} wanted"),
            ));
        }
    }
    found
}

/// Where a function's body opens; a declaration has none.
fn body(function: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in function.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            ';' if depth == 0 => return None,
            '{' if depth == 0 => return Some(at),
            _ => {}
        }
    }
    None
}

/// Bytes of the block that `code` begins with.
fn block(code: &str) -> usize {
    let mut depth = 0;
    for (at, c) in code.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return at + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

/// A clock or a sleep outside `src/os`. Programs under `examples` may measure themselves.
pub(crate) fn clocks(source: &Source) -> Vec<String> {
    if source.path.starts_with("src/os") || source.path.starts_with("examples/") {
        return Vec::new();
    }
    let mut found = named(
        source,
        &[
            "SystemTime",
            "sleep",
            "sleep_ms",
            "clock_gettime",
            "nanosleep",
        ],
    );
    for (byte, _) in source.code.match_indices("std::time::") {
        let rest = &source.code[byte + 11..];
        let names = match rest.strip_prefix('{') {
            Some(group) => group.split('}').next().unwrap_or_default(),
            None => rest
                .split(|c: char| !c.is_alphanumeric())
                .next()
                .unwrap_or_default(),
        };
        if !words(names, "Instant").is_empty() {
            found.push(source.finding(byte, "std::time::Instant"));
        }
    }
    found
}

/// A hash map or set in the engine: their order differs from run to run.
pub(crate) fn hash_order(source: &Source) -> Vec<String> {
    match source.path.starts_with("src/engine") {
        true => named(source, &["HashMap", "HashSet", "RandomState"]),
        false => Vec::new(),
    }
}

/// Files, threads, sockets or the environment in a module that is a value.
pub(crate) fn input_and_output(source: &Source) -> Vec<String> {
    const VALUES: [&str; 11] = [
        "time",
        "rng",
        "printable",
        "wire",
        "sysctl",
        "sockopt",
        "call",
        "engine",
        "forecast",
        "sim",
        "compare",
    ];
    const DOORS: [&str; 7] = [
        "std::fs",
        "std::io",
        "std::thread",
        "std::env",
        "std::process",
        "TcpStream",
        "UdpSocket",
    ];
    if !source
        .module()
        .is_some_and(|m| m.first().is_some_and(|m| VALUES.contains(m)))
    {
        return Vec::new();
    }
    let hits = |door: &&str| {
        let found = source.code.match_indices(*door);
        found
            .map(|(byte, what)| source.finding(byte, what))
            .collect::<Vec<_>>()
    };
    DOORS.iter().flat_map(hits).collect()
}

/// `unsafe` outside `src/os/sys.rs`.
pub(crate) fn unsafe_code(source: &Source) -> Vec<String> {
    match source.path.as_str() {
        "src/os/sys.rs" => Vec::new(),
        _ => named(source, &["unsafe"]),
    }
}

/// Another program called from `src`; the one place that starts the user's own is excepted.
pub(crate) fn programs(source: &Source) -> Vec<String> {
    match source.path.starts_with("src/") && source.path != "src/os/entry.rs" {
        true => named(source, &["Command"])
            .into_iter()
            .filter(|_| source.code.contains("process::Command"))
            .collect(),
        false => Vec::new(),
    }
}

/// A wait in a test that nothing ends but what is waited for; `tests/bounded` has those that end. The sources of these
/// rules run git.
pub(crate) fn unbounded_waits(source: &Source) -> Vec<String> {
    const WAITS: [&str; 5] = [
        ".recv()",
        ".wait()",
        ".wait_with_output()",
        ".output()",
        ".status()",
    ];
    let is_test = source.path.starts_with("tests/");
    if !is_test
        || ["tests/bounded/", "tests/tidy/"]
            .iter()
            .any(|f| source.path.starts_with(f))
    {
        return Vec::new();
    }
    let all = |wait: &&str| source.code.match_indices(*wait).collect::<Vec<_>>();
    let mut found: Vec<_> = WAITS.iter().flat_map(all).collect();
    for (at, _) in source.code.match_indices("poll(") {
        let arguments = source.code[at..].split(')').next().unwrap_or_default();
        if arguments.ends_with(", None") {
            found.push((at, "poll(.., None)"));
        }
    }
    let finding = |(byte, wait)| {
        source.finding(
            byte,
            format!("{wait} waits without a bound; see tests/bounded"),
        )
    };
    found.into_iter().map(finding).collect()
}

/// A property whose failing seeds are not kept beside its source.
pub(crate) fn forgotten_seeds(source: &Source) -> Vec<String> {
    let properties = source.code.match_indices("proptest! {");
    let forgets = |(byte, what): &(usize, &str)| {
        // the settings stand between the macro's brace and its first test
        let inside = source.text.lines().skip(source.line(*byte));
        let mut settings = inside.take_while(|line| !line.trim_start().starts_with("fn "));
        let keeps =
            settings.any(|l| l.contains("FileFailurePersistence::WithSource(\"regressions\")"));
        (!keeps).then(|| {
            source.finding(
                *byte,
                format!("{what} keeps no failing seeds beside its source"),
            )
        })
    };
    properties.filter_map(|p| forgets(&p)).collect()
}

/// A macro that panics where stdout or stderr takes nothing more; tests may use them.
pub(crate) fn print_macros(source: &Source) -> Vec<String> {
    let is_test = source.path.ends_with("tests.rs") || source.path.contains("/tests/");
    if is_test || !source.path.starts_with("src/") {
        return Vec::new();
    }
    let tests = source.code.find("#[cfg(test)]");
    let code = &source.code[..tests.unwrap_or(source.code.len())];
    let hits = |name: &&str| {
        let places = words(code, name).into_iter();
        places
            .filter(|byte| code[byte + name.len()..].starts_with('!'))
            .map(|byte| source.finding(byte, format!("{name}! may panic: use cli/terminal.rs")))
            .collect::<Vec<_>>()
    };
    let names = ["print", "println", "eprint", "eprintln", "dbg"];
    names.iter().flat_map(hits).collect()
}

/// An `allow` or `expect` attribute without a reason.
pub(crate) fn reasons(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for start in ["#[allow(", "#![allow(", "#[expect(", "#![expect("] {
        for (byte, _) in source.code.match_indices(start) {
            let rest = &source.code[byte..];
            let attribute = &rest[..rest.find(']').unwrap_or(rest.len())];
            if !attribute.contains("reason =") {
                found.push(source.finding(byte, format!("{start}...) without a reason")));
            }
        }
    }
    found
}

/// A module named after nothing.
pub(crate) fn drawers(source: &Source) -> Vec<String> {
    const NAMES: [&str; 6] = ["utils", "util", "common", "helpers", "helper", "misc"];
    let stem = source.path.strip_suffix(".rs").unwrap_or(&source.path);
    let part = stem.split('/').find(|part| NAMES.contains(part));
    Vec::from_iter(part.map(|part| format!("{}: say what is in it, not `{part}`", source.path)))
}

/// A path of somebody's machine.
pub(crate) fn machine_paths(path: &str, text: &str) -> Vec<String> {
    const FOLDERS: [&str; 5] = ["home", "root", "work", "Users", "farm"];
    let mut found = Vec::new();
    for (n, line) in text.lines().enumerate() {
        for folder in FOLDERS {
            let absolute = |(at, _): (usize, &str)| {
                let before = line[..at].chars().next_back();
                !before.is_some_and(|c| c.is_alphanumeric() || "._-/}>".contains(c))
            };
            if line.match_indices(&format!("/{folder}/")).any(absolute) {
                found.push(format!(
                    "{path}:{}: /{folder}/ is a path of one machine",
                    n + 1
                ));
            }
        }
    }
    found
}

/// What the top level holds beside what it may hold.
pub(crate) fn top_level(names: &[String]) -> Vec<String> {
    const ALLOWED: [&str; 11] = [
        "Cargo.toml",
        "Cargo.lock",
        "src",
        "examples",
        "tests",
        "docs",
        "README.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        ".gitignore",
        ".ci",
    ];
    let odd = names
        .iter()
        .filter(|name| !ALLOWED.contains(&name.as_str()));
    odd.map(|name| format!("{name}: not at the top level"))
        .collect()
}

/// A finding for every place where one of these words stands in the code.
fn named(source: &Source, names: &[&str]) -> Vec<String> {
    let hits = |name: &&str| {
        let places = words(&source.code, name).into_iter();
        places
            .map(|byte| source.finding(byte, name))
            .collect::<Vec<_>>()
    };
    names.iter().flat_map(hits).collect()
}

/// Where `word` stands as a whole word.
fn words(code: &str, word: &str) -> Vec<usize> {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    code.match_indices(word)
        .filter(|(at, _)| !part(code[..*at].chars().next_back()))
        .filter(|(at, _)| !part(code[at + word.len()..].chars().next()))
        .map(|(at, _)| at)
        .collect()
}
