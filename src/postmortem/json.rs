//! Stories as JSON: times in seconds from the start of the run.

use serde_json::{Value, json};

use super::ClosedWindow;
use super::silence::Sent;
use super::story::{End, Story};
use crate::call::TcpInfo;
use crate::forecast::{Forecast, Verdict};
use crate::time::Instant;

/// One story as a JSON object; what is not known or did not happen is null.
pub fn as_json(story: &Story) -> Value {
    let seconds = |at: Option<Instant>| at.map(Instant::secs_f64);
    let tries: Vec<_> = story
        .tries
        .iter()
        .map(|t| json!({"at_s": t.at.secs_f64(), "sent": name(t.sent)}))
        .collect();
    json!({
        "local": story.local.to_string(),
        "remote": story.remote.to_string(),
        "by_program": story.by_program,
        "began_s": story.began.secs_f64(),
        "established_s": seconds(story.established),
        "sent_bytes": story.sent,
        "received_bytes": story.received,
        "peer_died_s": seconds(story.peer_died),
        "sent_before_death_bytes": story.peer_died.map(|_| story.before_death.0),
        "received_before_death_bytes": story.peer_died.map(|_| story.before_death.1),
        "at_death": story.at_death.as_ref().map(info),
        "forecast_at_death": story.promised.as_ref().map(forecast),
        "last_heard_s": seconds(story.last_heard),
        "sent_into_silence": tries,
        "sent_into_silence_not_listed": story.more_tries,
        "heard_again_s": seconds(story.heard_again),
        "last_seen": story.held.as_ref().map(info),
        "shut_down_s": seconds(story.shut_down),
        "closed_window": story.closed_window.as_ref().map(closed_window),
        "end": end(story.end),
        "would_be_told": story.would_be_told.as_ref().map(forecast),
        "would_be_told_if_it_wrote": story.if_it_wrote.as_ref().map(forecast),
        "what_is_left": story.remains.as_ref().map(forecast),
    })
}

const fn name(sent: Sent) -> &'static str {
    match sent {
        Sent::Syn => "SYN",
        Sent::New(_) => "new",
        Sent::Again(_) => "again",
        Sent::Probe => "probe",
        Sent::Reset => "RST",
        Sent::Ack => "ACK",
    }
}

fn info(info: &TcpInfo) -> Value {
    json!({
        "at_s": info.at.secs_f64(),
        "state": info.state.name(),
        "timer": info.timer.name(),
        "timer_ms": info.timer_ms,
        "retransmits": info.retransmits,
        "probes": info.probes,
        "rto_us": info.rto_us,
        "unacked": info.unacked,
        "notsent_bytes": info.notsent,
        "send_q_bytes": info.wqueue,
        "recv_q_bytes": info.rqueue,
    })
}

fn closed_window(closed: &ClosedWindow) -> Value {
    json!({
        "since_s": closed.since.secs_f64(),
        "probes_sent": closed.probes,
        "probes_answered": closed.answered,
        "last_seen": info(&closed.info),
    })
}

fn end(end: End) -> Value {
    match end {
        End::Open => json!({"kind": "open"}),
        End::GaveUp {
            at,
            errno,
            reset,
            rule,
        } => {
            json!({"kind": "given up", "at_s": at.secs_f64(), "errno": errno.name(), "rst_sent": reset, "rule": rule.map(|r| r.to_string())})
        }
        End::Reset { at, errno } => {
            json!({"kind": "reset by peer", "at_s": at.secs_f64(), "errno": errno.name()})
        }
        End::Closed { at } => json!({"kind": "closed", "at_s": at.secs_f64()}),
        End::LetGo { at, reset } => {
            json!({"kind": "closed by the program", "at_s": at.secs_f64(), "rst_sent": reset})
        }
    }
}

fn forecast(forecast: &Forecast) -> Value {
    let latest = forecast.latest.map(Instant::secs_f64);
    let assumed = &forecast.assumed;
    let (kind, at, errno) = match forecast.told {
        Verdict::Error { at, errno, .. } => ("error", Some(at), Some(errno.name())),
        Verdict::Waiting(errno) => ("error", Some(forecast.from), Some(errno.name())),
        Verdict::Never(_) => ("never", None, None),
        Verdict::Nobody { at, .. } => ("nobody", at, None),
        Verdict::Later(at) => ("not before", Some(at), None),
    };
    json!({
        "kind": kind,
        "from_s": forecast.from.secs_f64(),
        "at_s": at.map(Instant::secs_f64),
        "latest_s": latest,
        "errno": errno,
        "rule": forecast.rule.map(|r| r.to_string()),
        "assumed": assumed,
        "provenance": "computed",
    })
}
