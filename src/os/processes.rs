//! Finds the processes that hold a socket, and the options that they set on it.
//!
//! `/proc/PID/fd` shows the inode of a socket. sock_diag does not show its options, but a user who may trace the process
//! can duplicate its descriptor for a moment (pidfd_getfd, Linux 5.6) and read them. The duplicate changes nothing for
//! the process, except that a close() in that moment takes effect when the duplicate is closed.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::AsFd;

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use super::sys;
use crate::sockopt::{OptName, SockOpt};

/// A process and its descriptor for a socket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder {
    /// Process id.
    pub pid: u32,
    /// Number of the descriptor in that process.
    pub fd: i32,
    /// Name of the program (`/proc/PID/comm`).
    pub name: String,
}

/// The socket options on which a forecast depends.
const OPTIONS: &[OptName] = &[
    OptName::SO_KEEPALIVE,
    OptName::TCP_KEEPIDLE,
    OptName::TCP_KEEPINTVL,
    OptName::TCP_KEEPCNT,
    OptName::TCP_USER_TIMEOUT,
    OptName::TCP_SYNCNT,
    OptName::TCP_LINGER2,
    OptName::TCP_THIN_LINEAR_TIMEOUTS,
    OptName::TCP_RTO_MAX_MS,
    OptName::TCP_RTO_MIN_US,
];

/// Returns the processes that hold the sockets with these inodes. Only root sees the processes of other users.
pub fn holders(inodes: &BTreeSet<u32>) -> BTreeMap<u32, Vec<Holder>> {
    let mut found: BTreeMap<u32, Vec<Holder>> = BTreeMap::new();
    if inodes.is_empty() {
        return found;
    }
    let numbered = |entry: std::fs::DirEntry| entry.file_name().to_str()?.parse::<u32>().ok();
    for pid in entries("/proc").filter_map(numbered) {
        let mut name = None;
        for entry in entries(&format!("/proc/{pid}/fd")) {
            let Some(inode) = socket_inode(&entry).filter(|i| inodes.contains(i)) else {
                continue;
            };
            let fd = entry.file_name().to_str().and_then(|n| n.parse().ok());
            let name = name.get_or_insert_with(|| name_of(pid)).clone();
            let holders = found.entry(inode).or_default();
            holders.extend(fd.map(|fd| Holder { pid, fd, name }));
        }
    }
    found
}

/// Returns the entries of a folder, or none if it cannot be read (the process belongs to another user, or has ended).
fn entries(path: &str) -> impl Iterator<Item = std::fs::DirEntry> {
    std::fs::read_dir(path).into_iter().flatten().flatten()
}

/// Returns the inode in a link such as `socket:[4711]`.
fn socket_inode(entry: &std::fs::DirEntry) -> Option<u32> {
    let target = std::fs::read_link(entry.path()).ok()?;
    let number = target.to_str()?.strip_prefix("socket:[")?;
    number.strip_suffix(']')?.parse().ok()
}

/// The name of a process, as `ps` shows it; empty where there is none. Any process may give itself any bytes as a name:
/// they are shown by way of [`crate::printable`].
pub fn name_of(pid: u32) -> String {
    let comm = std::fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
    let comm = comm.strip_suffix(b"\n").unwrap_or(&comm);
    String::from_utf8_lossy(comm).into_owned()
}

/// Reads the options of the socket with this inode through a duplicate of its holder's descriptor. Returns None if that
/// is not allowed, or if the descriptor now belongs to another socket.
pub fn options(holder: &Holder, inode: u32) -> Option<Vec<SockOpt>> {
    let pid = Pid::from_raw(i32::try_from(holder.pid).ok()?)?;
    let process = pidfd_open(pid, PidfdFlags::empty()).ok()?;
    let socket = pidfd_getfd(&process, holder.fd, PidfdGetfdFlags::empty()).ok()?;
    // what is no socket by now fails here: even to stat a file can take for ever, if its file system is another user's
    sys::get_option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_TYPE, &mut [0; 4]).ok()?;
    let is = rustix::fs::fstat(&socket).ok()?;
    if is.st_ino != u64::from(inode) {
        return None;
    }
    let value = |name: &OptName| {
        let (level, number) = name.number();
        let mut value = [0; 4];
        // an option that this kernel does not have is not set
        sys::get_option(socket.as_fd(), level, number, &mut value).ok()?;
        Some(SockOpt::int(*name, i32::from_ne_bytes(value).into()))
    };
    Some(OPTIONS.iter().filter_map(value).collect())
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;
    use rustix::net::sockopt;

    #[test]
    fn the_options_of_our_own_socket_are_found_through_its_inode() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let address = listener.local_addr().expect("an address");
        let stream = TcpStream::connect(address).expect("a connection");
        sockopt::set_socket_keepalive(&stream, true).expect("an option");
        sockopt::set_tcp_keepcnt(&stream, 7).expect("an option");
        sockopt::set_tcp_user_timeout(&stream, 12_345).expect("an option");
        let inode = rustix::fs::fstat(&stream).expect("a file").st_ino as u32;
        let found = holders(&BTreeSet::from([inode]));
        let holders = &found[&inode];
        assert_eq!(holders[0].pid, std::process::id());
        assert!(!holders[0].name.is_empty());
        let Some(options) = options(&holders[0], inode) else {
            return eprintln!("pidfd_getfd is not allowed here");
        };
        let of = |name| options.iter().find(|o| o.name == name).map(|o| &o.value);
        use crate::sockopt::OptValue::Int;
        assert_eq!(of(OptName::SO_KEEPALIVE), Some(&Int(1)));
        assert_eq!(of(OptName::TCP_KEEPCNT), Some(&Int(7)));
        assert_eq!(of(OptName::TCP_USER_TIMEOUT), Some(&Int(12_345)));
    }

    #[test]
    fn a_descriptor_of_something_else_tells_nothing() {
        let own = Holder {
            pid: std::process::id(),
            fd: 0,
            name: String::new(),
        };
        assert_eq!(options(&own, 1), None);
        let nobody = Holder {
            pid: u32::MAX,
            fd: 0,
            name: String::new(),
        };
        assert_eq!(options(&nobody, 1), None);
    }
}
