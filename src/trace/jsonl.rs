//! The file events.jsonl: one JSON object per line, with the words of the recordings.
//!
//! The first line says where time 0 lies in the kernel's ticks, and the last one why the run ended. Some members of
//! recordings are not kept because nothing reads them: `how` of a state, `tcp_state`, `took_us`, `pid`.

mod incident;
mod info;
mod state;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::json::{self, Object};
use super::{Event, Stopped, Trace, Who, bounds};
use crate::time::{Instant, Jiffies, Ticks};

/// A line that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct JsonlError {
    /// The number of the line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

/// The content of events.jsonl.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// The events in the order of the file.
    pub events: Vec<Event>,
    /// The clock tick from the start line.
    pub ticks: Option<Ticks>,
    /// The stop line: when the run ended, and why.
    pub stop: Option<(Instant, Stopped)>,
    /// Unknown kinds of event, as `who kind`, with the number of each that was left out.
    pub unknown: BTreeMap<String, usize>,
}

impl Who {
    const ALL: [Who; 3] = [Who::Survivor, Who::Peer, Who::Wire];

    /// Returns the recordings' word: `survivor`, `peer` or `wire`.
    pub const fn name(self) -> &'static str {
        match self {
            Who::Survivor => "survivor",
            Who::Peer => "peer",
            Who::Wire => "wire",
        }
    }
}

/// Reads the file. Unknown kinds of event are counted and left out. Any other deviation from the format is an error.
pub fn read(text: &str) -> Result<Log, JsonlError> {
    let mut log = Log::default();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        read_line(line, &mut log).map_err(|what| JsonlError {
            line: index + 1,
            what,
        })?;
    }
    Ok(log)
}

fn read_line(line: &str, log: &mut Log) -> Result<(), String> {
    let value: Value = serde_json::from_str(line).map_err(|e| format!("not JSON: {e}"))?;
    let object = value.as_object().ok_or("not a JSON object")?;
    let members = Members(object);
    let at = members.get("t").and_then(|t| {
        json::instant(t).ok_or("\"t\" is not a number of seconds from 0".to_owned())
    })?;
    if !bounds::lasts_until(at) {
        let most = bounds::MAX_LASTS.as_secs();
        return Err(format!(
            "\"t\" is more than {most} s: no trace lasts that long"
        ));
    }
    let who = members.text("who")?;
    let kind = members.text("event")?;
    match (who.as_str(), kind.as_str()) {
        ("harness", "start") => log.ticks = ticks(&members)?,
        ("harness", "stop") => {
            let why = members.text("why")?;
            let stopped = Stopped::from_name(&why).ok_or(format!("unknown end {why:?}"))?;
            log.stop = Some((at, stopped));
        }
        _ => {
            let known = Who::ALL.into_iter().find(|w| w.name() == who);
            let what = known.map_or(Ok(None), |who| incident::read(at, who, &kind, &members))?;
            match (known, what) {
                (Some(who), Some(what)) => {
                    if let Some(last) = log.events.last().filter(|last| last.at > at) {
                        let (before, at) = (last.at.secs_f64(), at.secs_f64());
                        return Err(format!(
                            "its time, {at:.6} s, lies before that of an event above it, {before:.6} s"
                        ));
                    }
                    log.events.push(Event { at, who, what });
                }
                _ => *log.unknown.entry(format!("{who} {kind}")).or_default() += 1,
            }
        }
    }
    Ok(())
}

fn ticks(members: &Members) -> Result<Option<Ticks>, String> {
    if !members.0.contains_key("jiffies") {
        return Ok(None);
    }
    let ticks = Ticks {
        tick_ns: members.number("tick_ns")?,
        jiffies_at_t0: Jiffies(members.number("jiffies")?),
        ns_into_tick: members.number("ns_into_tick")?,
        wheel: members
            .0
            .get("wheel")
            .and_then(Value::as_bool)
            .unwrap_or(true),
    };
    bounds::checked(ticks, ["tick_ns", "ns_into_tick", "jiffies"]).map(Some)
}

/// Returns the file's text: the start line, the events and the stop line.
pub fn write(trace: &Trace) -> String {
    let mut start = head(Instant::ZERO, "harness", "start");
    if let Some(ticks) = &trace.meta.ticks {
        start.insert("jiffies".into(), ticks.jiffies_at_t0.0.into());
        start.insert("tick_ns".into(), ticks.tick_ns.into());
        start.insert("ns_into_tick".into(), ticks.ns_into_tick.into());
        if !ticks.wheel {
            start.insert("wheel".into(), false.into());
        }
    }
    let mut stop = head(trace.ended_at, "harness", "stop");
    stop.insert("why".into(), json!(trace.stopped.name()));
    let events = trace.events.iter().map(|e| {
        let (kind, members) = incident::write(e.who, &e.what);
        let mut object = head(e.at, e.who.name(), kind);
        object.extend(members);
        object
    });
    let mut text = String::new();
    for object in std::iter::once(start).chain(events).chain([stop]) {
        text += &json::line(&Value::Object(object));
        text.push('\n');
    }
    text
}

fn head(at: Instant, who: &str, kind: &str) -> Object {
    let mut object = Object::new();
    object.insert("t".into(), json::seconds(at));
    object.insert("who".into(), who.into());
    object.insert("event".into(), kind.into());
    object
}

/// The members of a line. Its methods return errors that name the member that is missing or wrong.
struct Members<'a>(&'a Object);

impl Members<'_> {
    fn get(&self, key: &str) -> Result<&Value, String> {
        self.0.get(key).ok_or(format!("\"{key}\" is missing"))
    }

    fn text(&self, key: &str) -> Result<String, String> {
        match self.get(key)? {
            Value::String(text) => Ok(text.clone()),
            _ => Err(format!("\"{key}\" is not a string")),
        }
    }

    /// Returns a string, or an empty one if the line has no such member.
    fn text_or_empty(&self, key: &str) -> Result<String, String> {
        match self.0.contains_key(key) {
            true => self.text(key),
            false => Ok(String::new()),
        }
    }

    fn number<T: TryFrom<u64>>(&self, key: &str) -> Result<T, String> {
        self.get(key)?
            .as_u64()
            .and_then(|n| T::try_from(n).ok())
            .ok_or(format!("\"{key}\" is not a number in its range"))
    }

    /// Returns a number of bytes that one call moved or was to move.
    fn call_bytes(&self, key: &str) -> Result<usize, String> {
        let most = bounds::MAX_CALL_BYTES;
        match self.number(key)? {
            bytes if bytes <= most => Ok(bytes),
            bytes => Err(format!(
                "\"{key}\" is {bytes}; one call moves at most {most} bytes"
            )),
        }
    }

    /// Returns a number, or 0 if the line has no such member.
    fn number_or_0<T: TryFrom<u64> + Default>(&self, key: &str) -> Result<T, String> {
        match self.0.contains_key(key) {
            true => self.number(key),
            false => Ok(T::default()),
        }
    }
}

#[cfg(test)]
mod tests;
