//! The peer and the wire against every recording: fed with what the kernel sent, they must send what it was sent.
//!
//! Every packet byte for byte, timestamps by one clock of 1 ms, every instant within the harness's own lateness.

use std::path::{Path, PathBuf};
use std::time::Duration;

use halfopen::scenario::Scenario;
use halfopen::sim::{FarSide, PeerClock};
use halfopen::time::Instant;
use halfopen::trace::{Dir, Event, Incident, Packet, Trace, Who};
use halfopen::wire::{Datagram, Payload, TcpOption};

/// How late a recorded delivery may be: the harness wrote it so long after its due instant at the most.
const LATENESS: Duration = Duration::from_micros(1_500);
/// So many recordings there are; a walk that finds fewer would prove less.
const RECORDINGS: usize = 164;

struct Recorded {
    scenario: Scenario,
    trace: Trace,
}

impl Recorded {
    fn load(dir: &Path) -> Recorded {
        let trace = Trace::load(dir).expect("a recording");
        let name = &trace.meta.scenario;
        let scenario = Scenario::parse(name, name, &trace.meta.scenario_toml).expect("a scenario");
        Recorded { scenario, trace }
    }

    fn arrivals(&self) -> impl Iterator<Item = &Packet> {
        self.trace.packets.iter().filter(|p| p.dir == Dir::In)
    }

    fn departures(&self) -> impl Iterator<Item = &Packet> {
        self.trace.packets.iter().filter(|p| p.dir == Dir::Out)
    }
}

fn folders() -> Vec<PathBuf> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let below = |dir: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(dir).expect("a folder of recordings");
        let paths = entries.map(|e| e.expect("a directory entry").path());
        paths.filter(|p| p.is_dir()).collect()
    };
    let mut all: Vec<_> = [
        top.join("examples/recordings"),
        top.join("tests/recordings"),
    ]
    .iter()
    .flat_map(|root| below(root))
    .flat_map(|set| below(&set))
    .collect();
    all.sort();
    all
}

/// The recorded packets of the survivor at their instants, and the scenario's actions at theirs.
fn relive(recorded: &Recorded, clock: PeerClock) -> (Vec<(Instant, Vec<u8>)>, Vec<Event>) {
    let scenario = &recorded.scenario;
    let role = scenario.survivor.role;
    let mut far = FarSide::new(scenario.delay, scenario.peer, role, clock)
        .over(scenario.ip)
        .through(scenario.middlebox);
    let end = recorded.trace.ended_at;
    let mut steps = scenario.steps.iter().filter(|s| s.at <= end).peekable();
    for packet in recorded.departures() {
        while let Some(step) = steps.next_if(|s| s.at <= packet.at) {
            far.act(step.at, step.at, &step.action);
        }
        far.from_survivor(packet.at, &packet.bytes);
    }
    for step in steps {
        far.act(step.at, step.at, &step.action);
    }
    far.advance(end);
    let arrivals = std::iter::from_fn(|| far.take_arrival()).collect();
    (arrivals, far.take_events())
}

fn tsval(bytes: &[u8]) -> Option<u32> {
    let datagram = Datagram::parse(bytes).ok()?;
    Some(datagram.segment()?.timestamps()?.tsval)
}

fn without_tsval(bytes: &[u8]) -> Datagram {
    let mut datagram = Datagram::parse(bytes).expect("a packet of the peer");
    if let Payload::Tcp(segment) = &mut datagram.payload {
        segment.options.for_each_mut(|option| {
            if let TcpOption::Timestamps(ts) = option {
                ts.tsval = 0;
            }
        });
    }
    datagram
}

/// The one clock that gives every recorded TSval to the millisecond.
fn clock(recorded: &Recorded, arrivals: &[(Instant, Vec<u8>)]) -> Result<PeerClock, String> {
    let (mut low, mut high) = (0, u64::MAX);
    for ((due, _), packet) in arrivals.iter().zip(recorded.arrivals()) {
        let Some(tsval) = tsval(&packet.bytes) else {
            continue;
        };
        let sent = due.saturating_sub(recorded.scenario.delay).ns();
        let ms = u64::from(tsval) * 1_000_000;
        low = low.max(ms - sent);
        high = high.min(ms + 1_000_000 - sent);
    }
    if low >= high {
        return Err("no clock of 1 ms gives the recorded TSvals".into());
    }
    Ok(PeerClock {
        base: (low / 1_000_000) as u32,
        ns_into_ms: low % 1_000_000,
    })
}

fn one_by_one(recorded: &Recorded, ours: &[(Instant, Vec<u8>)]) -> Result<(), String> {
    for (i, ((due, bytes), packet)) in ours.iter().zip(recorded.arrivals()).enumerate() {
        let (ours, theirs) = (without_tsval(bytes), without_tsval(&packet.bytes));
        if ours != theirs {
            return Err(format!("arrival {i} is {ours:?}, recorded {theirs:?}"));
        }
        if packet.at < *due || packet.at.since(*due) > LATENESS {
            return Err(format!(
                "arrival {i} is due at {due:?}, recorded {:?}",
                packet.at
            ));
        }
    }
    let (n, recorded) = (ours.len(), recorded.arrivals().count());
    (n == recorded)
        .then_some(())
        .ok_or(format!("{n} arrivals, recorded {recorded}"))
}

fn same_incident(ours: &Incident, theirs: &Incident) -> bool {
    match (ours, theirs) {
        // the recordings do not say which packet of the survivor was lost, nor how long one of the peer was
        (
            Incident::Lost {
                dir, why, flags, ..
            },
            Incident::Lost {
                dir: their_dir,
                why: their_why,
                flags: their_flags,
                ..
            },
        ) => {
            (dir, why) == (their_dir, their_why) && (their_flags.is_empty() || flags == their_flags)
        }
        _ => ours == theirs,
    }
}

fn events_agree(recorded: &Recorded, ours: &[Event]) -> Result<(), String> {
    let theirs = recorded
        .trace
        .events
        .iter()
        .filter(|e| e.who != Who::Survivor);
    let theirs: Vec<_> = theirs.collect();
    for (i, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        let late = theirs.at.since(ours.at);
        let early = ours.at.since(theirs.at) >= Duration::from_micros(1);
        if !same_incident(&ours.what, &theirs.what) || early || late > LATENESS {
            return Err(format!("event {i} is {ours:?}, recorded {theirs:?}"));
        }
    }
    let (n, recorded) = (ours.len(), theirs.len());
    (n == recorded)
        .then_some(())
        .ok_or(format!("{n} events, recorded {recorded}"))
}

fn check(recorded: &Recorded) -> Result<(), String> {
    let (arrivals, _) = relive(recorded, PeerClock::default());
    one_by_one(recorded, &arrivals)?;
    let (arrivals, mut events) = relive(recorded, clock(recorded, &arrivals)?);
    let bytes = arrivals.iter().map(|(_, bytes)| bytes);
    if let Some((i, _)) = bytes
        .zip(recorded.arrivals())
        .enumerate()
        .find(|(_, (a, b))| **a != b.bytes)
    {
        return Err(format!("arrival {i} differs in its bytes"));
    }
    events.sort_by_key(|e| e.at);
    events_agree(recorded, &events)
}

#[test]
fn what_reached_the_survivor_in_every_recording_is_what_we_send_it() {
    let folders = folders();
    assert_eq!(folders.len(), RECORDINGS);
    let differing: Vec<String> = folders
        .iter()
        .map(|dir| (dir, Recorded::load(dir)))
        .filter_map(|(dir, r)| Some(format!("{}: {}", dir.display(), check(&r).err()?)))
        .collect();
    assert!(differing.is_empty(), "\n{:.3000}", differing.join("\n"));
}
