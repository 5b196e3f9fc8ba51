//! What is written in code is what a file says.

use super::*;
use crate::scenario::builtin;
use proptest::prelude::*;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A scenario that was read, written again step by step.
fn again(scenario: &Scenario) -> Draft {
    let mut draft = Draft::new(scenario.survivor.role, &scenario.title)
        .kernel(scenario.preset.name)
        .peer(scenario.peer)
        .delay(scenario.delay)
        .tail(scenario.tail);
    if let Some(about) = &scenario.about {
        draft = draft.about(about);
    }
    for (name, value) in &scenario.survivor.sysctl_set {
        draft = draft.sysctl(name, value);
    }
    draft.sockopt = scenario.survivor.sockopt.clone();
    draft.autoread = scenario.survivor.autoread;
    draft.middlebox = scenario.middlebox;
    for step in &scenario.steps {
        draft = draft.at(step.at.since(Instant::ZERO), step.action.clone());
    }
    draft.end = Some((scenario.end, scenario.limit.since(Instant::ZERO)));
    draft
}

#[test]
fn every_scenario_of_the_program_can_be_written_in_code() {
    let mut count = 0;
    for builtin in builtin::all() {
        let name = builtin.name;
        let scenario = builtin.scenario().expect(name);
        let draft = again(&scenario);
        let mut written = draft.build().unwrap_or_else(|e| panic!("{name}: {e}"));
        // all but the file itself: its name, its text, and the lines of its steps
        written.name.clone_from(&scenario.name);
        written.toml.clone_from(&scenario.toml);
        for (ours, theirs) in written.steps.iter_mut().zip(&scenario.steps) {
            ours.line = theirs.line;
        }
        assert_eq!(written, scenario, "{name}");
        count += 1;
    }
    assert!(count > 50, "{count}");
}

#[test]
fn the_text_is_a_file_as_one_would_write_it() {
    let draft = Draft::client("a \"quoted\" title")
        .sysctl("tcp_retries2", 5)
        .sysctl("net.ipv4.tcp_rmem", "4096 131072 6291456")
        .sockopt(OptName::SO_KEEPALIVE, 1)
        .congestion("reno")
        .delay(Duration::from_micros(2_500))
        .at(ms(0), Action::SurvivorConnect)
        .every(ms(50), 3, ms(100), Action::SurvivorSend(102))
        .at(ms(1_500), Action::PeerWindow(0))
        .until_closed(ms(60_000));
    insta::assert_snapshot!(draft.to_toml());
    draft.build().expect("a scenario");
}

#[test]
fn what_a_file_may_not_say_cannot_be_said_in_code_either() {
    let good = Draft::client("x")
        .at(ms(0), Action::SurvivorConnect)
        .until_closed(ms(1_000));
    good.build().expect("a scenario");
    for (draft, says) in [
        (
            good.clone().sysctl("tcp_retries3", 1),
            "unknown sysctl tcp_retries3",
        ),
        (good.clone().sysctl("tcp_retries2", 1_000), "tcp_retries2"),
        (good.clone().at(ms(10), Action::SurvivorListen), "listen"),
        (
            good.clone().at(ms(10), Action::SurvivorSend(0)),
            "survivor send",
        ),
        (good.clone().at(ms(2_000), Action::WireCut), "limit"),
        (good.clone().kernel("linux-9"), "linux-9"),
        (Draft::client("x").until_closed(ms(10)), "step"),
        (
            Draft::client("x").at(ms(0), Action::SurvivorConnect),
            "when",
        ),
    ] {
        let wrong = draft.build().expect_err(says).to_string();
        assert!(wrong.contains(says), "{says}: {wrong}");
    }
}

proptest! {
    #![proptest_config(proptest::test_runner::Config::with_failure_persistence(proptest::test_runner::FileFailurePersistence::WithSource("regressions")))]
    #[test]
    fn any_time_is_written_so_that_it_is_read_again(ns in 0..=super::super::duration::MAX_NS) {
        let written = text(ns);
        prop_assert_eq!(super::super::duration::parse_ns(&written).ok(), Some(ns), "{}", written);
    }
}
