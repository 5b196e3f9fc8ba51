//! `halfopen doctor`: what this machine allows, and how to fix what is missing.

use std::fmt::Write;

use clap::Args;
use serde_json::{Value, json};

use crate::os::Isolation;
use crate::os::probe::{Finding, Inside, Probe, Problem};

use super::{Exit, Failure, terminal};

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Prints the findings as one JSON object
    #[arg(long)]
    json: bool,
}

impl Doctor {
    /// Prints the findings. Fails if the `linux` target is not available.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let probe = Probe::of_this_machine();
        if self.json {
            terminal::print(&format!("{:#}\n", as_json(&probe)))?;
        } else {
            terminal::print(&as_text(&probe))?;
        }
        match &probe.endpoint {
            Ok(_) => Ok(Exit::Same),
            Err(_) => Err(Failure(
                "the linux target is not available here; the engine and smoltcp are, and recordings replace the kernel"
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

    /// Something that does no harm where it is missing: no longer a no.
    fn optional(self) -> Line {
        Line {
            ok: self.ok.filter(|ok| *ok),
            ..self
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
        one_of_two(probe, "network namespace", &probe.network_namespace),
        one_of_two(probe, "user namespace", &probe.user_namespace),
        endpoint(probe),
        Line::fact(
            "HZ",
            format!(
                "{} (tick of {} ms, measured: resolution of CLOCK_MONOTONIC_COARSE)",
                (1_000_000_000 + probe.tick_ns / 2) / probe.tick_ns.max(1),
                probe.tick_ns as f64 / 1e6
            ),
        ),
        tick_phase(probe).optional(),
        real_time(probe).optional(),
    ];
    if let Some(inside) = &probe.inside {
        lines.push(congestion(inside));
        lines.push(sysctls(inside));
    }
    lines
}

/// A way to a private namespace: where the other leads there, this one is not needed.
fn one_of_two(probe: &Probe, what: &'static str, finding: &Finding) -> Line {
    match probe.usable() {
        true => Line {
            cure: None,
            ..Line::of(what, finding).optional()
        },
        false => Line::of(what, finding),
    }
}

fn endpoint(probe: &Probe) -> Line {
    match &probe.endpoint {
        Ok(Isolation::Privileged) => Line::yes(
            "linux target",
            "available, in a network namespace that this user may create directly".to_owned(),
        ),
        Ok(Isolation::UserNamespace) => Line::yes(
            "linux target",
            "available, in a user namespace of this user".to_owned(),
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
            "unknown: this kernel does not show its jiffies".to_owned(),
            "nothing; times are compared without the phase of the clock ticks".to_owned(),
        ),
    }
}

fn real_time(probe: &Probe) -> Line {
    if probe.real_time_priority {
        Line::yes(
            "real-time priority",
            "available for the thread that timestamps packets".to_owned(),
        )
    } else {
        Line::no(
            "real-time priority",
            "not available; timestamps may be late on a busy machine".to_owned(),
            "run on an idle machine, as root, or after ulimit -r 1".to_owned(),
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
                (true, _) => "can be set by sysctl",
                (false, true) => "can be set by TCP_CONGESTION",
                (false, false) => "cannot be set",
            };
            format!("{} {how}", c.name)
        })
        .collect();
    let found = format!(
        "{}; a new network namespace uses {}",
        found.join(", "),
        inside.congestion_default
    );
    match inside.congestion.iter().find(|c| c.name == "cubic") {
        Some(c) if c.by_namespace || c.by_socket => Line::yes(WHAT, found),
        Some(_) => Line::no(
            WHAT,
            found,
            "run as root, or run this as root: sysctl -w net.ipv4.tcp_allowed_congestion_control='reno cubic'; otherwise scenarios use reno".to_owned(),
        ),
        None => Line::no(
            WHAT,
            found,
            "run this as root: modprobe tcp_cubic; otherwise scenarios use reno".to_owned(),
        ),
    }
}

fn sysctls(inside: &Inside) -> Line {
    const WHAT: &str = "sysctls";
    let names = |pick: &dyn Fn(&&crate::os::probe::SysctlSupport) -> bool| -> Vec<String> {
        inside
            .sysctls
            .iter()
            .filter(pick)
            .map(|k| k.name.clone())
            .collect()
    };
    let global = names(&|k| k.value.is_none() && k.is_global);
    let missing = names(&|k| k.value.is_none() && !k.is_global);
    let fixed = names(&|k| k.value.is_some() && !k.settable);
    let other: Vec<_> = inside
        .sysctls
        .iter()
        .filter(|k| k.value.as_ref().is_some_and(|v| *v != k.wanted))
        .map(|k| {
            let value = k.value.as_deref().unwrap_or_default();
            format!("{} {} (here {value})", k.name, k.wanted)
        })
        .collect();
    let settable = inside.sysctls.iter().filter(|k| k.settable).count();
    let mut found = format!(
        "{settable} of {} net.ipv4 sysctls can be set",
        inside.sysctls.len() - global.len()
    );
    if !global.is_empty() {
        let _ = write!(
            found,
            "; the whole machine shares {}, which the target leaves as they are",
            global.join(" and ")
        );
    }
    if !other.is_empty() {
        let _ = write!(
            found,
            "; scenarios use other values than this kernel: {}",
            other.join(", ")
        );
    }
    if missing.is_empty() && fixed.is_empty() {
        return Line::yes(WHAT, found);
    }
    if !missing.is_empty() {
        let _ = write!(found, "; this kernel lacks {}", missing.join(", "));
    }
    if !fixed.is_empty() {
        let _ = write!(found, "; cannot be set: {}", fixed.join(", "));
    }
    Line::no(
        WHAT,
        found,
        "nothing is necessary: a scenario that sets one of these runs without it and says so; a newer kernel, or root, may be able to set it"
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
            let _ = writeln!(text, "{:25}fix: {cure}", "");
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
        let sysctls: Vec<_> = inside
            .sysctls
            .iter()
            .map(|k| json!({"name": k.name, "value": k.value, "scenarios": k.wanted, "settable": k.settable}))
            .collect();
        json!({
            "congestion_default": inside.congestion_default,
            "congestion": congestion,
            "sysctl": sysctls,
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
