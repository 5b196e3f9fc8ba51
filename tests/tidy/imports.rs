//! Imports point downwards: the order is that of the `pub mod` lines of `src/lib.rs`.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::Source;

/// The modules in the order of `src/lib.rs`.
pub(crate) fn order(lib: &Source) -> Vec<String> {
    lib.code
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub mod ")?.strip_suffix(';'))
        .map(str::to_owned)
        .collect()
}

/// Imports of a module that stands further down than the importing one.
pub(crate) fn upwards(order: &[String], source: &Source) -> Vec<String> {
    let rank = |name: &str| order.iter().position(|m| m == name);
    let Some(own) = source
        .module()
        .and_then(|m| Some((rank(m.first()?)?, m[0])))
    else {
        return Vec::new();
    };
    let below = |(byte, path): &(usize, Vec<String>)| {
        let name = path.first()?;
        (rank(name)? > own.0).then(|| source.finding(*byte, format!("{} imports {name}", own.1)))
    };
    paths(source).iter().filter_map(below).collect()
}

/// Circles among the files of one room, each as `a -> b -> a`.
pub(crate) fn circles(room: &str, sources: &[Source]) -> Vec<String> {
    let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources {
        let module = source.module().unwrap_or_default();
        let [top, own, ..] = module.as_slice() else {
            continue;
        };
        if *top != room || *own == "tests" || source.path.ends_with("/tests.rs") {
            continue;
        }
        for (_, path) in paths(source) {
            if let [to_room, to, ..] = path.as_slice()
                && to_room == room
                && to != own
            {
                arrows
                    .entry((*own).to_owned())
                    .or_default()
                    .insert(to.clone());
            }
        }
    }
    let mut found = Vec::new();
    let starts: Vec<_> = arrows.keys().cloned().collect();
    for start in starts {
        follow(&arrows, &mut vec![start], &mut found);
    }
    found.sort();
    found.dedup();
    found
}

fn follow(
    arrows: &BTreeMap<String, BTreeSet<String>>,
    way: &mut Vec<String>,
    found: &mut Vec<String>,
) {
    let Some(next) = way.last().and_then(|last| arrows.get(last)) else {
        return;
    };
    for to in next {
        if *to == way[0] {
            // one circle is found from each of its modules: keep the one that begins at the first by name
            if way.iter().all(|m| *m >= way[0]) {
                found.push(format!("{} -> {to}", way.join(" -> ")));
            }
        } else if !way.contains(to) {
            way.push(to.clone());
            follow(arrows, way, found);
            way.pop();
        }
    }
}

/// Every path of this crate that the code names, from the crate's root, with the byte where it stands.
fn paths(source: &Source) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    let module: Vec<String> = source
        .module()
        .unwrap_or_default()
        .into_iter()
        .map(str::to_owned)
        .collect();
    for (byte, _) in source.code.match_indices("crate::") {
        collect(&source.code[byte + 7..], &[], byte, &mut found);
    }
    for (byte, _) in source.code.match_indices("super::") {
        let before = &source.code[..byte];
        if before.ends_with("super::")
            || before.ends_with(|c: char| c.is_alphanumeric() || c == '_')
        {
            continue;
        }
        let mut rest = &source.code[byte..];
        let mut base = module.clone();
        while let Some(inner) = rest.strip_prefix("super::") {
            rest = inner;
            base.pop();
        }
        collect(rest, &base, byte, &mut found);
    }
    found
}

/// Reads `a::{b, c::d}` behind `base`.
fn collect(rest: &str, base: &[String], byte: usize, found: &mut Vec<(usize, Vec<String>)>) {
    let rest = rest.trim_start();
    if let Some(group) = rest.strip_prefix('{') {
        for part in members(group) {
            collect(part, base, byte, found);
        }
        return;
    }
    let end = rest
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(rest.len());
    if end == 0 {
        return;
    }
    let mut path = base.to_vec();
    path.push(rest[..end].to_owned());
    match rest[end..].strip_prefix("::") {
        Some(more) if !more.starts_with(['<', '*']) => collect(more, &path, byte, found),
        _ => found.push((byte, path)),
    }
}

/// The members of a group up to its closing brace.
fn members(group: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut from) = (0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                parts.push(&group[from..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&group[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts
}
