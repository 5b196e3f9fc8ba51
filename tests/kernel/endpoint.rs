//! The endpoint library behind a TUN: sockets of this kernel talk to it, it dies, the kernel notices.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use halfopen::call::{Errno, Readiness, SocketId, TcpState};
use halfopen::live::{Builder, Private};
use halfopen::os::EndpointError;
use halfopen::world::{Death, Failure, Net, Service};
use halfopen::{Endpoint, TcpListener, TcpStream};

use crate::bounded;
use crate::skip;

pub(crate) fn open(builder: Builder) -> Option<(Endpoint, Private)> {
    bounded::begin();
    match builder.open_private() {
        Ok(opened) => Some(opened),
        Err(EndpointError::Unavailable(why)) => {
            skip::no_kernel(why);
            None
        }
        Err(e) => panic!("{e}"),
    }
}

pub(crate) fn addr(port: u16) -> SocketAddr {
    SocketAddr::from(([10, 77, 0, 2], port))
}

/// Sends back what comes; what finds no room waits.
#[derive(Default)]
pub(crate) struct Echo {
    waiting: std::collections::BTreeMap<SocketId, Vec<u8>>,
}

impl Service for Echo {
    fn accepted(&mut self, _: &mut Net<'_>, socket: SocketId) {
        self.waiting.insert(socket, Vec::new());
    }

    fn ready(&mut self, net: &mut Net<'_>, socket: SocketId, _: Readiness) {
        let waiting = self.waiting.entry(socket).or_default();
        let mut buffer = [0; 16_384];
        loop {
            if !waiting.is_empty() {
                match net.write(socket, waiting) {
                    Ok(n) => drop(waiting.drain(..n)),
                    Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                    Err(_) => break,
                }
                continue;
            }
            match net.read(socket, &mut buffer) {
                Ok(0) => break,
                Ok(n) => waiting.extend(&buffer[..n]),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                Err(_) => break,
            }
        }
        self.waiting.remove(&socket);
        net.close(socket);
    }

    fn power_lost(&mut self) {
        self.waiting.clear();
    }
}

fn errno(error: &std::io::Error) -> Option<Errno> {
    Errno::from_number(error.raw_os_error()?)
}

#[test]
fn a_kernel_socket_talks_to_a_listener_of_ours() {
    let Some((endpoint, inside)) = open(Endpoint::builder()) else {
        return;
    };
    let listener = TcpListener::bind(&endpoint, "10.77.0.2:7777").unwrap();
    let mut client = inside.connect(addr(7777)).unwrap();
    let (mut server, peer) = listener.accept().unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
    assert_eq!(server.peer_addr().unwrap(), peer);
    client.write_all(b"hello").unwrap();
    let mut got = [0; 5];
    server.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"hello");
    server.write_all(b"to you").unwrap();
    drop(server);
    let mut all = String::new();
    client.read_to_string(&mut all).unwrap();
    assert_eq!(all, "to you");
}

#[test]
fn a_stream_of_ours_talks_to_a_kernel_listener() {
    let Some((endpoint, inside)) = open(Endpoint::builder()) else {
        return;
    };
    let listener = inside.listen("10.77.0.1:80".parse().unwrap()).unwrap();
    let mut ours = TcpStream::connect(&endpoint, "10.77.0.1:80").unwrap();
    let (mut theirs, peer) = listener.accept().unwrap();
    assert_eq!(peer, ours.local_addr().unwrap());
    ours.set_read_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    assert_eq!(
        ours.read(&mut [0]).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    ours.set_nonblocking(true).unwrap();
    assert_eq!(
        ours.read(&mut [0]).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    ours.set_nonblocking(false).unwrap();
    ours.set_read_timeout(None).unwrap();
    theirs.write_all(b"hi").unwrap();
    ours.read_exact(&mut [0; 2]).unwrap();
    assert_eq!(ours.info().unwrap().state, TcpState::Established);
    // a megabyte, of which most must wait for room
    let megabyte: Vec<u8> = (0..1 << 20).map(|n: u32| (n >> 7) as u8).collect();
    let sent = megabyte.clone();
    let writer = std::thread::spawn(move || ours.write_all(&sent));
    let mut got = Vec::new();
    theirs.read_to_end(&mut got).unwrap();
    writer.join().unwrap().unwrap();
    assert!(got == megabyte);
    let refused = TcpStream::connect(&endpoint, "10.77.0.1:81").unwrap_err();
    assert_eq!(errno(&refused), Some(Errno::ECONNREFUSED));
}

#[test]
fn a_service_serves_many_connections_without_a_thread_for_each() {
    let Some((endpoint, inside)) = open(Endpoint::builder()) else {
        return;
    };
    endpoint.serve(addr(7), Box::new(Echo::default())).unwrap();
    let mut clients: Vec<_> = (0..20).map(|_| inside.connect(addr(7)).unwrap()).collect();
    for (n, client) in clients.iter_mut().enumerate() {
        client.write_all(&[n as u8; 100]).unwrap();
    }
    for (n, client) in clients.iter_mut().enumerate() {
        let mut got = [0; 100];
        client.read_exact(&mut got).unwrap();
        assert_eq!(got, [n as u8; 100]);
    }
    assert_eq!(endpoint.connections().len(), 20);
}

#[test]
fn power_off_is_silence_and_power_on_is_a_reset() {
    let builder = Endpoint::builder().kernel_sysctl("tcp_retries2", "3");
    let Some((endpoint, inside)) = open(builder) else {
        return;
    };
    endpoint.serve(addr(7), Box::new(Echo::default())).unwrap();
    let listener = TcpListener::bind(&endpoint, "10.77.0.2:8").unwrap();
    let connect = || inside.connect(addr(7)).unwrap();
    let (mut first, mut second) = (connect(), connect());
    endpoint.power_off();
    assert!(endpoint.fate().powered_off);
    assert_eq!(endpoint.connections(), []);
    let gone = listener.accept().unwrap_err();
    assert_eq!(errno(&gone), Some(Errno::ENETDOWN));
    // retries2 of 3: about a second and a half until the kernel gives up
    first.write_all(b"anybody there?").unwrap();
    let told = first.read(&mut [0]).unwrap_err();
    assert_eq!(errno(&told), Some(Errno::ETIMEDOUT), "{told}");

    endpoint.power_on();
    second.write_all(b"still there?").unwrap();
    let told = second.read(&mut [0]).unwrap_err();
    assert_eq!(errno(&told), Some(Errno::ECONNRESET), "{told}");
    // the service is back, the application's listener is not
    let mut third = connect();
    third.write_all(b"x").unwrap();
    third.read_exact(&mut [0]).unwrap();
    let refused = inside.connect(addr(8)).unwrap_err();
    assert_eq!(errno(&refused), Some(Errno::ECONNREFUSED));
    let old = listener.accept().unwrap_err();
    assert_eq!(errno(&old), Some(Errno::ENETDOWN));
}

#[test]
fn a_cut_of_a_second_is_survived() {
    let Some((endpoint, inside)) = open(Endpoint::builder()) else {
        return;
    };
    endpoint.serve(addr(7), Box::new(Echo::default())).unwrap();
    let mut client = inside.connect(addr(7)).unwrap();
    let cut = Failure::new(Death::Cut)
        .die_after_bytes(8)
        .back_after(Duration::from_secs(1));
    endpoint.failure(cut);
    client.write_all(b"12345678").unwrap();
    let mut got = [0; 8];
    client.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"12345678");
    let lived = endpoint.now().secs_f64();
    assert!(lived > 1.0, "the echo came after the cut: {lived} s");
}

#[test]
fn a_frozen_process_does_not_answer_and_its_stack_does() {
    let Some((endpoint, inside)) = open(Endpoint::builder()) else {
        return;
    };
    endpoint.serve(addr(7), Box::new(Echo::default())).unwrap();
    let mut client = inside.connect(addr(7)).unwrap();
    endpoint.freeze();
    client.write_all(b"hello").unwrap();
    client
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    assert_eq!(
        client.read(&mut [0]).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    let [connection] = &endpoint.connections()[..] else {
        panic!("one connection")
    };
    assert_eq!(connection.info.rqueue, 5, "received and not read");
    client.set_read_timeout(None).unwrap();
    endpoint.thaw();
    client.read_exact(&mut [0; 5]).unwrap();
}

#[test]
fn one_connection_dies_alone() {
    let Some((endpoint, inside)) = open(Endpoint::builder()) else {
        return;
    };
    endpoint.serve(addr(7), Box::new(Echo::default())).unwrap();
    let (mut first, mut second) = (
        inside.connect(addr(7)).unwrap(),
        inside.connect(addr(7)).unwrap(),
    );
    let dead = endpoint.connection(addr(7), first.local_addr().unwrap());
    dead.power_off();
    second.write_all(b"x").unwrap();
    second.read_exact(&mut [0]).unwrap();
    first
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    first.write_all(b"x").unwrap();
    assert_eq!(
        first.read(&mut [0]).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    dead.power_on();
    first.set_read_timeout(None).unwrap();
    let told = first.read(&mut [0]).unwrap_err();
    assert_eq!(
        errno(&told),
        Some(Errno::ECONNRESET),
        "the next retransmission is refused"
    );
}

#[test]
fn whoever_asks_is_told_of_every_connection() {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixStream};
    let Some((endpoint, inside)) = open(Endpoint::builder()) else {
        return;
    };
    endpoint.serve(addr(7), Box::new(Echo::default())).unwrap();
    let client = inside.connect(addr(7)).unwrap();
    let mine = client.local_addr().unwrap();
    endpoint.connection(addr(7), mine).cut();
    let name = format!("{}{}", halfopen::watch::NAME_PREFIX, std::process::id());
    let name = SocketAddr::from_abstract_name(name.as_bytes()).unwrap();
    let mut answer = String::new();
    let mut stream = UnixStream::connect_addr(&name).unwrap();
    stream.read_to_string(&mut answer).unwrap();
    let rows: Vec<_> = answer
        .lines()
        .map(|line| halfopen::watch::Row::from_json(line).unwrap())
        .collect();
    // other tests of this process have endpoints too
    let row = rows.iter().find(|r| r.remote == mine && r.local == addr(7));
    let row = row.expect("the connection");
    assert_eq!(row.state, "ESTABLISHED");
    assert_eq!(row.fate, ["cut"]);
}

#[test]
fn a_stream_of_ours_dies_alone_and_its_thread_waits_for_the_thaw() {
    let Some((endpoint, inside)) = open(Endpoint::builder()) else {
        return;
    };
    let listener = TcpListener::bind(&endpoint, "10.77.0.2:9").unwrap();
    let mut client = inside.connect(addr(9)).unwrap();
    let (server, _) = listener.accept().unwrap();
    server.freeze().unwrap();
    client.write_all(b"x").unwrap();
    std::thread::scope(|scope| {
        let (said, heard) = std::sync::mpsc::channel();
        let reader = server.try_clone().unwrap();
        scope.spawn(move || said.send((&reader).read(&mut [0]).unwrap()));
        let early = heard.recv_timeout(Duration::from_millis(200));
        assert!(early.is_err(), "a stopped process's call does not return");
        server.thaw().unwrap();
        assert_eq!(bounded::heard(&heard), 1);
    });
    let handle = server.connection().unwrap();
    server.power_off().unwrap();
    let gone = (&server).read(&mut [0]).unwrap_err();
    assert_eq!(errno(&gone), Some(Errno::ENETDOWN));
    assert!(server.connection().is_err());
    handle.power_on();
    client.write_all(b"x").unwrap();
    let told = client.read(&mut [0]).unwrap_err();
    assert_eq!(errno(&told), Some(Errno::ECONNRESET), "{told}");
}

#[test]
fn packets_seen_are_a_death_too_and_what_was_counted_can_be_read() {
    use halfopen::engine::Counter;
    let Some((endpoint, inside)) = open(Endpoint::builder()) else {
        return;
    };
    endpoint.serve(addr(7), Box::new(Echo::default())).unwrap();
    // the handshake's three, then one that is the last
    endpoint.failure(Failure::new(Death::PowerOff).die_after_packets(4));
    let mut client = inside.connect(addr(7)).unwrap();
    assert_eq!(endpoint.counters().get(Counter::PassiveOpens), 1);
    client.write_all(b"x").unwrap();
    client
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    assert_eq!(
        client.read(&mut [0]).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    assert!(endpoint.fate().powered_off);
}

/// A service that cannot be relied on.
struct Panics;

impl Service for Panics {
    fn accepted(&mut self, _: &mut Net<'_>, _: SocketId) {
        panic!("as the test wants it");
    }

    fn ready(&mut self, _: &mut Net<'_>, _: SocketId, _: Readiness) {}
}

#[test]
fn a_service_that_panics_is_the_end_of_the_host_and_nobody_waits_for_it() {
    let Some((endpoint, inside)) = open(Endpoint::builder()) else {
        return;
    };
    endpoint.serve(addr(7), Box::new(Panics)).unwrap();
    let listener = TcpListener::bind(&endpoint, "10.77.0.2:8").unwrap();
    let _client = inside.connect(addr(7)).unwrap();
    let told = listener.accept().unwrap_err();
    assert_eq!(errno(&told), Some(Errno::ENETDOWN));
}

/// The layer below: no thread, no lock; whoever holds the stack turns it.
#[test]
fn a_stack_is_turned_by_its_caller() {
    use halfopen::call::{Addr, Call, Outcome};
    let (mut stack, inside) = match Endpoint::builder().stack_private() {
        Ok(made) => made,
        Err(EndpointError::Unavailable(why)) => return skip::no_kernel(why),
        Err(e) => panic!("{e}"),
    };
    let Outcome::Socket(listener) = stack.call(Call::Socket) else {
        panic!("a socket")
    };
    stack.call(Call::Bind(listener, Addr::v4([10, 77, 0, 2], 7)));
    stack.call(Call::Listen(listener, 8));
    let client = std::thread::spawn(move || {
        let mut client = inside.connect(addr(7)).unwrap();
        client.write_all(b"hello").unwrap();
        let mut got = Vec::new();
        client.read_to_end(&mut got).unwrap();
        got
    });
    let mut echoed = false;
    while !echoed {
        let until = stack.now() + Duration::from_secs(10);
        stack.turn(until).unwrap();
        assert!(stack.now() < until, "nothing happened for 10 s");
        while let Some((socket, ready)) = stack.poll_ready() {
            if socket == listener {
                while let Outcome::Socket(_) = stack.call(Call::Accept(listener)) {}
            } else if ready.readable
                && let Outcome::Data(data) = stack.call(Call::Recv(socket, 100))
            {
                assert_eq!(stack.call(Call::Send(socket, data)), Outcome::Bytes(5));
                stack.call(Call::Close(socket));
                echoed = true;
            }
        }
    }
    assert_eq!(client.join().unwrap(), b"hello");
}

/// In the namespace that the program runs in, which is here a private one that a thread has entered.
#[test]
fn an_interface_in_the_callers_namespace_has_the_name_wanted_and_goes_with_the_endpoint() {
    use halfopen::os::Isolation;
    let Some((_outer, inside)) = open(Endpoint::builder()) else {
        return;
    };
    if inside.isolation == Isolation::UserNamespace {
        return skip::because("a thread cannot enter a user namespace");
    }
    let exists =
        |name: &str| std::path::Path::new(&format!("/proc/sys/net/ipv4/conf/{name}")).exists();
    let here = || Endpoint::builder().addr("10.99.0.2/24").name("pulse");
    let seen = inside.run(|| {
        let endpoint = here().open_here().unwrap();
        let addr = SocketAddr::from(([10, 99, 0, 2], 7));
        endpoint.serve(addr, Box::new(Echo::default())).unwrap();
        let mut client = std::net::TcpStream::connect(addr).unwrap();
        client.write_all(b"x").unwrap();
        client.read_exact(&mut [0]).unwrap();
        let during = exists("pulse");
        let second = here().open_here().unwrap_err().to_string();
        let long = Endpoint::builder().name("a-name-that-is-too-long");
        let long = long.open_here().unwrap_err().to_string();
        drop(endpoint);
        (during, second, long, exists("pulse"))
    });
    let (during, second, long, after) = seen.unwrap();
    assert!(during && !after, "{during} {after}");
    assert!(second.contains("pulse already exists"), "{second}");
    assert!(long.contains("at most 15 bytes"), "{long}");
    let wrong = Endpoint::builder().addr("10.99.0.2").open_here();
    let wrong = wrong.unwrap_err().to_string();
    assert!(
        wrong.contains("must be an address with a prefix length"),
        "{wrong}"
    );
}
