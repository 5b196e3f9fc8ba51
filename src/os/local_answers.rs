//! What other processes of this machine write on abstract unix sockets, and who they are. Nobody is waited for longer
//! than was allowed, whatever they do: not accept, not write, write a byte now and then, or never stop.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use super::clock::RealClock;
use super::sys;

/// A process at the other end of a unix socket (SO_PEERCRED): of a listening socket, the one that called listen().
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerCredentials {
    /// Its process number here; 0 if this PID namespace does not show it.
    pub pid: u32,
    /// Its effective user, as this user namespace counts.
    pub uid: u32,
}

impl PeerCredentials {
    /// Of the process at the other end of this socket.
    pub fn of(socket: impl AsFd) -> io::Result<PeerCredentials> {
        // struct ucred: pid, uid, gid
        let mut bytes = [0; 12];
        sys::get_option(
            socket.as_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            &mut bytes,
        )?;
        let [a, b, c, d, e, f, g, h, ..] = bytes;
        Ok(PeerCredentials {
            pid: u32::from_ne_bytes([a, b, c, d]),
            uid: u32::from_ne_bytes([e, f, g, h]),
        })
    }
}

/// A connection to an abstract unix socket.
#[derive(Debug)]
pub struct Asked {
    socket: OwnedFd,
    /// Who listens there.
    pub who: PeerCredentials,
}

impl Asked {
    /// Connects without waiting; EAGAIN where the listener's queue is full.
    pub fn connect(abstract_name: &str) -> io::Result<Asked> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket =
            rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        let address = SocketAddrUnix::new_abstract_name(abstract_name.as_bytes())?;
        rustix::net::connect(&socket, &address)?;
        let who = PeerCredentials::of(&socket)?;
        Ok(Asked { socket, who })
    }
}

/// How reading from one of them ended.
#[derive(Debug)]
pub enum Answered {
    /// It wrote what it had and closed.
    Whole,
    /// The reader wanted no more.
    Refused,
    /// The time was up before it closed.
    Late,
    /// Reading failed.
    Failed(io::Error),
}

/// Reads from all of them at the same time, `within` for all together. `take` gets the number of the one that wrote and
/// what it wrote, and says whether it wants more from that one.
pub fn read_all(
    asked: &[Asked],
    within: Duration,
    mut take: impl FnMut(usize, &[u8]) -> bool,
) -> Vec<Answered> {
    let clock = RealClock::start();
    let mut how: Vec<Option<Answered>> = asked.iter().map(|_| None).collect();
    let mut buffer = vec![0; 16 << 10];
    loop {
        let open: Vec<usize> = (0..asked.len()).filter(|n| how[*n].is_none()).collect();
        let gone = Duration::from_nanos(clock.now().ns());
        let Some(left) = within.checked_sub(gone).filter(|_| !open.is_empty()) else {
            break;
        };
        let mut fds: Vec<PollFd<'_>> = open
            .iter()
            .map(|n| PollFd::new(&asked[*n].socket, PollFlags::IN))
            .collect();
        let timeout = Timespec {
            tv_sec: left.as_secs() as i64,
            tv_nsec: left.subsec_nanos().into(),
        };
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => {
                open.iter()
                    .for_each(|n| how[*n] = Some(Answered::Failed(e.into())));
                break;
            }
        }
        let ready = open
            .iter()
            .zip(&fds)
            .filter(|(_, f)| !f.revents().is_empty());
        for (n, _) in ready {
            how[*n] = match rustix::io::read(&asked[*n].socket, &mut buffer) {
                Ok(0) => Some(Answered::Whole),
                Ok(len) if take(*n, &buffer[..len]) => None,
                Ok(_) => Some(Answered::Refused),
                Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => None,
                Err(e) => Some(Answered::Failed(e.into())),
            };
        }
    }
    how.into_iter()
        .map(|h| h.unwrap_or(Answered::Late))
        .collect()
}
