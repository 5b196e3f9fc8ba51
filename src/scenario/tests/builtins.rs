//! The scenarios that the program carries.

use crate::scenario::{Action, EndWhen, LoadError, Scenario, builtin, load};
use crate::sockopt::OptName;
use crate::sysctl::{NOT_MODELLED, Preset, Sysctl};
use crate::time::Instant;

#[test]
fn the_table_is_the_folder() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/scenarios");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|file| file.strip_suffix(".toml").expect("a scenario").to_owned())
        .collect();
    files.sort();
    let table: Vec<&str> = builtin::all().iter().map(|b| b.name).collect();
    assert_eq!(table, files);
}

#[test]
fn every_one_is_good_and_says_what_to_watch_for() {
    for builtin in builtin::all() {
        let scenario = builtin.scenario().unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(scenario.name, builtin.name);
        assert_ne!(scenario.title, builtin.name);
        let about = scenario.about.unwrap_or_default();
        assert!(
            about.len() > 30 && about.ends_with('.'),
            "{}: {about}",
            builtin.name
        );
        assert!(!about.contains('\n'), "one paragraph");
    }
}

#[test]
fn by_name_by_path_and_not_at_all() {
    assert_eq!(load("power-off-idle").unwrap().name, "power-off-idle");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/scenarios/reno.toml");
    assert_eq!(load(path).unwrap(), load("reno").unwrap());
    let message = |name: &str| load(name).unwrap_err().to_string();
    assert_eq!(
        message("power-of-idle"),
        "there is no scenario power-of-idle (did you mean power-off-idle?); `halfopen list` shows the built-in \
         scenarios, and a path must end with .toml"
    );
    assert!(message("").starts_with("there is no scenario ;"));
    assert!(matches!(
        load("no/such.toml"),
        Err(LoadError::Unreadable { .. })
    ));
    assert!(message("no/such.toml").starts_with("no/such.toml: "));
    let cargo = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    assert!(matches!(load(cargo), Err(LoadError::Wrong(_))));
    assert!(message(cargo).contains("unknown key package"));
}

#[test]
fn the_posts_own_trace() {
    let post = load("blog-post-power-off").unwrap();
    assert_eq!(post.preset.name, "old-hz1000");
    assert_eq!(post.survivor.sysctl.tcp_retries2, 5);
    assert_eq!(post.survivor.sysctl.tcp_early_retrans, 0);
    assert_eq!(post.end, EndWhen::SurvivorClosed);
    let sends: Vec<(Instant, usize)> = post
        .steps
        .iter()
        .filter_map(|s| match s.action {
            Action::SurvivorSend(n) => Some((s.at, n)),
            _ => None,
        })
        .collect();
    let before: usize = sends[..sends.len() - 1].iter().map(|s| s.1).sum();
    assert_eq!(1 + before, 919, "the last message is 919:1021");
    // 17:31:16.236188, when the last answer came, to 17:34:16.239767
    let answer = post
        .steps
        .iter()
        .rfind(|s| matches!(s.action, Action::PeerSend(90)))
        .unwrap();
    let arrived = answer.at + post.delay;
    let (sent, length) = *sends.last().unwrap();
    assert_eq!(sent.since(arrived).as_micros(), 180_003_579);
    assert_eq!(length, 102);
}

const DOCUMENT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/SCENARIOS.md"));

#[test]
fn the_document_names_everything() {
    let has_row = |name: &str| DOCUMENT.contains(&format!("\n| `{name}` |"));
    for builtin in builtin::all() {
        let title = builtin.scenario().unwrap().title;
        let row = format!("\n| `{}` | {title} |\n", builtin.name);
        assert!(DOCUMENT.contains(&row), "{row}");
    }
    for name in Sysctl::names() {
        assert!(has_row(name), "{name}");
    }
    for (name, ..) in NOT_MODELLED {
        assert!(DOCUMENT.contains(&format!("`{name}`")), "{name}");
    }
    for option in OptName::ALL {
        assert!(has_row(option.name()), "{}", option.name());
    }
    for preset in Preset::all() {
        assert!(has_row(preset.name), "{}", preset.name);
    }
}

#[test]
fn the_documents_example_is_good_and_its_error_is_real() {
    let example = DOCUMENT.split("```toml\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    Scenario::parse("x", "x.toml", example).unwrap();
    let error = DOCUMENT.split("```\n").nth(1).unwrap();
    let wrong = example.replacen("survivor send", "survivor sned", 1);
    let errors = Scenario::parse("x", "my/own.toml", &wrong).unwrap_err();
    super::errors::check_text(&errors.to_string(), error.trim_end());
}
