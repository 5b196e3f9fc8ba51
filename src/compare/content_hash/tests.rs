use super::*;
use crate::time::Instant;
use crate::trace::kept;

const SCENARIO: &str = "title = 'a'\n[survivor]\nrole = 'client'\nsockopt = { TCP_USER_TIMEOUT = 9, SO_KEEPALIVE = true }\n[[step]]\nat = '1s'\ndo = 'survivor connect'\n";

#[test]
fn a_scenario_is_what_it_does_and_not_what_it_says_of_itself() {
    let hash = of_scenario(SCENARIO);
    for (with, instead_of, same) in [
        ("title = 'b'", "title = 'a'", true),
        ("title = 'a'\nabout = 'what for'", "title = 'a'", true),
        ("# a comment\ntitle = \"a\"", "title = 'a'", true),
        ("at   =  '1s' # late", "at = '1s'", true),
        ("at = '2s'", "at = '1s'", false),
        ("role = 'server'", "role = 'client'", false),
        ("TCP_USER_TIMEOUT = 8", "TCP_USER_TIMEOUT = 9", false),
        ("TCP_USER_TIMEOUT = '9'", "TCP_USER_TIMEOUT = 9", false),
        (
            "SO_KEEPALIVE = true, TCP_USER_TIMEOUT = 9",
            "TCP_USER_TIMEOUT = 9, SO_KEEPALIVE = true",
            false,
        ),
    ] {
        let changed = SCENARIO.replace(instead_of, with);
        assert_ne!(changed, SCENARIO, "{with}");
        assert_eq!(of_scenario(&changed) == hash, same, "{with}");
    }
    assert_ne!(of_scenario("no toml"), of_scenario("no toml either"));
}

/// known.toml holds hashes: they may not depend on the machine or change with the program.
#[test]
fn the_hash_is_always_the_same() {
    assert_eq!(of_scenario("title = 'nothing'"), "6a3bf42fb6856dd7");
}

#[test]
fn a_recording_is_its_packets_too_and_a_scenario_of_closed_mode_is_not() {
    let recorded = kept::recording("power-off-idle")
        .expect("kept")
        .expect("loads");
    let replay = of_recording(&recorded);
    let closed = of_scenario(&recorded.meta.scenario_toml);
    assert_ne!(closed, replay);
    let mut renamed = recorded.clone();
    renamed.meta.scenario = "r025".to_owned();
    renamed.meta.title = "Mine".to_owned();
    assert_eq!(of_recording(&renamed), replay);
    let changes: [fn(&mut Packet); 3] = [
        |p| p.at = Instant::from_us(p.at.us() + 1),
        |p| *p.bytes.last_mut().expect("a packet has bytes") ^= 1,
        |p| p.dir = if p.dir == Dir::In { Dir::Out } else { Dir::In },
    ];
    for change in changes {
        let mut changed = recorded.clone();
        change(&mut changed.packets[1]);
        assert_ne!(of_recording(&changed), replay);
        assert_eq!(of_scenario(&changed.meta.scenario_toml), closed);
    }
}
