//! TCP sockets with the feel of std's.

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
use crate::call::{Call, Errno, Outcome, SocketId, TcpInfo};
use crate::time::Instant;

/// A socket's number and who owns it; it is closed when this is dropped.
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
    /// socket().
    pub(crate) fn open(endpoint: &Endpoint) -> io::Result<Owned> {
        let (life, made) = endpoint.with(|machine, at| {
            let made = match machine.fate().powered_off {
                true => Err(Errno::ENETDOWN),
                false => sockets::socket(machine.call(at, Call::Socket)),
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

    /// How long a call with this timeout waits.
    pub(crate) fn timeout(&self, setting: &Mutex<Option<Duration>>) -> Timeout {
        if self.nonblocking.load(Ordering::Relaxed) {
            return Timeout::None;
        }
        from_setting(*setting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn reading(&self) -> Timeout {
        self.timeout(&self.read_timeout)
    }

    /// Tries until it is done or the timeout is over.
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

    /// A call that does not wait, but for a thaw.
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

/// A TCP socket that is neither connected nor listening: for options that are to hold from the first packet on.
#[derive(Debug)]
pub struct TcpSocket {
    pub(crate) socket: Arc<Owned>,
}

impl TcpSocket {
    /// socket() on this endpoint.
    ///
    /// # Errors
    /// ENETDOWN while it has no power.
    pub fn new(endpoint: &Endpoint) -> io::Result<TcpSocket> {
        Ok(TcpSocket {
            socket: Arc::new(Owned::open(endpoint)?),
        })
    }

    /// bind().
    pub fn bind(&self, addr: SocketAddr) -> io::Result<()> {
        self.socket.call(|id| Call::Bind(id, to_addr(addr)))
    }

    /// Connects, and waits until that has succeeded or failed.
    ///
    /// # Errors
    /// ECONNREFUSED, ETIMEDOUT and what else connect(2) may give.
    pub fn connect(self, addr: SocketAddr) -> io::Result<TcpStream> {
        let stream = self.start_connect(addr)?;
        stream.finish_connect(Timeout::Forever)?;
        Ok(stream)
    }

    /// Connects, and waits so long at the most.
    ///
    /// # Errors
    /// As [`connect`](TcpSocket::connect); `TimedOut` where the time is over.
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

    /// Begins to connect and returns at once: [`TcpStream::take_error`] tells what became of it.
    pub fn start_connect(self, addr: SocketAddr) -> io::Result<TcpStream> {
        let begun = self.socket.call(|id| Call::Connect(id, to_addr(addr)));
        match begun {
            Err(e) if e.raw_os_error() != Some(Errno::EINPROGRESS as i32) => Err(e),
            _ => Ok(TcpStream {
                socket: self.socket,
            }),
        }
    }

    /// Listens, with this backlog.
    ///
    /// # Errors
    /// EADDRINUSE where something listens there already.
    pub fn listen(self, backlog: u32) -> io::Result<super::TcpListener> {
        self.socket.call(|id| Call::Listen(id, backlog))?;
        Ok(super::TcpListener {
            socket: self.socket,
        })
    }
}

options!(TcpSocket);

/// A connection, with the feel of `std::net::TcpStream`. It is closed when its last handle goes.
#[derive(Debug)]
pub struct TcpStream {
    pub(crate) socket: Arc<Owned>,
}

options!(TcpStream);

impl TcpStream {
    /// Connects from this endpoint to the first of these addresses that accepts.
    ///
    /// # Errors
    /// Those of the last address: ECONNREFUSED, ETIMEDOUT, ...
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

    /// Connects, and waits so long at the most.
    ///
    /// # Errors
    /// As [`connect`](TcpStream::connect); `TimedOut` where the time is over.
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
                return match machine.call(at, Call::SoError(id)) {
                    Outcome::SoError(Some(errno)) => Err(errno),
                    _ => Err(Errno::ECONNABORTED),
                };
            }
            if readiness.writable {
                Ok(())
            } else {
                Err(Errno::EAGAIN)
            }
        })
    }

    /// Another handle of the same connection.
    pub fn try_clone(&self) -> io::Result<TcpStream> {
        Ok(TcpStream {
            socket: self.socket.clone(),
        })
    }

    /// getsockname().
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.ends().map(|e| e.0)
    }

    /// getpeername().
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.ends().map(|e| e.1)
    }

    /// Ends the stream to the peer. Of the reading side alone nothing is modelled: `Read` gives EOPNOTSUPP, and `Both`
    /// shuts the writing side.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match how {
            Shutdown::Write | Shutdown::Both => self.socket.call(Call::ShutdownWrite),
            Shutdown::Read => Err(to_io(Errno::EOPNOTSUPP)),
        }
    }

    /// SO_RCVTIMEO: how long a read waits; None is forever.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        set_timeout(&self.socket.read_timeout, timeout)
    }

    /// SO_SNDTIMEO: how long a write waits; None is forever.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        set_timeout(&self.socket.write_timeout, timeout)
    }

    /// Whether calls return at once with WouldBlock where they would wait.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.socket.set_nonblocking(nonblocking);
        Ok(())
    }

    /// SO_ERROR, which is cleared by it.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        let errno = self.socket.attempt(Timeout::None, |machine, at, id| {
            match machine.call(at, Call::SoError(id)) {
                Outcome::SoError(errno) => Ok(errno),
                Outcome::Failed(errno) => Err(errno),
                _ => Ok(None),
            }
        })?;
        Ok(errno.map(to_io))
    }

    /// Reads without taking the bytes away is not modelled; what can be read at once is: what poll(2) would say.
    pub fn readiness(&self) -> io::Result<crate::call::Readiness> {
        self.socket.attempt(Timeout::None, |machine, _, id| {
            Ok(machine.engine().readiness(id))
        })
    }

    /// TCP_INFO. Once the connection is over, that of a closed one.
    pub fn info(&self) -> io::Result<TcpInfo> {
        self.socket.attempt(Timeout::None, |machine, at, id| {
            let (local, remote) = machine.engine().ends(id).ok_or(Errno::EBADF)?;
            let info = machine.engine().connection(at, local, remote);
            Ok(info.unwrap_or_default())
        })
    }

    /// The connection as a thing that can die alone. Asked for before its death it can also be brought back.
    ///
    /// # Errors
    /// ENETDOWN where its power or its host's was lost.
    pub fn connection(&self) -> io::Result<ConnectionHandle> {
        let Key { life, id } = self.socket.key;
        let endpoint = &self.socket.endpoint;
        // not an attempt: a frozen one could not be thawed
        let ends = endpoint.with(|machine, _| match machine.is_lost(life, id) {
            true => None,
            false => machine.engine().ends(id),
        });
        let (local, remote) = ends.ok_or_else(|| to_io(Errno::ENETDOWN))?;
        Ok(endpoint.connection(to_socket_addr(local), to_socket_addr(remote)))
    }

    /// This connection's state is lost and its packets are not answered; see [`ConnectionHandle::power_off`].
    pub fn power_off(&self) -> io::Result<()> {
        self.connection().map(|c| c.power_off())
    }

    /// This connection's packets do not pass.
    pub fn cut(&self) -> io::Result<()> {
        self.connection().map(|c| c.cut())
    }

    /// The end of [`cut`](TcpStream::cut).
    pub fn restore(&self) -> io::Result<()> {
        self.connection().map(|c| c.restore())
    }

    /// Calls on this connection do not return, those of other threads included.
    pub fn freeze(&self) -> io::Result<()> {
        self.connection().map(|c| c.freeze())
    }

    /// The end of [`freeze`](TcpStream::freeze).
    pub fn thaw(&self) -> io::Result<()> {
        self.connection().map(|c| c.thaw())
    }

    /// Pronounces a death to come over this connection.
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
    /// As a blocking send(): all of it, or as much as was taken before an error or the timeout.
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
