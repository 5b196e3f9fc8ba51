//! Every sysctl and every socket option that a scenario may set is one that the engine reads, or says why it need not.

use std::path::Path;

use halfopen::sockopt::OptName;
use halfopen::sysctl::{Sysctl, WITHOUT_EFFECT};

/// The engine's sources without its tests.
fn engine() -> String {
    let mut text = String::new();
    let mut folders = vec![Path::new("src/engine").to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the sources are there") {
            let path = entry.expect("readable").path();
            let is_test = path.ends_with("tests") || path.ends_with("tests.rs");
            if path.is_dir() && !is_test {
                folders.push(path);
            } else if !is_test {
                text += &std::fs::read_to_string(&path).expect("readable");
            }
        }
    }
    text
}

#[test]
fn every_sysctl_is_read_or_said_to_have_no_effect() {
    let engine = engine();
    for name in Sysctl::names() {
        let field = format!(".{name}");
        let is_read = engine.match_indices(&field).any(|(at, _)| {
            let rest = &engine[at + field.len()..];
            !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        });
        let without = WITHOUT_EFFECT.iter().any(|(n, _)| *n == name);
        assert_ne!(is_read, without, "{name}");
    }
    for (name, _) in WITHOUT_EFFECT {
        assert!(Sysctl::names().any(|n| n == *name), "{name} is no sysctl");
    }
}

#[test]
fn every_socket_option_is_taken_by_the_engine() {
    let engine = engine();
    for option in OptName::ALL {
        let name = format!("OptName::{}", option.name());
        assert!(engine.contains(&name), "{name}");
    }
}
