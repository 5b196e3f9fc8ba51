//! Calls on sockets, from std's types to the engine's and back.

use std::io;
use std::net::SocketAddr;

use crate::call::{Addr, Call, Errno, Outcome, SocketId};
use crate::engine::Engine;
use crate::time::Instant;

/// The kernel's error as std's.
pub(crate) fn to_io(errno: Errno) -> io::Error {
    io::Error::from_raw_os_error(errno as i32)
}

/// std's address as the engine's.
pub(crate) fn to_addr(addr: SocketAddr) -> Addr {
    Addr {
        ip: addr.ip(),
        port: addr.port(),
    }
}

/// The engine's address as std's.
pub(crate) fn to_socket_addr(addr: Addr) -> SocketAddr {
    SocketAddr::new(addr.ip, addr.port)
}

/// recv().
pub(crate) fn read(
    engine: &mut Engine,
    at: Instant,
    socket: SocketId,
    buffer: &mut [u8],
) -> Result<usize, Errno> {
    engine.recv_slice(at, socket, buffer)
}

/// send().
pub(crate) fn write(
    engine: &mut Engine,
    at: Instant,
    socket: SocketId,
    bytes: &[u8],
) -> Result<usize, Errno> {
    engine.send_slice(at, socket, bytes)
}

/// A call that gives nothing or fails.
pub(crate) fn done(outcome: Outcome) -> Result<(), Errno> {
    match outcome {
        Outcome::Failed(errno) => Err(errno),
        _ => Ok(()),
    }
}

/// A call that gives a socket or fails.
pub(crate) fn socket(outcome: Outcome) -> Result<SocketId, Errno> {
    match outcome {
        Outcome::Socket(id) => Ok(id),
        Outcome::Failed(errno) => Err(errno),
        _ => Err(Errno::EINVAL),
    }
}

/// A socket that listens at `addr`.
pub(crate) fn listen(
    engine: &mut Engine,
    at: Instant,
    addr: SocketAddr,
    backlog: u32,
) -> Result<SocketId, Errno> {
    let id = socket(engine.call(at, Call::Socket))?;
    let bound = done(engine.call(at, Call::Bind(id, to_addr(addr))))
        .and_then(|()| done(engine.call(at, Call::Listen(id, backlog))));
    match bound {
        Ok(()) => Ok(id),
        Err(errno) => {
            engine.call(at, Call::Close(id));
            Err(errno)
        }
    }
}
