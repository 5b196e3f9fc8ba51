//! What became of the connections of recordings whose story is known from their name.

use super::*;
use crate::trace::kept;

fn story(name: &str) -> Story {
    let trace = kept::recording(name)
        .expect("it is shipped")
        .expect("it loads");
    let (found, span) = connections(&trace, Duration::ZERO);
    let mut stories: Vec<Story> = found.into_iter().map(|mut c| c.story(&span)).collect();
    stories.sort_by_key(|s| s.trouble);
    stories.into_iter().next().expect("there is a connection")
}

#[test]
fn the_trouble_is_the_one_of_the_scenario() {
    for (name, trouble) in [
        ("power-off-all-defaults", Trouble::Silent),
        ("power-off-backlog-nodelay", Trouble::Silent),
        ("power-off-three-minutes", Trouble::Silent),
        ("user-timeout-data", Trouble::Silent),
        ("keepalive-power-off", Trouble::Keepalive),
        ("connect-dead", Trouble::NeverAnswered),
        ("synack-dead", Trouble::NeverAnswered),
        ("connect-refused", Trouble::Refused),
        ("unreachable-connect", Trouble::Refused),
        ("cut-and-restore", Trouble::Outage),
        ("drop-one", Trouble::Retransmissions),
        ("zero-window-power-off", Trouble::Silent),
        ("reboot-then-send", Trouble::HalfOpen),
        ("orphan-fin", Trouble::Silent),
    ] {
        let story = story(name);
        assert_eq!(story.trouble, trouble, "{name}: {}", story.verdict);
    }
}

#[test]
fn the_application_gets_what_the_recording_says() {
    for (name, errno) in [
        ("power-off-all-defaults", Some("ETIMEDOUT")),
        ("keepalive-power-off", Some("ETIMEDOUT")),
        ("connect-refused", Some("ECONNREFUSED")),
        ("unreachable-connect", Some("EHOSTUNREACH")),
        ("reboot-then-send", Some("ECONNRESET")),
        ("cut-and-restore", None),
        ("orphan-fin", None),
    ] {
        let story = story(name);
        let told = &story.told[Side::Client.index()];
        assert_eq!(told.errno, errno, "{name}: {}", told.text);
    }
}

#[test]
fn who_went_silent_is_the_peer_and_not_the_survivor() {
    let story = story("power-off-all-defaults");
    let (side, _) = story.silent.expect("somebody went silent");
    assert_eq!(side, Side::Server, "{}", story.verdict);
}
