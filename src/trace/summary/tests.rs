use super::*;
use crate::trace::tests::{recordings, trace_of};

#[test]
fn what_is_written_is_read_back() {
    for ticks in [None, Some(Ticks::none()), Some(Ticks::default())] {
        let mut trace = trace_of(Vec::new());
        trace.meta.ticks = ticks;
        let (mut meta, stopped) = read(&write(&trace)).unwrap();
        meta.scenario_toml = trace.meta.scenario_toml.clone();
        assert_eq!(meta, trace.meta);
        assert_eq!(stopped, trace.stopped);
    }
}

/// How each recording ended, worked out by us from packets and events, is what the recorder wrote.
#[test]
fn every_recording_s_end_comes_out_as_recorded() {
    for folder in recordings() {
        let trace = Trace::load(&folder).unwrap();
        let recorded = std::fs::read_to_string(folder.join("summary.json")).unwrap();
        let mut was: Value = serde_json::from_str(&recorded).unwrap();
        let mut is: Value = serde_json::from_str(&write(&trace)).unwrap();
        if let Some(post_mortem) = was["end"]["post_mortem"].as_object_mut() {
            post_mortem.remove("tcp_state");
        }
        for key in ["rst_sent_by_survivor", "rst_received"] {
            // the recorder rounded to the microsecond
            for t in is["end"][key].as_array_mut().unwrap() {
                *t = json!((t.as_f64().unwrap() * 1e6).round() / 1e6);
            }
        }
        for key in [
            "scenario",
            "title",
            "kernel",
            "hz",
            "role",
            "delay_ns",
            "jiffies_at_t0",
            "ns_into_tick_at_t0",
            "tick_ns",
            "end",
            "congestion_control",
            "sysctl",
        ] {
            assert_eq!(was[key], is[key], "{}: {key}", folder.display());
        }
    }
}

#[test]
fn errors_say_what_is_missing_or_wrong() {
    let rows = [
        ("", "not JSON: "),
        ("{}", "\"target\" is missing"),
        (r#"{"kernel": "6.18"}"#, "\"congestion_control\" is missing"),
        (
            r#"{"kernel": "6.18", "provenance": "guessed"}"#,
            "\"provenance\" is \"guessed\"",
        ),
        (
            r#"{"kernel": "6.18", "delay_ns": -1}"#,
            "\"delay_ns\" is -1, not a whole number",
        ),
        (
            r#"{"kernel": "6.18", "jiffies_at_t0": 1, "hz": 250, "ns_into_tick_at_t0": 4000000}"#,
            "\"ns_into_tick_at_t0\" must be less than",
        ),
        (
            r#"{"kernel": "6.18", "congestion_control": "reno"}"#,
            "unknown \"end\": stopped None",
        ),
    ];
    for (text, wanted) in rows {
        let error = read(text).unwrap_err().to_string();
        assert!(error.starts_with(wanted), "{text}: {error}");
    }
}

#[test]
fn what_was_late_is_read_back_and_taken_from_the_notes_of_older_summaries() {
    let mut trace = trace_of(Vec::new());
    let late = |duty, us| Late {
        duty,
        by: Duration::from_micros(us),
    };
    trace.meta.late = vec![late(Duty::Step, 5_300), late(Duty::Delivery, 1_512)];
    let (meta, _) = read(&write(&trace)).expect("it was written");
    assert_eq!(meta.late, trace.meta.late);

    trace.meta.late = Vec::new();
    let note = late(Duty::Step, 5_300).to_string();
    trace.meta.notes.push(note);
    let text = write(&trace);
    assert!(
        !text.contains("\"late\""),
        "a run that was on time does not mention it"
    );
    let (meta, _) = read(&text).expect("it was written");
    assert_eq!(meta.late, [late(Duty::Step, 5_300)]);

    let wrong = text.replacen(
        "\"notes\"",
        "\"late\": [{\"what\": \"lunch\", \"by_ns\": 1}],\n \"notes\"",
        1,
    );
    let error = read(&wrong).expect_err("there is no such duty").to_string();
    assert!(error.starts_with("\"late\" has {"), "{error}");
}
