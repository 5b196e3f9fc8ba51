//! The target's own parts: packets, calls, readiness, sock_diag, waiting.

use std::time::Duration;

use halfopen::call::{Addr, Call, Errno, Outcome, TcpState, TimerKind};
use halfopen::scenario::{CLIENT_PORT, PEER_IP, SERVER_PORT, SURVIVOR_IP};
use halfopen::target::Target;
use halfopen::time::{Instant, TickSpan};
use halfopen::wire::{Datagram, Flags, Payload, Segment, Seq};

use crate::by_hand::{LOCAL, REMOTE, answer, connect, linux, next_segment, socket};
use crate::skip;

#[test]
fn the_syn_is_that_of_linux() {
    let Some(mut linux) = linux(&[]) else { return };
    connect(&mut linux);
    let (_, syn) = next_segment(&mut linux, Instant::from_ms(500)).expect("a SYN at once");
    let segment = syn.segment().unwrap();
    assert_eq!((syn.src, syn.dst), (SURVIVOR_IP.into(), PEER_IP.into()));
    assert_eq!((syn.ttl, syn.dont_frag, syn.tos), (64, true, 0));
    assert_eq!(segment.flags, Flags::SYN);
    assert_eq!(segment.window, 64_240);
    let names: Vec<_> = segment.options.iter().map(|o| o.name()).collect();
    assert_eq!(names.len(), 5, "{names:?}");
    assert_eq!(segment.mss(), Some(1460));
    assert!(segment.sack_permitted());
    assert!(segment.timestamps().is_some());
    // tcp_rmem[2] of 32 MiB, which the namespace is told whatever this kernel's own is
    assert_eq!(segment.window_scale(), Some(10));
}

#[test]
fn a_refused_connection_reports_econnrefused_once() {
    let Some(mut linux) = linux(&[]) else { return };
    let id = connect(&mut linux);
    let (_, syn) = next_segment(&mut linux, Instant::from_ms(500)).expect("a SYN at once");
    assert!(!linux.readiness(id).error);
    linux.deliver(&answer(&syn, Flags::RST | Flags::ACK).emit());
    assert!(linux.readiness(id).error);
    assert_eq!(
        linux.call(Call::SoError(id)),
        Outcome::SoError(Some(Errno::ECONNREFUSED))
    );
    assert_eq!(linux.call(Call::SoError(id)), Outcome::SoError(None));
    assert_eq!(linux.connection(LOCAL, REMOTE), None);
}

#[test]
fn sock_diag_follows_a_connection_from_syn_sent_to_its_kill() {
    let Some(mut linux) = linux(&[]) else { return };
    let id = connect(&mut linux);
    let info = linux.connection(LOCAL, REMOTE).expect("a connection");
    assert_eq!((info.state, info.timer), (TcpState::SynSent, TimerKind::On));
    assert_eq!(info.rto_us, 1_000_000);
    assert!(
        (950..=1000).contains(&info.timer_ms),
        "{} ms",
        info.timer_ms
    );

    let (_, syn) = next_segment(&mut linux, Instant::from_ms(500)).expect("a SYN at once");
    linux.deliver(&answer(&syn, Flags::SYN | Flags::ACK).emit());
    let info = linux.connection(LOCAL, REMOTE).expect("a connection");
    assert_eq!(
        (info.state, info.timer),
        (TcpState::Established, TimerKind::None)
    );
    assert_eq!((info.snd_cwnd, info.snd_ssthresh), (10, i32::MAX as u32));
    // no MSS option came
    assert_eq!((info.snd_mss, info.snd_wnd), (536, 64_256));

    assert_eq!(
        linux.call(Call::Send(id, vec![7; 100])),
        Outcome::Bytes(100)
    );
    let info = linux.connection(LOCAL, REMOTE).expect("a connection");
    assert_eq!(
        (info.timer, info.wqueue, info.unacked),
        (TimerKind::On, 100, 1)
    );

    assert_eq!(linux.call(Call::Kill), Outcome::Done);
    let info = linux.connection(LOCAL, REMOTE).expect("an orphan");
    assert_eq!((info.state, info.wqueue), (TcpState::FinWait1, 101));
    assert_eq!(linux.call(Call::Recv(id, 1)), Outcome::Failed(Errno::EBADF));
}

#[test]
fn a_request_is_seen_in_syn_recv_and_accepted() {
    let Some(mut linux) = linux(&[]) else { return };
    let (survivor, peer) = (
        Addr::v4(SURVIVOR_IP.octets(), SERVER_PORT),
        Addr::v4(PEER_IP.octets(), CLIENT_PORT),
    );
    let listener = socket(&mut linux);
    linux.call(Call::Bind(listener, survivor));
    assert_eq!(linux.call(Call::Listen(listener, 16)), Outcome::Done);
    assert_eq!(
        linux.connection(survivor, peer),
        None,
        "a listener is no connection"
    );
    let mut segment = Segment {
        src_port: CLIENT_PORT,
        dst_port: SERVER_PORT,
        seq: Seq(300_000_000),
        flags: Flags::SYN,
        window: 64_256,
        ..Segment::default()
    };
    let datagram = |segment: &Segment| {
        Datagram::new(
            PEER_IP.into(),
            SURVIVOR_IP.into(),
            1,
            Payload::Tcp(segment.clone()),
        )
        .emit()
    };
    linux.deliver(&datagram(&segment));
    let (_, syn_ack) = next_segment(&mut linux, Instant::from_ms(500)).expect("a SYN-ACK at once");
    let info = linux.connection(survivor, peer).expect("a request");
    assert_eq!((info.state, info.timer), (TcpState::SynRecv, TimerKind::On));
    segment.flags = Flags::ACK;
    segment.seq += 1;
    segment.ack = syn_ack.segment().unwrap().end_seq();
    linux.deliver(&datagram(&segment));
    assert!(linux.readiness(listener).readable);
    assert!(matches!(
        linux.call(Call::Accept(listener)),
        Outcome::Socket(_)
    ));
    assert_eq!(
        linux.connection(survivor, peer).map(|i| i.state),
        Some(TcpState::Established)
    );
}

#[test]
fn a_wait_ends_when_it_should() {
    let Some(mut linux) = linux(&[]) else { return };
    let mut late_us = Vec::new();
    for _ in 0..20 {
        let until = linux.now() + Duration::from_millis(3);
        while linux.wait(until).unwrap() < until {}
        late_us.push(linux.now().since(until).as_micros());
    }
    late_us.sort_unstable();
    // a busy machine delays one or the other; half of them are on time
    assert!(late_us[10] < 1000, "lateness in us: {late_us:?}");
}

/// The first SYN retransmission comes 1 s after the SYN, in ticks, rounded up by the wheel. A busy machine stamps late,
/// so the best of three counts.
#[test]
fn the_tick_phase_predicts_the_tick_of_a_retransmission() {
    let mut seen = Vec::new();
    for _ in 0..3 {
        let Some(mut linux) = linux(&[]) else { return };
        let Some(ticks) = linux.ticks() else {
            skip::because("this kernel does not tell its jiffies");
            return;
        };
        connect(&mut linux);
        let (first, _) = next_segment(&mut linux, Instant::from_ms(900)).expect("a SYN at once");
        let (second, again) =
            next_segment(&mut linux, Instant::from_ms(3000)).expect("a second SYN after a second");
        assert_eq!(again.segment().unwrap().flags, Flags::SYN);
        let armed = ticks.jiffies(first);
        let (due, _) = ticks.fires_at(armed, armed + ticks.from_ms(1000));
        let fired = ticks.jiffies(second);
        // one tick late is what the kernel's own softirq allows itself
        if (due..=due + TickSpan::ONE).contains(&fired) {
            return;
        }
        seen.push((first, second, due, fired));
    }
    panic!("SYN, second SYN, tick in which it was due, in which it came: {seen:?}");
}

#[test]
fn sysctls_are_set_and_those_that_do_not_exist_are_noted() {
    let Some(mut linux) = linux(&[
        ("tcp_syn_linear_timeouts", "0"),
        ("tcp_no_such_sysctl", "1"),
    ]) else {
        return;
    };
    let notes = linux.notes();
    assert!(
        notes.iter().any(|n| n.contains("no tcp_no_such_sysctl")),
        "{notes:?}"
    );
    assert!(!notes.iter().any(|n| n.contains("linear")), "{notes:?}");
    // without the linear phase the third SYN comes after 2 s more, with it after 1 s more
    connect(&mut linux);
    let syns: Vec<_> =
        std::iter::from_fn(|| next_segment(&mut linux, Instant::from_ms(2700))).collect();
    assert_eq!(syns.len(), 2, "{syns:?}");
}

#[test]
fn the_caller_stays_in_its_own_namespaces() {
    let links = || {
        ["net", "user"].map(|kind| {
            std::fs::read_link(format!("/proc/thread-self/ns/{kind}")).expect("a namespace")
        })
    };
    let sysctl = || halfopen::os::sysctl_files::read("tcp_retries2").unwrap();
    let before = (links(), sysctl());
    let Some(linux) = linux(&[("tcp_retries2", "3")]) else {
        return;
    };
    assert_eq!((links(), sysctl()), before);
    assert_eq!(
        linux.notes().iter().find(|n| n.contains("tcp_retries2")),
        None
    );
    drop(linux);
    assert_eq!((links(), sysctl()), before);
}
