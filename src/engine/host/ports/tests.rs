//! The choice of local ports: where it falls, what it spares, when it ends.

use std::collections::BTreeSet;

use super::*;
use crate::call::{Call, Errno, Outcome, SocketId};
use crate::engine::netns::siphash::Secrets;
use crate::engine::{Config, Engine};
use crate::time::Instant;

const LOCAL: [u8; 4] = [10, 77, 0, 1];

fn sysctl(range: [u16; 2], reserved: &[[u16; 2]]) -> Sysctl {
    let mut sysctl = Sysctl {
        ip_local_port_range: range,
        ..Sysctl::default()
    };
    sysctl.ip_local_reserved_ports[..reserved.len()].copy_from_slice(reserved);
    sysctl
}

fn ports(seed: u64) -> Ports {
    Ports::new(Secrets::new(seed).port, seed)
}

fn choose(ports: &mut Ports, sysctl: &Sysctl, host: u8) -> Option<u16> {
    let remote = Addr::v4([10, 77, 0, host], 80);
    ports.for_connect(sysctl, Addr::v4(LOCAL, 0), remote, |_| true)
}

#[test]
fn the_same_seed_chooses_the_same_ports_and_another_does_not() {
    let knobs = Sysctl::default();
    let row = |seed| {
        let mut ports = ports(seed);
        (0..20)
            .map(|_| choose(&mut ports, &knobs, 2))
            .collect::<Vec<_>>()
    };
    assert_eq!(row(1), row(1));
    assert_ne!(row(1), row(2));
}

#[test]
fn connect_takes_even_ports_that_move_on_and_do_not_repeat_soon() {
    let (mut ports, knobs) = (ports(1), Sysctl::default());
    let chosen: Vec<u16> = (0..1_000)
        .filter_map(|_| choose(&mut ports, &knobs, 2))
        .collect();
    let distinct: BTreeSet<u16> = chosen.iter().copied().collect();
    assert_eq!(
        distinct.len(),
        1_000,
        "a counter does not come back so soon"
    );
    assert!(
        chosen
            .iter()
            .all(|p| p % 2 == 0 && (32_768..=60_999).contains(p))
    );
    let steps: BTreeSet<u16> = chosen.windows(2).map(|w| w[1].wrapping_sub(w[0])).collect();
    assert!(steps.len() > 3, "the step is not to be foreseen: {steps:?}");
}

#[test]
fn the_first_ports_of_many_destinations_are_spread_evenly() {
    let (mut ports, knobs) = (ports(3), Sysctl::default());
    let mut eighths = [0; 8];
    for n in 0..4_000_u16 {
        let remote = Addr::v4([10, 78, (n >> 8) as u8, n as u8], 443);
        let port = ports.for_connect(&knobs, Addr::v4(LOCAL, 0), remote, |_| true);
        let at = u32::from(port.expect("a port") - 32_768) * 8 / 28_232;
        eighths[at as usize] += 1;
    }
    // 500 each, and a standard deviation of 21
    assert!(
        eighths.iter().all(|n| (400..600).contains(n)),
        "{eighths:?}"
    );
}

#[test]
fn every_port_is_found_before_there_is_none_and_the_odd_ones_last() {
    let (mut ports, knobs) = (ports(1), sysctl([50_000, 50_009], &[[50_003, 50_004]]));
    ports.take(50_006);
    let mut taken = Vec::new();
    let remote = Addr::v4([10, 77, 0, 2], 80);
    while let Some(port) =
        ports.for_connect(&knobs, Addr::v4(LOCAL, 0), remote, |p| !taken.contains(&p))
    {
        taken.push(port);
    }
    let (even, odd) = taken.split_at(3);
    assert!(even.iter().all(|p| p % 2 == 0) && odd.iter().all(|p| p % 2 == 1));
    taken.sort_unstable();
    assert_eq!(
        taken,
        [50_000, 50_001, 50_002, 50_005, 50_007, 50_008, 50_009]
    );
    ports.give_back(50_006);
    let again = ports.for_connect(&knobs, Addr::v4(LOCAL, 0), remote, |p| !taken.contains(&p));
    assert_eq!(again, Some(50_006));
}

#[test]
fn a_range_of_one_port_is_one_port() {
    let knobs = sysctl([50_001, 50_001], &[]);
    assert_eq!(choose(&mut ports(1), &knobs, 2), Some(50_001));
    assert_eq!(ports(1).for_bind(&knobs), Some(50_001));
}

#[test]
fn bind_takes_odd_ports_first_and_shares_none() {
    let (mut ports, knobs) = (ports(1), sysctl([50_000, 50_007], &[]));
    let mut taken = Vec::new();
    while let Some(port) = ports.for_bind(&knobs) {
        ports.take(port);
        taken.push(port);
    }
    assert_eq!(taken.len(), 8);
    assert!(taken[..4].iter().all(|p| p % 2 == 1), "{taken:?}");
}

fn socket(engine: &mut Engine) -> SocketId {
    match engine.call(Instant::ZERO, Call::Socket) {
        Outcome::Socket(socket) => socket,
        other => panic!("{other:?}"),
    }
}

#[test]
fn connect_without_a_port_left_says_so_and_another_destination_still_can() {
    let mut config = Config::new(LOCAL.into());
    config.sysctl = sysctl([50_000, 50_003], &[]);
    let mut engine = Engine::new(config);
    let mut connect = |host| {
        let socket = socket(&mut engine);
        engine.call(
            Instant::ZERO,
            Call::Connect(socket, Addr::v4([10, 77, 0, host], 80)),
        )
    };
    for _ in 0..4 {
        assert_eq!(connect(2), Outcome::InProgress);
    }
    assert_eq!(connect(2), Outcome::Failed(Errno::EADDRNOTAVAIL));
    assert_eq!(connect(3), Outcome::InProgress);
}

#[test]
fn a_port_is_bound_once_by_a_listener_and_free_after_close() {
    let mut engine = Engine::new(Config::new(LOCAL.into()));
    let (first, second) = (socket(&mut engine), socket(&mut engine));
    let at = |ip, port| Addr::v4(ip, port);
    let mut call = |call| engine.call(Instant::ZERO, call);
    let in_use = Outcome::Failed(Errno::EADDRINUSE);
    assert_eq!(call(Call::Bind(first, at([0; 4], 80))), Outcome::Done);
    assert_eq!(
        call(Call::Bind(first, at([0; 4], 81))),
        Outcome::Failed(Errno::EINVAL)
    );
    assert_eq!(call(Call::Listen(first, 1)), Outcome::Done);
    assert_eq!(call(Call::Bind(second, at(LOCAL, 80))), in_use);
    let elsewhere = Outcome::Failed(Errno::EADDRNOTAVAIL);
    assert_eq!(call(Call::Bind(second, at([10, 1, 1, 1], 80))), elsewhere);
    assert_eq!(call(Call::Close(first)), Outcome::Done);
    assert_eq!(call(Call::Bind(second, at(LOCAL, 80))), Outcome::Done);
}
