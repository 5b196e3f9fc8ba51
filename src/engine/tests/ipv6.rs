//! Over IPv6 a connection lives and dies as over IPv4; what differs is stated here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::lab::{A, F, FAR, FAR_ISN, FAR_PORT, HOST, HOST_PORT, ISN, Lab, P, S, seg, text};
use crate::call::{Addr, Call, Errno, Outcome, TcpState};
use crate::engine::{Config, Engine};
use crate::sockopt::OptName;
use crate::sysctl::Sysctl;
use crate::time::{Instant, Ticks};
use crate::wire::{Datagram, Flags, Icmp, Options, Payload, Segment, Seq, TcpOption};

const HOST6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 1));
const FAR6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 2));

fn ends(v6: bool) -> (IpAddr, IpAddr) {
    match v6 {
        true => (HOST6, FAR6),
        false => (HOST.into(), FAR.into()),
    }
}

/// The same MSS on both: the larger header is made up for by the MTU.
fn lab(v6: bool, sysctl: Sysctl) -> Lab {
    let (host, far) = ends(v6);
    Lab::between(host, far, sysctl, Ticks::default(), |config| {
        config.mtu = if v6 { 1_520 } else { 1_500 };
    })
}

/// What a dead peer's survivor does: packets with their instants and causes, and the end.
fn death(v6: bool, what: fn(&mut Lab)) -> (Vec<String>, Option<Errno>) {
    let mut lab = lab(v6, Sysctl::default());
    lab.open_after(20_000);
    what(&mut lab);
    lab.run_until_gone(Duration::from_secs(20_000));
    let lines = lab
        .take_out()
        .iter()
        .map(|o| format!("{:?} {} {}", o.at, text(&o.segment), o.cause))
        .collect();
    (lines, lab.so_error())
}

#[test]
fn a_connection_dies_as_over_ipv4_packet_by_packet() {
    let lives: [fn(&mut Lab); 4] = [
        |lab| lab.send(100),
        |lab| lab.send(30_000),
        |lab| {
            lab.set(OptName::SO_KEEPALIVE, 1);
        },
        |lab| {
            lab.inject(seg(A | P, 1, 1).len(500));
            lab.call(Call::Close(lab.socket));
        },
    ];
    for (n, life) in lives.into_iter().enumerate() {
        let (four, six) = (death(false, life), death(true, life));
        assert!(!four.0.is_empty(), "{n}");
        assert_eq!(four, six, "{n}");
    }
}

#[test]
fn the_mss_leaves_room_for_the_larger_header() {
    for (v6, mtu, announced, sent) in [
        (false, 1_500, 1_460, 1_448),
        (true, 1_500, 1_440, 1_428),
        (true, 9_000, 8_940, 8_928),
        (false, 100, 256, 48),
        (true, 1_000, 1_220, 928),
    ] {
        let (host, far) = ends(v6);
        let mut lab = Lab::between(host, far, Sysctl::default(), Ticks::default(), |c| {
            c.mtu = mtu;
        });
        lab.offer.mss = 60_000;
        lab.open();
        lab.send(20_000);
        let out = lab.take_out();
        assert_eq!(out[0].segment.mss(), Some(announced), "{v6} {mtu}");
        let largest = out.iter().map(|o| o.segment.payload.len()).max();
        assert_eq!(largest, Some(sent), "{v6} {mtu}");
    }
}

#[test]
fn a_peer_without_an_mss_option_gets_what_every_link_carries() {
    for (v6, expected) in [(false, 536), (true, 1_220)] {
        let mut lab = lab(v6, Sysctl::default());
        lab.connect();
        lab.inject(seg(S | A, 0, 1));
        assert_eq!(lab.info().unwrap().snd_mss, expected - 12, "{v6}");
    }
}

#[test]
fn the_flow_label_changes_with_each_timeout_and_only_then() {
    let mut lab = lab(true, Sysctl::default());
    lab.open_after(20_000);
    lab.send(100);
    lab.run_ms(4_000);
    let out = lab.take_out();
    let labels: Vec<(bool, u32)> = out
        .iter()
        .map(|o| (o.cause.to_string().contains("RTO"), o.flow_label))
        .collect();
    let timeouts = labels.iter().filter(|l| l.0).count();
    assert!(timeouts >= 3 && out.len() > timeouts + 1, "{labels:?}");
    for pair in labels.windows(2) {
        assert_eq!(pair[0].1 != pair[1].1, pair[1].0, "{labels:?}");
    }
    assert!(labels.iter().all(|l| l.1 > 0 && l.1 <= 0xf_ffff));
}

#[test]
fn data_that_comes_again_by_another_path_is_answered_by_another_one() {
    let mut lab = lab(true, Sysctl::default());
    lab.open();
    lab.take_out();
    for (flow_label, changes) in [(7, false), (7, false), (8, true), (8, false), (9, true)] {
        let segment = Segment {
            src_port: FAR_PORT,
            dst_port: HOST_PORT,
            seq: FAR_ISN + 1,
            ack: ISN + 1,
            flags: A,
            window: 500,
            options: Options::default(),
            payload: vec![1; 100].into(),
            urgent: 0,
        };
        let mut datagram = Datagram::new(FAR6, HOST6, 0, Payload::Tcp(segment));
        datagram.flow_label = flow_label;
        let before = lab.out.last().map(|o| o.flow_label);
        lab.arrive(&datagram);
        lab.run_ms(100);
        let after = lab.out.last().map(|o| o.flow_label);
        if before.is_some() {
            assert_eq!(before != after, changes, "{flow_label}");
        }
    }
}

fn icmp(lab: &mut Lab, kind: u8, code: u8, rest: u32, quoted: &Segment) {
    let (host, far) = lab.ends;
    let quoted = Datagram::new(host, far, 1, Payload::Tcp(quoted.clone())).emit();
    let icmp = Icmp::error(kind, code, rest, &quoted);
    lab.arrive(&Datagram::new(far, host, 1, Payload::Icmp(icmp)));
}

#[test]
fn icmp_errors_have_the_kernels_errno() {
    use Errno::*;
    let table: &[(bool, u8, u8, Option<Errno>)] = &[
        (false, 3, 0, Some(ENETUNREACH)),
        (false, 3, 1, Some(EHOSTUNREACH)),
        (false, 3, 3, Some(ECONNREFUSED)),
        (false, 3, 4, None),
        (false, 3, 13, Some(EHOSTUNREACH)),
        (false, 11, 0, Some(EHOSTUNREACH)),
        (false, 12, 0, Some(EPROTO)),
        (false, 1, 0, None),
        (true, 1, 0, Some(ENETUNREACH)),
        (true, 1, 1, Some(EACCES)),
        (true, 1, 2, Some(EHOSTUNREACH)),
        (true, 1, 3, Some(EHOSTUNREACH)),
        (true, 1, 4, Some(ECONNREFUSED)),
        (true, 1, 5, Some(EACCES)),
        (true, 1, 6, Some(EACCES)),
        (true, 1, 7, Some(EPROTO)),
        (true, 2, 0, None),
        (true, 3, 0, Some(EHOSTUNREACH)),
        (true, 4, 1, Some(EPROTO)),
        (true, 11, 0, None),
        (true, 128, 0, None),
    ];
    for (v6, kind, code, errno) in table {
        let mut lab = lab(*v6, Sysctl::default());
        lab.connect();
        let syn = lab.out[0].segment.clone();
        icmp(&mut lab, *kind, *code, 1_400, &syn);
        assert_eq!(lab.so_error(), *errno, "v6 {v6}: {kind}/{code}");
    }
}

#[test]
fn a_doubling_is_taken_back_where_there_is_no_route() {
    // over IPv6 only for "no route": an address that cannot be reached is not one
    for (v6, kind, code, taken_back) in [
        (false, 3, 0, true),
        (false, 3, 1, true),
        (false, 3, 3, false),
        (true, 1, 0, true),
        (true, 1, 3, false),
        (true, 3, 0, false),
    ] {
        let mut lab = lab(v6, Sysctl::default());
        lab.open_after(20_000);
        lab.send(100);
        lab.run_ms(4_000);
        let before = lab.info().unwrap().backoff;
        assert!(before >= 2);
        let last = lab.out.last().unwrap().segment.clone();
        icmp(&mut lab, kind, code, 0, &last);
        let after = lab.info().unwrap().backoff;
        assert_eq!(
            before - after,
            u32::from(taken_back),
            "v6 {v6}: {kind}/{code}"
        );
    }
}

#[test]
fn a_packet_that_was_too_big_is_sent_again_in_smaller_ones() {
    for (v6, kind, code, mtu, mss) in [
        (false, 3, 4, 1_400, 1_348),
        (false, 3, 4, 300, 500),
        (true, 2, 0, 1_400, 1_328),
    ] {
        let mut lab = lab(v6, Sysctl::default());
        lab.open_after(20_000);
        lab.send(5_000);
        let first = lab.take_out();
        assert_eq!(first[0].segment.payload.len(), 1_448);
        icmp(&mut lab, kind, code, mtu, &first[0].segment);
        let again = lab.take_out();
        assert_eq!(lab.info().unwrap().snd_mss, mss, "v6 {v6}");
        assert_eq!(again[0].segment.seq, ISN + 1);
        assert_eq!(again[0].segment.payload.len(), mss as usize);
        // the same news again is none, and neither is an MTU that was known to do
        icmp(&mut lab, kind, code, mtu, &first[0].segment);
        icmp(&mut lab, kind, code, 1_500, &first[0].segment);
        assert!(lab.take_out().is_empty());
        // after ten minutes a larger packet is tried again
        lab.inject(seg(A, 1, 5_001));
        lab.run_for(Duration::from_secs(599));
        lab.send(100);
        assert_eq!(lab.info().unwrap().snd_mss, mss);
        lab.inject(seg(A, 1, 5_101));
        lab.run_for(Duration::from_secs(2));
        lab.send(100);
        assert_eq!(lab.info().unwrap().snd_mss, 1_448);
    }
}

#[test]
fn a_packet_too_big_that_no_link_could_have_sent_is_ignored() {
    let mut lab = lab(true, Sysctl::default());
    lab.open_after(20_000);
    lab.send(5_000);
    let first = lab.take_out();
    icmp(&mut lab, 2, 0, 1_279, &first[0].segment);
    assert!(lab.take_out().is_empty());
    assert_eq!(lab.info().unwrap().snd_mss, 1_448);
}

fn engine() -> Engine {
    let mut config = Config::new(HOST.into());
    config.addrs = vec![HOST.into(), HOST6];
    Engine::new(config)
}

fn listen(engine: &mut Engine, at: Addr) -> Outcome {
    let Outcome::Socket(socket) = engine.call(Instant::ZERO, Call::Socket) else {
        panic!("no socket");
    };
    match engine.call(Instant::ZERO, Call::Bind(socket, at)) {
        Outcome::Done => engine.call(Instant::ZERO, Call::Listen(socket, 5)),
        refused => refused,
    }
}

fn answer(engine: &mut Engine, from: IpAddr, to: IpAddr) -> Option<Datagram> {
    let syn = Segment {
        src_port: 1_000,
        dst_port: 80,
        flags: S,
        window: 1_000,
        options: [TcpOption::Mss(1_440)].into(),
        ..Segment::default()
    };
    let syn = Datagram::new(from, to, 1, Payload::Tcp(syn));
    engine.on_packet(Instant::ZERO, &syn);
    Some(engine.poll_transmit(Instant::ZERO)?.datagram)
}

#[test]
fn a_listener_hears_its_address_its_version_or_both() {
    let any4: IpAddr = Ipv4Addr::UNSPECIFIED.into();
    let any6: IpAddr = Ipv6Addr::UNSPECIFIED.into();
    let host4: IpAddr = HOST.into();
    for (at, hears4, hears6) in [
        (host4, true, false),
        (any4, true, false),
        (HOST6, false, true),
        (any6, true, true),
    ] {
        let mut engine = engine();
        assert_eq!(listen(&mut engine, Addr::new(at, 80)), Outcome::Done);
        for (from, to, hears) in [(FAR.into(), host4, hears4), (FAR6, HOST6, hears6)] {
            let answer = answer(&mut engine, from, to).unwrap();
            assert_eq!((answer.src, answer.dst), (to, from));
            let flags = answer.segment().unwrap().flags;
            let expected = if hears { S | A } else { Flags::RST | A };
            assert_eq!(flags, expected, "{at} {to}");
            assert_eq!(answer.flow_label > 0, to.is_ipv6());
            assert_eq!(answer.ident, 0);
        }
        // one port, one listener: :: stands in the way of both versions
        let refused = Outcome::Failed(Errno::EADDRINUSE);
        assert_eq!(listen(&mut engine, Addr::new(any6, 80)), refused);
        let other = if at.is_ipv6() { host4 } else { HOST6 };
        let expected = if at == any6 { refused } else { Outcome::Done };
        assert_eq!(listen(&mut engine, Addr::new(other, 80)), expected, "{at}");
    }
    let strange = Addr::new(FAR6, 80);
    let refused = Outcome::Failed(Errno::EADDRNOTAVAIL);
    assert_eq!(listen(&mut engine(), strange), refused);
}

#[test]
fn the_source_is_of_the_destinations_version() {
    let mut engine = engine();
    for (far, host) in [(FAR.into(), HOST.into()), (FAR6, HOST6)] {
        let Outcome::Socket(socket) = engine.call(Instant::ZERO, Call::Socket) else {
            panic!("no socket");
        };
        let connect = Call::Connect(socket, Addr::new(far, 80));
        engine.call(Instant::ZERO, connect);
        let syn = engine.poll_transmit(Instant::ZERO).unwrap().datagram;
        assert_eq!((syn.src, syn.dst), (host, far));
    }
    let mut only4 = Engine::new(Config::new(HOST.into()));
    let Outcome::Socket(socket) = only4.call(Instant::ZERO, Call::Socket) else {
        panic!("no socket");
    };
    let connect = Call::Connect(socket, Addr::new(FAR6, 80));
    let refused = Outcome::Failed(Errno::ENETUNREACH);
    assert_eq!(only4.call(Instant::ZERO, connect), refused);
}

#[test]
fn a_close_in_both_directions_works() {
    let mut lab = lab(true, Sysctl::default());
    lab.open();
    lab.send(10);
    lab.call(Call::ShutdownWrite(lab.socket));
    lab.inject(seg(A | F, 1, 12));
    assert_eq!(lab.info().unwrap().state, TcpState::TimeWait);
    let fin = lab.out.last().unwrap();
    assert_eq!(fin.segment.ack, FAR_ISN + 2);
    assert_ne!(fin.segment.seq, Seq(0));
}
