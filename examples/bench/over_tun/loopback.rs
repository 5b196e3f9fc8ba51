//! The contender "the kernel's loopback": two threads, blocking sockets, 127.0.0.1.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use super::kernel;
use super::meter::{Phase, Usage};
use super::{Length, Outcome};

fn pair() -> Outcome<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    Ok((kernel::prepared(client)?, kernel::prepared(server)?))
}

/// Bulk: what the sender and the receiver did.
pub(crate) fn bulk(length: Length) -> Outcome<(Usage, Usage)> {
    let (client, server) = pair()?;
    let phase = Phase::default();
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| kernel::write_all(&client, &phase).map_err(|e| e.to_string()));
        let receiver = scope.spawn(|| kernel::read_all(&server, &phase).map_err(|e| e.to_string()));
        phase.drive(length.warm, length.measured);
        Ok((super::joined(sender)?, super::joined(receiver)?))
    })
}

/// Round trips of one byte.
pub(crate) fn echo(count: usize) -> Outcome<Vec<Duration>> {
    let (client, server) = pair()?;
    let phase = Phase::default();
    std::thread::scope(|scope| {
        let other = scope.spawn(|| kernel::echo_server(&server, &phase).map_err(|e| e.to_string()));
        let times = kernel::round_trips(&client, count);
        phase.finish();
        super::joined(other)?;
        times
    })
}
