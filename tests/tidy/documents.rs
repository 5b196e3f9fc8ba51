//! The tables of docs/ARCHITECTURE.md say what Cargo.toml, `src/lib.rs` and `src/engine/mod.rs` say.

/// The first cells of the table whose heading begins with this cell, without backticks.
pub(crate) fn first_column(document: &str, heading: &str) -> Vec<String> {
    let cell = |line: &str| {
        let inside = line.trim().strip_prefix('|')?;
        Some(inside.split('|').next()?.trim().replace('`', ""))
    };
    document
        .lines()
        .map(cell)
        .skip_while(|c| c.as_deref() != Some(heading))
        .skip(2)
        .map_while(|c| c)
        .collect()
}

/// The crates that Cargo.toml names, those for tests alone with ` (tests)` behind them: those of the program first, each
/// part sorted.
pub(crate) fn dependencies(cargo_toml: &str) -> Vec<String> {
    let parsed: toml::Table = cargo_toml.parse().expect("Cargo.toml is TOML");
    let names = |section: &str| -> Vec<String> {
        let section = parsed.get(section).and_then(toml::Value::as_table);
        let mut names: Vec<_> = section
            .into_iter()
            .flat_map(|s| s.keys().cloned())
            .collect();
        names.sort();
        names
    };
    let own = names("dependencies");
    let for_tests = names("dev-dependencies")
        .into_iter()
        .filter(|n| !own.contains(n));
    let for_tests: Vec<_> = for_tests.map(|n| format!("{n} (tests)")).collect();
    [own, for_tests].concat()
}

/// What the table `what` lacks, has too much, or has in another order.
pub(crate) fn differences(what: &str, table: &[String], code: &[String]) -> Vec<String> {
    let lacks = code.iter().filter(|n| !table.contains(n));
    let too_much = table.iter().filter(|n| !code.contains(n));
    let mut found: Vec<String> = lacks
        .map(|n| format!("docs/ARCHITECTURE.md: the table of {what}s lacks {n}"))
        .chain(too_much.map(|n| format!("docs/ARCHITECTURE.md: there is no {what} {n}")))
        .collect();
    if found.is_empty()
        && let Some((has, wanted)) = table.iter().zip(code).find(|(a, b)| a != b)
    {
        found.push(format!(
            "docs/ARCHITECTURE.md: {what} {has} stands where {wanted} should"
        ));
    }
    if found.is_empty() && table.len() != code.len() {
        found.push(format!("docs/ARCHITECTURE.md: a {what} stands there twice"));
    }
    found
}
