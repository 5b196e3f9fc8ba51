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
            Incident::Freeze => "peer freeze".to_owned(),
            Incident::Thaw => "peer thaw".to_owned(),
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
/// What its application was told, by which call and when, also counted from the peer's death and from the write that was
/// lost; by which rule the connection was given up, empty where the trace does not say (a kernel's does not); whether a RST was sent or came; when its socket was
/// first seen gone; what ended the run, and when.
pub fn ending(trace: &Trace, packets: &[Relative]) -> [(&'static str, String); 5] {
    let mut is_first = true;
    let errors: Vec<_> = trace
        .events
        .iter()
        .filter_map(|e| match &e.what {
            Incident::Error { errno, how } => {
                let since = match std::mem::replace(&mut is_first, false) {
                    true => since(trace, packets, e.at),
                    false => String::new(),
                };
                Some(format!("{errno} by {} at {}{since}", call(how), secs(e.at)))
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
        (GIVEN_UP_BY, given_up(trace).join(", then ")),
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

/// The label of the rule.
pub(super) const GIVEN_UP_BY: &str = "given up by";

/// The rules by which the survivor's host gave up, and when.
fn given_up(trace: &Trace) -> Vec<String> {
    let events = trace.events.iter();
    let rules = events.filter_map(|e| match &e.what {
        Incident::GivenUp { rule, errno } => {
            let orphan = match errno {
                Some(_) => "",
                None => ", no application holds the connection",
            };
            Some(format!("{rule} at {}{orphan}", secs(e.at)))
        }
        _ => None,
    });
    rules.collect()
}

/// `, 16.615 s after the peer lost power, 13.615 s after the write that was lost`, as far as there were such.
fn since(trace: &Trace, packets: &[Relative], at: Instant) -> String {
    let after = |from: Instant, what: &str| {
        let seconds = at.since(from).as_secs_f64();
        format!(", {seconds:.3}{NO_BREAK}s after {what}")
    };
    let death = death(trace, at).map(|(died, what)| after(died, what));
    let write = lost_write(trace, packets, at).map(|wrote| after(wrote, "the write that was lost"));
    death.into_iter().chain(write).collect()
}

/// What keeps packets from the peer at `at`, and since when.
fn death(trace: &Trace, at: Instant) -> Option<(Instant, &'static str)> {
    let mut since = None;
    for event in trace.events.iter().filter(|e| e.at <= at) {
        let what = match event.what {
            Incident::Die => "the peer lost power",
            Incident::Cut => "the link was cut",
            Incident::Unreachable => "the peer became unreachable",
            Incident::Return | Incident::Restore | Incident::Reachable => {
                since = None;
                continue;
            }
            _ => continue,
        };
        since.get_or_insert((event.at, what));
    }
    since
}

/// When the application wrote the first byte that was never acknowledged.
fn lost_write(trace: &Trace, packets: &[Relative], at: Instant) -> Option<Instant> {
    let came = packets.iter().filter(|p| p.dir == Dir::In && p.at <= at);
    let acks = came.filter_map(|p| p.tcp().filter(|t| !t.flags.has(Flags::RST))?.ack);
    // the first byte has the number after the SYN's
    let acked = acks.max().unwrap_or(0).saturating_sub(1) as usize;
    let mut writes = trace.events.iter().filter(|e| e.at <= at);
    writes
        .find(|e| matches!(e.what, Incident::SendAccepted { total, .. } if total > acked))
        .map(|e| e.at)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::kept;
    use crate::trace::relative::relative;

    fn told(name: &str) -> String {
        let trace = kept::recording(name).unwrap().unwrap();
        let packets = relative(&trace.packets);
        ending(&trace, &packets)[0].1.replace(NO_BREAK, " ")
    }

    #[test]
    fn an_error_is_counted_from_the_death_and_from_the_write_that_was_lost() {
        for (name, text) in [
            (
                "power-off-idle",
                "ETIMEDOUT by recv() at 17.614457 s, 16.614 s after the peer lost power, 13.614 s after the write that \
                 was lost",
            ),
            (
                "keepalive-power-off",
                "ETIMEDOUT by recv() at 8.662761 s, 7.663 s after the peer lost power",
            ),
            (
                "reboot-then-send",
                "ECONNRESET by recv() at 2.010690 s, 0.010 s after the write that was lost, then EPIPE by send() on a \
                 dead socket at 2.500371 s",
            ),
        ] {
            assert_eq!(told(name), text, "{name}");
        }
    }

    #[test]
    fn the_rule_that_ended_a_connection_is_said_where_the_trace_has_it() {
        let mut trace = kept::recording("power-off-idle").unwrap().unwrap();
        let of = |trace: &Trace| ending(trace, &relative(&trace.packets))[1].clone();
        assert_eq!(of(&trace), (GIVEN_UP_BY, String::new()));
        trace.events.push(Event {
            at: Instant::from_ms(17_614),
            who: Who::Survivor,
            what: Incident::GivenUp {
                rule: crate::engine::GiveUpRule::OrphanBackoff(8),
                errno: None,
            },
        });
        let said = of(&trace).1.replace(NO_BREAK, " ");
        let text = "orphan with a closed window: backoff 8 reached at 17.614000 s, no application holds the connection";
        assert_eq!(said, text);
    }
}
