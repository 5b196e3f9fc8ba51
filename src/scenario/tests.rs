mod any_bytes;
mod builtins;
mod errors;
mod impossible;
mod refusals;

use super::*;
use crate::sockopt::OptName;

/// The document's own example, with everything in it that is optional.
const WHOLE: &str = r#"
title = "Server loses power; the client sends three seconds later"
about = "Optional prose for people: what to watch for."
kernel = "old-hz1000"

[survivor]
role = "client"
sysctl  = { tcp_retries2 = 5, "net.ipv4.tcp_rmem" = "4096 131072", tcp_congestion_control = "reno" }
sockopt = { SO_KEEPALIVE = 1, TCP_KEEPIDLE = 10, TCP_CONGESTION = "cubic" }
autoread = false

[peer]
timestamps = false
sack = false
dsack = false
mss = 1000
wscale = 3
window = 20000

[wire]
delay = "1.5ms"

[[step]]
at = "1s"
do = "peer power-off"
[[step]]
at = "0s"
do = "survivor connect"
[[step]]
at = "100ms"
do = "survivor send 102"
repeat = 3
every = "450ms"
[[step]]
at = "1s"
do = "survivor set TCP_USER_TIMEOUT = 5000"

[end]
when  = "survivor closed"
limit = "1min"
tail = "2500ms"
"#;

#[test]
fn everything_is_read() {
    let s = Scenario::parse("whole", "whole.toml", WHOLE).unwrap();
    assert_eq!(s.name, "whole");
    assert_eq!(
        s.title,
        "Server loses power; the client sends three seconds later"
    );
    assert_eq!(
        s.about.as_deref(),
        Some("Optional prose for people: what to watch for.")
    );
    assert_eq!(s.toml, WHOLE);
    assert_eq!(s.preset.name, "old-hz1000");
    assert_eq!(s.survivor.role, Role::Client);
    assert_eq!(s.survivor.sysctl.tcp_retries2, 5);
    assert_eq!(
        s.survivor.sysctl.tcp_early_retrans, 0,
        "from the preset, the file says nothing"
    );
    let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        s.survivor.sysctl_set,
        [
            set("tcp_retries2", "5"),
            set("tcp_rmem", "4096 131072 4194304"),
            set("tcp_congestion_control", "reno")
        ]
    );
    assert_eq!(
        s.survivor.sockopt[..2],
        [
            SockOpt::int(OptName::SO_KEEPALIVE, 1),
            SockOpt::int(OptName::TCP_KEEPIDLE, 10)
        ]
    );
    assert!(!s.survivor.autoread);
    let peer = Peer {
        timestamps: false,
        sack: false,
        dsack: false,
        mss: 1000,
        wscale: Some(3),
        window: 20_000,
    };
    assert_eq!(s.peer, peer);
    assert_eq!(s.delay, Duration::from_micros(1500));
    let steps: Vec<(u64, &Action, usize)> = s
        .steps
        .iter()
        .map(|s| (s.at.us(), &s.action, s.line))
        .collect();
    let timeout = Action::SurvivorSet(SockOpt::int(OptName::TCP_USER_TIMEOUT, 5000));
    assert_eq!(
        steps,
        [
            (0, &Action::SurvivorConnect, 28),
            (100_000, &Action::SurvivorSend(102), 31),
            (550_000, &Action::SurvivorSend(102), 31),
            (1_000_000, &Action::PeerPowerOff, 25),
            (1_000_000, &Action::SurvivorSend(102), 31),
            (1_000_000, &timeout, 36),
        ],
        "in order of time, at equal times in the file's order"
    );
    assert_eq!(s.end, EndWhen::SurvivorClosed);
    assert_eq!(s.limit, Instant::from_ms(60_000));
    assert_eq!(s.tail, Duration::from_millis(2500));
}

#[test]
fn defaults() {
    let text = "survivor = { role = \"server\" }\n[[step]]\nat = \"0s\"\ndo = \"survivor listen\"\n\
                [end]\nafter = \"2s\"\nlimit = \"2s\"\n";
    let s = Scenario::parse("short", "short.toml", text).unwrap();
    assert_eq!(s.title, "short");
    assert_eq!(s.about, None);
    assert_eq!(s.preset.name, "linux-6.18");
    assert_eq!(s.survivor.sysctl, Sysctl::default());
    assert!(s.survivor.autoread);
    assert_eq!(s.peer, Peer::default());
    assert_eq!(s.delay, Duration::ZERO);
    assert_eq!(s.end, EndWhen::After(Instant::from_ms(2000)));
    assert_eq!(s.tail, Duration::from_millis(1500));
}
