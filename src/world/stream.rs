//! TCP sockets with the interface of those of std.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::endpoint::{ConnectionHandle, Endpoint};
use super::fate::Failure;
use super::host::{Key, Timeout};
use super::machine::Machine;
use super::options::options;
use super::sockets::{self, done, to_addr, to_io, to_socket_addr};
use crate::call::{Call, Errno, SocketId, TcpInfo};
use crate::time::Instant;

/// A socket's number and its endpoint. The socket is closed when this is dropped.
#[derive(Debug)]
pub(crate) struct Owned {
    pub(crate) endpoint: Endpoint,
    pub(crate) key: Key,
    nonblocking: AtomicBool,
    read_timeout: Mutex<Option<Duration>>,
    write_timeout: Mutex<Option<Duration>>,
}

fn from_setting(time: Option<Duration>) -> Timeout {
    time.map_or(Timeout::Forever, Timeout::Until)
}

impl Owned {
    /// Opens a socket, as socket() does.
    pub(crate) fn open(endpoint: &Endpoint) -> io::Result<Owned> {
        let (life, made) = endpoint.with(|machine, _| {
            let made = match machine.fate().powered_off {
                true => Err(Errno::ENETDOWN),
                false => machine.socket(),
            };
            (machine.life(), made)
        });
        let id = made.map_err(to_io)?;
        Ok(Owned::new(endpoint, Key { life, id }))
    }

    pub(crate) fn new(endpoint: &Endpoint, key: Key) -> Owned {
        Owned {
            endpoint: endpoint.clone(),
            key,
            nonblocking: AtomicBool::new(false),
            read_timeout: Mutex::new(None),
            write_timeout: Mutex::new(None),
        }
    }

    pub(crate) fn set_nonblocking(&self, nonblocking: bool) {
        self.nonblocking.store(nonblocking, Ordering::Relaxed);
    }

    /// Returns how long a call with this timeout waits.
    pub(crate) fn timeout(&self, setting: &Mutex<Option<Duration>>) -> Timeout {
        if self.nonblocking.load(Ordering::Relaxed) {
            return Timeout::None;
        }
        from_setting(*setting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn reading(&self) -> Timeout {
        self.timeout(&self.read_timeout)
    }

    /// Tries the operation until it is done or the timeout has expired.
    pub(crate) fn attempt<T>(
        &self,
        timeout: Timeout,
        mut f: impl FnMut(&mut Machine, Instant, SocketId) -> Result<T, Errno>,
    ) -> io::Result<T> {
        let mut value = None;
        let id = self.key.id;
        let result = self
            .endpoint
            .host
            .attempt(self.key, timeout, &mut |machine, at| {
                value = Some(f(machine, at, id)?);
                Ok(())
            });
        match (result, value) {
            (Ok(()), Some(value)) => Ok(value),
            (Err(errno), _) => Err(to_io(errno)),
            (Ok(()), None) => Err(to_io(Errno::EINVAL)),
        }
    }

    /// Makes a call that waits for nothing but a thaw.
    pub(crate) fn call(&self, make: impl Fn(SocketId) -> Call) -> io::Result<()> {
        self.attempt(Timeout::None, |machine, at, id| {
            // a shutdown ends the wait of another thread
            machine.touched(id);
            done(machine.call(at, make(id)))
        })
    }

    pub(crate) fn ends(&self) -> io::Result<(SocketAddr, SocketAddr)> {
        let ends = self.attempt(Timeout::None, |machine, _, id| {
            machine.engine().ends(id).ok_or(Errno::EBADF)
        })?;
        Ok((to_socket_addr(ends.0), to_socket_addr(ends.1)))
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        let Key { life, id } = self.key;
        self.endpoint
            .with(|machine, at| machine.close(at, life, id));
    }
}

/// A TCP socket that is neither connected nor listening, for options that have to hold from the first packet on.
#[derive(Debug)]
pub struct TcpSocket {
    pub(crate) socket: Arc<Owned>,
}

impl TcpSocket {
    /// Opens a socket on this endpoint, as socket() does.
    ///
    /// # Errors
    /// Returns ENETDOWN while the endpoint has no power.
    pub fn new(endpoint: &Endpoint) -> io::Result<TcpSocket> {
        Ok(TcpSocket {
            socket: Arc::new(Owned::open(endpoint)?),
        })
    }

    /// Binds the socket to a local address, as bind() does.
    pub fn bind(&self, addr: SocketAddr) -> io::Result<()> {
        self.socket.call(|id| Call::Bind(id, to_addr(addr)))
    }

    /// Connects, and waits until that has succeeded or failed.
    ///
    /// # Errors
    /// Returns what connect(2) can return, such as ECONNREFUSED or ETIMEDOUT.
    pub fn connect(self, addr: SocketAddr) -> io::Result<TcpStream> {
        let stream = self.start_connect(addr)?;
        stream.finish_connect(Timeout::Forever)?;
        Ok(stream)
    }

    /// Connects, and waits for at most `timeout`.
    ///
    /// # Errors
    /// Returns the errors of [`connect`](TcpSocket::connect), or `TimedOut` if the timeout expires first.
    pub fn connect_timeout(self, addr: SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
        let stream = self.start_connect(addr)?;
        match stream.finish_connect(Timeout::Until(timeout)) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                let kind = io::ErrorKind::TimedOut;
                Err(io::Error::new(kind, "connection timed out"))
            }
            other => other.map(|()| stream),
        }
    }

    /// Begins to connect and returns at once. [`TcpStream::take_error`] later returns the result.
    pub fn start_connect(self, addr: SocketAddr) -> io::Result<TcpStream> {
        self.socket.call(|id| Call::Connect(id, to_addr(addr)))?;
        Ok(TcpStream {
            socket: self.socket,
        })
    }

    /// Listens with this backlog.
    ///
    /// # Errors
    /// Returns EADDRINUSE if something listens there already.
    pub fn listen(self, backlog: u32) -> io::Result<super::TcpListener> {
        self.socket.call(|id| Call::Listen(id, backlog))?;
        Ok(super::TcpListener {
            socket: self.socket,
        })
    }
}

options!(TcpSocket);

/// A connection with the interface of `std::net::TcpStream`. It is closed when its last handle is dropped.
#[derive(Debug)]
pub struct TcpStream {
    pub(crate) socket: Arc<Owned>,
}

options!(TcpStream);

impl TcpStream {
    /// Connects from this endpoint to the first of these addresses that accepts.
    ///
    /// # Errors
    /// Returns the error of the last address, such as ECONNREFUSED or ETIMEDOUT.
    pub fn connect(endpoint: &Endpoint, to: impl ToSocketAddrs) -> io::Result<TcpStream> {
        let mut result = Err(io::ErrorKind::InvalidInput.into());
        for addr in to.to_socket_addrs()? {
            result = TcpSocket::new(endpoint)?.connect(addr);
            if result.is_ok() {
                break;
            }
        }
        result
    }

    /// Connects, and waits for at most `timeout`.
    ///
    /// # Errors
    /// Returns the errors of [`connect`](TcpStream::connect), or `TimedOut` if the timeout expires first.
    pub fn connect_timeout(
        endpoint: &Endpoint,
        to: &SocketAddr,
        timeout: Duration,
    ) -> io::Result<TcpStream> {
        TcpSocket::new(endpoint)?.connect_timeout(*to, timeout)
    }

    fn finish_connect(&self, timeout: Timeout) -> io::Result<()> {
        self.socket.attempt(timeout, |machine, at, id| {
            let readiness = machine.engine().readiness(id);
            if readiness.error || readiness.hangup {
                let errno = machine.so_error(at, id)?;
                return Err(errno.unwrap_or(Errno::ECONNABORTED));
            }
            if readiness.writable {
                Ok(())
            } else {
                Err(Errno::EAGAIN)
            }
        })
    }

    /// Returns another handle of the same connection.
    pub fn try_clone(&self) -> io::Result<TcpStream> {
        Ok(TcpStream {
            socket: self.socket.clone(),
        })
    }

    /// Returns the local address, as getsockname() does.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.ends().map(|e| e.0)
    }

    /// Returns the peer's address, as getpeername() does.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.ends().map(|e| e.1)
    }

    /// Ends the stream towards the peer. Shutting only the reading side is not modelled: `Read` returns EOPNOTSUPP, and
    /// `Both` shuts the writing side.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match how {
            Shutdown::Write | Shutdown::Both => self.socket.call(Call::ShutdownWrite),
            Shutdown::Read => Err(to_io(Errno::EOPNOTSUPP)),
        }
    }

    /// Sets SO_RCVTIMEO, the time that a read waits at most. With `None` it waits forever.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        set_timeout(&self.socket.read_timeout, timeout)
    }

    /// Sets SO_SNDTIMEO, the time that a write waits at most. With `None` it waits forever.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        set_timeout(&self.socket.write_timeout, timeout)
    }

    /// Sets whether calls return WouldBlock at once instead of waiting.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.socket.set_nonblocking(nonblocking);
        Ok(())
    }

    /// Returns SO_ERROR and clears it.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        let errno = self
            .socket
            .attempt(Timeout::None, |machine, at, id| machine.so_error(at, id))?;
        Ok(errno.map(to_io))
    }

    /// Returns what poll(2) would report: whether data can be read at once, for example. There is no MSG_PEEK.
    pub fn readiness(&self) -> io::Result<crate::call::Readiness> {
        self.socket.attempt(Timeout::None, |machine, _, id| {
            Ok(machine.engine().readiness(id))
        })
    }

    /// Returns TCP_INFO. When the connection is over, the values are those of a closed one.
    pub fn info(&self) -> io::Result<TcpInfo> {
        self.socket.attempt(Timeout::None, |machine, at, id| {
            let (local, remote) = machine.engine().ends(id).ok_or(Errno::EBADF)?;
            let info = machine.engine().connection(at, local, remote);
            Ok(info.unwrap_or_default())
        })
    }

    /// Returns a handle with which this connection alone can die. A handle from before the death can also bring it back.
    ///
    /// # Errors
    /// Returns ENETDOWN if the connection or its host has lost power.
    pub fn connection(&self) -> io::Result<ConnectionHandle> {
        let Key { life, id } = self.socket.key;
        let endpoint = &self.socket.endpoint;
        // this is not retried: it has to return while the connection is frozen, or nothing could thaw it
        let ends = endpoint.with(|machine, _| match machine.is_lost(life, id) {
            true => None,
            false => machine.engine().ends(id),
        });
        let (local, remote) = ends.ok_or_else(|| to_io(Errno::ENETDOWN))?;
        Ok(endpoint.connection(to_socket_addr(local), to_socket_addr(remote)))
    }

    /// Cuts the power of this connection: its state is lost and its packets are not answered; see
    /// [`ConnectionHandle::power_off`].
    pub fn power_off(&self) -> io::Result<()> {
        self.connection().map(|c| c.power_off())
    }

    /// Drops all packets of this connection.
    pub fn cut(&self) -> io::Result<()> {
        self.connection().map(|c| c.cut())
    }

    /// Ends a [`cut`](TcpStream::cut).
    pub fn restore(&self) -> io::Result<()> {
        self.connection().map(|c| c.restore())
    }

    /// Freezes this connection: calls on it do not return, those of other threads included.
    pub fn freeze(&self) -> io::Result<()> {
        self.connection().map(|c| c.freeze())
    }

    /// Ends a [`freeze`](TcpStream::freeze).
    pub fn thaw(&self) -> io::Result<()> {
        self.connection().map(|c| c.thaw())
    }

    /// Plans a death of this connection, in place of one that was planned before.
    pub fn failure(&self, failure: Failure) -> io::Result<()> {
        self.connection().map(|c| c.failure(failure))
    }
}

fn set_timeout(timeout: &Mutex<Option<Duration>>, to: Option<Duration>) -> io::Result<()> {
    if to == Some(Duration::ZERO) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    *timeout.lock().unwrap_or_else(PoisonError::into_inner) = to;
    Ok(())
}

impl Read for &TcpStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.socket
            .attempt(self.socket.reading(), |machine, at, id| {
                sockets::read(machine.tcp(), at, id, buffer)
            })
    }
}

impl Write for &TcpStream {
    /// Sends as a blocking send() does: all bytes, or those that were accepted before an error or the timeout.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let timeout = self.socket.timeout(&self.socket.write_timeout);
        let mut taken = 0;
        let result = self.socket.attempt(timeout, |machine, at, id| {
            taken += sockets::write(machine.tcp(), at, id, &bytes[taken..])?;
            if taken < bytes.len() {
                Err(Errno::EAGAIN)
            } else {
                Ok(())
            }
        });
        match result {
            Err(e) if taken == 0 => Err(e),
            _ => Ok(taken),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for TcpStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }
}

impl Write for TcpStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
