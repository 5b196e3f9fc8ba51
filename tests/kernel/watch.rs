//! `halfopen watch` beside connections whose peer loses power: what it says of them comes true.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use halfopen::live::Private;
use halfopen::os::RealClock;
use halfopen::time::Instant;
use halfopen::watch::Row;
use halfopen::{Endpoint, TcpListener};
use socket2::SockRef;

use crate::bounded;
use crate::endpoint::open;
use crate::skip;

const SERVER: &str = "10.77.0.2:7777";

/// A connection of the kernel to the endpoint, both ends.
fn connection(listener: &TcpListener, namespace: &Private) -> (TcpStream, halfopen::TcpStream) {
    let to: SocketAddr = SERVER.parse().expect("an address");
    let stream = namespace.connect(to).expect("a connection");
    let (other_end, _) = listener.accept().expect("its other end");
    (stream, other_end)
}

/// Runs `halfopen watch` inside and gives the rows, and from when to when it looked.
fn watch(
    namespace: &Private,
    clock: &RealClock,
    arguments: &[&str],
) -> (Vec<Row>, Instant, Instant) {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).expect("a subreaper");
    let mut command = Command::new(env!("CARGO_BIN_EXE_halfopen"));
    command
        .args(["watch", "--once", "--json"])
        .args(arguments)
        .stdout(Stdio::piped());
    let from = clock.now();
    let child = namespace.run(|| command.spawn()).expect("a way in");
    let output = bounded::ended_with_output(child.expect("the program"));
    let to = clock.now();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    let rows = text.lines().map(|l| Row::from_json(l).expect("a row"));
    (rows.collect(), from, to)
}

/// Blocks in recv() until the error comes.
fn told(stream: &mut TcpStream, clock: &RealClock) -> (Instant, Option<i32>) {
    stream.set_read_timeout(None).expect("an option");
    let error = stream.read(&mut [0]).expect_err("the peer is dead");
    (clock.now(), error.raw_os_error())
}

/// Lets the real clock go on: nothing comes to read.
fn pause(stream: &mut TcpStream, ms: u64) {
    let time = Duration::from_millis(ms);
    stream.set_read_timeout(Some(time)).expect("an option");
    let error = stream.read(&mut [0]).expect_err("nothing to read");
    assert!(
        matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        "{error}"
    );
}

fn row_of<'a>(rows: &'a [Row], stream: &TcpStream) -> &'a Row {
    let local = stream.local_addr().expect("an address");
    let found = rows.iter().find(|r| r.local == local);
    found.unwrap_or_else(|| panic!("{local} is not in {rows:#?}"))
}

#[test]
fn what_watch_foretells_of_a_dead_peer_comes_true() {
    let builder = Endpoint::builder().kernel_sysctl("tcp_retries2", "3");
    let Some((endpoint, namespace)) = open(builder) else {
        return;
    };
    let listener = TcpListener::bind(&endpoint, SERVER).expect("a listener");
    let (mut data, _data_there) = connection(&listener, &namespace);
    let (mut limited, _limited_there) = connection(&listener, &namespace);
    let (idle, _idle_there) = connection(&listener, &namespace);
    let limit = Some(Duration::from_millis(3_000));
    let option = SockRef::from(&limited).set_tcp_user_timeout(limit);
    option.expect("an option");
    endpoint.power_off();
    let clock = RealClock::start();
    data.write_all(b"does anybody hear me?").expect("room");
    limited.write_all(b"and me?").expect("room");
    pause(&mut data, 1_000);
    let (rows, from, to) = watch(&namespace, &clock, &[]);

    let row = row_of(&rows, &data);
    let timer = row.timer.as_ref().expect("a timer");
    assert_eq!(
        (timer.kind.as_str(), timer.sends.as_str()),
        ("on", "retransmission 3")
    );
    assert_eq!(
        (row.retries_so_far, row.retries_left, row.backoff),
        (2, 2, 2)
    );
    assert_eq!((row.send_q_bytes, row.unacked_segments), (21, 1));
    assert_eq!(row.told.errno.as_deref(), Some("ETIMEDOUT"));
    assert!(
        row.processes.iter().any(|p| p.pid == std::process::id()),
        "{row:?}"
    );
    let row = row_of(&rows, &idle);
    assert_eq!((row.told.kind.as_str(), &row.timer), ("never", &None));
    assert!(row.told_if_it_sends.is_some());

    for stream in [&mut limited, &mut data] {
        let row = row_of(&rows, stream).clone();
        if row.options.is_none() {
            skip::because("pidfd_getfd is not allowed, so TCP_USER_TIMEOUT is not known");
            continue;
        }
        let first = Duration::from_millis(row.told.in_ms.expect("an instant"));
        let last = row.told.latest_in_ms.map_or(first, Duration::from_millis);
        let (at, errno) = told(stream, &clock);
        assert_eq!(errno, Some(110), "{row:?}");
        // two ticks, and what a busy machine adds
        let late = Duration::from_millis(60);
        let ms = |at: Instant| at.us() as f64 / 1e3;
        let said = format!(
            "told at {} ms; foretold between {} and {} ms for {first:?} to {last:?} on: {row:?}",
            ms(at),
            ms(from),
            ms(to)
        );
        assert!(from + first <= at && at <= to + last + late, "{said}");
    }
}
