//! The answer of `advise`, for people and as JSON.

pub mod audit;
pub mod measured;

use std::time::Duration;

use serde_json::{Value, json};

use super::tries::Under;
use super::{Style, Tone, left, len, right, wrap};
use crate::answers::advise::{Advice, Answer, Case, Choice, Fault, Load, Refusal, Request, Row};
use crate::answers::table::End;
use crate::scenario::Role;

/// The answer as text. Times are seconds.
pub fn render(request: &Request, answer: &Answer, under: &Under, style: Style) -> String {
    let mut out = Vec::new();
    match answer {
        Answer::Met(advice) => met(request, advice, under, style, &mut out),
        Answer::Unmet(refusal) => unmet(request, refusal, under, style, &mut out),
    }
    out.iter()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

fn met(request: &Request, advice: &Advice, under: &Under, style: Style, out: &mut Vec<String>) {
    let width = style.width.unwrap_or(usize::MAX);
    out.push(style.paint(&asked(request), Tone::Heading));
    out.push(kernel(request, under));
    out.push(String::new());
    out.extend(
        settings(&advice.choice).into_iter().map(|(name, value)| {
            style.paint(&format!("{}  {value}", left(&name, NAME)), Tone::Plain)
        }),
    );
    if advice.choice.is_empty() {
        out.push("Nothing needs to be set: the kernel's own settings do it.".to_owned());
    }
    out.push(String::new());
    out.extend(columns(request, &advice.rows, style));
    out.push(String::new());
    for note in notes(request, advice) {
        out.extend(wrap(&note, width));
    }
}

/// Width of the names of settings.
const NAME: usize = 18;

/// Returns each setting with its value and unit.
pub fn settings(choice: &Choice) -> Vec<(String, String)> {
    let options = choice.options().into_iter().map(|option| {
        let name = option.name.name();
        let unit = match name {
            "TCP_KEEPIDLE" | "TCP_KEEPINTVL" => " s",
            "TCP_USER_TIMEOUT" | "TCP_RTO_MAX_MS" => " ms",
            _ => "",
        };
        (name.to_owned(), format!("{}{unit}", option.value))
    });
    let sysctls = choice.sysctls().into_iter();
    let sysctls = sysctls.map(|(name, value)| {
        let scope = "(sysctl, for all connections of the namespace)";
        (name.to_owned(), format!("{value}  {scope}"))
    });
    options.chain(sysctls).collect()
}

fn asked(request: &Request) -> String {
    let detect = span(request.detect);
    let mut text = format!("A dead peer is detected within {detect}");
    if let Some(survive) = request.survive {
        text += &format!(
            "; an outage of {} does not end the connection",
            span(survive)
        );
    }
    if let Some(after) = request.middlebox {
        text += &format!(
            "; a middlebox that forgets after {} does not forget it",
            span(after)
        );
    }
    text + "."
}

fn kernel(request: &Request, under: &Under) -> String {
    let load = match request.load {
        Load::Idle => "idle",
        Load::Busy => "busy",
        Load::Both => "idle and busy",
    };
    let role = match request.settings.role {
        Role::Client => "client",
        Role::Server => "server",
    };
    let under = under.text();
    format!("{under}, {role}, {load}. Times are in seconds.")
}

fn columns(request: &Request, rows: &[Row], style: Style) -> Vec<String> {
    let heading = [
        "situation",
        "detected (simulated)",
        "margin",
        "survives (simulated)",
        "the application gets",
    ];
    let mut lines = vec![heading.map(str::to_owned)];
    lines.extend(rows.iter().map(|row| line(request, row)));
    let width = |n: usize| lines.iter().map(|l| len(&l[n])).max().unwrap_or(0);
    let widths: [usize; 5] = std::array::from_fn(width);
    let mut out = Vec::new();
    for (n, cells) in lines.iter().enumerate() {
        let numbers = (1..4).map(|n| format!("  {}", right(&cells[n], widths[n])));
        let text = left(&cells[0], widths[0]) + &numbers.collect::<String>() + "  " + &cells[4];
        let tone = if n == 0 { Tone::Faint } else { Tone::Plain };
        out.push(style.paint(text.trim_end(), tone));
    }
    out
}

fn line(request: &Request, row: &Row) -> [String; 5] {
    let name = row.case.name().to_owned();
    let Some(ends) = row.ends else {
        let never = "never".to_owned();
        return [
            name,
            never,
            "-".to_owned(),
            "-".to_owned(),
            "nothing".to_owned(),
        ];
    };
    let range = match secs(ends.shortest) == secs(ends.longest) {
        true => secs(ends.longest),
        false => format!("{} to {}", secs(ends.shortest), secs(ends.longest)),
    };
    let limit = match row.case {
        Case::Middlebox => request.middlebox.unwrap_or_default(),
        _ => request.detect,
    };
    let survives = match row.survives {
        Some(longest) => secs(longest),
        None => "-".to_owned(),
    };
    let gets = match (row.case, row.end) {
        (Case::Middlebox, _) => "nothing: it is kept; this is the longest silence".to_owned(),
        (_, End::Error { errno, .. }) if row.reset => format!("{errno}; a RST is sent"),
        (_, End::Error { errno, .. }) => errno.to_string(),
        (_, End::Dropped { .. }) => "nothing: it has closed the socket".to_owned(),
        (_, End::Never) => "nothing".to_owned(),
    };
    [name, range, margin(limit, ends.longest), survives, gets]
}

fn margin(limit: Duration, worst: Duration) -> String {
    if limit == Duration::MAX {
        return "-".to_owned();
    }
    match limit.checked_sub(worst) {
        Some(left) => secs(left),
        None => format!("-{}", secs(worst.saturating_sub(limit))),
    }
}

fn notes(request: &Request, advice: &Advice) -> Vec<String> {
    let mut notes = price(request, advice);
    let runs: u64 = advice.rows.iter().map(|r| r.runs).sum();
    let counted =
        "idle: from the last packet of the peer; connecting: from connect(); else from the write";
    let phases = match advice.rows.iter().all(|r| r.all_phases) {
        true => "all phases of the clock tick and of the timer wheel",
        false => {
            "phases of the timer wheel that are evenly spread; others may differ by a tick or two"
        }
    };
    notes.push(format!(
        "simulated: the earliest and the latest of {runs} runs of the engine, in {phases}. Counted {counted}."
    ));
    notes
}

/// Returns what the settings cost and what they do not do, a sentence or two each.
pub fn price(request: &Request, advice: &Advice) -> Vec<String> {
    let mut notes = Vec::new();
    let price = &advice.price;
    if let (Some(probes), Some(times)) = (price.probes_a_day, advice.keepalive) {
        notes.push(format!(
            "Price: at most {probes} keepalive probes a day for each idle connection (computed: one every {} s), each with its answer.",
            times.idle_s
        ));
    }
    let killing = advice
        .rows
        .iter()
        .filter_map(|r| Some((r.case, r.survives?)));
    let killing: Vec<String> = killing
        .map(|(case, survives)| format!("{} {} s", case.name(), secs(survives)))
        .collect();
    if !killing.is_empty() {
        notes.push(format!(
            "Price: an outage of the link that is longer than this can end a connection whose peer lives (simulated): {}.",
            killing.join(", ")
        ));
    }
    if advice
        .rows
        .iter()
        .any(|r| r.case == Case::Idle && r.survives.is_some_and(|s| s.is_zero()))
    {
        notes.push(
            "There is no time for a second probe: one lost packet ends an idle connection."
                .to_owned(),
        );
    }
    if let Some(after) = price.slow_reader {
        notes.push(format!(
            "Price: a peer that lives but does not read, so that its window stays closed, loses the connection after {} s \
             (simulated, the earliest phase). TCP_USER_TIMEOUT does not tell it from a dead one.",
            secs(after)
        ));
    }
    if let Some(late) = price.late_write {
        notes.push(format!(
            "A write to a dead peer just before keepalive gives up starts the time anew: the application then gets its \
             error {} s after the last packet of the peer (simulated, the latest phase).",
            secs(late)
        ));
    }
    notes.push(
        "Out of reach of settings: an application that neither reads, writes nor polls learns nothing before its next call; \
         a peer whose kernel lives while its process hangs answers every probe; behind a proxy only the proxy is watched."
            .to_owned(),
    );
    if request.settings.role == Role::Server {
        notes.push(
            "Set the options on the listening socket: accepted sockets inherit them. A connection whose handshake is not \
             complete has no application and is limited by tcp_synack_retries."
                .to_owned(),
        );
    }
    notes
}

fn unmet(request: &Request, refusal: &Refusal, under: &Under, style: Style, out: &mut Vec<String>) {
    let width = style.width.unwrap_or(usize::MAX);
    out.push(style.paint(
        &format!("This cannot be met: {}", lower(&asked(request))),
        Tone::Heading,
    ));
    out.push(kernel(request, under));
    out.push(String::new());
    for note in why(request, refusal) {
        out.extend(wrap(&note, width));
    }
    for text in nearest(request, refusal) {
        out.push(format!("  {text}"));
    }
}

fn lower(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(chars).collect()
}

/// Returns why the request cannot be met, in sentences.
pub fn why(request: &Request, refusal: &Refusal) -> Vec<String> {
    let mut out = Vec::new();
    if request.survive.is_some_and(|s| s >= request.detect) {
        out.push(format!(
            "A dead peer and an outage of {} look the same for {}: whatever gives up within {} gives up in the outage too.",
            span(request.survive.unwrap_or_default()),
            span(request.survive.unwrap_or_default()),
            span(request.detect)
        ));
    }
    let with = match refusal.choice.is_empty() {
        true => "with the kernel's own settings".to_owned(),
        false => {
            let pairs = settings(&refusal.choice).into_iter();
            let pairs: Vec<String> = pairs.map(|(n, v)| format!("{n} {v}")).collect();
            format!("with {}", pairs.join(", "))
        }
    };
    out.push(match refusal.fault {
        Fault::TooLate { case, worst: Some(worst) } => format!(
            "{}: {with} it takes up to {} s (simulated).{}",
            case.name(), secs(worst), reason(case)
        ),
        Fault::TooLate { case, worst: None } => {
            format!("{}: {with} nothing is detected at all (simulated).", case.name())
        }
        Fault::Killed { case, survives } => format!(
            "{}: {with} an outage of more than {} s ends the connection (simulated), because no packet is sent between the \
             end of the outage and the end of the connection.",
            case.name(), secs(survives)
        ),
        Fault::Forgotten { silence: Some(silence) } => format!(
            "behind middlebox: {with} the connection is silent for up to {} s (simulated). TCP_KEEPIDLE is a whole number of \
             seconds, at least 1.",
            secs(silence)
        ),
        Fault::Forgotten { silence: None } => {
            format!("behind middlebox: {with} nothing keeps the connection in use.")
        }
    });
    out
}

fn reason(case: Case) -> &'static str {
    match case {
        Case::Idle => " TCP_KEEPIDLE and TCP_KEEPINTVL are whole numbers of seconds, at least 1.",
        Case::Connecting => {
            " The first retransmission of a SYN comes after a second. An application can give up sooner by itself: a \
             nonblocking connect() and poll() with a timeout."
        }
        _ => "",
    }
}

/// Returns the nearest requests that can be met, as commands.
pub fn nearest(request: &Request, refusal: &Refusal) -> Vec<String> {
    let mut out = Vec::new();
    let survive =
        |s: Option<Duration>| s.map_or(String::new(), |s| format!(" --survive {}", short(s)));
    if let Some(detect) = refusal.detect {
        out.push(format!(
            "nearest: --detect {}{}",
            short(detect),
            survive(request.survive)
        ));
    }
    if let Some(longest) = refusal.survive {
        out.push(format!(
            "nearest: --detect {}{}",
            short(request.detect),
            survive(Some(longest))
        ));
    } else if refusal.without_survive {
        out.push(format!(
            "nearest: --detect {} without --survive",
            short(request.detect)
        ));
    }
    if out.is_empty() {
        out.push("No detection time up to ten hours can be met with the rest.".to_owned());
    }
    out
}

/// A duration as it is given on the command line.
fn short(d: Duration) -> String {
    match d.as_millis() {
        ms if ms % 1_000 == 0 => format!("{}s", ms / 1_000),
        ms => format!("{ms}ms"),
    }
}

/// `30 s`, `1500 ms`.
fn span(d: Duration) -> String {
    match d.as_millis() {
        ms if ms % 1_000 == 0 => format!("{} s", ms / 1_000),
        ms => format!("{ms} ms"),
    }
}

fn secs(d: Duration) -> String {
    format!("{:.3}", d.as_secs_f64())
}

/// The answer as JSON. Times are seconds, and say whether they are computed or simulated.
pub fn to_json(request: &Request, answer: &Answer, under: &Under) -> Value {
    let seconds = |d: Option<Duration>| d.map(|d| d.as_secs_f64());
    let mut out = json!({
        "kernel": under.kernel,
        "hz": under.hz,
        "rtt_us": under.rtt.as_micros() as u64,
        "detect_s": request.detect.as_secs_f64(),
        "survive_s": seconds(request.survive),
        "middlebox_s": seconds(request.middlebox),
    });
    let rest = match answer {
        Answer::Met(advice) => json!({
            "met": true,
            "settings": settings_json(&advice.choice),
            "situations": advice.rows.iter().map(|r| row_json(request, r)).collect::<Vec<_>>(),
            "price": {
                "probes_a_day_computed": advice.price.probes_a_day,
                "slow_reader_ends_simulated_s": seconds(advice.price.slow_reader),
                "late_write_ends_simulated_s": seconds(advice.price.late_write),
            },
            "notes": price(request, advice),
        }),
        Answer::Unmet(refusal) => json!({
            "met": false,
            "why": why(request, refusal),
            "tried": settings_json(&refusal.choice),
            "nearest": {
                "detect_s": seconds(refusal.detect),
                "survive_s": seconds(refusal.survive),
                "without_survive": refusal.without_survive,
            },
        }),
    };
    if let (Value::Object(out), Value::Object(rest)) = (&mut out, rest) {
        out.extend(rest);
    }
    out
}

fn settings_json(choice: &Choice) -> Value {
    let options = choice.options().into_iter();
    let options = options.map(|o| {
        (
            o.name.name().to_owned(),
            json!(o.value.to_string().parse::<i64>().ok()),
        )
    });
    let sysctls = choice.sysctls().into_iter();
    let sysctls = sysctls.map(|(name, value)| (name.to_owned(), json!(value)));
    json!({
        "options": options.collect::<serde_json::Map<_, _>>(),
        "sysctls": sysctls.collect::<serde_json::Map<_, _>>(),
    })
}

fn row_json(request: &Request, row: &Row) -> Value {
    let errno = match row.end {
        End::Error { errno, .. } => Some(errno.to_string()),
        End::Dropped { .. } | End::Never => None,
    };
    let limit = match row.case {
        Case::Middlebox => request.middlebox.unwrap_or_default(),
        _ => request.detect,
    };
    let ends = row
        .ends
        .map(|s| json!({"earliest": s.shortest.as_secs_f64(), "latest": s.longest.as_secs_f64()}));
    let key = match row.case {
        Case::Middlebox => "silence_simulated_s",
        _ => "detected_simulated_s",
    };
    json!({
        "situation": row.case.name(),
        key: ends,
        "margin_s": row.ends.map(|s| limit.as_secs_f64() - s.longest.as_secs_f64()),
        "survives_simulated_s": row.survives.map(|d| d.as_secs_f64()),
        "outage_simulated_is_survived": row.lived,
        "errno": errno,
        "rst": row.reset,
        "runs": row.runs,
        "all_phases": row.all_phases,
        "scenario": row.toml,
    })
}

#[cfg(test)]
mod tests;
