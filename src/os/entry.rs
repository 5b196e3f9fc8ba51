//! Access to a private network namespace: creates sockets and starts programs in it, while this program stays outside.
//!
//! A socket belongs to the namespace in which it was created, whoever uses it. With CAP_SYS_ADMIN, a short-lived thread
//! enters the namespace. Without, a child process that shares the memory of this one enters the user namespace first,
//! because only a process with one thread may do so.

use std::ffi::{OsStr, OsString};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::process::Command;

use rustix::fs::{Mode, OFlags};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::program::Program;
use super::sys;

/// The descriptors of a namespace, which exists as long as they are open.
#[derive(Debug)]
pub struct Entry {
    net: OwnedFd,
    /// The user namespace that owns it, if it was created without CAP_SYS_ADMIN.
    user: Option<OwnedFd>,
}

fn open(path: &str) -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(
        path,
        OFlags::RDONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )?)
}

impl Entry {
    /// Opens the namespaces of the calling thread.
    pub(super) fn here(user_namespace: bool) -> io::Result<Entry> {
        let user = user_namespace.then(|| open("/proc/thread-self/ns/user"));
        Ok(Entry {
            net: open("/proc/thread-self/ns/net")?,
            user: user.transpose()?,
        })
    }

    /// Returns the descriptor of the network namespace, for setns(2).
    pub fn net(&self) -> BorrowedFd<'_> {
        self.net.as_fd()
    }

    /// Returns the descriptor of the user namespace, which has to be entered first, or None if the network namespace was
    /// created with CAP_SYS_ADMIN.
    pub fn user(&self) -> Option<BorrowedFd<'_>> {
        self.user.as_ref().map(AsFd::as_fd)
    }

    /// Moves the calling thread into the namespace for good. If there is a user namespace, the process may have only this
    /// thread.
    pub fn enter(&self) -> io::Result<()> {
        if let Some(user) = &self.user {
            move_into_link_name_space(user.as_fd(), Some(LinkNameSpaceType::User))?;
        }
        Ok(move_into_link_name_space(
            self.net.as_fd(),
            Some(LinkNameSpaceType::Network),
        )?)
    }

    /// Runs `f` in the namespace and returns its result. `f` should create its sockets and return: the calling thread
    /// waits for it, and without CAP_SYS_ADMIN it runs in a child process on a stack of 1 MB.
    pub fn run<T: Send>(&self, f: impl FnOnce() -> T + Send) -> io::Result<T> {
        let inside = || self.enter().map(|()| f());
        if self.user.is_some() {
            return sys::in_helper_process(inside)?;
        }
        std::thread::scope(|scope| match scope.spawn(inside).join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    }

    /// Returns a kernel socket of the namespace, connected to `to` (blocking).
    pub fn connect(&self, to: SocketAddr) -> io::Result<TcpStream> {
        let socket = self.socket(to)?;
        socket.connect(&to.into())?;
        Ok(socket.into())
    }

    /// Returns a kernel socket of the namespace that listens at `at`.
    pub fn listen(&self, at: SocketAddr) -> io::Result<TcpListener> {
        let socket = self.socket(at)?;
        socket.set_reuse_address(true)?;
        socket.bind(&at.into())?;
        socket.listen(1024)?;
        Ok(socket.into())
    }

    /// Returns a TCP socket of the namespace for the address family of `family_of`: blocking, neither bound nor connected.
    pub fn socket(&self, family_of: SocketAddr) -> io::Result<socket2::Socket> {
        let domain = socket2::Domain::for_address(family_of);
        self.run(|| socket2::Socket::new(domain, socket2::Type::STREAM, None))?
    }

    /// Starts a program in the namespace, by name or path. It inherits what this process was started with: descriptors,
    /// folder, environment, signal mask, ignored signals, process group and session. This process becomes the parent of
    /// the processes that the program leaves behind.
    ///
    /// A child inherits the namespaces of the task that starts it. The child of a helper process becomes a child of this
    /// process when the helper ends (PR_SET_CHILD_SUBREAPER). The error is that of execve(2) (NotFound,
    /// PermissionDenied), or that of entering the namespace.
    pub fn start(&self, program: &OsStr, arguments: &[OsString]) -> io::Result<Program> {
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
        let mut command = Command::new(program);
        command.args(arguments);
        // before run(), in which a helper process has all signals blocked
        sys::hand_on(&mut command);
        let child = self.run(|| sys::with_signals_blocked(|| command.spawn()))??;
        Program::new(child)
    }

    /// Returns the beginning of a shell command that enters the namespace as the same user:
    /// `nsenter --net=/proc/PID/fd/N`.
    pub fn nsenter(&self) -> String {
        let path = |fd: &OwnedFd| format!("/proc/{}/fd/{}", std::process::id(), fd.as_raw_fd());
        match &self.user {
            Some(user) => format!(
                "nsenter --preserve-credentials --user={} --net={}",
                path(user),
                path(&self.net)
            ),
            None => format!("nsenter --net={}", path(&self.net)),
        }
    }
}
