//! A listening socket with the interface of `std::net::TcpListener`.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use super::endpoint::Endpoint;
use super::host::Key;
use super::options::options;
use super::sockets::to_socket_addr;
use super::stream::{Owned, TcpSocket, TcpStream};

/// The backlog that std uses.
const BACKLOG: u32 = 128;

/// A listening socket, like `std::net::TcpListener`. The connections that it accepts inherit its options.
#[derive(Debug)]
pub struct TcpListener {
    pub(crate) socket: Arc<Owned>,
}

options!(TcpListener);

impl TcpListener {
    /// Listens at the first of these addresses that is available, with the backlog of 128 that std uses.
    ///
    /// # Errors
    /// Returns the error of the last address: EADDRINUSE or EADDRNOTAVAIL.
    pub fn bind(endpoint: &Endpoint, at: impl ToSocketAddrs) -> io::Result<TcpListener> {
        let mut result = Err(io::ErrorKind::InvalidInput.into());
        for addr in at.to_socket_addrs()? {
            let socket = TcpSocket::new(endpoint)?;
            result = socket.bind(addr).and_then(|()| socket.listen(BACKLOG));
            if result.is_ok() {
                break;
            }
        }
        result
    }

    /// Waits for a connection and returns it with the peer's address.
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let endpoint = &self.socket.endpoint;
        let timeout = self.socket.reading();
        let (id, remote) = self.socket.attempt(timeout, |machine, _, id| {
            let accepted = machine.accept(id)?;
            let ends = machine.engine().ends(accepted);
            Ok((accepted, ends.map(|e| e.1).unwrap_or_default()))
        })?;
        let life = self.socket.key.life;
        let socket = Arc::new(Owned::new(endpoint, Key { life, id }));
        Ok((TcpStream { socket }, to_socket_addr(remote)))
    }

    /// Returns an iterator that accepts connections forever.
    pub fn incoming(&self) -> impl Iterator<Item = io::Result<TcpStream>> + '_ {
        std::iter::repeat_with(|| self.accept().map(|(stream, _)| stream))
    }

    /// Returns the local address, as getsockname() does.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.ends().map(|e| e.0)
    }

    /// Sets whether accept() returns WouldBlock at once instead of waiting.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.socket.set_nonblocking(nonblocking);
        Ok(())
    }
}
