//! A recording against itself, and against itself with one thing changed.

mod engine;
mod player;

use std::time::Duration;

use proptest::prelude::*;

use self::player::Player;
use super::*;
use crate::call::{Addr, Call, Outcome, Readiness, SocketId, TcpInfo, TcpState};
use crate::compare::verdict::Verdict;
use crate::scenario::{CLIENT_PORT, IpVersion, SERVER_PORT};
use crate::time::{Instant, Jiffies, TickSpan, Ticks};
use crate::trace::kept;
use crate::wire::{Datagram, Flags, Options, Payload, Segment, Seq, TcpOption, Timestamps};

fn recording(name: &str) -> Trace {
    kept::recording(name)
        .expect("a name of the list")
        .expect("it loads")
}

fn scenario(trace: &Trace) -> Scenario {
    let name = &trace.meta.scenario;
    Scenario::parse(name, name, &trace.meta.scenario_toml).expect("it was recorded")
}

/// Holds `recorded` against what a player of `original` does.
fn play(original: &Trace, recorded: &Trace) -> Verdict {
    let ticks = original.meta.ticks.expect("recordings have ticks");
    let source = Script::of(original, ticks);
    let setup = setup(&scenario(original), &source);
    let player = Player::new(original, &source, &setup);
    let script = Script::of(recorded, ticks);
    replay_on(player, recorded, &script, &setup).verdict
}

#[test]
fn every_recording_is_identical_to_itself() {
    for name in kept::names() {
        let trace = recording(name);
        let verdict = play(&trace, &trace);
        let shown: Vec<_> = verdict
            .differences
            .iter()
            .take(3)
            .map(ToString::to_string)
            .collect();
        assert!(verdict.identical, "{}: {shown:#?}", verdict.line());
        assert!(verdict.tcp_info_identical, "{}: {shown:#?}", verdict.line());
        let out = trace.packets.iter().filter(|p| p.dir == Dir::Out).count();
        assert_eq!(verdict.counts.packets_identical, out, "{name}");
    }
}

/// A change of one field that a comparison must name so.
#[derive(Clone, Copy, Debug)]
enum Change {
    Flags,
    Seq,
    Ack,
    Window,
    Urgent,
    Payload,
    Tsval,
    Tsecr,
    OptionOrder,
    Ttl,
    Df,
    Tos,
    Id,
}

const CHANGES: &[(Change, &str)] = &[
    (Change::Flags, "flags"),
    (Change::Seq, "seq"),
    (Change::Ack, "ack"),
    (Change::Window, "window"),
    (Change::Urgent, "urgent"),
    (Change::Payload, "payload"),
    (Change::Tsval, "ts.val"),
    (Change::Tsecr, "ts.ecr"),
    (Change::OptionOrder, "options"),
    (Change::Ttl, "ip.ttl"),
    (Change::Df, "ip.df"),
    (Change::Tos, "ip.tos"),
    (Change::Id, "ip.id"),
];

fn changed(bytes: &[u8], change: Change) -> Option<Vec<u8>> {
    let mut datagram = Datagram::parse(bytes).ok()?;
    match change {
        Change::Ttl => datagram.ttl ^= 1,
        Change::Df => datagram.dont_frag ^= true,
        Change::Tos => datagram.tos ^= 4,
        Change::Id => datagram.ident = datagram.ident.wrapping_add(7).max(1),
        _ => {}
    }
    let Payload::Tcp(segment) = &mut datagram.payload else {
        return None;
    };
    let stamp = |segment: &mut Segment, tsval: u32, tsecr: u32| {
        segment.timestamps()?;
        segment.options.for_each_mut(|option| {
            if let TcpOption::Timestamps(ts) = option {
                ts.tsval += tsval;
                ts.tsecr += tsecr;
            }
        });
        Some(())
    };
    match change {
        Change::Flags => segment.flags.0 ^= Flags::PSH.0,
        Change::Seq => segment.seq += 1,
        Change::Ack => segment.ack += 1,
        Change::Window => segment.window ^= 1,
        Change::Urgent => segment.urgent ^= 1,
        Change::Payload => {
            let mut payload = segment.payload.to_vec();
            *payload.last_mut()? ^= 1;
            segment.payload = payload.into();
        }
        Change::Tsval => stamp(segment, 9, 0)?,
        Change::Tsecr => stamp(segment, 0, 1)?,
        Change::OptionOrder => {
            let options: Vec<_> = segment.options.iter().collect();
            segment.options = options.into_iter().rev().collect();
        }
        _ => {}
    }
    Some(datagram.emit())
}

/// The places of the survivor's packets after the handshake.
fn later_packets(trace: &Trace) -> Vec<usize> {
    let out = (0..trace.packets.len()).filter(|i| trace.packets[*i].dir == Dir::Out);
    out.skip(2).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 26, ..ProptestConfig::with_failure_persistence(proptest::test_runner::FileFailurePersistence::WithSource("regressions")) })]

    #[test]
    fn one_changed_field_is_found_and_nothing_else(
        change in proptest::sample::select(CHANGES),
        nth in 0usize..1_000,
    ) {
        let original = recording("power-off-idle");
        let mut copy = original.clone();
        let packets = later_packets(&copy);
        let index = packets[nth % packets.len()];
        let Some(bytes) = changed(&copy.packets[index].bytes, change.0) else {
            return Ok(());
        };
        copy.packets[index].bytes = bytes;
        let verdict = play(&original, &copy);
        prop_assert!(!verdict.identical);
        prop_assert_eq!(verdict.differences.len(), 1, "{:#?}", verdict.differences);
        let found = &verdict.differences[0];
        prop_assert_eq!((found.class, found.what.as_str()), (Class::Field, change.1));
        let number = nth % packets.len() + 3;
        let place = format!("packet {number} (");
        prop_assert!(found.place.starts_with(&place), "{}", found.place);
    }

    #[test]
    fn a_missing_and_an_extra_packet_are_found_and_the_rest_lines_up(nth in 0usize..1_000, lose in any::<bool>()) {
        let original = recording("cut-and-restore");
        let mut copy = original.clone();
        let packets = later_packets(&copy);
        let index = packets[nth % packets.len()];
        if lose {
            copy.packets.remove(index);
        } else {
            let twice = copy.packets[index].clone();
            copy.packets.insert(index, twice);
        }
        let verdict = play(&original, &copy);
        prop_assert!(!verdict.identical);
        let class = if lose { Class::Extra } else { Class::Missing };
        let of_packets: Vec<_> = verdict
            .differences
            .iter()
            .filter(|d| d.class != Class::TcpInfo)
            .map(|d| d.class)
            .collect();
        prop_assert_eq!(of_packets, vec![class], "{:#?}", verdict.differences);
    }
}

#[test]
fn a_packet_at_another_instant_is_found() {
    let original = recording("power-off-idle");
    let last = *later_packets(&original).last().expect("there are some");
    // the last retransmission: later than a tick and 1.5 ms, or a tick earlier
    for (earlier, by) in [(false, 6_000), (true, 4_000)] {
        let mut copy = original.clone();
        let at = &mut copy.packets[last].at;
        let by = Duration::from_micros(by);
        *at = if earlier {
            at.saturating_sub(by)
        } else {
            *at + by
        };
        let verdict = play(&original, &copy);
        let of_time = verdict
            .differences
            .iter()
            .filter(|d| d.class == Class::Time);
        assert_eq!(of_time.count(), 1, "{:#?}", verdict.differences);
        assert!(!verdict.identical);
    }
}

#[test]
fn a_tick_late_is_counted_and_not_a_difference() {
    let original = recording("power-off-idle");
    let last = *later_packets(&original).last().expect("there are some");
    let mut copy = original.clone();
    copy.packets[last].at = copy.packets[last].at + Duration::from_millis(4);
    // its TSval goes with it
    let mut datagram = Datagram::parse(&copy.packets[last].bytes).expect("it is a packet");
    if let Payload::Tcp(segment) = &mut datagram.payload {
        segment.options.for_each_mut(|option| {
            if let TcpOption::Timestamps(ts) = option {
                ts.tsval += 4;
            }
        });
    }
    copy.packets[last].bytes = datagram.emit();
    let before = play(&original, &original).counts.late_firings;
    let verdict = play(&original, &copy);
    assert!(verdict.identical, "{:#?}", verdict.differences);
    assert_eq!(verdict.counts.late_firings, before + 1);
}

/// Changes the first event that `change` takes.
fn with_event(trace: &Trace, change: impl Fn(&mut Event) -> bool) -> Trace {
    let mut copy = trace.clone();
    assert!(copy.events.iter_mut().any(change), "there is such an event");
    copy
}

#[test]
fn a_changed_event_is_found() {
    let original = recording("power-off-idle");
    type Edit<'a> = &'a dyn Fn(&mut Event) -> bool;
    let cases: [(&str, Class, Edit<'_>); 5] = [
        ("errno", Class::Application, &|e| match &mut e.what {
            Incident::Error { errno, .. } => {
                *errno = crate::call::Errno::ECONNRESET;
                true
            }
            _ => false,
        }),
        (
            "what the next send() says",
            Class::Application,
            &|e| match &mut e.what {
                Incident::PostMortem { send_next, .. } => {
                    *send_next = "ECONNRESET".to_owned();
                    true
                }
                _ => false,
            },
        ),
        ("bytes read", Class::Application, &|e| match &mut e.what {
            Incident::Recv { bytes, .. } => {
                *bytes += 1;
                true
            }
            _ => false,
        }),
        ("bytes taken", Class::Application, &|e| match &mut e.what {
            Incident::SendAccepted { bytes, pending, .. } => {
                (*bytes, *pending) = (*bytes - 1, 1);
                true
            }
            _ => false,
        }),
        ("state", Class::State, &|e| match &mut e.what {
            Incident::State { state } if e.who == Who::Survivor => {
                *state = TcpState::Closing;
                true
            }
            _ => false,
        }),
    ];
    for (name, class, change) in cases {
        let verdict = play(&original, &with_event(&original, change));
        assert!(!verdict.identical, "{name}");
        let classes: Vec<_> = verdict.differences.iter().map(|d| d.class).collect();
        assert_eq!(classes, [class], "{name}: {:#?}", verdict.differences);
    }
}

#[test]
fn an_error_that_came_late_is_found() {
    let original = recording("power-off-idle");
    let mut copy = original.clone();
    let is_error = |e: &&Event| matches!(e.what, Incident::Error { .. });
    let from = copy.events.iter().find(is_error).expect("it died").at;
    for event in copy.events.iter_mut().filter(|e| e.at >= from) {
        event.at = event.at + Duration::from_micros(6_000);
    }
    let verdict = play(&original, &copy);
    assert_eq!(verdict.differences.len(), 1, "{:#?}", verdict.differences);
    assert_eq!(verdict.differences[0].what, "error");
}

#[test]
fn a_changed_tcp_info_line_is_a_difference() {
    let original = recording("power-off-idle");
    let copy = with_event(&original, |e| match &mut e.what {
        Incident::TcpInfo(info) => {
            info.snd_cwnd += 1;
            true
        }
        _ => false,
    });
    let verdict = play(&original, &copy);
    assert!(!verdict.identical && !verdict.tcp_info_identical);
    assert_eq!(verdict.counts.tcp_info_differing, 1);
    assert_eq!(verdict.differences[0].what, "snd_cwnd");
}

/// A timer that fires each microsecond and sends nothing.
#[derive(Clone)]
struct Metronome(Instant);

impl Machine for Metronome {
    fn deliver(&mut self, _: Instant, _: &Datagram) {}
    fn fire(&mut self, now: Instant) {
        self.0 = now + Duration::from_micros(1);
    }
    fn call(&mut self, _: Instant, _: Call) -> Outcome {
        Outcome::Done
    }
    fn transmit(&mut self, _: Instant) -> Option<(Datagram, String)> {
        None
    }
    fn note(&mut self) -> Option<(Instant, crate::trace::Incident)> {
        None
    }
    fn deadline(&self) -> Option<Instant> {
        Some(self.0)
    }
    fn readiness(&self, _: SocketId) -> Readiness {
        Readiness::default()
    }
    fn info(&self, _: Instant, _: Addr, _: Addr) -> Option<TcpInfo> {
        None
    }
}

#[test]
fn timers_that_fire_without_an_end_end_the_replay() {
    let mut trace = recording("power-off-idle");
    // a year: as long as a trace may last
    trace.ended_at = Instant::ZERO + Duration::from_secs(366 * 24 * 3_600);
    let ticks = trace.meta.ticks.expect("recordings have ticks");
    let script = Script::of(&trace, ticks);
    let setup = setup(&scenario(&trace), &script);
    let replay = replay_on(Metronome(Instant::ZERO), &trace, &script, &setup);
    assert!(!replay.verdict.identical);
    let said = |n: &String| n.contains("was ended after");
    assert!(
        replay.verdict.notes.iter().any(said),
        "{:?}",
        replay.verdict.notes
    );
}

/// Two timers: the first sends nothing and arms the second, which sends.
#[derive(Clone)]
struct TwoHops {
    ticks: Ticks,
    due: Option<Instant>,
    hops: u32,
    out: Option<Datagram>,
}

impl TwoHops {
    fn packet() -> Datagram {
        let segment = Segment {
            src_port: CLIENT_PORT,
            dst_port: SERVER_PORT,
            seq: Seq(1),
            flags: Flags::SYN,
            ..Segment::default()
        };
        let ip = IpVersion::V4;
        Datagram::new(ip.survivor(), ip.peer(), 1, Payload::Tcp(segment))
    }
}

impl Machine for TwoHops {
    fn deliver(&mut self, _: Instant, _: &Datagram) {}
    fn fire(&mut self, now: Instant) {
        self.hops += 1;
        self.due =
            (self.hops == 1).then(|| self.ticks.start_of(self.ticks.jiffies(now) + TickSpan(10)));
        self.out = (self.hops == 2).then(TwoHops::packet);
    }
    fn call(&mut self, _: Instant, _: Call) -> Outcome {
        Outcome::Done
    }
    fn transmit(&mut self, now: Instant) -> Option<(Datagram, String)> {
        let mut datagram = self.out.take()?;
        if let Payload::Tcp(segment) = &mut datagram.payload {
            let tsval = (now.ns() / 1_000_000) as u32;
            segment.options = Options::aligned_timestamps(Timestamps { tsval, tsecr: 0 });
        }
        Some((datagram, "second hop".to_owned()))
    }
    fn note(&mut self) -> Option<(Instant, crate::trace::Incident)> {
        None
    }
    fn deadline(&self) -> Option<Instant> {
        self.due
    }
    fn readiness(&self, _: SocketId) -> Readiness {
        Readiness::default()
    }
    fn info(&self, _: Instant, _: Addr, _: Addr) -> Option<TcpInfo> {
        None
    }
}

/// What a recording of two hops says whose packet came at this instant.
fn two_hops(at: Instant) -> Verdict {
    let mut trace = recording("power-off-idle");
    let ticks = Ticks::default();
    let setup = setup(&scenario(&trace), &Script::of(&trace, ticks));
    let mut machine = TwoHops {
        ticks,
        due: Some(ticks.start_of(Jiffies(100))),
        hops: 2,
        out: Some(TwoHops::packet()),
    };
    let bytes = machine.transmit(at).expect("it has one").0.emit();
    machine.hops = 0;
    trace.events.clear();
    trace.packets = vec![Packet {
        at,
        dir: Dir::Out,
        bytes,
        cause: None,
    }];
    trace.meta.ticks = Some(ticks);
    replay_on(machine, &trace, &Script::of(&trace, ticks), &setup).verdict
}

#[test]
fn a_firing_that_nobody_saw_may_have_been_a_tick_late() {
    let tick = |n| Ticks::default().start_of(Jiffies(n)) + Duration::from_micros(100);
    let on_time = two_hops(tick(110));
    assert!(on_time.identical, "{:#?}", on_time.differences);
    assert_eq!(
        (on_time.counts.retries, on_time.counts.late_firings),
        (0, 0)
    );
    let second_late = two_hops(tick(111));
    assert!(second_late.identical && second_late.counts.late_firings == 1);
    let both_late = two_hops(tick(112));
    assert!(both_late.identical, "{:#?}", both_late.differences);
    assert!(
        both_late.counts.retries > 0,
        "the first choice cannot be right"
    );
    assert!(
        !two_hops(tick(113)).identical,
        "more than a tick is a difference"
    );
    assert!(!two_hops(tick(109)).identical, "early is a difference");
}
