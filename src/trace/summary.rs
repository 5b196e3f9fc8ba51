//! The file summary.json: the description of a run, how it ended, and its packets, one per line.
//!
//! The file has the form of the recordings. Only what does not follow from the packets and events is read back.

use serde_json::{Value, json};
use std::time::Duration;

use super::json::{self, Object};
use super::relative::{Body, Relative, Tcp, relative};
use super::{Dir, Duty, Event, Incident, Late, Meta, Provenance, Stopped, Trace, Who, bounds};
use crate::call::TcpState;
use crate::time::{Jiffies, Ticks};
use crate::wire::{Flags, TcpOption};

/// A member of the summary that is missing or wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SummaryError(String);

impl Provenance {
    /// `simulated` or `measured`.
    pub const fn name(self) -> &'static str {
        match self {
            Provenance::Simulated => "simulated",
            Provenance::Measured => "measured",
        }
    }
}

/// Returns the file's text.
pub fn write(trace: &Trace) -> String {
    let packets = relative(&trace.packets);
    let mut members: Vec<(&str, Value)> = head(&trace.meta);
    members.push(("end", end(trace, &packets)));
    let notes: Vec<_> = trace.meta.notes.iter().map(|n| json!(n)).collect();
    members.push(("notes", json!(notes)));
    if !trace.meta.late.is_empty() {
        let late = trace
            .meta
            .late
            .iter()
            .map(|late| json!({"what": late.duty.name(), "by_ns": late.by.as_nanos() as u64}));
        members.push(("late", late.collect()));
    }
    let sysctl: Object = trace
        .meta
        .sysctl
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    members.push(("sysctl", Value::Object(sysctl)));
    let mut text = String::from("{\n");
    for (key, value) in members {
        text += &format!(" {}: {},\n", json!(key), indented(&value));
    }
    text += " \"packets\": [\n";
    for (index, packet) in packets.iter().enumerate() {
        let comma = if index + 1 < packets.len() { "," } else { "" };
        text += &format!("  {}{comma}\n", json::line(&packet_line(index + 1, packet)));
    }
    text + " ]\n}\n"
}

/// Returns a value as it is written one level inside the file's object.
fn indented(value: &Value) -> String {
    match value {
        Value::Object(members) if !members.is_empty() => {
            let lines: Vec<_> = members
                .iter()
                .map(|(key, value)| format!("  {}: {}", json!(key), json::line(value)))
                .collect();
            format!("{{\n{}\n }}", lines.join(",\n"))
        }
        Value::Array(values) if !values.is_empty() => {
            let lines: Vec<_> = values
                .iter()
                .map(|value| format!("  {}", json::line(value)))
                .collect();
            format!("[\n{}\n ]", lines.join(",\n"))
        }
        other => json::line(other),
    }
}

fn head(meta: &Meta) -> Vec<(&'static str, Value)> {
    let ticks = meta.ticks.as_ref();
    let mut head = vec![
        ("scenario", json!(meta.scenario)),
        ("title", json!(meta.title)),
        ("target", json!(meta.target)),
        ("version", json!(meta.version)),
        ("provenance", json!(meta.provenance.name())),
    ];
    if meta.target == "linux" {
        head.push(("kernel", json!(meta.version)));
    }
    head.extend([
        ("hz", json!(ticks.map(Ticks::hz))),
        ("role", json!(meta.role)),
        ("delay_ns", json!(meta.delay.as_nanos() as u64)),
        ("jiffies_at_t0", json!(ticks.map(|t| t.jiffies_at_t0.0))),
        ("ns_into_tick_at_t0", json!(ticks.map(|t| t.ns_into_tick))),
        ("tick_ns", json!(ticks.map(|t| t.tick_ns))),
    ]);
    if let Some(ticks) = ticks.filter(|t| !t.wheel) {
        head.push(("wheel", json!(ticks.wheel)));
    }
    if let Some(seed) = meta.seed {
        head.push(("seed", json!(seed)));
    }
    head.push(("congestion_control", json!(meta.congestion_control)));
    head
}

fn end(trace: &Trace, packets: &[Relative]) -> Value {
    let rst = |dir| {
        let times = packets.iter().filter_map(|p| {
            let is_rst = p.tcp().is_some_and(|t| t.flags.has(Flags::RST));
            (p.dir == dir && is_rst).then(|| json::seconds(p.at))
        });
        json!(times.collect::<Vec<_>>())
    };
    let errors: Vec<_> = trace.events.iter().filter_map(error).collect();
    let states = trace.events.iter().filter_map(|e| match &e.what {
        Incident::State { state } if e.who == Who::Survivor => Some((e.at, *state)),
        _ => None,
    });
    // a TIME_WAIT socket no longer belongs to the application
    let gone = states
        .clone()
        .find(|(_, s)| matches!(s, TcpState::Closed | TcpState::TimeWait));
    let states: Vec<_> = states
        .map(|(at, s)| json!([json::seconds(at), s.name()]))
        .collect();
    json!({
        "stopped": trace.stopped.name(),
        "error": errors.first(),
        "errors_all": errors,
        "post_mortem": trace.events.iter().find_map(post_mortem),
        "state_seen": states,
        "socket_gone_by": gone.map(|(at, _)| json::seconds(at)),
        "rst_sent_by_survivor": rst(Dir::Out),
        "rst_received": rst(Dir::In),
    })
}

fn error(e: &Event) -> Option<Value> {
    match &e.what {
        Incident::Error { errno, how } => {
            Some(json!({"t": json::seconds(e.at), "errno": errno.name(), "how": how}))
        }
        _ => None,
    }
}

fn post_mortem(e: &Event) -> Option<Value> {
    match &e.what {
        Incident::PostMortem {
            so_error_next,
            recv_next,
            send_next,
        } => Some(json!({
            "t": json::seconds(e.at),
            "SO_ERROR_next": so_error_next.map_or(json!(0), |e| json!(e.name())),
            "recv_next": recv_next,
            "send_next": send_next,
        })),
        _ => None,
    }
}

fn packet_line(i: usize, p: &Relative) -> Value {
    let dir = match p.dir {
        Dir::Out => "out",
        Dir::In => "in",
    };
    let mut line = json!({"i": i, "t": json::seconds(p.at), "dir": dir});
    match &p.body {
        Body::Tcp(tcp) => tcp_members(&mut line, tcp),
        Body::Icmp {
            kind,
            code,
            quoted_seq,
        } => {
            line["proto"] = json!("icmp");
            line["type"] = json!(kind);
            line["code"] = json!(code);
            line["quoted_seq"] = json!(quoted_seq);
        }
        Body::Unreadable(why) => line["unreadable"] = json!(why),
    }
    if let (Dir::Out, Some(word)) = (p.dir, p.kind.summary_word()) {
        line["kind"] = json!(word);
    }
    if let Some(cause) = &p.cause {
        line["cause"] = json!(cause);
    }
    line
}

fn tcp_members(line: &mut Value, tcp: &Tcp) {
    line["flags"] = json!(tcp.flags.to_string());
    line["seq"] = json!(tcp.seq);
    line["ack"] = json!(tcp.ack);
    line["len"] = json!(tcp.payload.len());
    line["win"] = json!(tcp.window);
    if let Some(bytes) = tcp.window_bytes {
        line["win_bytes"] = json!(bytes);
    }
    let names: Vec<_> = tcp.options.iter().map(TcpOption::name).collect();
    line["opts"] = json!(names);
    for option in &tcp.options {
        match option {
            TcpOption::Mss(mss) => line["mss"] = json!(mss),
            TcpOption::WindowScale(shift) => line["wscale"] = json!(shift),
            TcpOption::Timestamps(ts) => {
                line["tsval"] = json!(ts.tsval);
                line["tsecr"] = json!(ts.tsecr);
            }
            TcpOption::Sack(blocks) => {
                let blocks: Vec<_> = blocks.iter().map(|(l, r)| [l.0, r.0]).collect();
                line["sack"] = json!(blocks);
            }
            _ => {}
        }
    }
    line["ipid"] = json!(tcp.ident);
    line["df"] = json!(tcp.dont_frag);
    line["ttl"] = json!(tcp.ttl);
    line["tos"] = json!(tcp.tos);
}

/// Reads the description of a run from a summary: all of [`Meta`] but the scenario's text, and why the run ended.
///
/// A recording has no `target`, `version` and `provenance`: it was measured on a kernel.
pub fn read(text: &str) -> Result<(Meta, Stopped), SummaryError> {
    let value: Value =
        serde_json::from_str(text).map_err(|e| SummaryError(format!("not JSON: {e}")))?;
    let summary = Reader(&value);
    let kernel = summary.text("kernel");
    let target = match (summary.text("target"), &kernel) {
        (Some(target), _) => target,
        (None, Some(_)) => "linux".to_owned(),
        (None, None) => return missing("target"),
    };
    let provenance = match summary.text("provenance").as_deref() {
        None | Some("measured") => Provenance::Measured,
        Some("simulated") => Provenance::Simulated,
        Some(other) => {
            let what = format!("\"provenance\" is {other:?}, not simulated or measured");
            return Err(SummaryError(what));
        }
    };
    let stopped = value["end"]["stopped"].as_str();
    let meta = Meta {
        scenario: summary.text("scenario").unwrap_or_default(),
        title: summary.text("title").unwrap_or_default(),
        scenario_toml: String::new(),
        target,
        version: summary.text("version").or(kernel).unwrap_or_default(),
        provenance,
        role: summary.text("role").unwrap_or_default(),
        delay: Duration::from_nanos(summary.number("delay_ns")?.unwrap_or(0)),
        sysctl: summary.sysctl(),
        ticks: summary.ticks()?,
        congestion_control: match summary.text("congestion_control") {
            Some(name) => name,
            None => return missing("congestion_control"),
        },
        seed: summary.number("seed")?,
        notes: summary.notes(),
        late: summary.late()?,
    };
    match stopped.and_then(Stopped::from_name) {
        Some(stopped) => Ok((meta, stopped)),
        None => Err(SummaryError(format!(
            "unknown \"end\": stopped {stopped:?}"
        ))),
    }
}

fn missing<T>(key: &str) -> Result<T, SummaryError> {
    Err(SummaryError(format!("\"{key}\" is missing")))
}

struct Reader<'a>(&'a Value);

impl Reader<'_> {
    fn text(&self, key: &str) -> Option<String> {
        self.0[key].as_str().map(str::to_owned)
    }

    fn number(&self, key: &str) -> Result<Option<u64>, SummaryError> {
        match &self.0[key] {
            Value::Null => Ok(None),
            value => match value.as_u64() {
                Some(number) => Ok(Some(number)),
                None => Err(SummaryError(format!(
                    "\"{key}\" is {value}, not a whole number"
                ))),
            },
        }
    }

    fn sysctl(&self) -> Vec<(String, String)> {
        let value = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
        let members = self.0["sysctl"].as_object().into_iter().flatten();
        members.map(|(name, v)| (name.clone(), value(v))).collect()
    }

    fn notes(&self) -> Vec<String> {
        let notes = self.0["notes"].as_array().into_iter().flatten();
        notes
            .filter_map(|n| n.as_str().map(str::to_owned))
            .collect()
    }

    /// A summary that was written before there was a member `late` says the same in its notes.
    fn late(&self) -> Result<Vec<Late>, SummaryError> {
        let Some(late) = self.0["late"].as_array() else {
            return Ok(self
                .notes()
                .iter()
                .filter_map(|n| Late::from_note(n))
                .collect());
        };
        let read = |value: &Value| {
            let duty = Duty::from_name(value["what"].as_str()?)?;
            let by = Duration::from_nanos(value["by_ns"].as_u64()?);
            Some(Late { duty, by })
        };
        let wrong = |value| format!("\"late\" has {value}, not \"what\" and \"by_ns\"");
        let each = late.iter();
        each.map(|value| read(value).ok_or_else(|| SummaryError(wrong(value))))
            .collect()
    }

    fn ticks(&self) -> Result<Option<Ticks>, SummaryError> {
        let Some(jiffies_at_t0) = self.number("jiffies_at_t0")? else {
            return Ok(None);
        };
        let tick_ns = match (self.number("tick_ns")?, self.number("hz")?) {
            (Some(tick_ns), _) => tick_ns,
            (None, Some(hz)) if hz > 0 => 1_000_000_000 / hz,
            _ => return missing("tick_ns"),
        };
        let ticks = Ticks {
            tick_ns,
            jiffies_at_t0: Jiffies(jiffies_at_t0),
            ns_into_tick: self.number("ns_into_tick_at_t0")?.unwrap_or(0),
            wheel: self.0["wheel"].as_bool().unwrap_or(true),
        };
        let keys = ["tick_ns", "ns_into_tick_at_t0", "jiffies_at_t0"];
        bounds::checked(ticks, keys).map(Some).map_err(SummaryError)
    }
}

#[cfg(test)]
mod tests;
