//! Steps that can never happen, and those that might.

use crate::scenario::Scenario;

/// The faults of a scenario with these steps, each `time action`, as `line:column what`.
fn faults(role: &str, steps: &str) -> Vec<String> {
    let mut text = format!("[survivor]\nrole = \"{role}\"\n[wire]\ndelay = \"5ms\"\n");
    for step in steps.split("; ") {
        let (at, action) = step.split_once(' ').unwrap();
        text += &format!("[[step]]\nat = \"{at}\"\ndo = \"{action}\"\n");
    }
    text += "[end]\nafter = \"10s\"\nlimit = \"20s\"\n";
    match Scenario::parse("x", "x.toml", &text) {
        Ok(_) => Vec::new(),
        Err(errors) => errors
            .faults()
            .map(|(line, column, what)| format!("{line}:{column} {what}"))
            .collect(),
    }
}

/// The steps of a client, and what is said of them.
const CLIENT: &str = r#"
0s survivor send 1; 1s survivor connect | 7:6 the survivor has no socket yet
1s survivor connect; 0s survivor set TCP_NODELAY=1 | 10:6 the survivor has no socket yet
0s survivor connect; 1s survivor listen | 10:6 a client does not listen
0s survivor connect; 1s peer connect | 10:6 the peer of a client does not connect
0s survivor connect; 1s survivor connect | 10:6 the survivor has already done this
0s survivor connect; 1s survivor kill; 2s survivor send 1 | 13:6 the survivor's process was killed before this step
0s survivor connect; 1s survivor kill; 2s survivor kill | 13:6 the survivor's process was killed before this step
0s survivor connect; 1s survivor close; 2s survivor recv | 13:6 the survivor closed its socket before this step
0s peer window 5; 1s survivor connect | 7:6 the peer has no connection yet
0s peer close; 0s survivor connect | 7:6 the peer has no connection yet
0s survivor connect; 4999us peer send 1 | 10:6 the survivor's SYN has not reached the peer yet
0s survivor connect; 1s peer power-on | 10:6 the peer has not been powered off
0s survivor connect; 1s peer thaw; 2s peer freeze | 10:6 the peer has not been frozen
0s survivor connect; 1s wire restore; 2s wire cut | 10:6 the wire has not been cut
0s survivor connect; 1s wire reachable | 10:6 the peer has not been made unreachable
0s survivor connect; 10001ms wire cut | 10:6 the run ends before this step, because [end] after is earlier
0s wire cut | 2:8 a client needs a step "survivor connect"
"#;

/// The steps of a server, and the first thing said of them.
const SERVER: &str = r#"
0s survivor listen; 1s survivor connect | 10:6 a server does not connect
0s survivor listen; 1s survivor listen | 10:6 the survivor has already done this
0s survivor listen; 1s survivor send 1; 2s peer connect | 10:6 no peer has connected to the survivor yet
0s survivor listen; 1s peer connect; 2s peer connect | 13:6 the peer has already connected
0s survivor close; 1s survivor listen | 7:6 the survivor has no socket yet
0s peer connect | 2:8 a server needs a step "survivor listen"
"#;

/// What may happen or not, by how the run goes.
const POSSIBLE: &str = r#"
client: 0s peer power-off; 1s survivor connect; 2s peer send 90; 3s peer window 0
client: 0s survivor connect; 1s peer power-off; 2s peer power-off; 3s peer kill
client: 0s survivor connect; 1s peer close; 2s peer send 1; 3s peer close
client: 0s survivor connect; 5ms peer send 1
client: 0s peer freeze; 0s survivor connect; 1s peer freeze; 2s peer send 1; 3s peer thaw; 4s peer thaw
server: 0s survivor listen; 0s peer freeze; 1s peer connect; 2s peer thaw
client: 0s wire unreachable; 1s survivor connect; 2s wire unreachable; 3s wire cut; 3s wire cut
client: 0s wire cut; 1s survivor connect; 2s wire restore; 3s wire restore
client: 0s survivor connect; 0s survivor send 1; 1s survivor shutdown; 2s survivor send 1
client: 0s survivor connect; 1s survivor close; 1s survivor kill
server: 0s peer connect; 1s survivor listen; 2s survivor send 1
server: 0s survivor listen; 1s survivor set TCP_NODELAY=1; 2s survivor close
client: 0s survivor connect; 10s wire cut
"#;

#[test]
fn what_can_never_happen() {
    for (role, table) in [("client", CLIENT), ("server", SERVER)] {
        for row in table.trim().lines() {
            let (steps, expected) = row.split_once(" | ").unwrap();
            assert!(
                faults(role, steps).contains(&expected.to_owned()),
                "{row}: {:?}",
                faults(role, steps)
            );
            assert!(role == "server" || faults(role, steps).len() == 1, "{row}");
        }
    }
}

#[test]
fn what_depends_on_the_run_is_allowed() {
    for row in POSSIBLE.trim().lines() {
        let (role, steps) = row.split_once(": ").unwrap();
        assert!(
            faults(role, steps).is_empty(),
            "{row}: {:?}",
            faults(role, steps)
        );
    }
}

#[test]
fn a_repeated_step_is_told_once() {
    let text = "[survivor]\nrole = \"client\"\n[[step]]\nat = \"1s\"\ndo = \"survivor send 1\"\nrepeat = 1000\n\
                every = \"1ms\"\n[[step]]\nat = \"5s\"\ndo = \"survivor connect\"\n[end]\nafter = \"1500ms\"\n\
                limit = \"20s\"\n";
    let errors = Scenario::parse("x", "x.toml", text).unwrap_err();
    let faults: Vec<_> = errors.faults().map(|f| (f.0, f.2)).collect();
    let over = "the run ends before this step, because [end] after is earlier";
    assert_eq!(
        faults,
        [(5, "the survivor has no socket yet"), (5, over), (10, over)]
    );
}

#[test]
fn too_much() {
    let text = |send: &str, repeat: u64| {
        format!(
            "[survivor]\nrole = \"client\"\n[[step]]\nat = \"0s\"\ndo = \"survivor connect\"\n[[step]]\nat = \"1s\"\n\
             do = \"{send}\"\nrepeat = {repeat}\nevery = \"0s\"\n[end]\nafter = \"10s\"\nlimit = \"20s\"\n"
        )
    };
    let what = |text: &str| {
        let errors = Scenario::parse("x", "x.toml", text).unwrap_err();
        errors.faults().map(|f| f.2.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        what(&text("survivor send 100000000", 11)),
        ["more than 1000000000 bytes are sent in one direction"]
    );
    assert_eq!(
        what(&text("wire cut", 100_000)),
        ["there are more than 100000 steps, counting repetitions"]
    );
    assert_eq!(
        Scenario::parse("x", "x.toml", &text("wire cut", 99_999))
            .unwrap()
            .steps
            .len(),
        100_000
    );
}
