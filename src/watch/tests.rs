//! Rows, their JSON, and what is wanted of them.

use super::*;
use crate::call::{Addr, Call, Outcome};
use crate::engine::{Config, Engine};
use crate::time::Instant;

/// An engine that connects to nobody.
fn connecting() -> (Engine, Instant) {
    let mut engine = Engine::new(Config::new([10, 77, 0, 1].into()));
    let now = Instant::from_ms(100);
    let Outcome::Socket(socket) = engine.call(now, Call::Socket) else {
        panic!("a socket");
    };
    engine.call(now, Call::Connect(socket, Addr::v4([10, 77, 0, 2], 7_777)));
    (engine, now)
}

#[test]
fn a_row_of_an_engine_tells_its_timer_and_its_future_and_survives_json() {
    let (engine, now) = connecting();
    let rows = Row::of_engine(&engine, now);
    let [row] = rows.as_slice() else {
        panic!("{rows:?}");
    };
    assert_eq!(
        (row.stack, row.state.as_str()),
        (Stack::Halfopen, "SYN_SENT")
    );
    assert_eq!(row.remote.to_string(), "10.77.0.2:7777");
    assert_eq!(row.processes[0].pid, std::process::id());
    let timer = row.timer.as_ref().expect("a timer");
    assert_eq!((timer.kind.as_str(), timer.sends.as_str()), ("on", "SYN"));
    assert_eq!(timer.left_ms, 1_000);
    assert_eq!((row.retries_so_far, row.retries_left), (0, 10));
    assert_eq!(row.told.errno.as_deref(), Some("ETIMEDOUT"));
    let in_ms = row.told.in_ms.expect("an instant");
    assert!((131_000..136_000).contains(&in_ms), "{in_ms}");
    assert_eq!(row.rank(), 1);
    let line = row.to_json();
    assert!(!line.contains('\n'));
    assert_eq!(Row::from_json(&line).as_ref(), Ok(row));
}

#[test]
fn what_is_not_a_row_is_refused_in_words() {
    for line in ["", "{}", "null", "[1]", "{\"stack\":\"toy\"}"] {
        let refused = Row::from_json(line).expect_err(line);
        assert!(
            refused.starts_with("this is not a connection: "),
            "{refused}"
        );
    }
}

#[test]
fn an_end_is_wanted_by_address_port_or_both() {
    let ends = |local: [u8; 4], port| (Addr::v4(local, port), Addr::v4([10, 0, 0, 9], 443));
    for (text, local, port, takes) in [
        ("10.0.0.1", [10, 0, 0, 1], 5, true),
        ("10.0.0.1", [10, 0, 0, 2], 5, false),
        ("10.0.0.1:5", [10, 0, 0, 1], 5, true),
        ("10.0.0.1:5", [10, 0, 0, 1], 6, false),
        (":443", [10, 0, 0, 1], 5, true),
        (":444", [10, 0, 0, 1], 5, false),
        ("10.0.0.9:443", [10, 0, 0, 1], 5, true),
        ("::1", [10, 0, 0, 1], 5, false),
        ("[::1]:443", [10, 0, 0, 1], 5, false),
    ] {
        let filter = Filter {
            ends: vec![text.parse().expect(text)],
            ..Filter::default()
        };
        let (local, remote) = ends(local, port);
        assert_eq!(
            filter.takes(TcpState::Established, local, remote),
            takes,
            "{text}"
        );
        assert!(!filter.takes(TcpState::Listen, local, remote));
    }
    for text in ["", "example.org", ":", ":65536", "10.0.0.256", "[::1"] {
        let refused = text.parse::<AddressFilter>().expect_err(text);
        assert!(refused.contains("write it as 10.0.0.1"), "{refused}");
    }
}

#[test]
fn states_are_known_in_every_spelling() {
    for (name, state) in [
        ("established", TcpState::Established),
        ("ESTAB", TcpState::Established),
        ("syn-sent", TcpState::SynSent),
        ("FIN_WAIT1", TcpState::FinWait1),
        ("fin-wait-1", TcpState::FinWait1),
        ("time-wait", TcpState::TimeWait),
        ("listening", TcpState::Listen),
    ] {
        assert_eq!(Filter::state(name), Some(state), "{name}");
    }
    assert_eq!(Filter::state("dead"), None);
}
