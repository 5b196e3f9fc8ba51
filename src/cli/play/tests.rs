use super::*;
use crate::scenario::builtin;
use crate::time::Instant;

fn recorded(name: &str) -> Scenario {
    let found = builtin::find(name).expect("a built-in scenario");
    found.scenario().expect("it is right")
}

#[test]
fn every_recording_can_take_the_kernels_place_for_its_scenario() {
    for name in kept::names() {
        assert!(was_recorded(&recorded(name)), "{name}");
    }
}

#[test]
fn no_recording_takes_the_place_of_a_scenario_that_was_changed() {
    let scenario = recorded("power-off-idle");
    let mut later = scenario.clone();
    later.steps.last_mut().expect("a step").at = Instant::from_ms(4_001);
    assert!(!was_recorded(&later), "a step at another time");
    let mut other = scenario.clone();
    other.survivor.sysctl.tcp_retries2 = 6;
    assert!(!was_recorded(&other), "another sysctl");
    let mut fewer = scenario.clone();
    fewer.steps.pop();
    assert!(!was_recorded(&fewer), "a step less");
    let mut renamed = scenario;
    renamed.name = "my-own".into();
    assert!(!was_recorded(&renamed), "no recording of this name");
}

#[test]
fn the_substitute_is_announced_in_one_line() {
    let recording = kept::recording("power-off-idle")
        .expect("kept")
        .expect("read");
    assert_eq!(
        substitute("no TUN can be made\nrun as root", &recording),
        "the linux target is not available: no TUN can be made; a recording of Linux 6.18.44 is used instead"
    );
}
