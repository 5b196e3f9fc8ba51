//! Imports point downwards: the order is that of the `pub mod` lines of `src/lib.rs`.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::Source;

/// The modules in the order in which `src/lib.rs`, or a folder's `mod.rs`, declares them.
pub(crate) fn order(file: &Source) -> Vec<String> {
    file.code
        .lines()
        .filter_map(|line| {
            let line = line.trim();
            let line = line.strip_prefix("pub ").unwrap_or(line);
            line.strip_prefix("mod ")?.strip_suffix(';')
        })
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

/// Imports from a folder of the module `inside` that stands further down than the importing one. Only folders have a
/// rank: `order` is that of the `mod` lines of the module's `mod.rs`.
pub(crate) fn upwards_inside(inside: &str, order: &[String], source: &Source) -> Vec<String> {
    let rank = |name: &str| order.iter().position(|m| m == name);
    let module = source.module().unwrap_or_default();
    let [top, folder, ..] = module.as_slice() else {
        return Vec::new();
    };
    let Some(own) = rank(folder).filter(|_| *top == inside && *folder != "tests") else {
        return Vec::new();
    };
    let below = |(byte, path): &(usize, Vec<String>)| {
        let [to_top, to, ..] = path.as_slice() else {
            return None;
        };
        let upwards = to_top == inside && rank(to)? > own;
        upwards.then(|| source.finding(*byte, format!("{inside}/{folder} imports {to}")))
    };
    paths(source).iter().filter_map(below).collect()
}

/// Circles among the files of one folder, at whatever depth: `within` is its path from the crate's root. Each is shown as
/// `a -> b -> a`.
pub(crate) fn circles(within: &[&str], sources: &[Source]) -> Vec<String> {
    let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let one_by_one = one_by_one(within, sources);
    for source in sources {
        let module = source.module().unwrap_or_default();
        let Some(own) = inside(within, &module) else {
            continue;
        };
        if own.contains(&"tests") {
            continue;
        }
        let own = file_of(own, &one_by_one);
        for (_, path) in paths(source) {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            if let Some(to) = inside(within, &path) {
                let to = file_of(to, &one_by_one);
                if to != own {
                    arrows.entry(own.clone()).or_default().insert(to);
                }
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

/// Every folder below `src` that holds more than its `mod.rs`, as its path from the crate's root.
pub(crate) fn folders(sources: &[Source]) -> BTreeSet<Vec<&str>> {
    let modules = sources.iter().filter_map(Source::module);
    let parents = modules.flat_map(|module| {
        let depths = 1..module.len();
        depths
            .map(move |n| module[..n].to_vec())
            .collect::<Vec<_>>()
    });
    parents
        .filter(|folder| !folder.contains(&"tests"))
        .collect()
}

/// What follows `within` in a path; nothing if that is another folder's or the folder itself.
fn inside<'a, 'b>(within: &[&'b str], path: &'a [&'b str]) -> Option<&'a [&'b str]> {
    path.strip_prefix(within).filter(|rest| !rest.is_empty())
}

/// The folders in this one whose files count one by one: those with no more in their `mod.rs` than what declares them.
fn one_by_one(within: &[&str], sources: &[Source]) -> BTreeSet<String> {
    let plain = |source: &&Source| {
        let declares_only = source.code.lines().all(|line| {
            let line = line.trim();
            line.is_empty() || line.ends_with(';') && line.contains("mod ")
        });
        source.path.ends_with("/mod.rs") && declares_only
    };
    sources
        .iter()
        .filter(plain)
        .filter_map(|source| match inside(within, &source.module()?)? {
            [folder] => Some((*folder).to_owned()),
            _ => None,
        })
        .collect()
}

/// `tcb/rack_state` for a path into a folder whose files count one by one, else the first part.
fn file_of(inner: &[&str], one_by_one: &BTreeSet<String>) -> String {
    match inner {
        [folder, file, ..] if one_by_one.contains(*folder) => format!("{folder}/{file}"),
        _ => inner[0].to_owned(),
    }
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
