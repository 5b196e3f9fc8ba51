//! Whose socket it is, and the options that its owner has set: what sock_diag does not tell.
//!
//! A socket's inode, which sock_diag shows, is found among the descriptors of the processes of a namespace
//! (`/proc/PID/fd`). A copy of such a descriptor (pidfd_getfd(2)) answers getsockopt(2); it is closed again at once, so
//! that the owner's close() stays the one that ends the connection. That takes the right to trace the process: one's
//! own programs as a rule, any as root.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::path::PathBuf;

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags};

use super::entry::Entry;
use super::sys;
use crate::sockopt::{OptName, SockOpt};

/// Options that decide when a connection is given up.
const OPTIONS: [OptName; 9] = [
    OptName::SO_KEEPALIVE,
    OptName::TCP_KEEPIDLE,
    OptName::TCP_KEEPINTVL,
    OptName::TCP_KEEPCNT,
    OptName::TCP_USER_TIMEOUT,
    OptName::TCP_SYNCNT,
    OptName::TCP_THIN_LINEAR_TIMEOUTS,
    OptName::TCP_RTO_MAX_MS,
    OptName::TCP_RTO_MIN_US,
];

/// A process that holds a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its number.
    pub pid: u32,
    /// Its name, as `ps` shows it.
    pub name: String,
    fd: RawFd,
}

/// The sockets of the processes of one network namespace, by their inodes.
#[derive(Clone, Debug, Default)]
pub struct Holders(BTreeMap<u64, Holder>);

impl Holders {
    /// Looks through the processes of a namespace; those that may not be looked at are left out. Where several processes
    /// share a socket, one of them stands for all.
    pub fn in_namespace(entry: &Entry) -> io::Result<Holders> {
        let namespace = rustix::fs::fstat(entry.net())?.st_ino;
        let mut holders = Holders::default();
        let entries = std::fs::read_dir("/proc")?.flatten();
        let processes =
            entries.filter_map(|e| Some((e.file_name().to_str()?.parse().ok()?, e.path())));
        for (pid, path) in processes {
            let lives_there = std::fs::metadata(path.join("ns/net"))
                .is_ok_and(|m| std::os::unix::fs::MetadataExt::ino(&m) == namespace);
            if lives_there {
                holders.look_at(pid, path);
            }
        }
        Ok(holders)
    }

    fn look_at(&mut self, pid: u32, process: PathBuf) {
        let name = std::fs::read_to_string(process.join("comm")).unwrap_or_default();
        let name = name.trim_end().to_owned();
        for entry in std::fs::read_dir(process.join("fd"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let Some(fd) = entry.file_name().to_str().and_then(|f| f.parse().ok()) else {
                continue;
            };
            let Some(inode) = std::fs::read_link(entry.path())
                .ok()
                .and_then(|l| inode(l.to_str()?))
            else {
                continue;
            };
            let name = name.clone();
            self.0.entry(inode).or_insert(Holder { pid, name, fd });
        }
    }

    /// Who holds the socket with this inode.
    pub fn of(&self, inode: u64) -> Option<&Holder> {
        self.0.get(&inode)
    }
}

/// `socket:[12345]`.
fn inode(link: &str) -> Option<u64> {
    link.strip_prefix("socket:[")?
        .strip_suffix(']')?
        .parse()
        .ok()
}

impl Holder {
    /// The options of its socket that decide when a connection is given up, with their values in force; those that this
    /// kernel does not know are left out. NotFound where the socket is no longer where it was.
    pub fn options(&self, inode: u64) -> io::Result<Vec<SockOpt>> {
        let socket = self.copy(inode)?;
        let value = |option: &OptName| {
            let (level, name) = option.number();
            let mut bytes = [0; 4];
            sys::get_option(socket.as_fd(), level, name, &mut bytes).ok()?;
            Some(SockOpt::int(*option, i32::from_ne_bytes(bytes).into()))
        };
        Ok(OPTIONS.iter().filter_map(value).collect())
    }

    fn copy(&self, inode: u64) -> io::Result<OwnedFd> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or(io::ErrorKind::NotFound)?;
        let process = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
        let copy = rustix::process::pidfd_getfd(&process, self.fd, PidfdGetfdFlags::empty())?;
        match rustix::fs::fstat(&copy)?.st_ino == inode {
            true => Ok(copy),
            false => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_have_inodes_and_other_descriptors_have_none() {
        for (link, expected) in [
            ("socket:[12345]", Some(12_345)),
            ("socket:[]", None),
            ("pipe:[12345]", None),
            ("/dev/null", None),
        ] {
            assert_eq!(inode(link), expected, "{link}");
        }
    }

    #[test]
    fn the_options_of_a_socket_of_ones_own_are_read() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let own = rustix::fs::fstat(&listener).unwrap().st_ino;
        let socket = socket2::SockRef::from(&listener);
        socket.set_keepalive(true).unwrap();
        socket
            .set_tcp_keepalive(
                &socket2::TcpKeepalive::new().with_time(std::time::Duration::from_secs(42)),
            )
            .unwrap();
        let mut holders = Holders::default();
        holders.look_at(std::process::id(), PathBuf::from("/proc/self"));
        let holder = holders.of(own).expect("it is held by this process");
        let options = holder.options(own).unwrap();
        for option in [
            SockOpt::int(OptName::SO_KEEPALIVE, 1),
            SockOpt::int(OptName::TCP_KEEPIDLE, 42),
            SockOpt::int(OptName::TCP_USER_TIMEOUT, 0),
        ] {
            assert!(options.contains(&option), "{options:?}");
        }
        assert!(
            holder.options(own + 1).is_err(),
            "another socket is not taken for it"
        );
    }
}
