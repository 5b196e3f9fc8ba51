use super::*;
use crate::call::{Errno, TcpInfo, TcpState, TimerKind};
use crate::engine::GiveUpRule;
use crate::trace::Incident;
use crate::trace::tests::{recordings, trace_of};

const START: &str = r#"{"t": 0.0, "who": "harness", "event": "start", "jiffies": 4295856716, "tick_ns": 4000000, "ns_into_tick": 1719031}"#;

#[test]
fn every_recording_is_read_and_written_line_by_line() {
    let not_kept = [
        ("state", "how"),
        ("post-mortem", "tcp_state"),
        ("closed-fd", "took_us"),
        ("kill", "pid"),
    ];
    let mut lines = 0;
    for folder in recordings() {
        let text = std::fs::read_to_string(folder.join("events.jsonl")).unwrap();
        let log = read(&text).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        assert!(log.unknown.is_empty(), "{:?}", log.unknown);
        let (ended_at, stopped) = log.stop.unwrap();
        let mut trace = trace_of(Vec::new());
        trace.meta.ticks = log.ticks;
        (trace.ended_at, trace.stopped, trace.events) = (ended_at, stopped, log.events);
        let written = write(&trace);
        for (was, is) in text.lines().zip(written.lines()) {
            let mut was: Object = serde_json::from_str(was).unwrap();
            for (event, key) in not_kept {
                if was["event"] == event {
                    was.remove(key);
                }
            }
            assert_eq!(json::line(&Value::Object(was)), is);
            lines += 1;
        }
        assert_eq!(text.lines().count(), written.lines().count());
    }
    assert_eq!(lines, 9_358);
}

#[test]
fn the_start_line_carries_the_ticks_and_the_stop_line_the_end() {
    let log = read(&format!(
        "{START}\n{{\"t\": 5.6e-05, \"who\": \"harness\", \"event\": \"stop\", \"why\": \"limit\"}}\n"
    ))
    .unwrap();
    let ticks = log.ticks.unwrap();
    assert_eq!(ticks.jiffies_at_t0, Jiffies(4_295_856_716));
    assert_eq!((ticks.tick_ns, ticks.ns_into_tick), (4_000_000, 1_719_031));
    assert_eq!(log.stop, Some((Instant::from_us(56), Stopped::Limit)));
}

#[test]
fn unknown_kinds_are_counted_and_left_out() {
    let log = read(
        r#"{"t": 1, "who": "survivor", "event": "sneeze"}
{"t": 1, "who": "survivor", "event": "sneeze", "loud": true}
{"t": 1, "who": "cat", "event": "walk"}
{"t": 1, "who": "wire", "event": "cut"}"#,
    )
    .unwrap();
    assert_eq!(log.events.len(), 1);
    let unknown = [
        ("cat walk".to_owned(), 1),
        ("survivor sneeze".to_owned(), 2),
    ];
    assert_eq!(log.unknown, BTreeMap::from(unknown));
}

#[test]
fn errors_name_the_line_and_the_member() {
    let rows = [
        ("{", "line 1: not JSON: "),
        ("[]", "line 1: not a JSON object"),
        ("\n{}", "line 2: \"t\" is missing"),
        (
            r#"{"t": -1}"#,
            "line 1: \"t\" is not a number of seconds from 0",
        ),
        (
            r#"{"t": 1, "who": "wire", "event": "drop"}"#,
            "line 1: \"n\" is missing",
        ),
        (
            r#"{"t": 1, "who": "wire", "event": "drop", "n": 4294967296}"#,
            "line 1: \"n\" is not a number in its range",
        ),
        (
            r#"{"t": 1, "who": "survivor", "event": "error", "errno": "EHUNGRY", "how": "recv()"}"#,
            "line 1: \"EHUNGRY\" is not an error that a TCP socket reports",
        ),
        (
            r#"{"t": 1, "who": "peer", "event": "state", "state": "ASLEEP"}"#,
            "line 1: unknown TCP state \"ASLEEP\"",
        ),
    ];
    for (text, wanted) in rows {
        let error = read(text).unwrap_err().to_string();
        assert!(error.starts_with(wanted), "{text}: {error}");
    }
}

/// Why a connection was given up, with the error for the application and without.
#[test]
fn the_rule_that_ended_a_connection_is_read_back() {
    let given_up = |rule, errno| Event {
        at: Instant::from_ns(1_234_567_891),
        who: Who::Survivor,
        what: Incident::GivenUp { rule, errno },
    };
    let mut trace = trace_of(Vec::new());
    trace.events = vec![
        given_up(GiveUpRule::Retries2(15), Some(Errno::ETIMEDOUT)),
        given_up(GiveUpRule::OrphanBackoff(10), None),
    ];
    assert_eq!(read(&write(&trace)).unwrap().events, trace.events);
}

/// The kinds that occur in no recording, and members at their limits.
#[test]
fn what_only_our_own_runs_have_is_read_back() {
    let at = Instant::from_ns(1_234_567_891);
    let event = |who, what| Event { at, who, what };
    let full = TcpInfo {
        at,
        state: TcpState::LastAck,
        timer: TimerKind::Persist,
        rto_us: 3_000_000,
        snd_ssthresh: u32::MAX,
        ..TcpInfo::default()
    };
    let mut trace = trace_of(Vec::new());
    trace.meta.ticks = Some(Ticks::none());
    trace.events = vec![
        event(
            Who::Survivor,
            Incident::Timer {
                text: "RTO 1 of 5: \"é\"".to_owned(),
            },
        ),
        event(Who::Survivor, Incident::TcpInfo(Box::new(full))),
        event(
            Who::Survivor,
            Incident::State {
                state: TcpState::Closed,
            },
        ),
        event(
            Who::Peer,
            Incident::State {
                state: TcpState::Closed,
            },
        ),
        event(Who::Peer, Incident::Shutdown),
        event(Who::Peer, Incident::Freeze),
        event(Who::Peer, Incident::Thaw),
        event(
            Who::Survivor,
            Incident::PostMortem {
                so_error_next: Some(Errno::ETIMEDOUT),
                recv_next: "EOF".to_owned(),
                send_next: "EPIPE".to_owned(),
            },
        ),
        event(
            Who::Wire,
            Incident::Lost {
                dir: "survivor->peer".to_owned(),
                why: "cut".to_owned(),
                flags: "PA".to_owned(),
                len: 102,
            },
        ),
        event(
            Who::Survivor,
            Incident::Set {
                opt: "TCP_CONGESTION".to_owned(),
                val: "reno".to_owned(),
            },
        ),
    ];
    let log = read(&write(&trace)).unwrap();
    assert_eq!(log.events, trace.events);
    assert_eq!(log.ticks, trace.meta.ticks);
    assert_eq!(log.stop, Some((trace.ended_at, trace.stopped)));
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_failure_persistence(proptest::test_runner::FileFailurePersistence::WithSource("regressions")))]
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,80}") {
        let _ = read(&text);
    }

    #[test]
    fn any_damage_to_a_line_is_read_or_refused(cut in 0..START.len(), put in "[ -~]{0,3}") {
        let _ = read(&format!("{}{put}{}", &START[..cut], &START[cut..]));
    }
}
