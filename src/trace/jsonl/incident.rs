//! An event's kind and members, read and written.

use serde_json::{Value, json};

use super::{Members, Object, info, state};
use crate::call::{Errno, TcpState};
use crate::engine::GiveUpRule;
use crate::time::Instant;
use crate::trace::{Incident, Who};

/// Returns the event that these members describe, or `None` if this end has no event of this kind.
pub(super) fn read(
    at: Instant,
    who: Who,
    kind: &str,
    m: &Members,
) -> Result<Option<Incident>, String> {
    Ok(match (who, kind) {
        (Who::Survivor | Who::Peer, "send") => Some(Incident::Send {
            bytes: m.call_bytes("bytes")?,
        }),
        (Who::Survivor | Who::Peer, "shutdown") => Some(Incident::Shutdown),
        (Who::Survivor | Who::Peer, "close") => Some(Incident::Close),
        (Who::Survivor | Who::Peer, "kill") => Some(Incident::Kill),
        (Who::Survivor | Who::Peer, "state") => Some(Incident::State {
            state: state::read(&m.text("state")?)?,
        }),
        (Who::Survivor, _) => survivor(at, kind, m)?,
        (Who::Peer, _) => peer(kind, m)?,
        (Who::Wire, _) => wire(kind, m)?,
    })
}

fn errno(name: &str) -> Result<Errno, String> {
    Errno::from_name(name).ok_or(format!(
        "{name:?} is not an error that a TCP socket reports"
    ))
}

fn survivor(at: Instant, kind: &str, m: &Members) -> Result<Option<Incident>, String> {
    Ok(Some(match kind {
        "connect" => Incident::Connect {
            result: m.text("result")?,
        },
        "connected" => Incident::Connected {
            how: m.text("how")?,
        },
        "listen" => Incident::Listen,
        "accept" => Incident::Accept,
        "send-accepted" => Incident::SendAccepted {
            bytes: m.call_bytes("bytes")?,
            pending: m.call_bytes("pending")?,
            total: m.number("total")?,
        },
        "recv" => Incident::Recv {
            bytes: m.call_bytes("bytes")?,
            total: m.number("total")?,
        },
        "eof" => Incident::Eof {
            how: m.text("how")?,
        },
        "closed-fd" => Incident::ClosedFd,
        "set" => Incident::Set {
            opt: m.text("opt")?,
            val: match m.get("val")? {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => return Err("\"val\" is neither a number nor a name".to_owned()),
            },
        },
        "error" => Incident::Error {
            errno: errno(&m.text("errno")?)?,
            how: m.text("how")?,
        },
        "post-mortem" => Incident::PostMortem {
            so_error_next: match m.get("SO_ERROR_next")? {
                Value::String(name) => Some(errno(name)?),
                value if *value == json!(0) => None,
                _ => return Err("\"SO_ERROR_next\" is neither 0 nor an errno's name".to_owned()),
            },
            recv_next: m.text("recv_next")?,
            send_next: m.text("send_next")?,
        },
        "tcpinfo" => Incident::TcpInfo(Box::new(info::read(at, m)?)),
        "timer" => Incident::Timer {
            text: m.text("text")?,
        },
        "given-up" => given_up(m)?,
        _ => return Ok(None),
    }))
}

fn given_up(m: &Members) -> Result<Incident, String> {
    let (name, value) = (m.text("rule")?, m.number("value")?);
    let rule = GiveUpRule::from_name(&name, value).ok_or(format!(
        "{name:?} {value} is not a rule that ends a connection"
    ))?;
    let errno = match m.get("errno")? {
        Value::Null => None,
        _ => Some(errno(&m.text("errno")?)?),
    };
    Ok(Incident::GivenUp { rule, errno })
}

fn peer(kind: &str, m: &Members) -> Result<Option<Incident>, String> {
    Ok(Some(match kind {
        "connect" => Incident::PeerConnect,
        "window" => Incident::Window {
            bytes: m.number("bytes")?,
        },
        "freeze" => Incident::Freeze,
        "thaw" => Incident::Thaw,
        "die" => Incident::Die,
        "return" => Incident::Return,
        "swallowed" => Incident::Swallowed {
            flags: m.text("flags")?,
            len: m.number("len")?,
        },
        "rst" => Incident::Rst {
            why: m.text("why")?,
        },
        "reset" => Incident::Reset,
        "reset-by-survivor" => Incident::ResetBySurvivor,
        "fin-received" => Incident::FinReceived,
        "retransmit" => Incident::Retransmit { n: m.number("n")? },
        "send-ignored" => Incident::SendIgnored {
            state: m.text("state")?,
        },
        _ => return Ok(None),
    }))
}

fn wire(kind: &str, m: &Members) -> Result<Option<Incident>, String> {
    Ok(Some(match kind {
        "cut" => Incident::Cut,
        "restore" => Incident::Restore,
        "drop" => Incident::Drop { n: m.number("n")? },
        "unreachable" => Incident::Unreachable,
        "reachable" => Incident::Reachable,
        "lost" => Incident::Lost {
            dir: m.text("dir")?,
            why: m.text("why")?,
            flags: m.text_or_empty("flags")?,
            len: m.number_or_0("len")?,
        },
        _ => return Ok(None),
    }))
}

/// Returns the word of the kind and the members that follow it.
pub(super) fn write(who: Who, what: &Incident) -> (&'static str, Object) {
    let members = match what {
        Incident::State {
            state: TcpState::Closed,
        } if who == Who::Peer => json!({"state": state::GONE[1]}),
        Incident::State { state } => json!({"state": state.name()}),
        Incident::TcpInfo(info) => return (what.word(), info::write(info)),
        Incident::Set { opt, val } => {
            let val = val.parse::<i64>().map_or_else(|_| json!(val), Value::from);
            json!({"opt": opt, "val": val})
        }
        Incident::PostMortem {
            so_error_next,
            recv_next,
            send_next,
        } => json!({
            "SO_ERROR_next": so_error_next.map_or(json!(0), |e| json!(e.name())),
            "recv_next": recv_next,
            "send_next": send_next,
        }),
        Incident::Lost {
            dir,
            why,
            flags,
            len,
        } => {
            let mut members = json!({"dir": dir, "why": why});
            if !flags.is_empty() {
                members["flags"] = json!(flags);
            }
            if *len > 0 {
                members["len"] = json!(len);
            }
            members
        }
        _ => simple_members(what),
    };
    match members {
        Value::Object(members) => (what.word(), members),
        _ => (what.word(), Object::new()),
    }
}

/// Returns the members of an event whose fields are written unchanged.
fn simple_members(what: &Incident) -> Value {
    match what {
        Incident::Connect { result } => json!({"result": result}),
        Incident::Connected { how } | Incident::Eof { how } => json!({"how": how}),
        Incident::Send { bytes } => json!({"bytes": bytes}),
        Incident::Window { bytes } => json!({"bytes": bytes}),
        Incident::SendAccepted {
            bytes,
            pending,
            total,
        } => json!({"bytes": bytes, "pending": pending, "total": total}),
        Incident::Recv { bytes, total } => json!({"bytes": bytes, "total": total}),
        Incident::Error { errno, how } => json!({"errno": errno.name(), "how": how}),
        Incident::Timer { text } => json!({"text": text}),
        Incident::GivenUp { rule, errno } => {
            json!({"rule": rule.name(), "value": rule.value(), "errno": errno.map(Errno::name)})
        }
        Incident::Return => json!({"detail": "rebooted, no state"}),
        Incident::Swallowed { flags, len } => json!({"flags": flags, "len": len}),
        Incident::Rst { why } => json!({"why": why}),
        Incident::Retransmit { n } | Incident::Drop { n } => json!({"n": n}),
        Incident::SendIgnored { state } => json!({"state": state}),
        _ => Value::Null,
    }
}

impl Incident {
    /// Returns the recordings' word for its kind.
    pub const fn word(&self) -> &'static str {
        match self {
            Incident::Connect { .. } | Incident::PeerConnect => "connect",
            Incident::Connected { .. } => "connected",
            Incident::Listen => "listen",
            Incident::Accept => "accept",
            Incident::Send { .. } => "send",
            Incident::SendAccepted { .. } => "send-accepted",
            Incident::Recv { .. } => "recv",
            Incident::Eof { .. } => "eof",
            Incident::Shutdown => "shutdown",
            Incident::Close => "close",
            Incident::ClosedFd => "closed-fd",
            Incident::Kill => "kill",
            Incident::Set { .. } => "set",
            Incident::Error { .. } => "error",
            Incident::PostMortem { .. } => "post-mortem",
            Incident::State { .. } => "state",
            Incident::TcpInfo(_) => "tcpinfo",
            Incident::Timer { .. } => "timer",
            Incident::GivenUp { .. } => "given-up",
            Incident::Window { .. } => "window",
            Incident::Freeze => "freeze",
            Incident::Thaw => "thaw",
            Incident::Die => "die",
            Incident::Return => "return",
            Incident::Swallowed { .. } => "swallowed",
            Incident::Rst { .. } => "rst",
            Incident::Reset => "reset",
            Incident::ResetBySurvivor => "reset-by-survivor",
            Incident::FinReceived => "fin-received",
            Incident::Retransmit { .. } => "retransmit",
            Incident::SendIgnored { .. } => "send-ignored",
            Incident::Cut => "cut",
            Incident::Restore => "restore",
            Incident::Drop { .. } => "drop",
            Incident::Unreachable => "unreachable",
            Incident::Reachable => "reachable",
            Incident::Lost { .. } => "lost",
        }
    }
}
