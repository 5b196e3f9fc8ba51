//! Replay: a recording's packets and calls are fed to the engine, and its packets are compared with the recorded ones.
//!
//! The peer's packets and the application's calls come at their recorded instants, and the engine has the recording's
//! tick phase and initial numbers. So no peer is modelled, and only two things are open that a recording does not show:
//! the instant at which a call was executed within its logged window, and whether a timer that sent nothing was one tick
//! late, as the kernel's softirq sometimes is. At each of these points the likeliest instant is tried first. If that
//! leads to a difference, the others are tried, the latest point first, a bounded number of times. The rules about time
//! are those of [`timing`](crate::compare::timing).

mod choices;
mod host;
mod machine;
mod noticed;
mod play;
mod script;
mod sent;
mod watch;
mod written;

use self::host::Setup;
use self::machine::Machine;
use self::play::{Choice, Play, Rules};
use self::script::Script;
use self::sent::packet_place;
use crate::call::Addr;
use crate::compare::align::{Item, align};
use crate::compare::verdict::{Class, Difference, Mode, Verdict};
use crate::engine::{Config, Drawn, Engine};
use crate::scenario::Scenario;
use crate::sysctl::{CongestionControl, Sysctl};
use crate::trace::{Dir, Event, Incident, Meta, Packet, Provenance, Trace, Who};

/// Number of other choices that are tried before a difference is accepted.
const MOST_RETRIES: usize = 200;

/// Number of steps that all searches of a replay may take for each item and each packet of the recording. The recordings
/// in the repository take at most 7; a damaged one would take thousands.
const MOST_STEPS_EACH: usize = 100;

/// Number of differences after each of which the search starts anew. The rest of the recording is then followed without a
/// search.
const MOST_ACCEPTED: usize = 16;

/// The result of a replay.
#[derive(Clone, Debug)]
pub struct Replay {
    /// The verdict. The left side is the engine.
    pub verdict: Verdict,
    /// What the engine did, with the causes of its packets.
    pub trace: Trace,
}

/// The reason why a recording cannot be replayed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// The recording does not say where time 0 lies in the kernel's ticks.
    #[error(
        "{0}: no tick phase in its summary (jiffies_at_t0, ns_into_tick_at_t0, hz); compare it in closed mode"
    )]
    NoTicks(String),
    /// The trace is not a recording of a kernel.
    #[error(
        "{name}: made by the target {target}, not by a kernel; a recording is a run with --on linux, and --mode closed \
         compares the targets with each other"
    )]
    NoKernel {
        /// The scenario of the trace.
        name: String,
        /// The target that produced it.
        target: String,
    },
    /// The survivor sent nothing.
    #[error("{0}: no packet of the survivor in it, nothing to compare")]
    Empty(String),
}

/// Replays a recording of this scenario on the engine.
pub fn replay(recording: &Trace, scenario: &Scenario) -> Result<Replay, ReplayError> {
    let name = || recording.meta.scenario.clone();
    if recording.meta.target != "linux" {
        let target = recording.meta.target.clone();
        return Err(ReplayError::NoKernel {
            name: name(),
            target,
        });
    }
    let ticks = recording
        .meta
        .ticks
        .ok_or_else(|| ReplayError::NoTicks(name()))?;
    let script = Script::of(recording, ticks);
    if script.packets.is_empty() {
        return Err(ReplayError::Empty(name()));
    }
    let engine = Engine::new(config(recording, scenario, &script));
    Ok(replay_on(
        engine,
        recording,
        &script,
        &setup(scenario, &script),
    ))
}

/// Returns the engine's configuration: the scenario's sysctls, and the recording's ticks and initial numbers.
fn config(recording: &Trace, scenario: &Scenario, script: &Script) -> Config {
    let mut sysctl = scenario.survivor.sysctl.clone();
    if let Some(cc) = CongestionControl::from_name(&recording.meta.congestion_control) {
        sysctl.tcp_congestion_control = cc;
    }
    let clock = script.clock;
    Config {
        addrs: vec![scenario.ip.survivor()],
        mtu: 1_500,
        gso: false,
        sysctl,
        ticks: script.ticks,
        ns_into_ms: clock.map_or(script.ticks.ns_into_tick % 1_000_000, |c| c.ns_into_ms),
        seed: recording.meta.seed.unwrap_or(0),
        drawn: Drawn {
            isn: script.isn,
            ts_offset: clock.map(|c| c.offset),
            ip_id: Some(script.origin.ip_id),
        },
        max_connections: usize::MAX,
        retries_are_counted: scenario.preset.retries_are_counted,
    }
}

fn setup(scenario: &Scenario, script: &Script) -> Setup {
    let (own, peers) = scenario.survivor.role.ports();
    Setup {
        local: Addr::new(scenario.ip.survivor(), own),
        remote: Addr::new(scenario.ip.peer(), peers),
        sockopt: scenario.survivor.sockopt.clone(),
        autoread: scenario.survivor.autoread,
        most_offered: most_offered(&scenario.survivor.sysctl),
        written: script.written.clone(),
    }
}

/// More than one send() can take, bytes: a call ends when the send buffer is full, at most one buffer of data later.
fn most_offered(sysctl: &Sysctl) -> usize {
    /// The most that SO_SNDBUF sets: net.core.wmem_max of Linux 6.18, doubled.
    const SO_SNDBUF: i64 = 2 * 212_992;
    /// Longest buffer of data, generously.
    const ONE_MORE: usize = 1 << 20;
    /// A scenario with a larger send buffer is not believed: it writes at most 100 MB at a time.
    const MOST: usize = 100_000_000;
    let largest = sysctl.tcp_wmem.into_iter().fold(SO_SNDBUF, i64::max);
    usize::try_from(largest).map_or(MOST, |n| n.saturating_add(ONE_MORE).min(MOST))
}

fn replay_on<M: Machine>(machine: M, recording: &Trace, script: &Script, setup: &Setup) -> Replay {
    let mut different: Vec<Replay> = Vec::new();
    let mut steps_left = MOST_STEPS_EACH * (1 + script.items.len() + script.packets.len());
    // what a reader would believe first comes first; TCP_INFO is given up before the packets are
    for (info_must_match, late_ticks) in
        [(true, false), (true, true), (false, false), (false, true)]
    {
        let rules = Rules {
            info_must_match,
            late_ticks,
            go_on: false,
        };
        let start = Play::new(script, setup, machine.clone(), rules);
        let (play, retries) = search(start, &mut steps_left);
        if !play.has_failed() {
            return outcome(&play, recording, retries);
        }
        different.push(behind(play, recording, &mut steps_left));
    }
    // of ways that all lead to differences, the one that needs the fewest explains most
    let cost = |r: &Replay| {
        let is_info = |d: &&Difference| d.class == Class::TcpInfo;
        let infos = r.verdict.differences.iter().filter(is_info).count();
        (r.verdict.differences.len() - infos, infos)
    };
    let best = different.into_iter().min_by_key(cost);
    let mut best = best.expect("several ways were tried");
    if steps_left == 0 {
        let note = format!(
            "the search for instants that a recording does not show was ended after {MOST_STEPS_EACH} steps for each \
             packet and event: some differences may follow from others"
        );
        best.verdict.notes.push(note);
    }
    best
}

/// Takes the difference at which a way ended as it is, and goes on behind it; to the end.
fn behind<M: Machine>(mut play: Play<'_, M>, recording: &Trace, steps_left: &mut usize) -> Replay {
    for _ in 0..MOST_ACCEPTED {
        play.accept();
        let (next, retries) = search(play, steps_left);
        if !next.has_failed() {
            return outcome(&next, recording, retries);
        }
        play = next;
    }
    play.rules.go_on = true;
    walk(&mut play);
    outcome(&play, recording, MOST_RETRIES)
}

/// Follows a way without looking back.
fn walk<M: Machine>(play: &mut Play<'_, M>) {
    while !play.is_over() {
        match play.choices().first() {
            Some(choice) => play.take(*choice),
            None => play.finish(),
        }
    }
}

/// A way to the end without a difference, or the one that came furthest; and how many others were tried. None is tried
/// when no steps are left.
fn search<'a, M: Machine>(start: Play<'a, M>, steps_left: &mut usize) -> (Play<'a, M>, usize) {
    let mut open: Vec<(Play<'a, M>, Vec<Choice>)> = Vec::new();
    let mut furthest: Option<Play<'a, M>> = None;
    let mut play = start;
    let mut retries = 0;
    loop {
        *steps_left = steps_left.saturating_sub(1);
        if play.has_failed() {
            if furthest
                .as_ref()
                .is_none_or(|f| f.progress() < play.progress())
            {
                furthest = Some(play);
            }
            let Some((mut from, mut choices)) = open
                .pop()
                .filter(|_| retries < MOST_RETRIES && *steps_left > 0)
            else {
                return (furthest.expect("just set"), retries);
            };
            retries += 1;
            let choice = choices.remove(0);
            if !choices.is_empty() {
                open.push((from.clone(), choices));
            }
            from.take(choice);
            play = from;
            continue;
        }
        if play.is_over() {
            return (play, retries);
        }
        let mut choices = play.choices();
        if choices.is_empty() {
            play.finish();
            continue;
        }
        let first = choices.remove(0);
        if !choices.is_empty() {
            open.push((play.clone(), choices));
        }
        play.take(first);
    }
}

fn outcome<M: Machine>(play: &Play<'_, M>, recording: &Trace, retries: usize) -> Replay {
    let trace = trace_of(play, recording);
    let is_packet = |d: &Difference| {
        let packets = [Class::Missing, Class::Extra, Class::Field, Class::Time];
        packets.contains(&d.class) && d.what != "deadline"
    };
    let mut differences: Vec<Difference> = play.differences.clone();
    differences.retain(|d| !is_packet(d));
    let held = hold_packets(play, &mut differences);
    let mut verdict = Verdict::new(Mode::Replay, &trace, recording, differences);
    verdict.scenario.clone_from(&recording.meta.scenario);
    let counts = &mut verdict.counts;
    counts.left_packets = play.sent.len();
    counts.right_packets = play.script.packets.len();
    counts.packets_compared = held.compared;
    counts.packets_identical = held.identical;
    counts.application_compared = play.seen.application;
    counts.late_firings = held.late + play.seen.late;
    counts.tcp_info_compared = play.seen.info_lines;
    counts.tcp_info_differing = play.seen.info_differing;
    counts.retries = retries;
    verdict.notes.extend(play.script.notes.iter().cloned());
    Replay { verdict, trace }
}

#[derive(Default)]
struct Held {
    compared: usize,
    identical: usize,
    late: usize,
}

/// Compares all packets after aligning them.
fn hold_packets<M: Machine>(play: &Play<'_, M>, differences: &mut Vec<Difference>) -> Held {
    let script = play.script;
    let left: Vec<Item> = play
        .sent
        .iter()
        .map(|s| Item {
            at: s.at,
            dir: Dir::Out,
            fields: s.fields.clone(),
        })
        .collect();
    let right: Vec<Item> = script
        .packets
        .iter()
        .map(|p| Item {
            at: p.at,
            dir: Dir::Out,
            fields: p.fields.clone(),
        })
        .collect();
    let mut held = Held::default();
    for row in align(&left, &right) {
        match row {
            (Some(l), Some(r)) => {
                let recorded = &script.packets[r];
                let place = packet_place(r, &recorded.fields);
                let (found, late) = play.sent[l].held_against(recorded, place, script);
                held.compared += 1;
                held.identical += usize::from(found.is_empty());
                held.late += usize::from(late);
                differences.extend(found);
            }
            (Some(l), None) => {
                let sent = &play.sent[l];
                let place = format!("engine's packet {} ({})", l + 1, sent.fields.brief());
                let extra = Difference::new(Class::Extra, "packet", place, sent.at);
                differences.push(extra.values("sent", "not recorded").because(&sent.text));
            }
            (None, Some(r)) => {
                let recorded = &script.packets[r];
                let place = packet_place(r, &recorded.fields);
                let missing = Difference::new(Class::Missing, "packet", place, recorded.at);
                differences.push(missing.values("not sent", "recorded"));
            }
            (None, None) => {}
        }
    }
    held
}

/// Returns the engine's side as a trace of its own: its packets with their causes, and the recording's packets and calls.
fn trace_of<M: Machine>(play: &Play<'_, M>, recording: &Trace) -> Trace {
    let mut packets: Vec<Packet> = play
        .sent
        .iter()
        .map(|s| Packet {
            at: s.at,
            dir: Dir::Out,
            bytes: s.datagram.emit(),
            cause: Some(s.text.clone()),
        })
        .collect();
    packets.extend(
        recording
            .packets
            .iter()
            .filter(|p| p.dir == Dir::In)
            .cloned(),
    );
    packets.sort_by_key(|p| p.at);
    Trace {
        meta: Meta {
            target: "engine".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            provenance: Provenance::Simulated,
            notes: Vec::new(),
            late: Vec::new(),
            ..recording.meta.clone()
        },
        packets,
        events: events_of(play, recording),
        stopped: recording.stopped,
        ended_at: recording.ended_at,
    }
}

/// What was done, as recorded; what the survivor was told and what its timers did, as the engine has it.
fn events_of<M: Machine>(play: &Play<'_, M>, recording: &Trace) -> Vec<Event> {
    let is_told = |e: &Event| {
        use Incident::{Error, PostMortem, State, TcpInfo};
        e.who == Who::Survivor
            && matches!(
                e.what,
                Error { .. } | PostMortem { .. } | State { .. } | TcpInfo(_)
            )
    };
    let survivor = |at, what| Event {
        at,
        who: Who::Survivor,
        what,
    };
    let mut events = recording.events.clone();
    events.retain(|e| !is_told(e));
    let notes = play.notes.iter();
    events.extend(notes.map(|n| survivor(n.0, n.1.clone())));
    events.extend(
        play.states()
            .map(|(at, state)| survivor(at, Incident::State { state })),
    );
    events.extend(play.errors.iter().map(|(at, errno, how)| {
        let (errno, how) = (*errno, how.clone());
        survivor(*at, Incident::Error { errno, how })
    }));
    events.sort_by_key(|e| e.at);
    events
}

#[cfg(test)]
mod tests;
