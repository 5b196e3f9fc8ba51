//! The stories of recordings of a kernel: its packets and what sock_diag showed.

use std::time::Duration;

use super::*;
use crate::call::{Errno, TcpInfo, TcpState, TimerKind};
use crate::forecast::Verdict;
use crate::sockopt::SockOpt;
use crate::trace::{Incident, Trace, kept};
use crate::wire::{Flags, Segment, Seq};

/// What sock_diag would have shown at `at`, had nothing happened since.
fn later(info: &TcpInfo, at: Instant) -> TcpInfo {
    let passed_ms = at.since(info.at).as_millis() as u64;
    TcpInfo {
        at,
        timer_ms: info.timer_ms.saturating_sub(passed_ms),
        last_data_sent_ms: info.last_data_sent_ms + passed_ms,
        last_ack_recv_ms: info.last_ack_recv_ms + passed_ms,
        ..info.clone()
    }
}

/// What a program would have seen that ran in this recording; sock_diag is looked at every 20 ms, as the last packet
/// left it.
fn witness(trace: &Trace, options: Option<Vec<SockOpt>>) -> Witness {
    let mut witness = Witness::new();
    let ends = trace.packets.iter().find_map(|p| {
        let datagram = Datagram::parse(&p.bytes).ok()?;
        let Payload::Tcp(segment) = &datagram.payload else {
            return None;
        };
        (p.dir == Dir::Out).then(|| {
            let (src, dst) = (datagram.src, datagram.dst);
            (addr(src, segment.src_port), addr(dst, segment.dst_port))
        })
    });
    let (local, remote) = ends.expect("a packet of the survivor");
    let mut packets = trace.packets.iter().peekable();
    let mut newest: Option<TcpInfo> = None;
    let look = |witness: &mut Witness, at: Instant, newest: &Option<TcpInfo>| {
        let all = newest.iter().map(|info| Sighting {
            local,
            remote,
            seen: Seen {
                info: later(info, at),
                options: options.clone(),
                ..Seen::default()
            },
        });
        witness.sightings(at, all.collect());
    };
    for event in &trace.events {
        while let Some(packet) = packets.next_if(|p| p.at <= event.at) {
            witness.packet(packet.at, packet.dir, &packet.bytes);
        }
        match &event.what {
            Incident::TcpInfo(info) => {
                newest = Some(TcpInfo::clone(info));
                look(&mut witness, event.at, &newest);
            }
            Incident::Die | Incident::Return | Incident::Cut | Incident::Restore => {
                look(&mut witness, event.at, &newest);
                witness.happened(Happening {
                    at: event.at,
                    what: format!("{:?}", event.what),
                    is_dead: matches!(event.what, Incident::Die | Incident::Cut),
                });
                look(&mut witness, event.at + Duration::from_millis(20), &newest);
            }
            Incident::State {
                state: TcpState::Closed,
            }
            | Incident::Error { .. } => {
                let before = event.at.saturating_sub(Duration::from_millis(5));
                if newest.as_ref().is_some_and(|info| info.at < before) {
                    look(&mut witness, before, &newest);
                }
                newest = None;
                look(&mut witness, event.at, &newest);
            }
            _ => {}
        }
    }
    for packet in packets {
        witness.packet(packet.at, packet.dir, &packet.bytes);
    }
    witness
}

/// The only story of a recording.
fn story(name: &str) -> Story {
    story_of(&recording(name), None)
}

fn recording(name: &str) -> Trace {
    let kept = kept::recording(name).expect("it is kept");
    kept.expect("it can be read")
}

/// The only story of a recording, its socket options known or not.
fn story_of(trace: &Trace, options: Option<Vec<SockOpt>>) -> Story {
    let mut sysctl = Sysctl::default();
    for (name, value) in &trace.meta.sysctl {
        // knobs that are not modelled change nothing here
        let _ = sysctl.set(name, value);
    }
    let run = Run {
        ended_at: trace.ended_at,
        program_ended_at: None,
    };
    let ticks = trace.meta.ticks.unwrap_or_default();
    let mut stories = witness(trace, options).stories(&run, &sysctl, ticks);
    assert_eq!(stories.len(), 1);
    stories.remove(0)
}

#[test]
fn the_end_of_a_connection_is_told_as_it_was() {
    for (name, end, probes, agains) in [
        ("power-off-idle", "GaveUp ETIMEDOUT 17.6 false", 0, 5),
        ("keepalive-power-off", "GaveUp ETIMEDOUT 8.7 true", 3, 0),
        ("reboot-then-send", "Reset ECONNRESET", 0, 0),
        ("connect-refused", "Reset ECONNREFUSED", 0, 0),
        ("peer-killed", "Reset ECONNRESET", 0, 0),
        ("connect-dead", "GaveUp ETIMEDOUT", 0, 0),
    ] {
        let story = story(name);
        let found = match story.end {
            End::GaveUp {
                at, errno, reset, ..
            } => {
                format!("GaveUp {errno} {:.1} {reset}", at.secs_f64())
            }
            End::Reset { errno, .. } => format!("Reset {errno}"),
            End::Closed { .. } => "Closed".to_owned(),
            other => format!("{other:?}"),
        };
        let text = render(&story);
        assert!(found.starts_with(end), "{name}: {found}\n{text}");
        let count = |what: fn(&Sent) -> bool| story.tries.iter().filter(|t| what(&t.sent)).count();
        if probes + agains > 0 {
            assert_eq!(
                count(|s| matches!(s, Sent::Probe)),
                probes,
                "{name}\n{text}"
            );
            assert_eq!(
                count(|s| matches!(s, Sent::Again(_))),
                agains,
                "{name}\n{text}"
            );
        }
    }
}

#[test]
fn what_is_forecast_at_the_death_comes_true_where_the_options_are_known() {
    let trace = recording("keepalive-power-off");
    let options = [
        ("SO_KEEPALIVE", "1"),
        ("TCP_KEEPIDLE", "5"),
        ("TCP_KEEPINTVL", "1"),
        ("TCP_KEEPCNT", "3"),
    ];
    let options = options.map(|(name, value)| SockOpt::parse(name, value).expect("an option"));
    let story = story_of(&trace, Some(options.to_vec()));
    let promised = story.promised.as_ref().expect("a sighting after the death");
    let (Verdict::Error { at, errno, reset }, End::GaveUp { at: ended, .. }) =
        (promised.told, story.end)
    else {
        panic!("{}", render(&story));
    };
    assert_eq!((errno, reset), (Errno::ETIMEDOUT, true));
    let apart = at.since(ended).max(ended.since(at));
    assert!(
        apart < Duration::from_millis(50),
        "{apart:?}\n{}",
        render(&story)
    );
}

#[test]
fn an_idle_connection_waits_for_ever() {
    let trace = recording("power-off-idle");
    let trace = Trace {
        // as if the program had ended before it sent into the silence
        events: trace
            .events
            .iter()
            .filter(|e| e.at < Instant::from_ms(3_900))
            .cloned()
            .collect(),
        packets: trace
            .packets
            .iter()
            .filter(|p| p.at < Instant::from_ms(3_900))
            .cloned()
            .collect(),
        ..trace.clone()
    };
    let witness = witness(&trace, None);
    let run = Run {
        ended_at: Instant::from_ms(3_950),
        program_ended_at: Some(Instant::from_ms(3_940)),
    };
    let sysctl = Sysctl::default();
    let stories = witness.stories(&run, &sysctl, Ticks::default());
    let story = &stories[0];
    assert!(matches!(story.end, End::LetGo { .. }), "{}", render(story));
    let told = story.would_be_told.as_ref().map(|f| f.told);
    assert!(matches!(told, Some(Verdict::Never(_))), "{}", render(story));
    let if_it_wrote = story.if_it_wrote.as_ref().expect("a second forecast");
    let Verdict::Error { at, .. } = if_it_wrote.told else {
        panic!("{}", render(story));
    };
    let seconds = at.since(if_it_wrote.from).as_secs_f64();
    assert!((924.6..960.0).contains(&seconds), "{seconds}");
}

#[test]
fn a_look_that_began_before_the_death_is_not_what_was_seen_at_it() {
    let ends = (Addr::v4([10, 77, 0, 1], 1), Addr::v4([10, 77, 0, 2], 7));
    let mut life = life::Life::new(ends, Instant::from_ms(1));
    life.peer_died(Instant::from_ms(20));
    life.sighted(Instant::from_ms(19), Seen::default(), true);
    assert!(life.at_death.is_none());
    life.sighted(Instant::from_ms(21), Seen::default(), true);
    assert!(life.at_death.is_some());
}

/// A connection that was set up at 0 s and whose peer died at 1 s.
fn life_with_a_dead_peer() -> life::Life {
    let ends = (Addr::v4([10, 77, 0, 1], 1), Addr::v4([10, 77, 0, 2], 7));
    let mut life = life::Life::new(ends, Instant::ZERO);
    life.packet(Instant::ZERO, Dir::Out, &segment(Flags::SYN, 100, 0));
    let syn_ack = segment(Flags::SYN | Flags::ACK, 500, 101);
    life.packet(Instant::ZERO, Dir::In, &syn_ack);
    life.packet(Instant::ZERO, Dir::Out, &segment(Flags::ACK, 101, 501));
    life.sighted(Instant::from_ms(990), seen(990, 0), false);
    life.peer_died(Instant::from_ms(1_000));
    life
}

fn segment(flags: Flags, seq: u32, ack: u32) -> Segment {
    Segment {
        flags,
        seq: Seq(seq),
        ack: Seq(ack),
        ..Segment::default()
    }
}

/// What sock_diag shows after so many retransmissions.
fn seen(at_ms: u64, retransmits: u32) -> Seen {
    Seen {
        info: TcpInfo {
            at: Instant::from_ms(at_ms),
            state: TcpState::FinWait1,
            timer: TimerKind::On,
            timer_ms: 100,
            rto_us: 204_000,
            snd_mss: 1_448,
            snd_wnd: 65_536,
            retransmits,
            unacked: 1,
            ..TcpInfo::default()
        },
        options: Some(Vec::new()),
        ..Seen::default()
    }
}

fn told(life: &life::Life, ended_ms: u64) -> (Story, String) {
    let run = Run {
        ended_at: Instant::from_ms(ended_ms),
        program_ended_at: Some(Instant::from_ms(ended_ms)),
    };
    let (sysctl, ticks) = (Sysctl::default(), Ticks::default());
    let teller = story::Teller {
        run: &run,
        sysctl: &sysctl,
        ticks,
    };
    let story = teller.tell(life);
    let text = render(&story);
    (story, text)
}

/// The times at the beginnings of the lines do not go back.
fn assert_in_order(text: &str) {
    let time = |l: &str| l.trim_start().split_once(" s ")?.0.parse::<f64>().ok();
    let times: Vec<f64> = text.lines().filter_map(time).collect();
    assert!(times.len() > 2 && times.is_sorted(), "{text}");
}

#[test]
fn shutdown_is_not_taken_for_close_and_lines_are_in_the_order_of_time() {
    let mut life = life_with_a_dead_peer();
    let fin = segment(Flags::FIN | Flags::ACK, 101, 501);
    life.packet(Instant::from_ms(2_000), Dir::Out, &fin);
    life.sighted(Instant::from_ms(2_020), seen(2_020, 0), true);
    for (n, at_ms) in [2_204, 2_612, 3_444].into_iter().enumerate() {
        life.packet(Instant::from_ms(at_ms), Dir::Out, &fin);
        let at_ms = at_ms + 10;
        life.sighted(Instant::from_ms(at_ms), seen(at_ms, n as u32 + 1), true);
    }
    let orphan = Seen {
        orphan: true,
        ..seen(5_000, 3)
    };
    life.sighted(Instant::from_ms(5_000), orphan, true);
    let (story, text) = told(&life, 5_000);
    let at = Instant::from_ms(5_000);
    assert_eq!(story.end, End::LetGo { at, reset: false }, "{text}");
    assert!(
        text.contains("2.000 s  the program calls shutdown(SHUT_WR)"),
        "{text}"
    );
    let again =
        "2.204 s  FIN sent again, 3 times by the retransmission timer; gaps 0.204 0.408 0.832 s";
    assert!(text.contains(again), "{text}");
    assert_in_order(&text);
}

#[test]
fn the_fin_of_close_that_a_loss_probe_repeats_is_listed_as_such() {
    let mut life = life_with_a_dead_peer();
    let fin = segment(Flags::FIN | Flags::ACK, 101, 501);
    let orphan = |at_ms| Seen {
        orphan: true,
        ..seen(at_ms, 0)
    };
    life.packet(Instant::from_ms(2_000), Dir::Out, &fin);
    life.sighted(Instant::from_ms(2_010), orphan(2_010), true);
    life.packet(Instant::from_ms(2_040), Dir::Out, &fin);
    life.sighted(Instant::from_ms(2_050), orphan(2_050), true);
    let (story, text) = told(&life, 2_100);
    let at = Instant::from_ms(2_000);
    assert_eq!(story.end, End::LetGo { at, reset: false }, "{text}");
    assert!(
        text.contains("2.040 s  FIN sent again as a loss probe; gaps 0.040 s"),
        "{text}"
    );
    assert!(!text.contains("0 by the retransmission timer"), "{text}");
    assert_in_order(&text);
}

#[test]
fn a_peer_that_stops_reading_is_told_as_a_closed_window() {
    let mut life = life_with_a_dead_peer();
    life.peer_died = None;
    let persist = |at_ms| {
        let mut seen = seen(at_ms, 0);
        seen.info.state = TcpState::Established;
        seen.info.timer = TimerKind::Persist;
        seen.info.timer_ms = 400;
        seen.info.snd_wnd = 0;
        seen.info.wqueue = 30_000;
        seen.info.notsent = 30_000;
        seen
    };
    life.sighted(Instant::from_ms(2_000), persist(2_000), false);
    for at_ms in [2_200, 2_600] {
        life.packet(
            Instant::from_ms(at_ms),
            Dir::Out,
            &segment(Flags::ACK, 100, 501),
        );
        life.packet(
            Instant::from_ms(at_ms + 1),
            Dir::In,
            &segment(Flags::ACK, 501, 101),
        );
        life.sighted(Instant::from_ms(at_ms + 20), persist(at_ms + 20), false);
    }
    let (story, text) = told(&life, 3_000);
    let closed = story.closed_window.expect("a closed window");
    assert_eq!((closed.probes, closed.answered), (2, 2), "{text}");
    let line = "2.000 s  the peer's window is closed: 30000 B wait in the send queue, and the persist timer sends window";
    assert!(text.contains(line), "{text}");
    assert!(
        text.contains("2 window probes were sent, all of them answered"),
        "{text}"
    );
    assert!(text.contains("the kernel does not give up"), "{text}");
    // the window opens again
    life.sighted(Instant::from_ms(2_700), seen(2_700, 0), false);
    assert!(told(&life, 3_000).0.closed_window.is_none());
}

#[test]
fn who_is_given_up_is_told_by_which_rule() {
    let text = render(&story("power-off-idle"));
    assert!(
        text.contains("the kernel gave up, 16.6 s after the peer died, by tcp_retries2 5: "),
        "{text}"
    );
    let user = [SockOpt::parse("TCP_USER_TIMEOUT", "3000").expect("an option")];
    let text = render(&story_of(
        &recording("user-timeout-data"),
        Some(user.to_vec()),
    ));
    assert!(text.contains("by TCP_USER_TIMEOUT 3 s: "), "{text}");
    let keepalive = [
        ("SO_KEEPALIVE", "1"),
        ("TCP_KEEPIDLE", "5"),
        ("TCP_KEEPINTVL", "1"),
        ("TCP_KEEPCNT", "3"),
    ];
    let options = keepalive.map(|(name, value)| SockOpt::parse(name, value).expect("an option"));
    let text = render(&story_of(
        &recording("keepalive-power-off"),
        Some(options.to_vec()),
    ));
    assert!(text.contains("by TCP_KEEPCNT 3: "), "{text}");
}
