use std::io::{Read, Write};

use super::*;
use crate::world::{Death, Failure, TcpListener, TcpStream};

const PORT: &str = "10.77.0.2:7";

fn errno(error: &io::Error) -> Option<Errno> {
    Errno::from_number(error.raw_os_error()?)
}

/// A server that sends back what comes, one connection after the other.
fn echo(world: &mut World, server: &Endpoint) {
    let server = server.clone();
    world.spawn(move || {
        let listener = TcpListener::bind(&server, PORT)?;
        loop {
            let (mut stream, _) = listener.accept()?;
            let mut buffer = [0; 1000];
            while let Ok(n @ 1..) = stream.read(&mut buffer) {
                stream.write_all(&buffer[..n])?;
            }
        }
        #[allow(unreachable_code, reason = "it gives the closure's type")]
        Ok(())
    });
}

#[test]
fn a_round_trip_takes_two_delays_and_the_same_time_every_time() {
    let run = || {
        let mut world = World::new();
        let (client, server) = world.endpoints();
        echo(&mut world, &server);
        let took = world.spawn(move || {
            let mut stream = TcpStream::connect(&client, PORT)?;
            let connected = client.now();
            stream.write_all(b"hello")?;
            stream.read_exact(&mut [0; 5])?;
            Ok((connected, client.now()))
        });
        world.run();
        took.result().unwrap()
    };
    assert_eq!(run(), (Instant::from_ms(2), Instant::from_ms(4)));
    assert_eq!(run(), run());
}

#[test]
fn a_megabyte_arrives_whole_through_a_wire_that_is_cut_in_between() {
    let mut world = World::new();
    let (client, server) = world.endpoints();
    let sent: Vec<u8> = (0..1_000_000).map(|n: u32| (n >> 5) as u8).collect();
    let expected = sent.clone();
    let got = world.spawn({
        let server = server.clone();
        move || {
            let listener = TcpListener::bind(&server, PORT)?;
            let mut got = Vec::new();
            listener.accept()?.0.read_to_end(&mut got)?;
            Ok(got)
        }
    });
    client.failure(
        Failure::new(Death::Cut)
            .die_after_bytes(300_000)
            .back_after(Duration::from_secs(20)),
    );
    world.spawn(move || TcpStream::connect(&client, PORT)?.write_all(&sent));
    world.run();
    assert!(got.result().unwrap() == expected);
}

#[test]
fn a_frozen_server_does_not_answer_till_the_thaw() {
    let mut world = World::new();
    let (client, server) = world.endpoints();
    echo(&mut world, &server);
    let frozen = server.clone();
    world.at(Duration::from_secs(1), move || frozen.freeze());
    world.at(Duration::from_secs(100), move || server.thaw());
    let answered = world.spawn(move || {
        let mut stream = TcpStream::connect(&client, PORT)?;
        client.pause(Duration::from_secs(2));
        stream.write_all(b"hello")?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        assert_eq!(
            stream.read(&mut [0]).unwrap_err().kind(),
            io::ErrorKind::WouldBlock
        );
        assert_eq!(stream.info()?.unacked, 0, "its stack acknowledged");
        stream.set_read_timeout(None)?;
        stream.read_exact(&mut [0; 5])?;
        Ok(client.now())
    });
    world.run();
    let answered = answered.result().unwrap();
    assert_eq!(answered, Instant::from_ms(100_001));
}

#[test]
fn a_rebooted_server_resets_and_an_application_that_connects_anew_goes_on() {
    let mut world = World::new();
    let (client, server) = world.endpoints();
    echo(&mut world, &server);
    world.at(Duration::from_secs(5), {
        let server = server.clone();
        move || server.power_off()
    });
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.now(), Instant::from_ms(1000));
    let told = world.spawn(move || {
        let mut stream = TcpStream::connect(&client, PORT)?;
        client.pause(Duration::from_secs(6));
        stream.write_all(b"x")?;
        let error = stream.read(&mut [0]).unwrap_err();
        Ok((errno(&error), client.now()))
    });
    world.run_for(Duration::from_secs(10));
    server.power_on();
    echo(&mut world, &server);
    world.run();
    let (told, at) = told.result().unwrap();
    assert_eq!(told, Some(Errno::ECONNRESET));
    assert!(
        at > Instant::from_ms(11_000) && at < Instant::from_ms(20_000),
        "{at:?}"
    );
}

#[test]
fn a_wait_without_end_is_told() {
    let mut world = World::new();
    let (client, server) = world.endpoints();
    let listener = TcpListener::bind(&server, PORT).unwrap();
    // the test's own thread is not one of the world's
    let told = listener.accept().unwrap_err();
    assert_eq!(errno(&told), Some(Errno::EDEADLK));
    let told = world.spawn(move || Ok(errno(&listener.accept().unwrap_err())));
    world.run();
    assert_eq!(told.result().unwrap(), Some(Errno::EDEADLK));
    drop(client);
}

#[test]
fn a_shutdown_by_one_thread_ends_the_write_of_another_and_ipv6_is_there() {
    let mut world = World::new();
    let (client, server) = world.endpoints();
    let listener = TcpListener::bind(&server, "[fd77::2]:7").unwrap();
    world.spawn(move || {
        let accepted = listener.accept()?;
        // reads nothing, so that the other end's buffers fill
        server.pause(Duration::from_secs(5));
        drop(accepted);
        Ok(())
    });
    let (hand_over, taken) = mpsc::channel();
    let other = client.clone();
    let wrote = world.spawn(move || {
        let stream = TcpStream::connect(&client, "[fd77::2]:7")?;
        hand_over.send(stream.try_clone()?).unwrap();
        let written = (&stream).write(&vec![7; 50_000_000])?;
        Ok((written, client.now()))
    });
    world.spawn(move || {
        other.pause(Duration::from_secs(1));
        // real time: it only ends a test that would never end
        let stream = taken.recv_timeout(Duration::from_secs(240)).unwrap();
        stream.shutdown(std::net::Shutdown::Write)
    });
    world.run();
    let (written, at) = wrote.result().unwrap();
    assert!((1..50_000_000).contains(&written), "{written}");
    assert_eq!(at, Instant::from_ms(1000));
}
