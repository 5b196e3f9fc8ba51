use super::*;
use crate::compare::Mode;
use crate::trace::kept;

fn difference(what: &str, number: usize) -> Difference {
    let place = format!("packet {number} (A seq 1 ack 1 win 63)");
    Difference::new(Class::Field, what, place, Instant::ZERO).values(1, 2)
}

fn verdict(differences: Vec<Difference>) -> Verdict {
    let trace = kept::recording("power-off-idle")
        .expect("kept")
        .expect("loads");
    let mut engine = trace.clone();
    engine.meta.target = "engine".to_owned();
    Verdict::new(Mode::Replay, &engine, &trace, differences)
}

fn known(more: &str) -> Known {
    let hash = verdict(Vec::new()).content_hash;
    let entry = "[[known]]\nrecording = 'power-off-idle'\nclass = 'field'\nwhat = 'flags'\nreason = 'varies'\nreference = 'none'\n";
    let bound = format!("{entry}content_hash = '{hash}'\n{more}");
    Known::parse(&bound).expect("it is one")
}

#[test]
fn the_shipped_list_can_be_read() {
    Known::shipped();
}

#[test]
fn a_declared_difference_does_not_count_and_says_its_reason() {
    let mut verdict = verdict(vec![difference("flags", 4), difference("flags", 9)]);
    assert!(!verdict.identical);
    known("").apply(&mut verdict);
    assert!(verdict.identical);
    assert!(
        verdict
            .differences
            .iter()
            .all(|d| d.known.as_deref() == Some("varies"))
    );
    assert!(
        verdict.line().contains("2 known differences"),
        "{}",
        verdict.line()
    );
}

#[test]
fn what_is_not_declared_fails() {
    let mut verdict = verdict(vec![difference("flags", 4), difference("window", 4)]);
    known("").apply(&mut verdict);
    assert!(!verdict.identical);
}

#[test]
fn what_is_declared_and_does_not_occur_fails() {
    for (more, differences) in [
        ("", vec![]),
        ("count = 2", vec![difference("flags", 4)]),
        ("place = 'packet 1'", vec![difference("flags", 12)]),
    ] {
        let mut verdict = verdict(differences);
        known(more).apply(&mut verdict);
        assert!(!verdict.identical, "{more}");
        let gone = |d: &&Difference| d.class == Class::NoLongerThere;
        assert_eq!(verdict.differences.iter().filter(gone).count(), 1, "{more}");
    }
}

#[test]
fn a_count_covers_no_more_than_it_says() {
    let mut verdict = verdict(vec![difference("flags", 4), difference("flags", 5)]);
    known("count = 1").apply(&mut verdict);
    assert!(!verdict.identical);
    assert_eq!(
        verdict
            .differences
            .iter()
            .filter(|d| d.known.is_none())
            .count(),
        1
    );
}

#[test]
fn another_recordings_list_is_nothing_to_this_one() {
    // of whatever name: what is in it counts
    for (name, hash) in [
        ("connect-dead", "0123456789abcdef"),
        ("power-off-idle", "0123456789abcdef"),
    ] {
        let mut nothing = verdict(Vec::new());
        nothing.scenario = name.to_owned();
        nothing.content_hash = hash.to_owned();
        let mut something = verdict(vec![difference("flags", 4)]);
        something.scenario = name.to_owned();
        something.content_hash = hash.to_owned();
        known("").apply(&mut nothing);
        known("").apply(&mut something);
        assert!(nothing.identical && !something.identical, "{name}");
    }
}

#[test]
fn a_renamed_recording_keeps_its_list() {
    let mut verdict = verdict(vec![difference("flags", 4)]);
    verdict.scenario = "mine".to_owned();
    known("").apply(&mut verdict);
    assert!(verdict.identical);
}

#[test]
fn a_list_for_closed_mode_is_nothing_to_a_replay() {
    let mut verdict = verdict(vec![difference("flags", 4)]);
    known("mode = 'closed'").apply(&mut verdict);
    assert!(!verdict.identical);
    verdict.mode = Mode::Closed;
    known("mode = 'closed'").apply(&mut verdict);
    assert!(verdict.identical);
}

#[test]
fn it_is_about_the_engine_and_linux_only() {
    let mut verdict = verdict(vec![difference("flags", 4)]);
    verdict.left.target = "smoltcp".to_owned();
    known("").apply(&mut verdict);
    assert!(!verdict.identical);
}

#[test]
fn values_are_a_set_and_what_varies_need_not_occur() {
    let varying = "varies_between = ['a', 'b']";
    for (values, expected) in [("['1', '2', '3']", true), ("['1', '3']", false)] {
        let mut verdict = verdict(vec![difference("flags", 4)]);
        known(&format!("values = {values}\n{varying}")).apply(&mut verdict);
        assert_eq!(verdict.identical, expected, "{values}");
    }
    let mut nothing = verdict(Vec::new());
    known(varying).apply(&mut nothing);
    assert!(nothing.identical);
}

#[test]
fn a_list_with_a_mistake_is_refused() {
    for text in [
        "known = 3",
        "[[known]]\nrecording = 'a'",
        "[[known]]\nrecording = 'a'\nclass = 'field'\nwhat = 'x'\nreason = ''\nreference = ''",
        "[[known]]\nrecording = 'a'\ncontent_hash = '0123456789abcdef'\nclass = 'no'\nwhat = 'flags'\nreason = ''\nreference = ''",
        "[[known]]\nrecording = 'a'\ncontent_hash = '0123456789abcdef'\nclass = 'field'\nwhat = 'x'\nreason = ''\nreference = ''\nmore = 1",
    ] {
        assert!(Known::parse(text).is_err(), "{text}");
    }
}
