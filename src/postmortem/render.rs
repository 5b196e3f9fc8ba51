//! Stories as text for people.

use std::fmt::Write;
use std::time::Duration;

use super::ClosedWindow;
use super::silence::{Sent, Try, gaps};
use super::story::{End, Story};
use crate::call::{TcpInfo, TcpState, TimerKind};
use crate::forecast::{Forecast, Verdict, span};
use crate::time::Instant;

/// Gaps that are printed one by one.
const MOST_GAPS: usize = 20;

/// One story, a line for each of its facts in the order of time; times count from the start of the run. A line
/// without a time belongs to the one before it.
pub fn render(story: &Story) -> String {
    let mut text = String::new();
    let opened = if story.by_program { "->" } else { "<-" };
    let _ = writeln!(text, "{} {opened} {}", story.local, story.remote);
    let mut lines: Vec<(Instant, Option<Instant>, String)> = Vec::new();
    let mut line = |at: Option<Instant>, what: &str| {
        let place = at.or(lines.last().map(|l| l.0)).unwrap_or(story.began);
        lines.push((place, at, what.to_owned()));
    };
    beginning(story, &mut line);
    if let Some(died) = story.peer_died {
        death(story, died, &mut line);
    }
    if let Some(at) = story.shut_down {
        line(
            Some(at),
            "the program calls shutdown(SHUT_WR): a FIN is sent, and the program goes on",
        );
    }
    if let Some(closed) = &story.closed_window {
        closed_window(closed, &mut line);
    }
    // what is still open at the end of the run has no time
    let ended = story.ended_at();
    ending(story, &mut |at, what| {
        let place = ended.unwrap_or(Instant::from_ns(u64::MAX));
        lines.push((place, at, what.to_owned()));
    });
    // the sort is stable: lines of the same instant stay as they are
    lines.sort_by_key(|(place, ..)| *place);
    for (_, at, what) in lines {
        let at = at.map_or(String::new(), |at| format!("{:.3} s", at.secs_f64()));
        let _ = writeln!(text, "  {at:>11}  {what}");
    }
    text
}

type Line<'a> = dyn FnMut(Option<Instant>, &str) + 'a;

/// What waits behind a closed window, and what keeps the connection alive.
fn closed_window(closed: &ClosedWindow, line: &mut Line) {
    let info = &closed.info;
    let left = span(Duration::from_millis(info.timer_ms));
    line(
        Some(closed.since),
        &format!(
            "the peer's window is closed: {} B wait in the send queue, and the persist timer sends window probes",
            info.wqueue
        ),
    );
    let answered = match closed.answered {
        n if n == closed.probes => "all of them answered".to_owned(),
        n => format!("{n} of them answered"),
    };
    let probes = match closed.probes {
        0 => "no window probe was sent yet".to_owned(),
        1 if closed.answered == 1 => "1 window probe was sent and answered".to_owned(),
        n => format!("{n} window probes were sent, {answered}"),
    };
    line(
        None,
        &format!("{probes}; the next one was due in {left} when it was last looked at"),
    );
    if closed.answered > 0 && closed.answered == closed.probes {
        line(
            None,
            "as long as the peer answers them and a program holds the socket, the kernel does not give up",
        );
    }
}

fn beginning(story: &Story, line: &mut Line) {
    match story.established {
        Some(at) => line(Some(at), "established"),
        None if story.by_program => line(Some(story.began), "SYN sent"),
        None => line(Some(story.began), "SYN received"),
    }
    let (sent, received) = match story.peer_died {
        Some(_) => story.before_death,
        None => (story.sent, story.received),
    };
    if story.established.is_some() {
        let until = if story.peer_died.is_some() {
            " before the peer died"
        } else {
            ""
        };
        line(
            None,
            &format!("{sent} B sent and {received} B received{until}"),
        );
    }
}

fn death(story: &Story, died: Instant, line: &mut Line) {
    if died > story.began {
        let info = story.at_death.as_ref();
        let queues = info.map_or(String::new(), |info| format!("; {}", queues(info)));
        line(Some(died), &format!("the peer dies{queues}"));
    }
    if let Some(promised) = &story.promised {
        let (said, why) = (told(promised, died), reason(promised));
        line(None, &format!("if nothing more is written: {said}{why}"));
    }
    for (at, what) in silence(story) {
        line(Some(at), &what);
    }
    let by_reset = |at: &Instant| matches!(story.end, End::Reset { at: reset, .. } if reset == *at);
    if let Some(at) = story.heard_again.filter(|at| !by_reset(at)) {
        line(Some(at), "the peer is heard again");
    }
}

/// `Send-Q 0 B, no timer`, with what there is.
fn queues(info: &TcpInfo) -> String {
    let left = span(Duration::from_millis(info.timer_ms));
    let timer = match info.timer {
        TimerKind::None => "no timer runs".to_owned(),
        TimerKind::On => format!("retransmission timer, {left} left"),
        TimerKind::Keepalive => format!("keepalive timer, {left} left"),
        TimerKind::TimeWait => format!("time-wait timer, {left} left"),
        TimerKind::Persist => format!("window probe timer, {left} left"),
    };
    let unread = match info.rqueue {
        0 => String::new(),
        n => format!(", {n} B unread"),
    };
    format!("Send-Q {} B{unread}, {timer}", info.wqueue)
}

/// What was sent into the silence, one line for each kind of it; a SYN, a RST, and the FIN of shutdown() and of close()
/// are told elsewhere.
fn silence(story: &Story) -> Vec<(Instant, String)> {
    type IsKind = fn(&Sent) -> bool;
    let again_without_data = match story.established {
        Some(_) => "FIN sent again",
        None => "SYN sent again",
    };
    let kinds: [(IsKind, &str); 5] = [
        (|s| matches!(s, Sent::New(1..)), "new data sent"),
        (|s| *s == Sent::New(0), "FIN sent"),
        (|s| matches!(s, Sent::Again(1..)), "sent again"),
        (|s| *s == Sent::Again(0), again_without_data),
        (
            |s| *s == Sent::Probe,
            "probe sent (no data, asks for an answer)",
        ),
    ];
    let mut lines = Vec::new();
    for (is_kind, name) in kinds {
        let of_kind = || story.tries.iter().filter(|t| is_kind(&t.sent)).copied();
        let Some(first) = of_kind().next() else {
            continue;
        };
        let is_let_go = matches!(story.end, End::LetGo { .. });
        if first.sent == Sent::New(0) && (is_let_go || story.shut_down.is_some()) {
            continue;
        }
        let n = of_kind().count();
        let bytes: usize = of_kind().map(|t| bytes_of(t.sent)).sum();
        let what = match first.sent {
            Sent::New(1..) => format!("{name}: {bytes} B in {n} packets"),
            Sent::Again(_) => format!("{}{}", times(name, n), by_timer(story, n)),
            _ => times(name, n),
        };
        // a gap belongs between what is repeated, so the first copy of it counts too
        let repeated: Vec<Try> = match first.sent {
            Sent::Again(len) => {
                let is_copied = |t: &&Try| {
                    let has_data = bytes_of(t.sent) > 0;
                    t.at < first.at && t.sent != Sent::Probe && has_data == (len > 0)
                };
                let original = story.tries.iter().rfind(is_copied);
                original.copied().into_iter().chain(of_kind()).collect()
            }
            Sent::New(_) => Vec::new(),
            _ => of_kind().collect(),
        };
        lines.push((first.at, format!("{what}{}", listed(&repeated))));
    }
    if story.more_tries > 0 {
        let n = story.more_tries;
        let last = story.tries.last().map_or(story.began, |t| t.at);
        lines.push((last, format!("and {n} packets more after this")));
    }
    lines.sort_by_key(|(at, _)| *at);
    lines
}

fn times(what: &str, n: usize) -> String {
    match n {
        1 => what.to_owned(),
        _ => format!("{what}, {n} times"),
    }
}

/// How many of `n` repetitions the retransmission timer sent, where sock_diag told; the rest were loss probes.
fn by_timer(story: &Story, n: usize) -> String {
    let agains = || {
        let tries = story.tries.iter();
        tries.filter(|t| matches!(t.sent, Sent::Again(_)))
    };
    // what counts is a look after the newest of them; an answer sets the count back, and data that was sent into a
    // window that closed is not counted
    let last = agains().next_back().map(|t| t.at);
    let newest = story.newest.as_ref().filter(|info| {
        let is_later = last.is_some_and(|last| info.at > last);
        is_later && story.heard_again.is_none() && info.snd_wnd > 0
    });
    let (Some(info), true) = (newest, agains().count() == n) else {
        return String::new();
    };
    match (info.retransmits, n.checked_sub(info.retransmits as usize)) {
        (_, Some(0)) => " by the retransmission timer".to_owned(),
        (0, Some(1)) => " as a loss probe".to_owned(),
        (timer, Some(probes @ 1..=2)) if timer > 0 => {
            format!(" ({timer} by the retransmission timer, {probes} as loss probe)")
        }
        _ => String::new(),
    }
}

fn bytes_of(sent: Sent) -> usize {
    match sent {
        Sent::New(n) | Sent::Again(n) => n,
        _ => 0,
    }
}

/// `; gaps 0.208 0.416 0.864 s`.
fn listed(tries: &[Try]) -> String {
    let gaps = gaps(tries);
    if gaps.is_empty() {
        return String::new();
    }
    let shown: Vec<_> = gaps
        .iter()
        .take(MOST_GAPS)
        .map(|g| format!("{:.3}", g.as_secs_f64()))
        .collect();
    let more = if gaps.len() > MOST_GAPS { " ..." } else { "" };
    format!("; gaps {}{more} s", shown.join(" "))
}

/// What a forecast says, its times counted from `from`.
fn told(forecast: &Forecast, from: Instant) -> String {
    let after = |at: Instant| {
        let seconds = at.since(from).as_secs_f64();
        match seconds < 60.0 {
            true => format!("after {seconds:.1} s"),
            false => format!("after {seconds:.1} s ({})", span(at.since(from))),
        }
    };
    match forecast.told {
        Verdict::Error { at, errno, reset } => {
            let latest = forecast.latest.filter(|l| *l != at);
            let latest = latest.map_or(String::new(), |l| {
                format!(" to {:.1} s", l.since(from).as_secs_f64())
            });
            let reset = if reset { ", and a RST is sent" } else { "" };
            let rule = forecast.by_rule();
            format!("{errno} {}{latest}{rule}{reset} (computed)", after(at))
        }
        Verdict::Waiting(errno) => format!("{errno} at the next call"),
        Verdict::Never(_) => "never told".to_owned(),
        Verdict::Nobody { at: Some(at), .. } => format!(
            "no application is left to be told; the kernel drops the connection {}{} (computed)",
            after(at),
            forecast.by_rule()
        ),
        Verdict::Nobody { at: None, .. } => {
            "no application is left to be told, and the kernel keeps the connection for ever"
                .to_owned()
        }
        Verdict::Later(at) => format!("nothing within {} (computed)", span(at.since(from))),
    }
}

/// Why nothing will be told.
fn reason(forecast: &Forecast) -> String {
    match forecast.told {
        Verdict::Never(why) => {
            format!(": {}, so nothing is sent and nothing is missed", why.text())
        }
        _ => String::new(),
    }
}

fn ending(story: &Story, line: &mut Line) {
    let (at, what) = end(story);
    line(at, &what);
    let from = story.peer_died.unwrap_or(story.began);
    if let Some(forecast) = &story.would_be_told {
        let (said, why) = (told(forecast, from), reason(forecast));
        line(None, &format!("had it waited: {said}{why}"));
        for assumed in &forecast.assumed {
            line(None, &format!("(taken for granted: {assumed})"));
        }
    }
    if let Some(forecast) = &story.if_it_wrote {
        let said = told(forecast, forecast.from);
        line(None, &format!("had it written a byte then: {said}"));
    }
    if let Some(forecast) = &story.remains {
        let said = told(forecast, forecast.from);
        line(None, &format!("what is left of it in the kernel: {said}"));
    }
}

/// What became of it, and when.
fn end(story: &Story) -> (Option<Instant>, String) {
    let since = |at: Instant| match story.peer_died.filter(|died| *died <= at) {
        Some(died) => {
            let seconds = at.since(died).as_secs_f64();
            format!(", {seconds:.1} s after the peer died")
        }
        None => String::new(),
    };
    let call = match story.is_handshake() {
        true => "connect()",
        false => "the call that waits, or the next one,",
    };
    match story.end {
        End::Open => {
            let held = story.held.as_ref();
            let state = held.map_or(TcpState::Closed, |info| info.state);
            (
                None,
                format!("still {} at the end of the run", state.name()),
            )
        }
        End::GaveUp {
            at,
            errno,
            reset,
            rule,
        } => {
            let rule = rule.map_or(String::new(), |rule| format!(", by {rule}"));
            let packet = if reset {
                "a RST tells the peer"
            } else {
                "no packet says so"
            };
            let since = since(at);
            (
                Some(at),
                format!("the kernel gave up{since}{rule}: {call} returns {errno}; {packet}"),
            )
        }
        End::Reset { at, errno } => (
            Some(at),
            format!("the peer's RST{}: {call} returns {errno}", since(at)),
        ),
        End::Closed { at } => (Some(at), "closed by both ends".to_owned()),
        End::LetGo { at, reset } => {
            let told = story.peer_died.is_some_and(|died| died <= at);
            let how = match (reset, told) {
                (true, _) => ", with a RST",
                (false, true) => ", without having been told",
                (false, false) => "",
            };
            (
                Some(at),
                format!("the program closed it or ended{how}{}", since(at)),
            )
        }
    }
}
