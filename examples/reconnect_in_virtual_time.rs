//! An application's reconnect logic, tested in virtual time: both ends in memory, no privileges, the same result every
//! time.
//!
//! The server loses power 10 s after the start and has rebooted at 40 s. The client sends a request every second. After
//! an error it connects again, each time after a longer pause. How long does it get no answers? That depends on when TCP
//! reports the error, and so on the timeouts that the client has set.
//! tells it, and so on what it set.
//!
//! `cargo run --example reconnect_in_virtual_time`

use std::io::{Read, Write};
use std::time::Duration;

use halfopen::service::Echo;
use halfopen::{Endpoint, TcpStream, World};

const SERVER: &str = "10.77.0.2:7";
const DIES: Duration = Duration::from_secs(10);
const IS_BACK: Duration = Duration::from_secs(40);
const END: Duration = Duration::from_secs(120);

/// The longest time that the application waits for an answer, and for a connection.
#[derive(Clone, Copy, Default)]
pub(crate) struct Timeout {
    pub(crate) answer: Option<Duration>,
    pub(crate) connect: Option<Duration>,
}

/// When the client got its answers, and the errors that it got.
#[derive(Default)]
pub(crate) struct Journal {
    pub(crate) answers: Vec<Duration>,
    pub(crate) errors: Vec<(Duration, String)>,
}

impl Journal {
    /// Returns when the longest time between two answers began and ended.
    pub(crate) fn outage(&self) -> (Duration, Duration) {
        let pairs = self.answers.windows(2).map(|p| (p[0], p[1]));
        pairs
            .max_by_key(|(from, to)| *to - *from)
            .unwrap_or_default()
    }
}

fn time(endpoint: &Endpoint) -> Duration {
    Duration::from_nanos(endpoint.now().ns())
}

/// The logic under test. It does not know about virtual time: the same code runs on a real endpoint.
fn client(endpoint: &Endpoint, timeout: Timeout) -> Journal {
    let mut journal = Journal::default();
    let mut pause = Duration::from_millis(100);
    while time(endpoint) < END {
        if let Err(error) = session(endpoint, timeout, &mut journal, &mut pause) {
            journal.errors.push((time(endpoint), error.to_string()));
            endpoint.pause(pause);
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }
    journal
}

/// Uses one connection until an error or the end.
fn session(
    endpoint: &Endpoint,
    timeout: Timeout,
    journal: &mut Journal,
    pause: &mut Duration,
) -> std::io::Result<()> {
    let mut stream = match timeout.connect {
        Some(longest) => {
            TcpStream::connect_timeout(endpoint, &SERVER.parse().expect("an address"), longest)?
        }
        None => TcpStream::connect(endpoint, SERVER)?,
    };
    stream.set_read_timeout(timeout.answer)?;
    while time(endpoint) < END {
        stream.write_all(b"still there?")?;
        stream.read_exact(&mut [0; 12])?;
        journal.answers.push(time(endpoint));
        // it works again: the next error is a new one
        *pause = Duration::from_millis(100);
        endpoint.pause(Duration::from_secs(1));
    }
    Ok(())
}

/// Runs two hosts, the server's failure, and the client's two minutes.
pub(crate) fn live_through(timeout: Timeout) -> std::io::Result<Journal> {
    let mut world = World::new();
    let (ours, theirs) = world.endpoints();
    let address = SERVER.parse().expect("an address");
    theirs.serve(address, Box::new(Echo::default()))?;
    let server = theirs.clone();
    world.at(DIES, move || server.power_off());
    // the server has rebooted: its service runs again, and it knows no connection
    world.at(IS_BACK, move || theirs.power_on());
    let journal = world.spawn(move || Ok(client(&ours, timeout)));
    world.run();
    journal.result()
}

fn main() -> std::io::Result<()> {
    let two_seconds = Some(Duration::from_secs(2));
    let patient = Timeout::default();
    let impatient = Timeout {
        answer: two_seconds,
        connect: two_seconds,
    };
    for (who, timeout) in [
        ("waits as long as TCP does", patient),
        ("waits 2 s", impatient),
    ] {
        let journal = live_through(timeout)?;
        let (from, to) = journal.outage();
        println!(
            "who {who}: no answers from {:.1} s to {:.1} s; {} errors",
            from.as_secs_f64(),
            to.as_secs_f64(),
            journal.errors.len()
        );
        for (at, error) in &journal.errors {
            println!("    {:7.3} s {error}", at.as_secs_f64());
        }
    }
    Ok(())
}
