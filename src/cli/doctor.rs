//! `halfopen doctor`: what this machine allows, and what to do about each no.

use std::fmt::Write;

use clap::Args;
use serde_json::{Value, json};

use crate::os::Isolation;
use crate::os::probe::{Finding, Inside, Probe, Problem};

use super::{Exit, Failure};

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Prints one JSON object
    #[arg(long)]
    json: bool,
}

impl Doctor {
    /// Looks, and prints what it found; fails where the `linux` target cannot be had.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let probe = Probe::of_this_machine();
        if self.json {
            println!("{:#}", as_json(&probe));
        } else {
            print!("{}", as_text(&probe));
        }
        match &probe.endpoint {
            Ok(_) => Ok(Exit::Same),
            Err(_) => Err(Failure(
                "the linux target cannot be had here; the engine and smoltcp can, and recordings take the kernel's place"
                    .to_owned(),
            )),
        }
    }
}

/// One line of the report.
struct Line {
    /// Key in JSON, heading in the text.
    what: &'static str,
    /// None: neither good nor bad.
    ok: Option<bool>,
    found: String,
    cure: Option<String>,
}

impl Line {
    fn of(what: &'static str, finding: &Finding) -> Line {
        match finding {
            Ok(found) => Line::yes(what, found.clone()),
            Err(Problem { found, cure }) => Line::no(what, found.clone(), cure.clone()),
        }
    }

    fn yes(what: &'static str, found: String) -> Line {
        Line {
            what,
            ok: Some(true),
            found,
            cure: None,
        }
    }

    fn no(what: &'static str, found: String, cure: String) -> Line {
        Line {
            what,
            ok: Some(false),
            found,
            cure: Some(cure),
        }
    }

    fn fact(what: &'static str, found: String) -> Line {
        Line {
            what,
            ok: None,
            found,
            cure: None,
        }
    }
}

fn lines(probe: &Probe) -> Vec<Line> {
    let user = match probe.uid {
        0 => "root".to_owned(),
        uid => format!("user id {uid}, not root"),
    };
    let mut lines = vec![
        Line::fact("kernel", format!("Linux {}", probe.kernel)),
        Line::fact("user", user),
        Line::of("TUN device", &probe.tun_device),
        Line::of("network namespace", &probe.network_namespace),
        Line::of("user namespace", &probe.user_namespace),
        endpoint(probe),
        Line::fact(
            "HZ",
            format!(
                "{} (tick of {} ms, measured: resolution of CLOCK_MONOTONIC_COARSE)",
                (1_000_000_000 + probe.tick_ns / 2) / probe.tick_ns.max(1),
                probe.tick_ns as f64 / 1e6
            ),
        ),
        tick_phase(probe),
        real_time(probe),
    ];
    if let Some(inside) = &probe.inside {
        lines.push(congestion(inside));
        lines.push(knobs(inside));
    }
    lines
}

fn endpoint(probe: &Probe) -> Line {
    match &probe.endpoint {
        Ok(Isolation::Privileged) => Line::yes(
            "linux target",
            "usable, in a network namespace made by right".to_owned(),
        ),
        Ok(Isolation::UserNamespace) => Line::yes(
            "linux target",
            "usable, in a user namespace of this user".to_owned(),
        ),
        // the reason says what to do
        Err(why) => Line {
            what: "linux target",
            ok: Some(false),
            found: why.clone(),
            cure: None,
        },
    }
}

fn tick_phase(probe: &Probe) -> Line {
    match probe.phase {
        Some(phase) => Line::yes(
            "tick phase",
            format!(
                "known: tick {} began at {:.6} s of CLOCK_MONOTONIC (measured: TCP_INFO of an unused socket counts jiffies)",
                phase.jiffies,
                phase.starts_at_ns as f64 / 1e9
            ),
        ),
        None => Line::no(
            "tick phase",
            "this kernel does not tell its jiffies".to_owned(),
            "nothing; times are then compared without the phase of the ticks".to_owned(),
        ),
    }
}

fn real_time(probe: &Probe) -> Line {
    if probe.real_time_priority {
        Line::yes(
            "real-time priority",
            "can be had for the thread that stamps packets".to_owned(),
        )
    } else {
        Line::no(
            "real-time priority",
            "cannot be had; stamps may be late on a busy machine".to_owned(),
            "run on an idle machine, as root, or with ulimit -r 1".to_owned(),
        )
    }
}

fn congestion(inside: &Inside) -> Line {
    const WHAT: &str = "congestion control";
    let found: Vec<_> = inside
        .congestion
        .iter()
        .map(|c| {
            let how = match (c.by_namespace, c.by_socket) {
                (true, _) => "by the namespace",
                (false, true) => "by TCP_CONGESTION on the socket",
                (false, false) => "not allowed",
            };
            format!("{} {how}", c.name)
        })
        .collect();
    let found = format!(
        "{}; a fresh namespace has {}",
        found.join(", "),
        inside.congestion_default
    );
    match inside.congestion.iter().find(|c| c.name == "cubic") {
        Some(c) if c.by_namespace || c.by_socket => Line::yes(WHAT, found),
        Some(_) => Line::no(
            WHAT,
            found,
            "run as root, or as root: sysctl -w net.ipv4.tcp_allowed_congestion_control='reno cubic'; else scenarios run with reno".to_owned(),
        ),
        None => Line::no(
            WHAT,
            found,
            "as root: modprobe tcp_cubic; else scenarios run with reno".to_owned(),
        ),
    }
}

fn knobs(inside: &Inside) -> Line {
    const WHAT: &str = "knobs";
    let names = |pick: &dyn Fn(&&crate::os::probe::Knob) -> bool| -> Vec<String> {
        inside
            .knobs
            .iter()
            .filter(pick)
            .map(|k| k.name.clone())
            .collect()
    };
    let missing = names(&|k| k.value.is_none());
    let fixed = names(&|k| k.value.is_some() && !k.settable);
    let other: Vec<_> = inside
        .knobs
        .iter()
        .filter(|k| k.value.as_ref().is_some_and(|v| *v != k.wanted))
        .map(|k| {
            let value = k.value.as_deref().unwrap_or_default();
            format!("{} {} (here {value})", k.name, k.wanted)
        })
        .collect();
    let settable = inside.knobs.iter().filter(|k| k.settable).count();
    let mut found = format!(
        "{settable} of {} net.ipv4 knobs can be set",
        inside.knobs.len()
    );
    if !other.is_empty() {
        let _ = write!(found, "; scenarios set {}", other.join(", "));
    }
    if missing.is_empty() && fixed.is_empty() {
        return Line::yes(WHAT, found);
    }
    if !missing.is_empty() {
        let _ = write!(found, "; this kernel lacks {}", missing.join(", "));
    }
    if !fixed.is_empty() {
        let _ = write!(found, "; may not be set: {}", fixed.join(", "));
    }
    Line::no(
        WHAT,
        found,
        "a scenario that names one of these runs without it and says so; a newer kernel, or root, may have it"
            .to_owned(),
    )
}

fn as_text(probe: &Probe) -> String {
    let mut text = String::new();
    for line in lines(probe) {
        let mark = match line.ok {
            Some(true) => "yes",
            Some(false) => "no",
            None => "",
        };
        let _ = writeln!(text, "{mark:<3}  {:<18}  {}", line.what, line.found);
        if let Some(cure) = line.cure {
            let _ = writeln!(text, "{:25}to do: {cure}", "");
        }
    }
    text
}

fn as_json(probe: &Probe) -> Value {
    let findings: Vec<_> = lines(probe)
        .into_iter()
        .map(|line| json!({"what": line.what, "ok": line.ok, "found": line.found, "to_do": line.cure}))
        .collect();
    let inside = probe.inside.as_ref().map(|inside| {
        let congestion: Vec<_> = inside
            .congestion
            .iter()
            .map(|c| json!({"name": c.name, "by_namespace": c.by_namespace, "by_socket": c.by_socket}))
            .collect();
        let knobs: Vec<_> = inside
            .knobs
            .iter()
            .map(|k| json!({"name": k.name, "value": k.value, "scenarios": k.wanted, "settable": k.settable}))
            .collect();
        json!({
            "congestion_default": inside.congestion_default,
            "congestion": congestion,
            "sysctl": knobs,
        })
    });
    json!({
        "usable": probe.usable(),
        "kernel": probe.kernel,
        "uid": probe.uid,
        "tick_ns": probe.tick_ns,
        "tick_phase_known": probe.phase.is_some(),
        "findings": findings,
        "fresh_namespace": inside,
    })
}

#[cfg(test)]
mod tests;
