//! Socket calls, with the types of std converted to those of the engine and back.

use std::io;
use std::net::SocketAddr;

use crate::call::{Addr, Call, Errno, Outcome, SocketId};
use crate::engine::Engine;
use crate::time::Instant;

/// Converts an error of the kernel to one of std.
pub(crate) fn to_io(errno: Errno) -> io::Error {
    io::Error::from_raw_os_error(errno as i32)
}

/// Converts an address of std to one of the engine.
pub(crate) fn to_addr(addr: SocketAddr) -> Addr {
    Addr {
        ip: addr.ip(),
        port: addr.port(),
    }
}

/// Converts an address of the engine to one of std.
pub(crate) fn to_socket_addr(addr: Addr) -> SocketAddr {
    SocketAddr::new(addr.ip, addr.port)
}

/// Receives data, as recv() does.
pub(crate) fn read(
    engine: &mut Engine,
    at: Instant,
    socket: SocketId,
    buffer: &mut [u8],
) -> Result<usize, Errno> {
    engine.recv_slice(at, socket, buffer)
}

/// Sends data, as send() does.
pub(crate) fn write(
    engine: &mut Engine,
    at: Instant,
    socket: SocketId,
    bytes: &[u8],
) -> Result<usize, Errno> {
    engine.send_slice(at, socket, bytes)
}

/// Makes a call that returns no value.
pub(crate) fn done(outcome: Outcome) -> Result<(), Errno> {
    match outcome {
        Outcome::Failed(errno) => Err(errno),
        _ => Ok(()),
    }
}

/// Opens a socket that listens at `addr`.
pub(crate) fn listen(
    engine: &mut Engine,
    at: Instant,
    addr: SocketAddr,
    backlog: u32,
) -> Result<SocketId, Errno> {
    let id = engine.socket()?;
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
