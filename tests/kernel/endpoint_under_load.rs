//! An endpoint of the library with much to do, with nothing to do, and when all goes wrong; the kernel is the peer.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use halfopen::Endpoint;
use halfopen::call::{Errno, TcpState, TimerKind};
use halfopen::trace::Dir;
use halfopen::world::{Death, Failure};

use crate::bounded;
use crate::endpoint::{Echo, addr, open};

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn up_to(&mut self, most: u64) -> usize {
        (self.roll() % most + 1) as usize
    }
}

/// Writes `len` bytes of `seed` in pieces of any size and reads the echo in others; the reader and the writer are two
/// threads, so that both directions are full.
fn talk(stream: TcpStream, seed: u64, len: usize) {
    let bytes: Vec<u8> = {
        let mut dice = Dice(seed);
        (0..len).map(|_| dice.roll() as u8).collect()
    };
    let mut reader = stream.try_clone().unwrap();
    let mut writer = stream;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (mut dice, mut rest) = (Dice(seed + 1), &bytes[..]);
            while !rest.is_empty() {
                let n = dice.up_to(20_000).min(rest.len());
                writer.write_all(&rest[..n]).unwrap();
                rest = &rest[n..];
            }
            writer.shutdown(std::net::Shutdown::Write).unwrap();
        });
        let (mut dice, mut got, mut buffer) = (Dice(seed + 2), 0, vec![0; 30_000]);
        loop {
            let most = dice.up_to(30_000);
            match reader.read(&mut buffer[..most]).unwrap() {
                0 => break,
                n => {
                    assert!(
                        bytes[got..got + n] == buffer[..n],
                        "connection {seed} at {got}"
                    );
                    got += n;
                }
            }
        }
        assert_eq!(got, len, "connection {seed}");
    });
}

#[test]
fn many_connections_with_data_both_ways_while_the_cable_is_pulled_now_and_then() {
    let Some((endpoint, inside)) = open(Endpoint::builder()) else {
        return;
    };
    endpoint.serve(addr(7), Box::new(Echo::default())).unwrap();
    let streams: Vec<_> = (0..24).map(|_| inside.connect(addr(7)).unwrap()).collect();
    endpoint.failure(
        Failure::new(Death::Cut)
            .die_after_bytes(2_000_000)
            .back_after(Duration::from_millis(600)),
    );
    std::thread::scope(|scope| {
        for (n, stream) in streams.into_iter().enumerate() {
            let seed = 77 + 1000 * n as u64;
            scope.spawn(move || talk(stream, seed, Dice(seed).up_to(400_000)));
        }
    });
    let left = endpoint.connections();
    assert!(
        left.iter().all(|c| c.socket.is_none()),
        "the service has closed its end of each: {left:?}"
    );
}

/// CPU time of the thread called `halfopen` and how often it slept, from /proc.
fn loop_thread(endpoint: &str) -> Vec<(u64, u64)> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let read = |path: std::path::PathBuf| std::fs::read_to_string(path).unwrap_or_default();
    let own = tasks.filter(|t| read(t.path().join("comm")).trim() == endpoint);
    own.map(|task| {
        let stat = read(task.path().join("schedstat"));
        let cpu_ns = stat.split(' ').next().and_then(|n| n.parse().ok());
        let status = read(task.path().join("status"));
        let switches = status
            .lines()
            .find_map(|l| l.strip_prefix("voluntary_ctxt_switches:"));
        let switches = switches.and_then(|n| n.trim().parse().ok());
        (cpu_ns.unwrap_or(0), switches.unwrap_or(0))
    })
    .collect()
}

/// Not a test but what the one below looks at, in a process of its own: an endpoint with idle connections, and a line
/// when it is at rest.
#[test]
#[ignore = "started by an_idle_endpoint_uses_no_cpu"]
fn idle() {
    let Some((endpoint, inside)) = open(Endpoint::builder()) else {
        return;
    };
    endpoint.serve(addr(7), Box::new(Echo::default())).unwrap();
    let mut clients: Vec<_> = (0..100).map(|_| inside.connect(addr(7)).unwrap()).collect();
    for client in &mut clients {
        client.write_all(b"x").unwrap();
        client.read_exact(&mut [0]).unwrap();
    }
    // delayed ACKs and what the kernel sends on a new interface are over
    endpoint.pause(Duration::from_secs(1));
    let before = loop_thread("halfopen");
    endpoint.pause(Duration::from_secs(2));
    let after = loop_thread("halfopen");
    println!("\nidle {before:?} {after:?}");
    let ([(cpu, slept)], [(cpu_after, slept_after)]) = (&before[..], &after[..]) else {
        panic!("one loop thread: {before:?} {after:?}");
    };
    assert!(
        slept_after - slept <= 2,
        "it woke for nothing: {before:?} {after:?}"
    );
    assert!(
        cpu_after - cpu < 2_000_000,
        "ns of CPU: {before:?} {after:?}"
    );
}

#[test]
fn an_idle_endpoint_uses_no_cpu() {
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    again.args([
        "--exact",
        "endpoint_under_load::idle",
        "--ignored",
        "--nocapture",
    ]);
    let out = bounded::output(&mut again);
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(
        out.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&out.stderr)
    );
    println!("{text}");
}

#[test]
fn a_frozen_process_closes_its_window_and_is_probed() {
    let Some((endpoint, inside)) = open(Endpoint::builder()) else {
        return;
    };
    endpoint.serve(addr(7), Box::new(Echo::default())).unwrap();
    let mut client = inside.connect(addr(7)).unwrap();
    endpoint.freeze();
    client.set_nonblocking(true).unwrap();
    let mut sent = 0_usize;
    // until neither the endpoint nor the kernel takes any more
    loop {
        match client.write(&[7; 65_536]) {
            Ok(n) => sent += n,
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                endpoint.pause(Duration::from_millis(300));
                match client.write(&[7]) {
                    Ok(n) => sent += n,
                    Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                    Err(e) => panic!("{e}"),
                }
            }
            Err(e) => panic!("{e}"),
        }
    }
    let [full] = &endpoint.connections()[..] else {
        panic!("one connection")
    };
    assert!(
        full.info.rqueue > 50_000,
        "received and not read: {:?}",
        full.info
    );
    let mut diag = inside.diag;
    let (local, remote) = (client.local_addr().unwrap(), addr(7));
    let to = |a: std::net::SocketAddr| halfopen::call::Addr {
        ip: a.ip(),
        port: a.port(),
    };
    endpoint.pause(Duration::from_millis(700));
    let kernel = diag.connection(to(local), to(remote)).unwrap().unwrap();
    assert_eq!(kernel.timer, TimerKind::Persist, "{kernel:?}");
    assert!(kernel.probes > 0 || kernel.timer_retrans > 0, "{kernel:?}");
    assert_eq!(kernel.state, TcpState::Established);
    endpoint.thaw();
    client.set_nonblocking(false).unwrap();
    let mut echo = vec![0; sent];
    client.read_exact(&mut echo).unwrap();
    assert!(echo.iter().all(|b| *b == 7));
}

#[test]
fn a_connection_that_is_cut_for_some_seconds_goes_on_where_it_was() {
    let Some((endpoint, inside)) = open(Endpoint::builder()) else {
        return;
    };
    let counted = std::sync::Arc::new(std::sync::Mutex::new(0));
    struct Count(std::sync::Arc<std::sync::Mutex<u32>>);
    impl halfopen::world::Tap for Count {
        fn packet(&mut self, _: halfopen::time::Instant, dir: Dir, _: &[u8], _: Option<&str>) {
            *self.0.lock().unwrap() += u32::from(dir == Dir::Out);
        }
    }
    endpoint.serve(addr(7), Box::new(Echo::default())).unwrap();
    let mut client = inside.connect(addr(7)).unwrap();
    endpoint.cut();
    endpoint.tap(Box::new(Count(counted.clone())));
    client.write_all(b"through the cut").unwrap();
    endpoint.pause(Duration::from_secs(3));
    assert!(
        *counted.lock().unwrap() >= 4,
        "the kernel tried again and again"
    );
    endpoint.restore();
    let mut got = [0; 15];
    client.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"through the cut");
    drop(client);
    let gone = inside.connect(addr(8)).unwrap_err();
    assert_eq!(gone.raw_os_error(), Some(Errno::ECONNREFUSED as i32));
}
