//! The contender "the kernel's loopback": two threads, blocking sockets, 127.0.0.1 in a private namespace.

use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use super::kernel;
use super::meter::{Phase, Usage};
use super::{Length, Outcome};

fn pair() -> Outcome<(TcpStream, TcpStream)> {
    let mut namespace = kernel::namespace(kernel::KERNEL, super::PLAIN, 2)?;
    let (server, client) = (namespace.sockets.remove(0), namespace.sockets.remove(0));
    let listener = kernel::listen(server, Ipv4Addr::LOCALHOST)?;
    let client = kernel::connect(client, Ipv4Addr::LOCALHOST)?;
    let server = kernel::prepared(listener.accept()?.0)?;
    Ok((client, server))
}

/// Bulk: what the sender and the receiver did.
pub(crate) fn bulk(length: Length) -> Outcome<[Usage; 2]> {
    let (client, server) = pair()?;
    let phase = Phase::default();
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| kernel::write_all(&client, &phase).map_err(|e| e.to_string()));
        let receiver = scope.spawn(|| kernel::read_all(&server, &phase).map_err(|e| e.to_string()));
        phase.drive(length.warm, length.measured);
        Ok([super::joined(sender)?, super::joined(receiver)?])
    })
}

/// Round trips of one byte.
pub(crate) fn echo(count: usize) -> Outcome<Vec<Duration>> {
    let (client, server) = pair()?;
    let phase = Phase::default();
    std::thread::scope(|scope| {
        let other = scope.spawn(|| kernel::echo_server(&server, &phase).map_err(|e| e.to_string()));
        let times = kernel::round_trips(&client, count);
        phase.stop();
        super::joined(other)?;
        times
    })
}
