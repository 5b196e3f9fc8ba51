//! What happened besides the packets, in words: the turning points of a run, and how it ended.

use super::NO_BREAK;
use crate::call::TcpState;
use crate::nouns::count;
use crate::time::Instant;
use crate::trace::relative::Relative;
use crate::trace::{Dir, Event, Incident, Trace, Who};
use crate::wire::Flags;

/// What was done to the connection, and when: the steps of the scenario that are not reads and writes.
pub fn done(trace: &Trace) -> Vec<(Instant, String)> {
    say(trace, |event| {
        let who = event.who.name();
        Some(match &event.what {
            Incident::Set { opt, val } => format!("survivor set {opt}={val}"),
            Incident::Shutdown => format!("{who} shutdown"),
            Incident::Close => format!("{who} close"),
            Incident::Kill => format!("{who} kill"),
            Incident::PeerConnect => "peer connect".to_owned(),
            Incident::Window { bytes } => format!("peer window {}", count(*bytes, "byte")),
            Incident::Die => "peer power-off".to_owned(),
            Incident::Return => "peer power-on, without state".to_owned(),
            Incident::Reset => "peer reset".to_owned(),
            Incident::Cut => "wire cut".to_owned(),
            Incident::Restore => "wire restore".to_owned(),
            Incident::Drop { n } => format!("wire drop {n}"),
            Incident::Unreachable => "wire unreachable".to_owned(),
            Incident::Reachable => "wire reachable".to_owned(),
            _ => return None,
        })
    })
}

/// What the survivor's application was told, and when: that it is connected, the end of the stream, errors.
pub fn told(trace: &Trace) -> Vec<(Instant, String)> {
    say(trace, |event| {
        Some(match &event.what {
            Incident::Connected { .. } => "survivor is connected".to_owned(),
            Incident::Accept => "survivor accepts the connection".to_owned(),
            Incident::Eof { how } => format!("survivor reads the end of the stream: {how}"),
            Incident::Error { errno, how } => {
                format!("survivor is told {errno} ({}): {how}", errno.text())
            }
            _ => return None,
        })
    })
}

fn say(trace: &Trace, words: impl Fn(&Event) -> Option<String>) -> Vec<(Instant, String)> {
    let events = trace.events.iter();
    events.filter_map(|e| Some((e.at, words(e)?))).collect()
}

/// How a run ended for the survivor: a label and a short text each.
///
/// What its application was told, by which call and when; whether a RST was sent or came; when its socket was
/// first seen gone; what ended the run, and when.
pub fn ending(trace: &Trace, packets: &[Relative]) -> [(&'static str, String); 4] {
    let errors: Vec<_> = trace
        .events
        .iter()
        .filter_map(|e| match &e.what {
            Incident::Error { errno, how } => {
                Some(format!("{errno} by {} at {}", call(how), secs(e.at)))
            }
            Incident::Eof { how } => {
                Some(format!("end of stream by {} at {}", call(how), secs(e.at)))
            }
            _ => None,
        })
        .collect();
    let rst: Vec<_> = packets
        .iter()
        .filter(|p| p.tcp().is_some_and(|t| t.flags.has(Flags::RST)))
        .map(|p| match p.dir {
            Dir::Out => format!("sent at {}", secs(p.at)),
            Dir::In => format!("received at {}", secs(p.at)),
        })
        .collect();
    let gone = trace.events.iter().find(|e| {
        let state = matches!(&e.what, Incident::State { state } if GONE.contains(state));
        e.who == Who::Survivor && state
    });
    [
        ("application", or(errors.join(", then "), "nothing")),
        ("RST", or(rst.join(", "), "none")),
        (
            "socket gone",
            gone.map_or("not seen".to_owned(), |e| secs(e.at)),
        ),
        (
            "run ended",
            format!("{} at {}", trace.stopped.name(), secs(trace.ended_at)),
        ),
    ]
}

/// States in which a socket is no longer its application's.
const GONE: [TcpState; 2] = [TcpState::Closed, TcpState::TimeWait];

fn or(text: String, otherwise: &str) -> String {
    match text.is_empty() {
        true => otherwise.to_owned(),
        false => text,
    }
}

/// The call that reported it: what stands last in `poll POLLIN|POLLERR then recv()`.
fn call(how: &str) -> &str {
    how.rsplit(" then ").next().unwrap_or(how)
}

/// `17.614457 s`, not to be broken.
fn secs(at: Instant) -> String {
    format!("{:.6}{NO_BREAK}s", at.secs_f64())
}
