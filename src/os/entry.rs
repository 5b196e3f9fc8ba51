//! The way into a private namespace: sockets made and programs started inside of it, while this program stays outside.
//!
//! A socket belongs to the namespace in which it was made, whoever uses it. With CAP_SYS_ADMIN a short-lived thread
//! enters; without, a child process that shares this one's memory enters the user namespace first, which only a
//! process of one thread may.

use std::ffi::{OsStr, OsString};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::process::Command;

use rustix::fs::{Mode, OFlags};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::program::Program;
use super::sys;

/// A namespace's descriptors; it lives as long as they do.
#[derive(Debug)]
pub struct Entry {
    net: OwnedFd,
    /// The user namespace that owns it, where it was made without rights.
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
    /// Into the namespaces that the calling thread is in.
    pub(super) fn here(user_namespace: bool) -> io::Result<Entry> {
        let user = user_namespace.then(|| open("/proc/thread-self/ns/user"));
        Ok(Entry {
            net: open("/proc/thread-self/ns/net")?,
            user: user.transpose()?,
        })
    }

    /// The network namespace's descriptor, for setns(2).
    pub fn net(&self) -> BorrowedFd<'_> {
        self.net.as_fd()
    }

    /// The user namespace's descriptor, which is to be entered first; none where the namespace was made by right.
    pub fn user(&self) -> Option<BorrowedFd<'_>> {
        self.user.as_ref().map(AsFd::as_fd)
    }

    /// Enters with the calling thread, which stays inside; with a user namespace it must be the only one of its process.
    pub fn enter(&self) -> io::Result<()> {
        if let Some(user) = &self.user {
            move_into_link_name_space(user.as_fd(), Some(LinkNameSpaceType::User))?;
        }
        Ok(move_into_link_name_space(
            self.net.as_fd(),
            Some(LinkNameSpaceType::Network),
        )?)
    }

    /// Runs `f` inside and gives what it returns. It should make its sockets and return: the calling thread waits for
    /// it, and without rights it runs in a child process on a stack of 1 MB.
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

    /// A socket of the kernel inside, connected to `to` (blocking).
    pub fn connect(&self, to: SocketAddr) -> io::Result<TcpStream> {
        let socket = self.socket(to)?;
        socket.connect(&to.into())?;
        Ok(socket.into())
    }

    /// A socket of the kernel inside that listens at `at`.
    pub fn listen(&self, at: SocketAddr) -> io::Result<TcpListener> {
        let socket = self.socket(at)?;
        socket.set_reuse_address(true)?;
        socket.bind(&at.into())?;
        socket.listen(1024)?;
        Ok(socket.into())
    }

    /// A TCP socket of the kernel inside for addresses of this one's family, blocking, neither bound nor connected.
    pub fn socket(&self, family_of: SocketAddr) -> io::Result<socket2::Socket> {
        let domain = socket2::Domain::for_address(family_of);
        self.run(|| socket2::Socket::new(domain, socket2::Type::STREAM, None))?
    }

    /// `net.ipv4.NAME` inside is set to `value`.
    pub fn set_sysctl(&self, name: &str, value: &str) -> io::Result<()> {
        self.run(|| super::sysctl_files::write(name, value))?
    }

    /// Starts a program inside, by name or path. It inherits what this process was started with: descriptors, folder,
    /// environment, signal mask, ignored signals, process group and session. From now on this process is the parent of
    /// what its programs leave behind.
    ///
    /// A child inherits the namespaces of the task that starts it. A helper process's child becomes ours when the
    /// helper ends (PR_SET_CHILD_SUBREAPER). The error is that of execve(2): NotFound, PermissionDenied; or that of
    /// entering.
    pub fn start(&self, program: &OsStr, arguments: &[OsString]) -> io::Result<Program> {
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
        let mut command = Command::new(program);
        command.args(arguments);
        // before run(), in which a helper process has all signals blocked
        sys::hand_on(&mut command);
        let child = self.run(|| sys::with_signals_blocked(|| command.spawn()))??;
        Program::new(child)
    }

    /// A shell command's beginning that enters it from outside, as the same user: `nsenter --net=/proc/PID/fd/N`.
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
