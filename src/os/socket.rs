//! TCP sockets of the kernel: nonblocking calls, socket options by number, and poll(2).

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::net::{RecvFlags, SendFlags, Shutdown, SocketFlags};

use crate::call::{Addr, Errno, Outcome, Readiness};
use crate::sockopt::{OptName, OptValue, SockOpt};

use super::sys;

/// A TCP socket.
///
/// Unless one of its own functions closes it, it is aborted when it is dropped (SO_LINGER 0). If the program is killed
/// during a run, no connection remains in the kernel that would keep the namespace alive.
#[derive(Debug)]
pub struct Socket {
    fd: OwnedFd,
    /// The application's SO_LINGER in seconds, which takes effect at its close(); negative is off.
    linger_s: i64,
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Converts the error of a call. An error that TCP does not use is logged.
fn errno(error: rustix::io::Errno) -> Errno {
    Errno::from_number(error.raw_os_error()).unwrap_or_else(|| {
        log::error!(
            "a socket call failed with {error}, which TCP does not use; it is shown as EPROTO"
        );
        Errno::EPROTO
    })
}

fn done(result: Result<(), rustix::io::Errno>) -> Outcome {
    match result {
        Ok(()) => Outcome::Done,
        Err(e) => Outcome::Failed(errno(e)),
    }
}

fn std_addr(addr: Addr) -> SocketAddr {
    SocketAddr::new(addr.ip, addr.port)
}

impl Socket {
    /// Wraps a descriptor, which must be nonblocking.
    pub fn new(fd: OwnedFd) -> Socket {
        let socket = Socket { fd, linger_s: -1 };
        socket.linger(0);
        socket
    }

    /// Sets SO_LINGER in seconds; negative is off.
    fn linger(&self, seconds: i64) {
        let option = SockOpt::int(OptName::SO_LINGER, seconds);
        let (level, name) = option.name.number();
        if let Err(e) = sys::set_option(self.fd.as_fd(), level, name, &value_bytes(&option)) {
            log::warn!("SO_LINGER could not be set to {seconds} s: {e}");
        }
    }

    /// Closes the socket as the application does. With SO_LINGER, close() blocks although the socket is nonblocking, so
    /// a thread does it.
    pub fn close(self) {
        self.linger(self.linger_s);
        if self.linger_s > 0 {
            std::thread::spawn(move || drop(self.fd));
        }
    }

    /// Closes the socket as the kernel does when a process dies: with the same function, but without waiting for
    /// SO_LINGER.
    pub fn close_by_exit(self) {
        self.linger(if self.linger_s == 0 { 0 } else { -1 });
    }

    /// bind().
    pub fn bind(&self, addr: Addr) -> Outcome {
        done(rustix::net::bind(&self.fd, &std_addr(addr)))
    }

    /// connect(). It usually returns [`Outcome::InProgress`].
    pub fn connect(&self, addr: Addr) -> Outcome {
        match rustix::net::connect(&self.fd, &std_addr(addr)) {
            Err(rustix::io::Errno::INPROGRESS) => Outcome::InProgress,
            result => done(result),
        }
    }

    /// listen().
    pub fn listen(&self, backlog: u32) -> Outcome {
        let backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
        done(rustix::net::listen(&self.fd, backlog))
    }

    /// accept(). The new socket is nonblocking.
    pub fn accept(&self) -> Result<Socket, Errno> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        rustix::net::accept_with(&self.fd, flags)
            .map(|fd| Socket {
                linger_s: self.linger_s,
                ..Socket::new(fd)
            })
            .map_err(errno)
    }

    /// send(), without SIGPIPE.
    pub fn send(&self, bytes: &[u8]) -> Outcome {
        match rustix::net::send(&self.fd, bytes, SendFlags::NOSIGNAL) {
            Ok(taken) => Outcome::Bytes(taken),
            Err(e) => Outcome::Failed(errno(e)),
        }
    }

    /// recv() of at most `len` bytes.
    pub fn recv(&self, len: usize) -> Outcome {
        let mut buffer = vec![0; len];
        match rustix::net::recv(&self.fd, &mut buffer, RecvFlags::empty()) {
            Ok((read, _)) => {
                buffer.truncate(read);
                Outcome::Data(buffer)
            }
            Err(e) => Outcome::Failed(errno(e)),
        }
    }

    /// shutdown(SHUT_WR).
    pub fn shutdown_write(&self) -> Outcome {
        done(rustix::net::shutdown(&self.fd, Shutdown::Write))
    }

    /// getsockopt(SO_ERROR).
    pub fn so_error(&self) -> Outcome {
        match rustix::net::sockopt::socket_error(&self.fd) {
            Ok(Ok(())) => Outcome::SoError(None),
            Ok(Err(pending)) => Outcome::SoError(Some(errno(pending))),
            Err(e) => Outcome::Failed(errno(e)),
        }
    }

    /// setsockopt().
    pub fn set(&mut self, option: &SockOpt) -> Outcome {
        if let (OptName::SO_LINGER, OptValue::Int(seconds)) = (option.name, &option.value) {
            self.linger_s = *seconds;
            return Outcome::Done;
        }
        let (level, name) = option.name.number();
        match sys::set_option(self.fd.as_fd(), level, name, &value_bytes(option)) {
            Ok(()) => Outcome::Done,
            Err(e) => {
                let raw = e.raw_os_error().unwrap_or_default();
                Outcome::Failed(errno(rustix::io::Errno::from_raw_os_error(raw)))
            }
        }
    }

    /// poll(2) without waiting.
    pub fn readiness(&self) -> Readiness {
        let mut fds = [PollFd::new(&self.fd, PollFlags::IN | PollFlags::OUT)];
        let at_once = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        if let Err(e) = rustix::event::poll(&mut fds, Some(&at_once)) {
            log::warn!("poll() of a socket failed: {e}");
        }
        let seen = fds[0].revents();
        Readiness {
            readable: seen.contains(PollFlags::IN),
            writable: seen.contains(PollFlags::OUT),
            error: seen.contains(PollFlags::ERR),
            hangup: seen.contains(PollFlags::HUP),
        }
    }
}

/// Encodes a value for the kernel: an `int`, a name, or `struct linger`.
fn value_bytes(option: &SockOpt) -> Vec<u8> {
    match &option.value {
        OptValue::Name(name) => name.as_bytes().to_vec(),
        OptValue::Int(n) => {
            let n = i32::try_from(*n).unwrap_or(if *n < 0 { i32::MIN } else { i32::MAX });
            match option.name {
                // l_onoff and l_linger; -1 stands for off
                OptName::SO_LINGER => [i32::from(n >= 0), n.max(0)]
                    .iter()
                    .flat_map(|n| n.to_ne_bytes())
                    .collect(),
                _ => n.to_ne_bytes().to_vec(),
            }
        }
    }
}

/// Returns the congestion control of a socket.
pub(super) fn congestion(fd: &impl AsFd) -> io::Result<String> {
    let (level, number) = OptName::TCP_CONGESTION.number();
    let mut name = [0; 16];
    let len = sys::get_option(fd.as_fd(), level, number, &mut name)?;
    let end = name[..len].iter().position(|b| *b == 0).unwrap_or(len);
    Ok(String::from_utf8_lossy(&name[..end]).into_owned())
}

/// Sets the congestion control of a socket. The error is EPERM if neither the list of allowed ones nor CAP_NET_ADMIN
/// permits it, and ENOENT if it does not exist.
pub(super) fn set_congestion(fd: &impl AsFd, name: &str) -> io::Result<()> {
    let (level, number) = OptName::TCP_CONGESTION.number();
    sys::set_option(fd.as_fd(), level, number, name.as_bytes())
}

#[cfg(test)]
mod tests;
