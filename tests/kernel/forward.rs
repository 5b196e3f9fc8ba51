//! The relay to a real server: bytes, ends of streams and resets pass both ways; a power-off resets.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;

use crate::bounded;
use crate::own_programs::{Report, TALKER, halfopen, is_possible, start, text};

/// A server of this test on the loopback: for each connection, what came is handed to `serve`.
fn real_server(serve: impl Fn(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let addr = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            serve(stream);
        }
    });
    addr
}

/// Bytes without a pattern that a shifted or repeated piece could hide in.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

#[test]
fn a_relay_passes_ten_megabytes_both_ways_intact_and_the_ends_of_both_streams() {
    if !is_possible(&["nc"]) {
        return;
    }
    const LEN: usize = 10_000_000;
    // reads to the end of the stream before it answers: only a half-close that is passed on ends it
    let addr = real_server(|mut stream| {
        let mut got = Vec::new();
        stream.read_to_end(&mut got).expect("a stream to its end");
        stream.write_all(&got).expect("somebody reads");
    });
    let mut run = start(
        &[
            "exec",
            "--forward",
            &addr,
            "--",
            "nc",
            "-N",
            "10.77.0.2",
            "4000",
        ],
        Stdio::piped(),
    );
    let mut stdin = run.stdin.take().expect("piped");
    let writer = std::thread::spawn(move || stdin.write_all(&noise(LEN)));
    let output = bounded::ended_with_output(run);
    writer
        .join()
        .expect("no panic")
        .expect("it reads everything");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.stdout.len(), LEN);
    assert!(
        output.stdout == noise(LEN),
        "what came back is not what was sent"
    );
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("closed by both ends"), "{said}");
    assert!(
        said.contains("10000000 B to it, 10000000 B from it"),
        "{said}"
    );
}

#[test]
fn a_reset_of_the_real_server_is_passed_on_and_a_power_off_resets_its_connections() {
    if !is_possible(&["python3"]) {
        return;
    }
    // SO_LINGER 0 after one byte
    let addr = real_server(|mut stream| {
        let _ = stream.read(&mut [0]);
        let socket = socket2::SockRef::from(&stream);
        let _ = socket.set_linger(Some(std::time::Duration::ZERO));
    });
    let report = Report::of(&["--forward", &addr, "--", "python3", "-c", TALKER, "0"]);
    let said = text(&report.output);
    assert_eq!(report.connection()["end"]["errno"], "ECONNRESET", "{said}");
    assert!(said.contains("104"), "{said}");

    let (tell, told) = std::sync::mpsc::channel();
    let addr = real_server(move |mut stream| {
        let _ = stream.write_all(b"x");
        let mut buffer = [0; 100];
        let end = loop {
            match stream.read(&mut buffer) {
                Ok(0) => break Ok(()),
                Ok(_) => {}
                Err(e) => break Err(e.kind()),
            }
        };
        let _ = tell.send(end);
    });
    let arguments = ["exec", "--forward", &addr, "--die-after-bytes", "4", "--"];
    // it writes into the silence, and ends when it gets the error
    let limit = "IPPROTO_TCP:TCP_USER_TIMEOUT:500";
    let talker = ["python3", "-c", TALKER, "0", limit];
    halfopen(&[&arguments[..], &talker[..]].concat());
    assert_eq!(
        bounded::heard(&told),
        Err(std::io::ErrorKind::ConnectionReset)
    );
}
