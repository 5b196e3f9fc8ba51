//! Endpoints that are none, or are in no state to answer: each is named, and nobody is waited for.

use std::io::Write;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::time::Duration;

use super::*;
use crate::engine::{Config, Engine};
use crate::os::RealClock;

const PATIENCE: Duration = Duration::from_millis(200);
/// Far from what is allowed, near to what a hang is.
const FAR_TOO_LONG: Duration = Duration::from_secs(20);

#[test]
fn control_sockets_are_found_once_among_others() {
    let listed = "Num       RefCount Protocol Flags    Type St Inode Path\n\
                  0000000000000000: 00000002 00000000 00010000 0001 01 1 /run/dbus/socket\n\
                  0000000000000000: 00000002 00000000 00010000 0001 01 2 @halfopen/4711\n\
                  0000000000000000: 00000003 00000000 00000000 0001 03 3 @halfopen/4711\n\
                  0000000000000000: 00000002 00000000 00010000 0001 01 4 @halfopen/x\n\
                  0000000000000000: 00000002 00000000 00010000 0001 01 6 @halfopen/04711\n\
                  0000000000000000: 00000002 00000000 00010000 0001 01 7 @halfopen/+4711\n\
                  0000000000000000: 00000002 00000000 00010000 0001 01 5\n";
    assert_eq!(names(listed), [("halfopen/4711".to_owned(), 4711)]);
}

fn own_pid() -> u32 {
    std::process::id()
}

fn me(_: u32) -> Option<u32> {
    Some(rustix::process::geteuid().as_raw())
}

/// A listener whose name ends so, in place of an endpoint's.
fn listener(what: &str) -> (UnixListener, String) {
    let name = format!("halfopen-test/{}/{what}", own_pid());
    let address = SocketAddr::from_abstract_name(name.as_bytes()).expect("an address");
    (UnixListener::bind_addr(&address).expect("a listener"), name)
}

/// Asks whatever listens there as the endpoint of this process.
fn ask(name: &str) -> (Vec<Row>, Vec<String>) {
    ask_as(name, own_pid(), me)
}

fn ask_as(name: &str, pid: u32, owner: fn(u32) -> Option<u32>) -> (Vec<Row>, Vec<String>) {
    let clock = RealClock::start();
    let answer = answers(&[(name.to_owned(), pid)], owner, PATIENCE);
    let took = Duration::from_nanos(clock.now().ns());
    assert!(took < FAR_TOO_LONG, "{took:?}");
    answer
}

/// An answer to whoever asks once, given by another thread.
fn answering(what: &str, answer: impl FnOnce(UnixStream) + Send + 'static) -> String {
    let (listener, name) = listener(what);
    std::thread::spawn(move || {
        if let Ok((stream, _)) = listener.accept() {
            answer(stream);
        }
    });
    name
}

fn a_row() -> Row {
    let mut engine = Engine::new(Config::new([10, 77, 0, 1].into()));
    let now = crate::time::Instant::from_ms(100);
    let crate::call::Outcome::Socket(socket) = engine.call(now, crate::call::Call::Socket) else {
        panic!("a socket");
    };
    engine.call(
        now,
        crate::call::Call::Connect(socket, Addr::v4([10, 77, 0, 2], 7_777)),
    );
    Row::of_engine(&engine, now).remove(0)
}

#[test]
fn who_it_is_is_seen_and_not_told() {
    let lies = Row {
        stack: Stack::Kernel,
        processes: vec![Process {
            pid: 1,
            name: "init".to_owned(),
        }],
        ..a_row()
    };
    let line = lies.to_json() + "\n";
    let name = answering("lies", move |mut s| {
        s.write_all(line.as_bytes()).expect("a reader")
    });
    // the answer comes from a thread: it is waited for as long as it takes
    let (rows, notes) = answers(&[(name, own_pid())], me, FAR_TOO_LONG);
    assert!(notes.is_empty(), "{notes:?}");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].stack, Stack::Halfopen);
    assert_eq!(rows[0].processes[0].pid, own_pid());
}

#[test]
fn who_does_not_accept_and_whose_queue_is_full_is_not_waited_for() {
    let (listener, name) = listener("stopped");
    let (rows, notes) = ask(&name);
    assert!(rows.is_empty());
    assert!(
        notes[0].contains("did not answer within 200 ms"),
        "{notes:?}"
    );
    // the queue is filled until it takes no more
    let mut waiting = Vec::new();
    while let Ok(one) = Asked::connect(&name) {
        waiting.push(one);
        assert!(waiting.len() < 100_000, "a queue without an end");
    }
    let (_, notes) = ask(&name);
    assert!(notes[0].contains("cannot be asked"), "{notes:?}");
    drop(listener);
}

#[test]
fn who_drips_is_not_waited_for() {
    let (listener, name) = listener("drips");
    std::thread::spawn(move || {
        let Ok((mut stream, _)) = listener.accept() else {
            return;
        };
        // each byte is told apart by a wait shorter than the patience; it ends when the reader goes away
        stream
            .set_read_timeout(Some(PATIENCE / 4))
            .expect("an option");
        while stream.write_all(b" ").is_ok() {
            let _ = stream.read(&mut [0]);
        }
    });
    let (rows, notes) = ask(&name);
    assert!(rows.is_empty());
    assert!(notes[0].contains("did not answer within"), "{notes:?}");
}

#[test]
fn an_answer_without_an_end_is_cut_off() {
    for (what, unit, says) in [
        ("a line", vec![b' '; 1 << 16], "a line of more than"),
        ("rows", (a_row().to_json() + "\n").into_bytes(), "too much"),
        ("nonsense", b"{}\n".to_vec(), "not a connection"),
    ] {
        let name = answering(what, move |mut s| while s.write_all(&unit).is_ok() {});
        let (rows, notes) = answers(&[(name, own_pid())], me, FAR_TOO_LONG);
        assert!(notes[0].contains(says), "{what}: {notes:?}");
        let bytes: usize = rows.iter().map(|r| r.to_json().len()).sum();
        assert!(bytes <= 2 * MOST_BYTES, "{bytes}");
    }
    let name = answering("half", |mut s| s.write_all(b"{").expect("a reader"));
    let (_, notes) = answers(&[(name, own_pid())], me, FAR_TOO_LONG);
    assert!(notes[0].contains("broke off"), "{notes:?}");
}

#[test]
fn whoever_takes_the_name_of_another_or_is_another_user_is_not_asked() {
    let (_listener, name) = listener("impostor");
    // it is this process that listens there
    let (_, notes) = ask_as(&name, 1, |_| Some(0));
    let says = format!("process {} of user", own_pid());
    assert!(
        notes[0].starts_with(&says) && notes[0].contains("process 1's"),
        "{notes:?}"
    );
    let (_, notes) = ask_as(&name, own_pid(), |_| Some(4_000_000_000));
    assert!(notes[0].contains("belongs to user 4000000000"), "{notes:?}");
    let (_, notes) = ask_as(&name, u32::MAX, owner);
    assert!(notes[0].contains("no process"), "{notes:?}");
    let of_another = PeerCredentials {
        pid: 7,
        uid: 4_000_000_000,
    };
    assert!(distrust(7, of_another).is_some());
    for uid in [0, rustix::process::geteuid().as_raw()] {
        assert_eq!(distrust(7, PeerCredentials { pid: 7, uid }), None);
    }
}
